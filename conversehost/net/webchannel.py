"""From our HTTP front to `twisted.web`: what a `Request` wants of its channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Request, Site

if TYPE_CHECKING:
    from conversehost.net.http import HttpConnection, HttpExchange


class WebChannel:
    """For one request."""

    factory = None  # where twisted.web would look for its access log

    def __init__(self, connection: HttpConnection, exchange: HttpExchange) -> None:
        self.connection = connection
        self.exchange = exchange
        self.transport: Any = connection.transport
        self.site: Site = connection.factory.site
        self.answering = False
        self._gathered: list[bytes] | None = None  # what leaves together: header and body, when both are there at once
        self._request: Any = self.site.requestFactory(self)  # type: ignore[misc]

    def start(self) -> None:
        """Hand the request over."""
        exchange, request = self.exchange, self._request
        self._gathered = []
        for name, value in exchange.headers:
            request.requestHeaders.addRawHeader(name, value)
        request.parseCookies()
        request.gotLength(exchange.size)
        for part in exchange.body:
            request.handleContentChunk(part)
        exchange.body.clear()
        try:
            request.requestReceived(exchange.method, exchange.local_target, b"HTTP/" + exchange.version)
        finally:
            self._release()

    def more(self) -> None:
        """There is none: it is given complete requests."""

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._request.connectionLost(reason)

    # What twisted.web calls

    def getPeer(self) -> IAddress:
        address: IAddress = self.transport.getPeer()
        if not self.exchange.forwarded:
            return address
        client = self.exchange.address
        kind = IPv6Address if ":" in client else IPv4Address
        return kind("TCP", client, getattr(address, "port", 0))

    def getHost(self) -> IAddress:
        address: IAddress = self.transport.getHost()
        return address

    def isSecure(self) -> bool:
        return self.exchange.secure

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        self.answering = True
        self.connection.factory.answers[int(code)] += 1
        parts = [b"HTTP/1.1 ", code, b" ", reason, b"\r\n"]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                parts += (name, b": ", value, b"\r\n")
        if self.exchange.close:
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        self.write(b"".join(parts))

    def write(self, data: bytes) -> None:
        if self._gathered is None:
            self.connection.outlet.write(data)
        else:
            self._gathered.append(data)

    def writeSequence(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def requestDone(self, request: object) -> None:
        self._release()
        self.connection.web_done(self.exchange)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._release()
        self.connection.outlet.feed_from(producer, streaming)

    def unregisterProducer(self) -> None:
        self.transport.unregisterProducer()

    def loseConnection(self) -> None:
        self._release()
        self.connection.outlet.close()

    def abortConnection(self) -> None:
        self.transport.abortConnection()

    def _release(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.connection.outlet.write(b"".join(gathered))

    def _respondToBadRequestAndDisconnect(self) -> None:
        """A form that can't be parsed."""
        self.connection.web_failed(self.exchange, 400)


def host_of(request: Request) -> bytes:
    """What the client called us by, which behind a proxy that is trusted needn't be the Host field."""
    channel: Any = request.channel
    host: bytes = channel.exchange.host
    return host
