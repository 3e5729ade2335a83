"""A client's stream to the XMPP server of a domain elsewhere: `Backend` over a TCP connection of its own."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from typing import Protocol as Seam

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.net.outlet import Outlet
from conversehost.net.tcp import VANISHED
from conversehost.turn import Turn
from conversehost.upstream.initiator import GOODBYE, BeginTls, Hear, Initiator, Over, Say
from conversehost.upstream.returned import bounced
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.places import Place, read_place, read_route
from conversehost.xmpp.stream import Link, StreamOpen, Valve, lowest
from conversehost.xmpp.xml import Element, to_bytes

log = Logger()

OPENING, CLOSING = 30.0, 5.0
"""Seconds until the server must have said its features, and until it must have closed after the end."""

HIGH = 131_072
"""Bytes that wait for the client before the server is heard no more, until none wait."""

EARLY = 65_536
"""Bytes of a client's that wait for a connection before the client is heard no more."""

FLOOD = 4_194_304
"""Bytes that wait for the server, from a client that can't be slowed; more ends the stream."""

PIECE = 4_096
"""Bytes read at a time: so many stanzas can't be in them that a client's queue would overflow."""

MOVES = 2
"""How often a server may say that it is elsewhere."""

_SUCCESS, _SUCCESS2 = f"{{{ns.SASL}}}success", f"{{{ns.SASL2}}}success"
_ENABLED, _RESUMED = f"{{{ns.SM}}}enabled", f"{{{ns.SM}}}resumed"


class Quest(Seam):
    """A search that can be given up."""

    def cancel(self) -> None: ...


class Reach(Seam):
    """Finds a way to the server of a domain."""

    def __call__(
        self,
        domain: str,
        place: Place,
        connected: Callable[[Place], Protocol],
        failed: Callable[[StreamError], None],
        *,
        named: bool,
    ) -> Quest: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What all upstream streams share. `clock` tells real time. `clear`: passwords may go without TLS to a place;
    `route`: clients may say where their server is. `login`: seconds until a client must have logged in.
    """

    reach: Reach
    speaking: Callable[[str], IOpenSSLClientConnectionCreator]
    clock: Clock
    turn: Turn
    clear: Callable[[str], bool]
    route: bool = False
    keep_alive: float = 60.0
    login: float = 120.0
    streams: set[UpstreamStream] = field(default_factory=set)


class UpstreamStream:
    """`Backend` of a domain that is served elsewhere."""

    def __init__(self, place: Place, terms: Terms, *, named: bool = True) -> None:
        """`named`: the operator has said that this domain is there."""
        self._place = place
        self._terms = terms
        self._named = named
        self._moves = 0
        self._quest: Quest | None = None
        self._wire: Wire | None = None
        self._out: list[bytes] = []
        self._due = False
        self._over = False
        self._stalled = False
        self._deadline: Deadline | None = None
        self.managed = False  # client and server count stanzas (XEP-0198): what is lost they send again
        self.logged_in = False
        self.opened: StreamOpen

    # Backend

    def open(self, request: StreamOpen, link: Link) -> None:
        """Look for the server; its features, or why there is none, come over `link`."""
        self.opened, self._link = request, link
        below = lowest(link)
        self._valve = cast(Valve, below) if hasattr(below, "drained") else None
        if self._valve is not None:
            self._valve.drained = self._drained
        try:
            self._domain = prepare_domain(request.to)
        except JIDError:
            self._end(WayError("host-unknown", "that is no domain"))
            return
        self._terms.streams.add(self)
        self._set_deadline(OPENING, self._too_slow)
        route = read_route(request.route) if request.route and self._terms.route else None
        self._search(route or self._place, named=self._named and route is None)

    def receive(self, stanza: Element) -> None:
        """To the server, at the end of the turn."""
        if not self._over:
            self._say(to_bytes(stanza))

    def restart(self, request: StreamOpen) -> None:
        """The server sends its features anew."""
        if self._over or self._wire is None:
            return
        self._say(self._wire.initiator.open(request.sender, request.lang))

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        """The client said goodbye, or the stream has ended already."""
        self._leave(undelivered, goodbye=True)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        """The client is gone without a word: a session that it may resume is left to the server as it is."""
        self._leave(undelivered, goodbye=not self.managed)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        """It is too late to tell anybody."""

    # What it finds

    def _search(self, place: Place, *, named: bool) -> None:
        self._quest = self._terms.reach(self._domain, place, self._connected, self._unreachable, named=named)

    def _connected(self, place: Place) -> Protocol:
        self._quest = None
        self._wire = Wire(self, place)
        return self._wire

    def _unreachable(self, error: StreamError) -> None:
        self._quest = None
        self._end(error)
        self._terms.turn.end()

    # What the server says

    def made(self, wire: Wire) -> None:
        """The connection is there."""
        head = wire.initiator.open(self.opened.sender, self.opened.lang)
        wire.write(b"".join([head, *self._out]))
        self._out = []
        self._drained_out()

    def heard(self, event: Hear) -> None:
        """Pass it on."""
        stanza = event.stanza
        self._link.send(to_bytes(stanza))
        tag = stanza.tag
        if self.logged_in and tag not in (_ENABLED, _RESUMED):
            return
        if tag == _SUCCESS or tag == _SUCCESS2:
            self.logged_in = True
            (self._link.restarting if tag == _SUCCESS else self._link.trusted)()
            self._keep_alive()
        elif tag in (_ENABLED, _RESUMED):
            self.managed = tag == _RESUMED or stanza.get("resume") in ("true", "1")
        elif self._wire is not None and self._wire.initiator.settled and self._due_is(self._too_slow):
            self._set_deadline(self._terms.login, self._too_slow_to_log_in)

    def ended(self, over: Over) -> None:
        """By the server, or because it must."""
        if over.elsewhere and self._moves < MOVES and self._move(over.elsewhere):
            return
        self._end(over.error)

    def gone(self, why: str) -> None:
        """The connection broke."""
        self._end(WayError("remote-connection-failed", why))
        self._terms.turn.end()

    @property
    def is_slow(self) -> bool:
        """So much waits for the client that the server shouldn't be heard."""
        return self._valve is not None and self._valve.waiting > HIGH

    # Out

    def flush(self) -> None:
        """The turn ends."""
        self._due = False
        wire = self._wire
        if wire is None or not wire.is_open:
            if sum(map(len, self._out)) > EARLY:
                self._stall()
            return
        data, self._out = b"".join(self._out), []
        if data:
            wire.write(data)
        if wire.waiting > FLOOD:
            self._end(StreamError("resource-constraint", "too much waits for the server"))
        elif wire.blocked:
            self._stall()

    def room(self) -> None:
        """The server has taken all of it."""
        self._drained_out()

    @property
    def terms(self) -> Terms:
        return self._terms

    @property
    def domain(self) -> str:
        """As it is looked up, and as certificates have to have it."""
        return self._domain

    def _say(self, data: bytes) -> None:
        self._out.append(data)
        if not self._due:
            self._due = True
            self._terms.turn.add(self)

    def _stall(self) -> None:
        if not self._stalled and self._valve is not None:
            self._stalled = True
            self._valve.stall()

    def _drained_out(self) -> None:
        if self._stalled and self._valve is not None:
            self._stalled = False
            self._valve.go_on()

    def _drained(self) -> None:
        if self._wire is not None:
            self._wire.go_on()

    # The end

    def _move(self, text: str) -> bool:
        """RFC 6120 section 4.9.3.19: to another host, for the same domain. Nobody but DNS vouches for that one."""
        place = read_elsewhere(text)
        if place is None:
            return False
        self._moves += 1
        if self._wire is not None:
            self._wire.forget()
            self._wire = None
        self._search(place, named=self._named)
        return True

    def _end(self, error: StreamError | None) -> None:
        if self._over:
            return
        if isinstance(error, WayError):
            log.warn("{domain}: {error}", domain=self.opened.to, error=error.text or error.condition)
        self._drained_out()
        self._stop()
        if self._wire is not None:
            self._wire.finish(GOODBYE)
        self._link.close(error)

    def _leave(self, undelivered: Sequence[bytes], *, goodbye: bool) -> None:
        if self._over:
            return
        self._stop()
        if self._wire is None:
            return
        if not goodbye:
            self._wire.abandon(b"".join(self._out))
            return
        returned = [] if self.managed or not self.logged_in else bounced(undelivered)
        self._wire.finish(b"".join([*self._out, *returned, GOODBYE]))

    def _stop(self) -> None:
        self._over = True
        self._terms.streams.discard(self)
        self._set_deadline(None)
        if self._valve is not None:
            self._valve.drained = None
        if self._quest is not None:
            self._quest.cancel()
            self._quest = None

    # Time

    def _too_slow(self) -> None:
        self._deadline = None
        self._end(WayError("remote-connection-failed", f"the server said nothing within {OPENING:.0f} seconds"))
        self._terms.turn.end()

    def _too_slow_to_log_in(self) -> None:
        self._deadline = None
        self._end(StreamError("connection-timeout", "logging in took too long"))
        self._terms.turn.end()

    def _keep_alive(self) -> None:
        """A space now and then, which also shows whether anybody is there: one deadline, moved when it comes."""
        self._deadline = None
        wire, now = self._wire, self._terms.clock.now()
        if wire is None or self._over:
            return
        due = wire.said + self._terms.keep_alive
        if now >= due:
            wire.write(b" ")
            due = now + self._terms.keep_alive
        self._set_deadline(due - now, self._keep_alive)

    def _due_is(self, call: Callable[[], None]) -> bool:
        return self._deadline is not None and self._deadline.call == call

    def _set_deadline(self, seconds: float | None, call: Callable[[], None] = lambda: None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self._terms.clock.after(seconds, call)


class Wire(Protocol):
    """One connection to a server, until it is over or the server is elsewhere."""

    transport: Any

    def __init__(self, stream: UpstreamStream, place: Place) -> None:
        self._stream: UpstreamStream | None = stream
        self._place = place
        self._terms = stream.terms
        self._rest: deque[bytes] = deque()
        self._deadline: Deadline | None = None
        self.is_open = False
        self.said = 0.0

    def connectionMade(self) -> None:
        stream = self._stream
        if stream is None:
            self.transport.abortConnection()
            return
        self.is_open = True
        below: Any = self.transport
        secure = ISSLTransport.providedBy(below)
        below = getattr(below, "socket", None) or getattr(getattr(below, "transport", None), "socket", None)
        if isinstance(below, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
            below.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED)
        peer = getattr(self.transport.getPeer(), "host", "")
        self.initiator = Initiator(stream.domain, secure=secure, clear=self._terms.clear(peer))
        self._outlet = Outlet(self.transport, self._room)
        stream.made(self)

    def dataReceived(self, data: bytes) -> None:
        if self._stream is None:
            return
        self._rest.extend(data[at : at + PIECE] for at in range(0, len(data), PIECE))
        self._read()
        self._terms.turn.end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_open = False
        if self._deadline is not None:
            self._deadline.cancel()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone(reason_of(reason, self.initiator, stream.domain))

    @property
    def waiting(self) -> int:
        """Bytes that the server hasn't taken."""
        return self._outlet.waiting()

    @property
    def blocked(self) -> bool:
        """The client should say no more for now."""
        return self._outlet.blocked

    def write(self, data: bytes) -> None:
        """Now."""
        self.said = self._terms.clock.now()
        self._outlet.write(data)

    def go_on(self) -> None:
        """The client has taken what it was told."""
        if self.is_open and self._rest:
            self._terms.clock.after(0, self._resume)

    def finish(self, last: bytes) -> None:
        """Say that, and close; the server has a while to close as well."""
        self.forget(last)

    def abandon(self, last: bytes) -> None:
        """Say that, and be gone without a goodbye."""
        self._stream = None
        if self.is_open:
            self._outlet.write(last)
            self._outlet.close()
            self._deadline = self._terms.clock.after(CLOSING, self._abort)

    def forget(self, last: bytes = GOODBYE) -> None:
        """Nobody listens any more."""
        self._stream = None
        if self.is_open:
            self._outlet.write(last)
            self._rest.clear()
            self.transport.resumeProducing()
            self._outlet.end()
            self._deadline = self._terms.clock.after(CLOSING, self._abort)

    def _abort(self) -> None:
        self._deadline = None
        if self.is_open:
            self.transport.abortConnection()

    def _room(self) -> None:
        if self._stream is not None:
            self._stream.room()
            self._terms.turn.end()

    def _resume(self) -> None:
        if self._stream is not None:
            self.transport.resumeProducing()
            self._read()
            self._terms.turn.end()

    def _read(self) -> None:
        """Piece by piece, for as long as the client takes what is in them."""
        while self._rest and self._stream is not None:
            if self._stream.is_slow:
                self.transport.pauseProducing()
                return
            for event in self.initiator.feed(self._rest.popleft()):
                self._handle(event)

    def _handle(self, event: Say | BeginTls | Hear | Over) -> None:
        stream = self._stream
        if stream is None:
            return
        if isinstance(event, Hear):
            stream.heard(event)
        elif isinstance(event, Say):
            self.write(event.data)
        elif isinstance(event, BeginTls):
            self._begin_tls(stream)
        else:
            stream.ended(event)

    def _begin_tls(self, stream: UpstreamStream) -> None:
        """What came without it doesn't count (RFC 6120 section 5.4.3.3)."""
        self._rest.clear()
        self.transport.startTLS(self._terms.speaking(stream.domain))
        self._outlet = Outlet(self.transport, self._room)
        self.write(self.initiator.secured(stream.opened.sender, stream.opened.lang))


def reason_of(reason: Failure, initiator: Initiator, domain: str) -> str:
    """Why a connection broke, for the client and for the log."""
    if initiator.secure and not initiator.settled:
        return f"no TLS with the server of {domain}: its certificate isn't good for that name, or nobody vouches for it"
    if not initiator.settled:
        return f"the server of {domain} closed the connection at once"
    return f"the connection to the server of {domain} broke"


def read_elsewhere(text: str) -> Place | None:
    """Host and perhaps port of see-other-host; None for nonsense."""
    try:
        return read_place(f"xmpp://{text}")
    except ValueError:
        return None
