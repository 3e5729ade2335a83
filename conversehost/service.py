"""The composition root: settings in, a running server out. The only file that knows every part."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.logger import Logger

from conversehost.bosh.manager import Manager
from conversehost.bosh.terms import Ceilings
from conversehost.domains import Domains
from conversehost.errors import ConfigError
from conversehost.net import handshake, secured, tcp
from conversehost.net.bosh import PATHS, BoshFront
from conversehost.net.clock import ReactorClock
from conversehost.net.cors import Cors
from conversehost.net.exchange import Direct, FirstOf, Streaming
from conversehost.net.forwarded import Proxies
from conversehost.net.front import HttpFactory
from conversehost.net.gate import Gate, room_for
from conversehost.net.poll import best
from conversehost.net.prebind import ChatSessions
from conversehost.net.reports import tell
from conversehost.options import Settings, Sockets
from conversehost.ready import addresses
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.server.uploads import UploadsOf
from conversehost.single_sessions import fronts
from conversehost.testbed.beyond import Watching
from conversehost.testbed.cast import Cast
from conversehost.testbed.control import control
from conversehost.testbed.door import room
from conversehost.testbed.expectations import Expectations
from conversehost.testbed.faults import Faults
from conversehost.testbed.faulty_http import People, faulty
from conversehost.testbed.faulty_stream import FaultyAuthenticator, FaultyStream
from conversehost.testbed.mishaps import Mishaps
from conversehost.testbed.noun import World
from conversehost.testbed.push import PushService
from conversehost.testbed.recorder import RecordedStreaming, TappedFrames, recorded, recorded_requests
from conversehost.testbed.saving import save
from conversehost.testbed.sessions import end_sessions
from conversehost.testbed.state import State
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.tap import TappedStream
from conversehost.testbed.tenants import Tenants, Ways
from conversehost.testbed.token import Token
from conversehost.testbed.traffic import Traffic
from conversehost.testbed.wire import Wire
from conversehost.turn import Turn
from conversehost.upstreams import Upstreams
from conversehost.web.converse import find as find_converse
from conversehost.web.guard import Hosts
from conversehost.web.metrics import Counted
from conversehost.web.site import Parts, site, unreachable
from conversehost.web.upload import Files, UploadFront
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Backend
from conversehost.xmpp.xml import Limits

if TYPE_CHECKING:
    from conversehost.net.component import ComponentFactory
    from conversehost.net.mounted import Mounted

log = Logger()


@dataclass(frozen=True, slots=True)
class Composition:
    """A server that is ready to start, and what its ready line says (without the process id).

    `reload` reads anew what can change while it runs; None when nothing can.
    """

    service: Service
    ready: Mapping[str, object]
    reload: Callable[[], None] | None = None


def compose(settings: Settings, sockets: Sockets) -> Composition:
    """Put all parts together, on sockets that listen already. Raises ConfigError."""
    from twisted.internet import reactor

    # Twisted's own jumps with the wall clock, and deadlines with it.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    return compose_in(reactor, settings, sockets)


def compose_in(reactor: Any, settings: Settings, sockets: Sockets) -> Composition:
    """The same in a reactor that may be somebody else's. Raises ConfigError."""
    server = Server(settings, reactor)
    server.sockets = sockets
    server.keep_token()
    server.ready = server.ready_line()
    server.domains.site = str(server.ready["site"]).removesuffix("/")
    return Composition(server, server.ready, server.reload if settings.tls or settings.require_tls else None)


class Server(Service):
    """Everything that runs, by name."""

    sockets: Sockets
    ready: Mapping[str, object]

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Raises ConfigError."""
        self.settings = settings
        self.reactor = reactor
        self.mishaps = Mishaps(lambda: self.clock.utc())
        self.turn = Turn(self.mishaps.report_link)
        self.clock = ReactorClock(reactor, self.turn)
        self.wall = ReactorClock(reactor, self.turn)  # for sockets; nobody turns it by hand
        self.traffic = Traffic(self.clock.utc, kept=not settings.no_traffic)
        self.wire = Wire(self.traffic.number, self.clock.utc, self.wall.now)
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
            report=self.mishaps.report,
            note=tell,
            prepare=self._prepare,
        )
        self.router, self.store = self.domains.router, self.domains.store
        self.limits = Limits(stanza=settings.stanza_limit)
        self.mounted = self._mounted()
        self._ports: list[IListeningPort] = []
        self.cast.enter(self.domains.hosts)
        self.state = State(self.domains.hosts, self.store, self.cast, end=self.end, begin=self.begin)
        self.tenants = self._tenants()
        self.cast.start(self.router, self.turn, self.clock)
        watching = Watching(self.traffic, self.wire, self.faults, kept=not settings.no_traffic)
        self.upstreams = Upstreams(settings, reactor=reactor, clock=self.wall, turn=self.turn, watch=watching)
        self.manager = Manager(
            self._backend_for,
            clock=self.clock,
            turn=self.turn,
            limits=self.limits,
            ceilings=Ceilings.of(settings),
            moved=settings.see_other and settings.see_other + "/http-bind",
        )
        self.chat = ChatSessions(self.router, self.manager, self.turn, self._stream)
        self.cors = Cors(settings.allowed_origins)
        gate = Gate(room_for(settings.connections), settings.connections_per_address, clock=self.wall)
        self.files = Files(UploadsOf(self.domains.stores, self.clock), self.clock)
        self.http = self._http(gate)
        self.secured = secured.find(settings)
        self.components = self._components()
        self.c2s = self._c2s(gate)

    def startService(self) -> None:
        """Serve. The sockets listen already, so whoever came early is served now."""
        listening = [(self.http, self.sockets.http), (self.c2s, self.sockets.c2s)]
        if self.components is not None:
            listening.append((self.components, self.sockets.component))
        if self.secured is not None and self.sockets.https:
            listening.append((self.secured.below(self.http, self.wall), self.sockets.https))
        if self.c2s.tls is not None:
            listening.append((self.c2s.tls.direct(self.c2s), self.sockets.c2s_tls))
        poll = best(self.reactor)
        for factory, sockets in listening:
            for each in sockets:
                self._ports.append(poll.adoptStreamPort(each.fileno(), each.family, factory))
                each.close()
        super().startService()
        if self.mounted is not None:
            self.mounted.start()

    def stopService(self) -> Deferred[None]:
        """Take no more; every open request and stream hears that the system shuts down.

        What is said over TLS leaves a turn of the reactor later, or two: until then it goes on.
        """
        super().stopService()
        for port in self._ports:
            port.stopListening()
        self.close_sessions("system-shutdown")
        if self.components is not None:
            self.components.close_all(StreamError("system-shutdown"))
        self.http.close_idle()
        self.files.close()
        self.token.drop()
        if self.settings.save_on_exit:
            save(self.settings.save_on_exit, self.state.document())
        return deferLater(self.reactor, 0).addCallback(lambda _: deferLater(self.reactor, 0))

    def reload(self) -> None:
        """The certificate anew; a broken one changes nothing."""
        assert self.secured is not None
        try:
            expires = self.secured.reload()
        except ConfigError as error:
            log.error("the certificate stays as it was: {error}", error=str(error))
        else:
            log.info("the certificate was read anew: it is good until {expires}", expires=f"{expires:%Y-%m-%d}")

    def keep_token(self) -> None:
        """For other machines; where it can't be kept, the control API is for this one alone."""
        try:
            folder = self.settings.state_dir or secured.state_folder()
            self.token.keep(folder, self.sockets.http[0].getsockname()[1])
        except ConfigError as error:
            log.warn("the control API is for this machine alone: {error}", error=str(error))

    def end(self, text: str, spared: Collection[Session], everything: bool) -> None:
        """Every session ends but some, as if the server had been started anew; and whoever is still logging in has to
        begin again, where there are no tenants, whose streams are their own.
        """
        if self.mounted is not None:
            self.mounted.leave()
        end_sessions(self.domains.hosts.values(), StreamError("system-shutdown", text), spared)
        if everything and not self.tenants.by_name:
            self._close_streams("system-shutdown", text)
        self.turn.end()

    def close_sessions(self, condition: str, text: str = "the server stops") -> None:
        """End every client's session, with a condition that is both a stream error and a BOSH one."""
        if self.mounted is not None:
            self.mounted.leave()
        self.cast.stop()
        end_sessions(self.router.hosts.values(), StreamError(condition, text))
        self._close_streams(condition, text)
        self.turn.end()

    def _close_streams(self, condition: str, text: str) -> None:
        error = StreamError(condition, text)
        self.manager.close_all(condition, text)
        self.websocket.close_all(error)
        self.c2s.close_all(error)

    def reset(self) -> None:
        """Everything as right after the start; tenants are gone."""
        self.tenants.reset()
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

    def ready_line(self) -> dict[str, object]:
        """What clients of this server need to know; null for what isn't there."""
        bots = {bot.jid for bot in self.cast.bots}
        everybody = (account for domain in self.settings.domains for account in self.domains.accounts.of(domain))
        told = addresses(
            self.settings,
            self.sockets,
            starttls=self.c2s.tls is not None,
            token_file=str(self.token.path) if self.token.path else None,
            ca=self.secured.ca if self.secured else None,
        )
        return told | {"accounts": {jid.full: password for jid, password in everybody if jid not in bots}}

    def _prepare(self, host: Host) -> None:
        """What a host has that is the test bed's."""
        host.hooks.resuming.append(self.faults.of(host.domain).refuses)
        if "push" not in self.settings.disabled:
            PushService(host)

    def _tenants(self) -> Tenants:
        def end(hosts: Iterable[Host], text: str, spared: Collection[Session]) -> None:
            end_sessions(hosts, StreamError("system-shutdown", text), spared)
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

    def _components(self) -> ComponentFactory | None:
        if not self.settings.component_secrets:
            return None
        from conversehost.net.component import ComponentFactory  # few need it

        return ComponentFactory(
            dict(self.settings.component_secrets),
            self.router,
            clock=self.wall,
            turn=self.turn,
            limits=self.limits,
            items_of=self.domains.items_of,
        )

    def _stream(self, domains: Collection[str] | None = None) -> FaultyStream:
        """What is behind a client."""
        behind = self.faults, self.stubs, self.router, domains, self.domains.logins.entrance
        return FaultyStream(*behind) if self.settings.no_traffic else TappedStream(self.traffic, self.wire, *behind)

    def _backend_for(self, domain: str) -> Backend | None:
        return self._stream() if domain in self.domains.by_http else self.upstreams.backend(domain)

    def _http(self, gate: Gate) -> HttpFactory:
        """What listens for the site, and all that is beside it."""
        parts, recording = self._parts(), not self.settings.no_traffic
        people = People(self.manager, parts)
        single = fronts(self.settings, parts, self.domains, self.reactor, self.wall, tell)
        direct = faulty({**self._direct(), **single}, self.faults, people)
        streaming = FirstOf(*filter(None, (parts.uploads, self._proxy())))
        factory = HttpFactory(
            self._site(parts),
            recorded(direct, self.wire) if recording else direct,
            clock=self.wall,
            turn_ended=self.turn.end,
            cors=self.cors,
            proxies=Proxies(self.settings.trusted_proxies),
            gate=gate,
            room=room(self.token),
            streaming=RecordedStreaming(streaming, self.wire, people) if recording else streaming,
        )
        if recording:
            factory.site.requestFactory = recorded_requests(self.wire, people)  # type: ignore[assignment]
        return factory

    def _c2s(self, gate: Gate) -> tcp.ClientFactory:
        """What listens for clients of XMPP over TCP."""
        settings = self.settings
        return tcp.ClientFactory(
            self._stream,
            clock=self.wall,
            turn=self.turn,
            limits=self.limits,
            gate=gate,
            named=self.domains.logins.named,
            manners=tcp.Manners(settings.c2s_keep_alive, settings.c2s_timeout),
            tls=self.secured.for_xmpp(self.wall) if self.secured and not settings.no_starttls else None,
            moved=urlsplit(settings.see_other).hostname or "",
        )

    def _direct(self) -> dict[bytes, Direct]:
        settings = self.settings
        self.bosh = BoshFront(
            self.manager,
            stanza_limit=self.limits.stanza,
            cors=self.cors,
            allow_script=settings.bosh_script,
            reasons=not settings.no_bosh_reason,
        )
        shared = handshake.Shared(
            self.upstreams.beside(
                lambda: self._stream(self.domains.by_http), lambda name: name in self.domains.by_http
            ),
            clock=self.wall,
            turn=self.turn,
            limits=self.limits,
            manners=handshake.Manners(
                settings.websocket_ping_interval,
                settings.websocket_timeout,
                settings.websocket_queue,
                settings.websocket_deflate,
            ),
            named=self.domains.logins.named,
            frames=None if settings.no_traffic else lambda deflate: TappedFrames(self.wire, deflate),
        )
        self.websocket = handshake.WebSocketFront(shared, cors=self.cors, moved=settings.see_other)
        paths = (*PATHS, *(path.encode() + end for path in settings.bosh_paths for end in (b"", b"/")))
        return {**dict.fromkeys(paths, self.bosh), **dict.fromkeys(handshake.PATHS, self.websocket)}

    def _proxy(self) -> Streaming | None:
        if not self.settings.proxy:
            return None
        from conversehost.web.proxy import Proxy  # and an HTTP client, which few need

        return Proxy(self.settings.proxy, self.reactor, unreachable)

    def _parts(self) -> Parts:
        settings, domain = self.settings, self.settings.first_domain
        return Parts(
            authenticator=FaultyAuthenticator(self.domains.logins.authenticator, self.faults),
            store=self.store,
            clock=self.clock,
            chat=self.chat,
            domain=domain,
            hosts=Hosts(frozenset((*settings.domains, *settings.allowed_hosts, *settings.interfaces))),
            converse=find_converse(settings.converse),
            registration=settings.registration,
            folder=settings.site,
            prefix=settings.prefix,
            websocket_path=handshake.PATH,
            is_ready=lambda: bool(self.running),
            uploads=self._uploads(),
            rooms="rooms" not in settings.disabled,
            domains=self.router.hosts,
            counted=lambda: Counted(self.router, self.manager, self.bosh, self.http, self.c2s),
            demo=self.cast.shown(domain),
        )

    def _uploads(self) -> UploadFront | None:
        front = UploadFront(self.files, f"{self.settings.prefix}upload/", self.cors)
        return None if "upload" in self.settings.disabled else front

    def _site(self, parts: Parts) -> Any:
        root = site(parts)
        world = World(
            self.domains.hosts,
            self.cast,
            self.turn,
            self.clock,
            self.wall,
            self.traffic,
            self.wire,
            self.faults,
            self.stubs,
            self.expectations,
            self.mishaps,
            self.state,
            self.reset,
            lambda: self.ready,
            self.tenants,
        )
        if self.settings.has_control:
            root.putChild(b"_conversehost", control(world, parts.hosts, self.token))
        return root
