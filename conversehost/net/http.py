"""HTTP/1.1 on llhttp: the front that every request meets.

BOSH is answered from here in the same turn; every other path becomes an ordinary `twisted.web` request. Answers leave in
the order of their requests, also when a held BOSH request is among them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Protocol as Interface

import httptools
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Site

from conversehost.clock import Clock, Deadline

REQUEST_LINE = 8_192
HEADERS = 16_384
HEADER_FIELDS = 100
WEB_BODY = 65_536
PIPELINE = 32
HEADERS_IN, BODY_IN, IDLE = 10.0, 20.0, 75.0
"""Seconds for the header fields, for the body, and between requests."""

REASONS = {
    200: b"OK",
    204: b"No Content",
    400: b"Bad Request",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    431: b"Request Header Fields Too Large",
}


class Direct(Interface):
    """What is answered without twisted.web: BOSH."""

    body_limit: int

    def handle(self, exchange: HttpExchange) -> None:
        """Answer it, now or later, by `exchange.respond`."""

    def lost(self, exchange: HttpExchange) -> None:
        """Its connection is gone: before it was answered, or before the answer was out."""


class HttpExchange:
    """One request, and its answer."""

    __slots__ = (
        "body",
        "close",
        "connection",
        "context",
        "direct",
        "headers",
        "method",
        "out",
        "path",
        "size",
        "started",
        "target",
        "version",
    )

    def __init__(self, connection: HttpConnection) -> None:
        self.connection = connection
        self.method = b""
        self.target = b""
        self.path = b""
        self.version = b"1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.size = 0
        self.close = False
        self.direct: Direct | None = None
        self.out: bytes | None = None
        self.started = False  # handed to twisted.web
        self.context: Any = None  # the handler's own

    def header(self, name: bytes) -> bytes | None:
        """The first field of that name (lower case)."""
        for field, value in self.headers:
            if field == name:
                return value
        return None

    def respond(self, code: int, fields: bytes, body: bytes = b"") -> None:
        """The whole answer. `fields` are complete lines. Content-Length and Date are added."""
        head = b"HTTP/1.1 %d %s\r\n%sDate: %s\r\n" % (code, REASONS[code], fields, self.connection.factory.date())
        if self.close:
            head += b"Connection: close\r\n"
        if code != 204:
            head += b"Content-Length: %d\r\n" % len(body)
        self.out = b"%s\r\n%s" % (head, body if self.method != b"HEAD" else b"")
        self.connection.send_ready()


class HttpConnection(Protocol):
    """One connection: requests in; answers out, in order."""

    factory: HttpFactory

    def connectionMade(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: HttpExchange | None = None
        self._waiting: deque[HttpExchange] = deque()
        self._written: deque[HttpExchange] = deque()
        self._web: WebChannel | None = None
        self._refusal: int | None = None
        self._header_size = 0
        self._last = False  # no request is read after this one
        self.secure = ISSLTransport.providedBy(self.transport)
        self.address: str = getattr(self.transport.getPeer(), "host", "")
        self._socket = None if self.secure else getattr(self.transport, "socket", None)
        self._sending = False
        self._since = self.factory.clock.now()
        self._deadline: Deadline | None = None
        self._paused = False
        if self._socket is not None:
            self.transport.setTcpNoDelay(True)
        self._watch()

    def dataReceived(self, data: bytes) -> None:
        if self._last:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last = True
        except httptools.HttpParserCallbackError as error:
            if self._refusal is None:
                raise error.__context__ or error
            self._refuse(self._refusal)
        except httptools.HttpParserError:
            self._refuse(400)
        self.factory.turn_ended()
        self._watch()

    def connectionLost(self, reason: Failure) -> None:
        self._last = True
        if self._deadline is not None:
            self._deadline.cancel()
        gone = [*(self._written if self._unsent() else ()), *self._waiting]
        self._waiting.clear()
        for exchange in gone:
            if exchange.direct is not None:
                exchange.direct.lost(exchange)
        if self._web is not None:
            self._web.lost(reason)
        self.factory.connections.discard(self)
        self.factory.turn_ended()

    # What the parser finds

    def on_message_begin(self) -> None:
        self._exchange = HttpExchange(self)
        self._header_size = 0
        self._since = self.factory.clock.now()

    def on_url(self, part: bytes) -> None:
        exchange = self._current()
        exchange.target += part
        if len(exchange.target) > REQUEST_LINE:
            self._give_up(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        exchange = self._current()
        self._header_size += len(name) + len(value) + 4
        if len(exchange.headers) >= HEADER_FIELDS or self._header_size > HEADERS:
            self._give_up(431)
        exchange.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        exchange = self._current()
        exchange.method = self._parser.get_method()
        exchange.version = self._parser.get_http_version().encode()
        exchange.close = not self._parser.should_keep_alive()
        hosts = sum(name == b"host" for name, _ in exchange.headers)
        if hosts > 1 or (hosts == 0 and exchange.version == b"1.1"):
            self._give_up(400)
        exchange.path = path_of(exchange.target)
        exchange.direct = self.factory.direct.get(exchange.path)
        declared = exchange.header(b"content-length")
        if declared is not None and int(declared) > self._limit(exchange):
            self._give_up(413)
        expect = exchange.header(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                self._give_up(417)
            if not self._waiting and self._web is None:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        exchange = self._current()
        exchange.size += len(part)
        if exchange.size > self._limit(exchange):
            self._give_up(413)
        exchange.body.append(part)

    def on_message_complete(self) -> None:
        exchange, self._exchange = self._current(), None
        if self._last:
            return
        self._last = exchange.close
        self._waiting.append(exchange)
        if exchange.direct is not None:
            exchange.direct.handle(exchange)
        else:
            self.send_ready()
        if len(self._waiting) > PIPELINE and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def _current(self) -> HttpExchange:
        assert self._exchange is not None
        return self._exchange

    def _limit(self, exchange: HttpExchange) -> int:
        return WEB_BODY if exchange.direct is None else exchange.direct.body_limit

    def _give_up(self, code: int) -> None:
        self._refusal = code
        raise ValueError(code)

    def _refuse(self, code: int) -> None:
        """Not to be understood, or too large: say so after the answers before, and read no more."""
        exchange = self._exchange or HttpExchange(self)
        self._exchange, self._last = None, True
        exchange.close = True
        exchange.direct = None
        self._waiting.append(exchange)
        fields = b"Content-Type: text/plain; charset=utf-8\r\nAccess-Control-Allow-Origin: *\r\n"
        exchange.respond(code, fields, b"%d %s\n" % (code, REASONS[code]))

    # What goes out

    def send_ready(self) -> None:
        """All answers that are there and whose turn it is."""
        if self._sending:
            return
        self._sending = True
        try:
            while self._waiting and self._web is None and self._send_first(self._waiting[0]):
                pass
        finally:
            self._sending = False
        self._since = self.factory.clock.now()
        if self._paused and len(self._waiting) <= PIPELINE:
            self._paused = False
            self.transport.resumeProducing()

    def _send_first(self, exchange: HttpExchange) -> bool:
        """Send the oldest answer, or have twisted.web make it; False while it isn't there."""
        if exchange.out is None:
            if exchange.direct is not None or exchange.started:
                return False
            exchange.started = True
            self._web = WebChannel(self, exchange)
            self._web.start()
            return True
        self._waiting.popleft()
        self._write(exchange.out)
        if exchange.direct is not None and self._unsent():
            self._written.append(exchange)
        if exchange.close:
            self.transport.loseConnection()
        return True

    def web_done(self, exchange: HttpExchange) -> None:
        """twisted.web has finished the request that it was given."""
        self._web = None
        if self._waiting and self._waiting[0] is exchange:
            self._waiting.popleft()
        if exchange.close:
            self.transport.loseConnection()
        else:
            self.send_ready()

    def _write(self, data: bytes) -> None:
        """Straight to the socket when nothing is queued before it: saves a round through the reactor."""
        transport = self.transport
        if (
            self._socket is None
            or self._unsent()
            or transport.producer is not None  # it is asked for more when the transport's own buffer is empty
            or transport.disconnecting
            or not transport.connected
        ):
            transport.write(data)
            return
        self._written.clear()
        try:
            sent = self._socket.send(data)
        except OSError:  # would block; or gone, which the reactor will find out
            sent = 0
        if sent < len(data):
            transport.write(data[sent:] if sent else data)

    def _unsent(self) -> bool:
        """Whether bytes still wait in the transport (twisted.internet.abstract.FileDescriptor's own buffers)."""
        transport = self.transport
        return bool(getattr(transport, "dataBuffer", None) or getattr(transport, "_tempDataBuffer", None))

    # Time

    def _watch(self) -> None:
        """One deadline a connection; it is moved only when it would come too late."""
        due = self._due()
        if due is not None and (self._deadline is None or self._deadline.when > due):
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.factory.clock.at(due, self._expired)

    def _due(self) -> float | None:
        if self._exchange is not None:
            return self._since + (BODY_IN if self._exchange.method else HEADERS_IN)
        return None if self._waiting or self._web is not None else self._since + IDLE

    def _expired(self) -> None:
        self._deadline = None
        due = self._due()
        if due is None:
            self._deadline = self.factory.clock.after(IDLE, self._expired)
        elif due > self.factory.clock.now():
            self._watch()
        elif self._exchange is not None and self._web is None:
            self._refuse(408)
        else:
            self.transport.loseConnection()


class WebChannel:
    """What a `twisted.web` request wants of its channel, for one request."""

    factory = None

    def __init__(self, connection: HttpConnection, exchange: HttpExchange) -> None:
        self.connection = connection
        self.exchange = exchange
        self.transport = connection.transport
        self.site = connection.factory.site
        self._request = self.site.requestFactory(self)  # type: ignore[misc]

    def start(self) -> None:
        """Hand the request over."""
        exchange, request = self.exchange, self._request
        for name, value in exchange.headers:
            request.requestHeaders.addRawHeader(name, value)
        request.parseCookies()
        request.gotLength(exchange.size)
        for part in exchange.body:
            request.handleContentChunk(part)
        exchange.body.clear()
        request.requestReceived(exchange.method, exchange.target, b"HTTP/" + exchange.version)

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._request.connectionLost(reason)

    def getPeer(self) -> IAddress:
        return self.transport.getPeer()

    def getHost(self) -> IAddress:
        return self.transport.getHost()

    def isSecure(self) -> bool:
        return self.connection.secure

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:
        parts = [b"HTTP/1.1 ", code, b" ", reason, b"\r\n"]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                parts += (name, b": ", value, b"\r\n")
        if self.exchange.close:
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        self.write(b"".join(parts))

    def write(self, data: bytes) -> None:
        self.connection._write(data)

    def writeSequence(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def requestDone(self, request: object) -> None:
        self.connection.web_done(self.exchange)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.transport.unregisterProducer()

    def loseConnection(self) -> None:
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        self.transport.abortConnection()


class HttpFactory(Factory):
    """All connections of one listener. `direct`: paths that are answered straight; the rest goes to `root`."""

    protocol = HttpConnection
    noisy = False

    def __init__(
        self, root: IResource, direct: dict[bytes, Direct], *, clock: Clock, turn_ended: Callable[[], None]
    ) -> None:
        """`clock` tells real time, for sockets; `turn_ended` is called once an input has been handed in."""
        self.site = Site(root)
        self.site.displayTracebacks = False
        self.direct = direct
        self.clock = clock
        self.turn_ended = turn_ended
        self.connections: set[HttpConnection] = set()
        self._date = (0, b"")

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection:
        connection = HttpConnection()
        connection.factory = self
        self.connections.add(connection)
        return connection

    def date(self) -> bytes:
        """For the Date field; made once a second."""
        second = int(self.clock.utc())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

    def close_idle(self) -> None:
        """At shutdown: connections that wait for nothing."""
        for connection in tuple(self.connections):
            connection.transport.loseConnection()


def path_of(target: bytes) -> bytes:
    """The path alone: without query, and without the authority of an absolute target."""
    path = target.partition(b"?")[0]
    if path.startswith((b"http://", b"https://")):
        return b"/" + path.partition(b"//")[2].partition(b"/")[2]
    return path
