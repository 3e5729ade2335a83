"""XMPP over TCP: RFC 6120's own transport."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stream import Backend, StreamOpen
from conversehost.xmpp.xml import Limits, StreamHeader, StreamParser, XMLError, attribute, to_bytes

LOGIN = 30.0
"""Seconds until a client must have logged in."""

QUEUE = 1_048_576
"""Bytes that may wait for a client that doesn't read; more ends its connection."""


class ClientConnection(Protocol):
    """One client. A `Link` for the server behind."""

    factory: ClientFactory

    def connectionMade(self) -> None:
        self._backend: Backend | None = None
        self._parser: StreamParser | None = StreamParser(self.factory.limits)
        self._out: list[bytes] = []
        self._due = False
        self._opened = False
        self._deadline: Deadline | None = self.factory.clock.after(LOGIN, self._too_slow)
        self.transport.setTcpNoDelay(True)
        self.factory.connections.add(self)

    def dataReceived(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            return
        try:
            for found in parser.feed(data):
                if isinstance(found, StreamHeader):
                    self._header(found)
                elif found is None:
                    self.close()
                elif self._backend is not None:
                    self._backend.receive(found)
                if self._parser is not parser:  # the stream ended, or restarts with a new document
                    break
        except XMLError as error:
            too_big = (ns.STANZA_TOO_BIG, "stanza-too-big") if error.text == "stanza too big" else None
            self.close(StreamError(error.condition, error.text, application=too_big))
        except StreamError as error:
            self.close(error)
        self.factory.turn.end()

    def connectionLost(self, reason: Failure) -> None:
        self._parser = None
        self.factory.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._backend is not None:
            backend, self._backend = self._backend, None
            backend.close(self._out)
        self.factory.turn.end()

    # Link

    def send(self, stanza: bytes) -> None:
        if self._parser is None:
            return
        self._out.append(stanza)
        if not self._due:
            self._due = True
            self.factory.turn.add(self)

    def flush(self) -> None:
        self._due = False
        if self._out:
            data = b"".join(self._out)
            self._out = []
            self._write(data)

    def restarting(self) -> None:
        self._parser = StreamParser(self.factory.limits)
        self._parser.limit = self.factory.limits.stanza
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def close(self, error: StreamError | None = None) -> None:
        if self._parser is None:
            return
        if not self._opened:
            self._open_stream("", "")
        if error is not None:
            self._out.append(to_bytes(stream_error(error)))
        self._out.append(b"</stream:stream>")
        self._parser = None
        self.flush()
        self.transport.loseConnection()

    def _header(self, header: StreamHeader) -> None:
        """Section 4.7. Raises StreamError."""
        to, lang = header.attributes.get("to", ""), header.attributes.get(f"{{{ns.XML}}}lang", "en")
        self._open_stream(to, lang)
        if header.tag != f"{{{ns.STREAM}}}stream" or header.default_namespace != ns.CLIENT:
            raise StreamError("invalid-namespace")
        if header.attributes.get("version") != "1.0":
            raise StreamError("unsupported-version", "version='1.0' is spoken here")
        if self._backend is not None:
            self._backend.restart()
            return
        self._backend = self.factory.backend()
        address = getattr(self.transport.getPeer(), "host", "")
        self._backend.open(StreamOpen(to, "tcp", address, header.attributes.get("from", ""), lang), self)

    def _open_stream(self, domain: str, lang: str) -> None:
        """Our header; comes before anything else, errors too (section 4.9.1.2)."""
        self._opened = True
        parts = [
            f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0'",
            f" id='{secrets.token_hex(8)}' xml:lang={attribute(lang or 'en')}",
            f" from={attribute(domain)}>" if domain else ">",
        ]
        self._out.append("".join(parts).encode())

    def _write(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)
        if len(transport.dataBuffer) + transport._tempDataLen > QUEUE:
            transport.abortConnection()

    def _too_slow(self) -> None:
        self._deadline = None
        self.close(StreamError("connection-timeout", f"not logged in within {LOGIN:.0f} seconds"))


class ClientFactory(Factory):
    """Listens for clients; `backend` makes what is behind each of them."""

    protocol = ClientConnection
    noisy = False

    def __init__(self, backend: Callable[[], Backend], *, clock: Clock, turn: Turn, limits: Limits) -> None:
        """`clock` tells real time, for sockets."""
        self.backend = backend
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.connections: set[ClientConnection] = set()

    def buildProtocol(self, addr: IAddress | None) -> ClientConnection:
        connection = ClientConnection()
        connection.factory = self
        return connection

    def close_all(self, error: StreamError) -> None:
        """End every stream."""
        for connection in tuple(self.connections):
            connection.close(error)
