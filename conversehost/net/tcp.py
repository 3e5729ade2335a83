"""XMPP over TCP: RFC 6120's own transport, with TLS within it or below it (XEP-0368)."""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Seam

from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.draining import WHY, Draining
from conversehost.errors import ConfigError
from conversehost.net.gate import Gate
from conversehost.net.outlet import Outlet
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stream import Backend, Channel, StreamOpen, check_version, own_address
from conversehost.xmpp.xml import Limits, StreamHeader, StreamParser, XMLError, attribute, to_bytes

log = Logger()

OPENING, CLOSING = 30.0, 5.0
"""Seconds until a client must have opened its stream, and until it must have closed the connection after its end."""

VANISHED = 120_000
"""Milliseconds until a client is gone whose machine doesn't take what we send it: a space, if nothing else."""

QUEUE = 1_048_576
"""Bytes that may wait for a client that doesn't read; more ends its connection."""

PROCEED = f"<proceed xmlns='{ns.TLS}'/>".encode()
NO_TLS = f"<failure xmlns='{ns.TLS}'/>".encode()
_STREAM, _STARTTLS = f"{{{ns.STREAM}}}stream", f"{{{ns.TLS}}}starttls"


@dataclass(frozen=True, slots=True)
class Manners:
    """In seconds (RFC 6120 section 4.6): a client to whom nothing was said for `keep_alive` gets a space, and one that
    says nothing for `idle` must go.
    """

    keep_alive: int = 60
    idle: int = 86_400


class Tls(Seam):
    """How TLS begins on an open connection, and what it knows then."""

    def load(self) -> None:
        """Make sure that it can begin. Raises ConfigError: there is no certificate."""

    def begin(self, connection: Protocol) -> Any:
        """The transport to write to from now on."""

    def channel(self, transport: Any) -> Channel:
        """Of a transport with TLS, once the client has said something over it."""

    def direct(self, above: ClientFactory) -> Factory:
        """Takes connections that have TLS from the first byte, for the factory above."""


class ClientConnection(Protocol):
    """One client. A `Link` for the server behind."""

    transport: Any
    factory: ClientFactory

    def connectionMade(self) -> None:
        self._backend: Backend | None = None
        self._parser: StreamParser | None = StreamParser(self.factory.limits)  # None: the stream has ended
        self._outlet = Outlet(self.transport, lambda: None)
        self._secure = ISSLTransport.providedBy(self.transport)
        self._logged_in = False
        self._in_stream = False  # it has begun one, since TLS or login
        self._wants_tls = False  # it has asked for it, just now
        self._silent = False  # nothing was heard for too long
        self._heard = self._said = self.factory.clock.now()
        self._head = b""  # our header; goes out before `_out`
        self._out: list[bytes] = []
        self._due = False
        self._opened = False
        self._deadline: Deadline | None = self.factory.clock.after(OPENING, self._too_slow)
        self.factory.connections.add(self)
        below = getattr(self.transport, "socket", None)
        if isinstance(below, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
            below.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED)

    def dataReceived(self, data: bytes) -> None:
        if self._parser is None:
            return
        self._heard = self.factory.clock.now()
        try:
            self._read(data)
        except XMLError as error:
            too_big = (ns.STANZA_TOO_BIG, "stanza-too-big") if error.text == "stanza too big" else None
            self._fault(StreamError(error.condition, error.text, application=too_big))
        except StreamError as error:
            self._fault(error)
        except Exception:
            log.failure("while reading from a client")
            self._fault(StreamError("internal-server-error"))
        self.factory.turn.taken()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        broken, self._parser = self._silent or self._parser is not None, None
        self.factory.connections.discard(self)
        if self.factory.gate is not None:
            self.factory.gate.left(self._address)
        self._set_deadline(None)
        if self._backend is not None:
            undelivered: list[Any] = [*self._outlet.unsent(), *self._out]
            backend, self._backend = self._backend, None
            (backend.lost if broken else backend.close)(undelivered)
        self.factory.turn.taken()

    # Link

    def send(self, stanza: bytes) -> None:
        self._out.append(stanza)
        self._flush_later()

    def flush(self) -> None:
        self._due = False
        if self._parser is not None:  # else nothing may follow; what is left goes back to the server
            self._write()

    def restarting(self) -> None:
        self._parser = StreamParser(self.factory.limits)
        self._parser.limit = self.factory.limits.stanza
        self._logged_in, self._in_stream = True, False
        self._watch()

    def trusted(self) -> None:
        if self._parser is not None:
            self._parser.limit = self.factory.limits.stanza
        self._logged_in = True
        self._watch()

    def close(self, error: StreamError | None = None) -> None:
        self._close(b"" if error is None else to_bytes(stream_error(error)))

    def cut(self) -> None:
        """The connection breaks, without a word."""
        self.transport.abortConnection()

    @property
    def is_behind(self) -> bool:
        """Something waits for the client to take it."""
        return bool(self._out) or self._outlet.waiting() > 0

    def stall(self) -> None:
        """Read no more, as if the network were gone; who sends nothing meanwhile is found out as always."""
        self.transport.pauseProducing()

    def go_on(self) -> None:
        """Read again."""
        self.transport.resumeProducing()

    # What comes in

    def _read(self, data: bytes) -> None:
        """Before login piece by piece: another document may begin behind any ">", and what follows belongs to that."""
        if self._logged_in:
            self._feed(data)
            return
        at = 0
        while at < len(data) and self._parser is not None:
            end = data.find(b">", at) + 1 or len(data)
            self._feed(data[at:end])
            at = end
            if self._wants_tls:
                self._start_tls(data[at:])
                return

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        assert parser is not None
        for found in parser.feed(data):
            if isinstance(found, StreamHeader):
                self._header(found)
            elif found is None:
                self.close()
            elif found.tag == _STARTTLS and not self._logged_in:
                self._wants_tls = True
            elif self._backend is not None:
                self._backend.receive(found)
            if self._parser is not parser:  # the stream ended, or restarts with a new document
                return

    def _header(self, header: StreamHeader) -> None:
        """Section 4.7. Raises StreamError."""
        said = header.attributes
        self._open_stream(said.get("to", ""), said.get("from", ""))
        if self.factory.moved:
            self._end_elsewhere(self.factory.moved)
            return
        check_header(header)
        self._in_stream = True
        request = self._request(said)
        if self._backend is not None:
            self._backend.restart(request)
            return
        if self.factory.draining.on:
            raise StreamError("system-shutdown", WHY)
        self._set_deadline(None)  # the server behind has one for logging in
        self._backend = self.factory.backend()
        self._backend.open(request, self)

    def _request(self, said: dict[str, str]) -> StreamOpen:
        tls, limits = self.factory.tls, self.factory.limits
        return StreamOpen(
            said.get("to", ""),
            "tcp",
            self._address,
            said.get("from", ""),
            said.get(f"{{{ns.XML}}}lang", "en"),
            secure=self._secure,
            can_secure=tls is not None and not self._secure and not self._logged_in,
            channel=tls.channel(self.transport) if tls is not None and self._secure else None,
            early_bytes=limits.unauthenticated,
            max_bytes=limits.stanza,
            idle=self.factory.manners.idle,
        )

    def _start_tls(self, rest: bytes) -> None:
        """Section 5.4: nothing that was said before counts after it, nor may it be read then. Raises StreamError."""
        self._wants_tls = False
        if rest.strip():
            raise StreamError("policy-violation", "nothing may follow <starttls/> before it is answered")
        tls = self.factory.tls
        if tls is None or self._secure or not self._can_load(tls):
            self._close(NO_TLS)
            return
        self._out.append(PROCEED)
        self._write()
        if self._outlet.blocked:  # it never reads what it is told
            self.transport.abortConnection()
            return
        self.transport = tls.begin(self)
        self._outlet = Outlet(self.transport, lambda: None)
        self._parser, self._in_stream, self._opened, self._secure = (
            StreamParser(self.factory.limits),
            False,
            False,
            True,
        )

    def _can_load(self, tls: Tls) -> bool:
        try:
            tls.load()
        except ConfigError as error:
            log.error("TLS can't begin: {error}", error=str(error))
            return False
        return True

    # What goes out

    def _open_stream(self, to: str, sender: str) -> None:
        """Our header; comes before anything else, errors too (section 4.9.1.2). It is from whom they wanted, or else
        somebody who is here (4.9.1.3); to whom they say they are (4.7.2); and in our language (4.7.4).
        """
        self._opened = True
        self._flush_later()
        parts = [
            f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0'",
            f" id='{secrets.token_hex(8)}' xml:lang='en' from={attribute(self.factory.named(to))}",
        ]
        if address := own_address(sender):
            parts.append(f" to={attribute(address)}")
        self._head = "".join([*parts, ">"]).encode()

    def _end_elsewhere(self, host: str) -> None:
        """Section 4.9.3.19."""
        self.factory.errors["see-other-host"] += 1
        error = stream_error(StreamError("see-other-host"))
        error[0].text = host
        self._close(to_bytes(error))

    def _close(self, last: bytes) -> None:
        if self._parser is None:
            return
        self._parser = None
        if not self._opened:
            self._open_stream("", "")
        self._write(last + b"</stream:stream>")
        self._outlet.end()
        self._set_deadline(self.factory.clock.after(CLOSING, self.transport.abortConnection))

    def _write(self, last: bytes = b"") -> None:
        head, out = self._head, self._out
        self._head, self._out = b"", []
        data = b"".join([head, *out, last])
        if not data:
            return
        self._said = self.factory.clock.now()
        if self._outlet.write(data):
            return
        end = self._outlet.given - len(data) + len(head)
        for stanza in out:
            end += len(stanza)
            self._outlet.keep(stanza, end)
        if self._outlet.waiting() > QUEUE:
            self.transport.abortConnection()

    def _flush_later(self) -> None:
        if not self._due:
            self._due = True
            self.factory.turn.add(self)

    @property
    def _address(self) -> str:
        return getattr(self.transport.getPeer(), "host", "")

    def _fault(self, error: StreamError) -> None:
        """The transport's own, which the server behind doesn't hear of."""
        self.factory.errors[error.condition] += 1
        self.close(error)

    # Time

    def _too_slow(self) -> None:
        self._deadline = None
        self._fault(StreamError("connection-timeout", f"no stream was opened within {OPENING:.0f} seconds"))

    def _watch(self) -> None:
        """One deadline, moved when it comes: a stanza costs none."""
        manners = self.factory.manners
        due = min(self._said + manners.keep_alive, self._heard + manners.idle)
        self._set_deadline(self.factory.clock.at(due, self._silence))

    def _silence(self) -> None:
        self._deadline = None
        now, manners = self.factory.clock.now(), self.factory.manners
        if now >= self._heard + manners.idle:
            self._silent = True
            self._fault(StreamError("connection-timeout", f"nothing heard for {manners.idle} seconds"))
            return
        if now >= self._said + manners.keep_alive:
            if self._in_stream:
                self._write(b" ")
            self._said = now
        self._watch()

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline


def check_header(header: StreamHeader) -> None:
    """Sections 4.7 and 4.8. Raises StreamError."""
    if header.tag != _STREAM:
        raise StreamError("invalid-namespace", f"a stream begins with <stream:stream/> in {ns.STREAM}")
    if header.default_namespace == ns.STREAM:
        raise StreamError("bad-namespace-prefix", "the header's prefix is stream; xmlns is for what is in it")
    if header.default_namespace != ns.CLIENT:
        raise StreamError("invalid-namespace", f"xmlns of a client's stream is {ns.CLIENT}")
    check_version(header.attributes.get("version", ""))


class ClientFactory(Factory):
    """Listens for clients; `backend` makes what is behind each of them."""

    noisy = False

    def __init__(
        self,
        backend: Callable[[], Backend],
        *,
        clock: Clock,
        turn: Turn,
        limits: Limits,
        gate: Gate | None = None,
        named: Callable[[str], str] = lambda domain: domain,
        manners: Manners | None = None,
        tls: Tls | None = None,
        moved: str = "",
        draining: Draining | None = None,
    ) -> None:
        """`clock` tells real time, for sockets. `named` is who answers to a client that wants a domain; `moved` is the
        host that clients are sent to instead, if anywhere; `draining`: whether streams may begin.
        """
        self.draining = draining or Draining()
        self.gate = gate
        self.backend = backend
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.named = named
        self.manners = manners or Manners()
        self.tls = tls
        self.moved = moved
        self.connections: set[ClientConnection] = set()
        self.errors: Counter[str] = Counter()  # by condition

    def buildProtocol(self, addr: IAddress | None) -> ClientConnection | None:  # type: ignore[override]
        if self.gate is not None and not self.gate.admits(getattr(addr, "host", "")):
            return None  # closed at once
        connection = ClientConnection()
        connection.factory = self
        return connection

    def close_all(self, error: StreamError) -> None:
        """End every stream."""
        for connection in tuple(self.connections):
            connection.close(error)
