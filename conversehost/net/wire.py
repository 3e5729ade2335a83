"""One connection to an XMPP server, as a client of it: bytes out, events in, for the stream above."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from typing import Protocol as Seam

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.net.outlet import Outlet
from conversehost.net.tcp import VANISHED
from conversehost.turn import Turn
from conversehost.upstream.initiator import GOODBYE, BeginTls, Hear, Initiator, Over, Say
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.places import Place
from conversehost.xmpp.stream import StreamOpen

CLOSING = 5.0
"""Seconds until the server must have closed after the end."""

PIECE = 4_096
"""Bytes read at a time: so many stanzas can't be in them that a client's queue would overflow."""


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
    `route`: clients may say where their server is. `login`: seconds until a client must have logged in;
    `streams`: those that are open, the oldest first;
    `seen`: domains that the operator has named, and whose server has been there; `resumable`: whose sessions may come
    back (XEP-0198), by what the server calls them.
    """

    reach: Reach
    speaking: Callable[[str], IOpenSSLClientConnectionCreator]
    clock: Clock
    turn: Turn
    clear: Callable[[str], bool]
    route: bool = False
    keep_alive: float = 60.0
    login: float = 120.0
    streams: dict[Any, None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    resumable: dict[str, str] = field(default_factory=dict)


class Above(Seam):
    """The stream that a connection is for."""

    domain: str
    opened: StreamOpen

    @property
    def is_slow(self) -> bool: ...
    def made(self, wire: Wire) -> None: ...
    def heard(self, event: Hear) -> None: ...
    def ended(self, over: Over) -> None: ...
    def gone(self, why: str) -> None: ...
    def room(self) -> None: ...


class Wire(Protocol):
    """One connection to a server, until it is over or the server is elsewhere."""

    transport: Any

    def __init__(self, stream: Above, terms: Terms) -> None:
        self._stream: Above | None = stream
        self._terms = terms
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

    @property
    def has_more(self) -> bool:
        """Something came that the client didn't take, and perhaps there is more of it."""
        return bool(self._rest)

    def hand_over(self, stream: Above) -> None:
        """To another stream, which hears all of that now."""
        self._stream = stream
        self.transport.resumeProducing()
        self._read()

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

    def _begin_tls(self, stream: Above) -> None:
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
