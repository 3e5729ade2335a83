"""XMPP over TCP: RFC 6120's own transport."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.net.gate import Gate
from conversehost.net.outlet import Outlet
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stream import Backend, StreamOpen
from conversehost.xmpp.xml import Limits, StreamHeader, StreamParser, XMLError, attribute, to_bytes

log = Logger()

LOGIN, CLOSING = 30.0, 5.0
"""Seconds until a client must have logged in, and until it must have closed the connection after the stream's end."""

QUEUE = 1_048_576
"""Bytes that may wait for a client that doesn't read; more ends its connection."""


class ClientConnection(Protocol):
    """One client. A `Link` for the server behind."""

    transport: Any
    factory: ClientFactory

    def connectionMade(self) -> None:
        self._backend: Backend | None = None
        self._parser: StreamParser | None = StreamParser(self.factory.limits)  # None: the stream has ended
        self._outlet = Outlet(self.transport, lambda: None)
        self._head = b""  # our header; goes out before `_out`
        self._out: list[bytes] = []
        self._due = False
        self._opened = False
        self._deadline: Deadline | None = self.factory.clock.after(LOGIN, self._too_slow)
        self.factory.connections.add(self)

    def dataReceived(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            return
        try:
            self._read(parser, data)
        except XMLError as error:
            too_big = (ns.STANZA_TOO_BIG, "stanza-too-big") if error.text == "stanza too big" else None
            self._fault(StreamError(error.condition, error.text, application=too_big))
        except StreamError as error:
            self._fault(error)
        except Exception:
            log.failure("while reading from a client")
            self._fault(StreamError("internal-server-error"))
        self.factory.turn.end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        broken, self._parser = self._parser is not None, None
        self.factory.connections.discard(self)
        if self.factory.gate is not None:
            self.factory.gate.left(getattr(self.transport.getPeer(), "host", ""))
        self._set_deadline(None)
        if self._backend is not None:
            undelivered: list[Any] = [*self._outlet.unsent(), *self._out]
            backend, self._backend = self._backend, None
            (backend.lost if broken else backend.close)(undelivered)
        self.factory.turn.end()

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
        self._set_deadline(None)

    def trusted(self) -> None:
        if self._parser is not None:
            self._parser.limit = self.factory.limits.stanza
        self._set_deadline(None)

    def close(self, error: StreamError | None = None) -> None:
        if self._parser is None:
            return
        self._parser = None
        if not self._opened:
            self._open_stream("", "")
        self._write((b"" if error is None else to_bytes(stream_error(error))) + b"</stream:stream>")
        self._outlet.end()
        self._set_deadline(self.factory.clock.after(CLOSING, self.transport.abortConnection))

    def _read(self, parser: StreamParser, data: bytes) -> None:
        for found in parser.feed(data):
            if isinstance(found, StreamHeader):
                self._header(found)
            elif found is None:
                self.close()
            elif self._backend is not None:
                self._backend.receive(found)
            if self._parser is not parser:  # the stream ended, or restarts with a new document
                return

    def _header(self, header: StreamHeader) -> None:
        """Section 4.7. Raises StreamError."""
        to, lang = header.attributes.get("to", ""), header.attributes.get(f"{{{ns.XML}}}lang", "en")
        self._open_stream(to, lang)
        if header.tag != f"{{{ns.STREAM}}}stream" or header.default_namespace != ns.CLIENT:
            raise StreamError("invalid-namespace")
        major, dot, _ = header.attributes.get("version", "").partition(".")
        if not (dot and major.isdecimal() and int(major[:9]) >= 1):  # whoever knows a later one knows 1.0 too
            raise StreamError("unsupported-version", "version='1.0' is spoken here")
        address = getattr(self.transport.getPeer(), "host", "")
        request = StreamOpen(to, "tcp", address, header.attributes.get("from", ""), lang)
        if self._backend is not None:
            self._backend.restart(request)
            return
        self._backend = self.factory.backend()
        self._backend.open(request, self)

    def _open_stream(self, domain: str, lang: str) -> None:
        """Our header; comes before anything else, errors too (section 4.9.1.2)."""
        self._opened = True
        self._flush_later()
        parts = [
            f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0'",
            f" id='{secrets.token_hex(8)}' xml:lang={attribute(lang or 'en')}",
            f" from={attribute(domain)}>" if domain else ">",
        ]
        self._head = "".join(parts).encode()

    def _write(self, last: bytes = b"") -> None:
        head, out = self._head, self._out
        self._head, self._out = b"", []
        data = b"".join([head, *out, last])
        if not data or self._outlet.write(data):
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

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _too_slow(self) -> None:
        self._deadline = None
        self._fault(StreamError("connection-timeout", f"not logged in within {LOGIN:.0f} seconds"))

    def _fault(self, error: StreamError) -> None:
        """The transport's own, which the server behind doesn't hear of."""
        self.factory.errors[error.condition] += 1
        self.close(error)


class ClientFactory(Factory):
    """Listens for clients; `backend` makes what is behind each of them."""

    noisy = False

    def __init__(
        self, backend: Callable[[], Backend], *, clock: Clock, turn: Turn, limits: Limits, gate: Gate | None = None
    ) -> None:
        """`clock` tells real time, for sockets."""
        self.gate = gate
        self.backend = backend
        self.clock = clock
        self.turn = turn
        self.limits = limits
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
