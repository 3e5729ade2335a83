"""The composition root: settings in, a running server out. The only file that knows every part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.logger import Logger

from conversehost.errors import ConfigError
from conversehost.house import House
from conversehost.net import handshake, secured, tcp
from conversehost.net.bosh import PATHS, BoshFront
from conversehost.net.exchange import Direct, FirstOf, Streaming, VisitOf
from conversehost.net.forwarded import Proxies
from conversehost.net.front import HttpFactory
from conversehost.net.gate import Gate, room_for
from conversehost.net.instance import Instance
from conversehost.net.poll import best
from conversehost.net.reports import OPERATOR
from conversehost.options import Settings, Sockets
from conversehost.ready import addresses
from conversehost.single_sessions import SingleSessions
from conversehost.testbed.door import control, room
from conversehost.testbed.faulty_http import People, faulty
from conversehost.testbed.faulty_pages import watch_pages
from conversehost.testbed.faulty_stream import FaultyAuthenticator
from conversehost.testbed.recorder import RecordedStreaming, recorded, recorded_requests
from conversehost.testbed.saving import save
from conversehost.testbed.wire import Tapped
from conversehost.testbed.world import World
from conversehost.web.converse import find as find_converse
from conversehost.web.guard import Hosts
from conversehost.web.metrics import Counted
from conversehost.web.site import Parts, site, unreachable
from conversehost.web.upload import UploadFront
from conversehost.xmpp.errors import StreamError

if TYPE_CHECKING:
    from conversehost.federated import Federated
    from conversehost.net.component import ComponentFactory

log = Logger()


@dataclass(frozen=True, slots=True)
class Composition:
    """A server that is ready to start, and what its ready line says (without the process id).

    `drain(done)` lets sessions end; `single` is for a site in this process; `reload` reads anew what can change while
    it runs, None when nothing can.
    """

    service: Service
    ready: Mapping[str, object]
    drain: Callable[[Callable[[], None]], None]
    single: SingleSessions
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
    reload = server.reload if settings.tls or settings.require_tls else None
    return Composition(server, server.ready, server.drain, server.single, reload)


class Server(House, Service):
    """A house with its doors: HTTP, XMPP over TCP, components."""

    sockets: Sockets
    ready: Mapping[str, object]

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Raises ConfigError."""
        super().__init__(settings, reactor)
        gate = Gate(room_for(settings.connections), settings.connections_per_address, clock=self.wall)
        self._ports: list[IListeningPort] = []
        self.http = self._http(gate)
        self.secured = secured.find(settings)
        self.components = self._components()
        self.c2s = self._c2s(gate)
        self.federated = self._federated()

    def startService(self) -> None:
        """Serve. The sockets listen already, so whoever came early is served now."""
        listening = [(self.http, self.sockets.http), (self.c2s, self.sockets.c2s)]
        if self.components is not None:
            listening.append((self.components, self.sockets.component))
        if self.federated is not None:
            listening.append((self.federated.factory, self.sockets.s2s))
        if self.secured is not None and self.sockets.https:
            listening.append((self.secured.below(self.http, self.wall), self.sockets.https))
        if self.c2s.tls is not None:
            listening.append((self.c2s.tls.direct(self.c2s), self.sockets.c2s_tls))
        poll = best(self.reactor, self.turn)
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
        if self.federated is not None:
            self.federated.close_all()
        self.http.close_idle()
        self.files.close()
        self.domains.logins.close()
        self.token.drop()
        if self.settings.save_on_exit:
            save(self.settings.save_on_exit, self.state.document())
        return deferLater(self.reactor, 0).addCallback(lambda _: deferLater(self.reactor, 0))

    def close_streams(self, condition: str, text: str) -> None:
        """By all doors."""
        super().close_streams(condition, text)
        self.websocket.close_all(StreamError(condition, text))
        self.c2s.close_all(StreamError(condition, text))

    def drain(self, done: Callable[[], None]) -> None:
        """No new sessions from now on; `done` is called when the last one has gone, or after `--drain`."""
        log.info("draining: no new sessions, and {count} that there are", count=self._count())
        self.draining.begin(self.wall, self.settings.drain, self._count, lambda left: self._drained(left, done))

    def _count(self) -> int:
        return (
            sum(1 for _ in self.manager.sessions()) + len(self.websocket.shared.connections) + len(self.c2s.connections)
        )

    def _drained(self, left: int, done: Callable[[], None]) -> None:
        log.info("drained, with {left} sessions left", left=left or "no")
        done()

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

    def ready_line(self) -> dict[str, object]:
        """What clients of this server need to know; null for what isn't there."""
        told = addresses(
            self.settings,
            self.sockets,
            starttls=self.c2s.tls is not None,
            token_file=str(self.token.path) if self.token.path else None,
            ca=self.secured.ca if self.secured else None,
        )
        return told | {"accounts": self.passwords()}

    def passwords(self) -> dict[str, str]:
        """By account, of people, where these let somebody in."""
        bots = {bot.jid for bot in self.cast.bots}
        domains = filter(self.settings.has_passwords, self.settings.domains)
        everybody = (account for domain in domains for account in self.domains.accounts.of(domain))
        return {jid.full: password for jid, password in everybody if jid not in bots}

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

    def _federated(self) -> Federated | None:
        if not self.settings.s2s:
            return None
        from conversehost.federated import Federated  # few need it

        return Federated(
            self.settings,
            self.router,
            reactor=self.reactor,
            clock=self.wall,
            turn=self.turn,
            limits=self.limits,
            tls=self.c2s.tls,
        )

    def _http(self, gate: Gate) -> HttpFactory:
        """What listens for the site, and all that is beside it."""
        parts, recording = self._parts(), not self.settings.no_traffic
        people = People(self.manager, parts)
        self.single = single = SingleSessions(
            self.settings,
            parts,
            self.domains,
            self.elsewhere,
            self.reactor,
            wall=self.wall,
            cors=self.cors,
            voice=OPERATOR,
        )
        direct = faulty({**self._direct(single.visit), **single.fronts()}, self.faults, people)
        streaming = FirstOf(*filter(None, (parts.uploads, self._proxy())))
        factory = HttpFactory(
            self._site(parts),
            recorded(direct, self.wire) if recording else direct,
            clock=self.wall,
            taken=self.turn.taken,
            cors=self.cors,
            proxies=Proxies(self.settings.trusted_proxies),
            gate=gate,
            room=room(self.token),
            streaming=RecordedStreaming(streaming, self.wire, people) if recording else streaming,
            instance=Instance(self.settings.instance) if self.settings.instance else None,
        )
        watch_pages(factory, self.faults, people, self.wire if recording else None)
        if recording:
            factory.site.requestFactory = recorded_requests(self.wire, people)  # type: ignore[assignment]
            self.wire.watch(factory.connections)
        return factory

    def _c2s(self, gate: Gate) -> tcp.ClientFactory:
        """What listens for clients of XMPP over TCP."""
        settings = self.settings
        return tcp.ClientFactory(
            self.stream,
            clock=self.wall,
            turn=self.turn,
            limits=self.limits,
            gate=gate,
            named=self.domains.logins.named,
            manners=tcp.Manners(settings.c2s_keep_alive, settings.c2s_timeout),
            tls=self.secured.for_xmpp(self.wall) if self.secured and not settings.no_starttls else None,
            moved=urlsplit(settings.see_other).hostname or "",
            draining=self.draining,
        )

    def _direct(self, visit: VisitOf) -> dict[bytes, Direct]:
        settings = self.settings
        self.bosh = BoshFront(
            self.manager,
            stanza_limit=self.limits.stanza,
            cors=self.cors,
            allow_script=settings.bosh_script,
            reasons=not settings.no_bosh_reason,
            visit=visit,
        )
        shared = handshake.Shared(
            self.upstreams.beside(lambda: self.stream(self.domains.by_http), lambda name: name in self.domains.by_http),
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
            tap=None if settings.no_traffic else lambda: Tapped(self.wire),
            draining=self.draining,
        )
        self.websocket = handshake.WebSocketFront(shared, cors=self.cors, moved=settings.see_other, visit=visit)
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
            elsewhere=settings.elsewhere,
            hosts=Hosts(frozenset((*settings.domains, *settings.allowed_hosts, *settings.interfaces))),
            converse=find_converse(settings.converse),
            registration=settings.registration,
            folder=settings.site,
            prefix=settings.prefix,
            websocket_path=handshake.PATH,
            is_ready=lambda: bool(self.running) and not self.draining.on,
            uploads=self._uploads(),
            rooms="rooms" not in settings.disabled,
            domains=self.router.hosts,
            counted=lambda: Counted(self.router, self.manager, self.bosh, self.http, self.c2s),
            demo=self.cast.shown(domain) if self.settings.has_passwords(domain) else (),
            demo_of=self.tenants.shown,
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
            visits=self.watching.visits,
            is_elsewhere=lambda domain: domain not in self.router.hosts and self.upstreams.serves(domain),
        )
        if self.settings.has_control:
            root.putChild(b"_conversehost", control(world, parts.hosts, self.token))
        return root
