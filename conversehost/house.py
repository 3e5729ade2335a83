"""What a server is behind its doors: hosts, sessions, the connection manager, the test bed's instruments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from conversehost.bosh.manager import Manager
from conversehost.bosh.terms import Ceilings
from conversehost.domains import Domains
from conversehost.draining import Draining
from conversehost.net.clock import ReactorClock
from conversehost.net.cors import Cors
from conversehost.net.prebind import ChatSessions
from conversehost.net.reports import OPERATOR
from conversehost.options import Settings
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.server.uploads import UploadsOf
from conversehost.testbed.beyond import Watching
from conversehost.testbed.cast import Cast
from conversehost.testbed.ends import end_sessions
from conversehost.testbed.expectations import Expectations
from conversehost.testbed.faults import Faults
from conversehost.testbed.faulty_stream import FaultyStream
from conversehost.testbed.mishaps import Mishaps
from conversehost.testbed.push import PushService
from conversehost.testbed.state import State
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.tap import TappedStream
from conversehost.testbed.tenants import Tenants, Ways
from conversehost.testbed.token import Token
from conversehost.testbed.traffic import Traffic
from conversehost.testbed.wire import Wire
from conversehost.turn import Turn
from conversehost.upstream_sessions import UpstreamSessions
from conversehost.upstreams import Upstreams, mint
from conversehost.web.upload import Files
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Backend
from conversehost.xmpp.xml import Limits

if TYPE_CHECKING:
    from conversehost.net.mounted import Mounted


class House:
    """All of it, by name; `conversehost.service` opens the doors."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Raises ConfigError."""
        self.settings = settings
        self.reactor = reactor
        self.mishaps = Mishaps(lambda: self.clock.utc())
        self.turn = Turn(self.mishaps.report_link)
        self.clock = ReactorClock(reactor, self.turn)
        self.wall = ReactorClock(reactor, self.turn)  # for sockets; nobody turns it by hand
        self.traffic = Traffic(self.clock.moment, self.turn, kept=not settings.no_traffic)
        self.wire = Wire(self.traffic, self.clock.moment, reactor.seconds)
        self.expectations = Expectations(self.traffic, self.clock)
        self.faults = Faults(self.clock)
        self.faults.on_strike = lambda fault: self.traffic.mark("fault-struck", name=fault.name, fault=fault.fault)
        self.token = Token(settings.api_token_file)
        self.stubs = Stubs(self.clock)
        self.cast = Cast.of(settings)
        self.domains = Domains(
            settings,
            self.cast.founders(),
            clock=self.clock,
            wall=self.wall,
            reactor=reactor,
            report=self.mishaps.report,
            voice=OPERATOR,
            prepare=self._prepare,
        )
        self.router, self.store = self.domains.router, self.domains.store
        self.draining = Draining()
        self.limits = Limits(stanza=settings.stanza_limit)
        self.mounted = self._mounted()
        self.cast.enter(self.domains.hosts)
        self.state = State(self.domains.hosts, self.store, self.cast, end=self.end, begin=self.begin)
        self.tenants = self._tenants()
        self.cast.start(self.router, self.turn, self.clock)
        self.watching = Watching(self.traffic, self.wire, self.faults, self.clock.utc, kept=not settings.no_traffic)
        self.upstreams = Upstreams(settings, reactor=reactor, clock=self.wall, turn=self.turn, watch=self.watching)
        self.manager = Manager(
            self._backend_for,
            absence=self.router.absence,
            clock=self.clock,
            turn=self.turn,
            limits=self.limits,
            ceilings=Ceilings.of(settings),
            moved=settings.see_other and settings.see_other + "/http-bind",
            draining=self.draining,
        )
        self.elsewhere = UpstreamSessions(
            self.upstreams,
            self.manager,
            self.turn,
            self.wall,
            certified=settings.upstream_cert is not None,
            mint=mint(settings, self.wall.utc),
        )
        self.chat = ChatSessions(self.router, self.manager, self.turn, self.stream)
        self.cors = Cors(settings.origins)
        self.files = Files(UploadsOf(self.domains.stores, self.clock), self.clock)

    def end(self, text: str, spared: Collection[Session], everything: bool) -> None:
        """Every session ends but some, as if the server had been started anew; and whoever is still logging in has to
        begin again, where there are no tenants, whose streams are their own.
        """
        if self.mounted is not None:
            self.mounted.leave()
        end_sessions(self.domains.hosts.values(), StreamError("system-shutdown", text), spared)
        if everything and not self.tenants.by_name:
            self.close_streams("system-shutdown", text)
        self.turn.end()

    def close_sessions(self, condition: str, text: str = "the server stops") -> None:
        """End every client's session, with a condition that is both a stream error and a BOSH one."""
        if self.mounted is not None:
            self.mounted.leave()
        self.cast.stop()
        end_sessions(self.router.hosts.values(), StreamError(condition, text))
        self.close_streams(condition, text)
        self.turn.end()

    def close_streams(self, condition: str, text: str) -> None:
        """Those too that have no session yet."""
        self.manager.close_all(condition, text)

    def reset(self) -> None:
        """Everything as right after the start; tenants are gone."""
        self.tenants.reset()
        self.router.gone.clear()
        self.state.reset()
        self.files.sweep()
        self.traffic.clear()
        self.wire.clear()
        self.expectations.clear()
        self.mishaps.clear()
        self.faults.clear()
        self.stubs.clear()
        self.domains.logins.entrance.throttle.forgive()
        self.clock.reset()
        self.traffic.mark("reset")

    def begin(self) -> None:
        """Bots log in, the operator's handlers too."""
        self.cast.start(self.router, self.turn, self.clock)
        if self.mounted is not None:
            self.mounted.start()

    def _prepare(self, host: Host) -> None:
        """What a host has that is the test bed's."""
        host.hooks.resuming.append(self.faults.of(host.domain).refuses)
        if "push" not in self.settings.disabled:
            PushService(host)

    def _tenants(self) -> Tenants:
        def end(hosts: Iterable[Host], error: StreamError, spared: Collection[Session]) -> None:
            end_sessions(hosts, error, spared)
            self.turn.end()

        return Tenants(
            self.domains.hosts,
            self.cast,
            Ways(
                self.domains.open,
                self.domains.close,
                end,
                lambda cast: cast.start(self.router, self.turn, self.clock),
            ),
            traffic=self.traffic,
            faults=self.faults,
            stubs=self.stubs,
            mishaps=self.mishaps,
        )

    def _mounted(self) -> Mounted | None:
        """The operator's own handlers, which are imported here. Raises ConfigError."""
        settings = self.settings
        if not (settings.components or settings.bots):
            return None
        from conversehost.net.mounted import Mounted  # and wokkel, which few need

        return Mounted(
            settings.components,
            settings.bots,
            router=self.router,
            turn=self.turn,
            reactor=self.reactor,
            items_of=self.domains.items_of,
        )

    def stream(self, domains: Collection[str] | None = None) -> FaultyStream:
        """What is behind a client."""
        behind = self.faults, self.stubs, self.router, domains, self.domains.logins.entrance
        return FaultyStream(*behind) if self.settings.no_traffic else TappedStream(self.traffic, self.wire, *behind)

    def _backend_for(self, domain: str) -> Backend | None:
        return self.stream() if domain in self.domains.by_http else self.upstreams.backend(domain)
