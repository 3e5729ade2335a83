"""Connections between servers: those that we began, and those that others did (RFC 6120, XEP-0220)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Protocol as Seam

from twisted.internet.interfaces import IAddress, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.errors import ConfigError
from conversehost.federation.dialback import Claim, Keys
from conversehost.federation.initiating import Initiating, Ready, Told
from conversehost.federation.receiving import Asked, Came, Receiving
from conversehost.net.outlet import Outlet
from conversehost.net.tcp import Tls
from conversehost.turn import Turn
from conversehost.upstream.initiator import GOODBYE, BeginTls, Say
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Limits, to_bytes

log = Logger()

PROVING, CLOSING = 30.0, 5.0
"""Seconds until a server must have proven who it is, and until it must have closed."""

STRANGERS = 100
"""Connections that haven't proven it; more are closed."""

_OURS, _THEIRS = (f'xmlns="{name}"'.encode() for name in (ns.CLIENT, ns.SERVER))


class Speaker(Seam):
    """Whom a connection that we began is for."""

    def ready(self, line: Outward) -> None:
        """It can speak."""

    def told(self, told: Told) -> None:
        """It has its answer."""

    def gone(self, line: Outward, why: str, unsent: list[Any]) -> None:
        """The connection is, with what was to `keep`."""


class Outward(Protocol):
    """A connection that we began, from one of our domains to one elsewhere. Until it is `left`, its speaker hears."""

    transport: Any

    def __init__(
        self,
        speaker: Speaker,
        stream: Initiating,
        speaking: Callable[[], IOpenSSLClientConnectionCreator],
        clock: Clock,
        turn: Turn,
    ) -> None:
        self.stream = stream
        self._speaker: Speaker | None = speaker
        self._speaking = speaking
        self._clock = clock
        self._turn = turn
        self._why = "it closed the connection"
        self._deadline: Deadline | None = None

    def connectionMade(self) -> None:
        self.outlet = Outlet(self.transport, lambda: None)
        if self._speaker is None:
            self.transport.abortConnection()
        else:
            self.outlet.write(self.stream.open())

    def dataReceived(self, data: bytes) -> None:
        for event in self.stream.feed(data):
            speaker = self._speaker
            if speaker is None:
                break
            if isinstance(event, Say):
                self.outlet.write(event.data)
            elif isinstance(event, BeginTls):
                self.transport.startTLS(self._speaking())
                self.outlet = Outlet(self.transport, lambda: None)
                self.outlet.write(self.stream.secured())
            elif isinstance(event, Ready):
                speaker.ready(self)
            elif isinstance(event, Told):
                speaker.told(event)
            else:
                error = event.error
                self._why = (
                    "it ended the stream"
                    if error is None
                    else f"{'told it' if event.ours else 'it says'} {error.condition} {error.text}".strip()
                )
                said = to_bytes(stream_error(error)) if error is not None and event.ours else b""
                self.outlet.write(said + GOODBYE)
                self.transport.loseConnection()
        self._turn.taken()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            speaker.gone(self, self._why, self.outlet.unsent())
            self._turn.taken()

    def leave(self) -> None:
        """Say goodbye; nobody listens any more."""
        self._speaker = None
        if self.transport is not None:
            self.outlet.write(GOODBYE)
            self.outlet.end()
            self._deadline = self._clock.after(CLOSING, self.transport.abortConnection)


class Judge(Seam):
    """What stands behind connections that others began."""

    def is_ours(self, domain: str) -> bool:
        """Whether it is served here."""

    def absence(self, domain: str) -> str:
        """The condition for one that isn't."""

    def ask(self, claim: Claim, done: Callable[[bool], None]) -> None:
        """Whether the claim is true; calls `done` once, now or later."""

    def take(self, stanza: Stanza) -> None:
        """From somebody elsewhere to somebody here."""


class Inward(Protocol):
    """A connection that another server began."""

    transport: Any
    factory: ServerFactory

    def connectionMade(self) -> None:
        factory = self.factory
        self._stream = Receiving(
            factory.judge.is_ours,
            factory.judge.absence,
            factory.keys,
            factory.limits,
            can_secure=factory.tls is not None,
        )
        self._outlet = Outlet(self.transport, lambda: None)
        self._ended = False
        self._deadline: Deadline | None = factory.clock.after(PROVING, self._too_slow)
        factory.connections.add(self)

    @property
    def is_proven(self) -> bool:
        """Of one domain at least."""
        return bool(self._stream.remotes)

    def dataReceived(self, data: bytes) -> None:
        try:
            self._read(data)
        except StreamError as error:
            self.close(error)
        except Exception:
            log.failure("while reading from another server")
            self.close(StreamError("internal-server-error"))
        self.factory.turn.taken()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._ended = True
        self.factory.connections.discard(self)
        self._set_deadline(None)

    def close(self, error: StreamError | None = None) -> None:
        """End the stream, and say why."""
        if self._ended:
            return
        self._ended = True
        said = b"" if error is None else to_bytes(stream_error(error))
        self._outlet.write(self._stream.end(error) + said + GOODBYE)
        self._outlet.end()
        if error is not None:
            names = ", ".join(self._stream.remotes) or "another server"
            log.warn("{names}: {condition}: {text}", names=names, condition=error.condition, text=error.text)
        self._set_deadline(self.factory.clock.after(CLOSING, self.transport.abortConnection))

    def _read(self, data: bytes) -> None:
        if self._ended:
            return
        for event in self._stream.feed(data):
            if isinstance(event, Came):
                self.factory.judge.take(event.stanza)
            elif isinstance(event, Say):
                self._outlet.write(event.data)
            elif isinstance(event, Asked):
                self._ask(event.claim)
            elif isinstance(event, BeginTls):
                self._begin_tls()
            else:
                self.close()

    def _begin_tls(self) -> None:
        assert self.factory.tls is not None
        self.transport = self.factory.tls.begin(self)
        self._outlet = Outlet(self.transport, lambda: None)
        self._stream.secured()

    def _ask(self, claim: Claim) -> None:
        def done(good: bool) -> None:
            if self._ended:
                return
            self._outlet.write(self._stream.judge(claim, good=good))
            if self.is_proven:
                self._set_deadline(None)

        self.factory.judge.ask(claim, done)

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.is_proven:
            self.close(StreamError("connection-timeout", f"no proof within {PROVING:.0f} seconds"))


class ServerFactory(Factory):
    """Listens for other servers."""

    noisy = False

    def __init__(
        self, judge: Judge, keys: Keys, *, clock: Clock, turn: Turn, limits: Limits, tls: Tls | None = None
    ) -> None:
        """`clock` tells real time. Raises ConfigError where TLS can't begin."""
        self.judge = judge
        self.keys = keys
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.tls = _loaded(tls)
        self.connections: set[Inward] = set()

    def buildProtocol(self, addr: IAddress | None) -> Inward | None:  # type: ignore[override]
        if sum(not each.is_proven for each in self.connections) >= STRANGERS:
            return None  # closed at once
        connection = Inward()
        connection.factory = self
        return connection


def _loaded(tls: Tls | None) -> Tls | None:
    if tls is not None:
        try:
            tls.load()
        except ConfigError as error:
            log.error("TLS can't begin between servers: {error}", error=str(error))
            return None
    return tls


def as_server_reads_it(data: bytes) -> bytes:
    """A stanza in the namespace that servers have for jabber:client. What it carries from elsewhere stays as it is."""
    return data.replace(_OURS, _THEIRS, 1)
