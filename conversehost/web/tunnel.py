"""WebSocket through the proxy: the site's answer to the handshake, and from then on bytes both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from conversehost.clock import Deadline
from conversehost.net.exchange import HttpExchange
from conversehost.net.http import HttpConnection

if TYPE_CHECKING:
    from conversehost.web.proxy import Proxy

ANSWER = 30.0
"""Seconds for the site to answer a handshake."""
REFUSAL = 1_048_576
"""Bytes of an answer that isn't the one hoped for."""
_REFRAMED = frozenset((b"connection", b"content-length", b"date", b"keep-alive", b"transfer-encoding", b"trailer"))


def wants_websocket(exchange: HttpExchange) -> bool:
    """Whether it is a handshake (RFC 6455 section 4.1)."""
    return (
        exchange.method == b"GET"
        and exchange.version == b"1.1"
        and b"websocket" in exchange.listed(b"upgrade")
        and b"upgrade" in exchange.listed(b"connection")
        and not exchange.has_body
    )


class Upgrade(Protocol):
    """`Answering`: a handshake, and the connection to the site on which it is made."""

    transport: Any

    def __init__(self, proxy: Proxy, connection: HttpConnection, exchange: HttpExchange) -> None:
        self.exchange = exchange
        self.answering = False
        self._proxy = proxy
        self._connection = connection
        self._connecting: Deferred[Any] | None = None
        self._deadline: Deadline | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[bytes] = []
        self._body: list[bytes] = []
        self._size = 0
        self._framed = self._ends_with_connection = False
        self._tunnel: Tunnel | None = None
        self._over = False

    # Answering

    def start(self) -> None:
        """Connect."""
        self._deadline = self._connection.factory.clock.after(ANSWER, self._too_slow)
        self._connecting = self._proxy.endpoint().connect(Factory.forProtocol(lambda: self))
        self._connecting.addErrback(self._failed)

    def more(self) -> None:
        """A handshake has no body."""

    def lost(self, reason: Failure) -> None:
        """The client is gone before there was an answer."""
        self._finish()

    # The connection to the site

    def connectionMade(self) -> None:
        if self._over:
            self.transport.abortConnection()
            return
        exchange, fields = self.exchange, self._proxy.fields(self.exchange)
        lines = [b"GET %s HTTP/1.1" % exchange.local_target]
        lines += [b"%s: %s" % each for each in fields]
        lines += [b"connection: Upgrade", b"upgrade: websocket", b"", b""]
        self.transport.setTcpNoDelay(True)
        self.transport.write(b"\r\n".join(lines))

    def dataReceived(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.from_site(data)
            return
        if self._over:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._opened(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._failed(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._tunnel is not None:
            self._tunnel.site_lost()
        elif self._ends_with_connection and reason.check(error.ConnectionDone):
            self.on_message_complete()
        else:
            self._failed(reason)

    # What the parser finds

    def on_message_begin(self) -> None:
        self._fields = []

    def on_headers_complete(self) -> None:
        self._ends_with_connection = not self._framed and self._parser.get_status_code() >= 200

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._framed = True
        if name.lower() not in _REFRAMED:
            self._fields.append(b"%s: %s\r\n" % (name, value))

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > REFUSAL:
            raise ValueError("too long")
        self._body.append(part)

    def on_message_complete(self) -> None:
        code = self._parser.get_status_code()
        if code >= 200 and not self._over:
            self._finish()
            self._connection.web_left(self.exchange)
            self.exchange.respond(code, b"".join(self._fields), b"".join(self._body))

    def _opened(self, early: bytes) -> None:
        """The site speaks WebSocket now, and `early` is the first that it says."""
        self._over = True
        self._stop_waiting()
        self._tunnel = Tunnel(self.transport)
        self._connection.web_left(self.exchange)
        self.exchange.switch(b"Connection: Upgrade\r\n" + b"".join(self._fields), self._tunnel)
        if early:
            self._tunnel.from_site(early)

    def _failed(self, reason: Failure) -> None:
        if not self._over:
            self._finish()
            self._proxy.failed(self._connection, self.exchange, reason)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self._over:
            self._failed(Failure(error.TimeoutError()))

    def _finish(self) -> None:
        self._over = True
        self._stop_waiting()
        if self.transport is not None:
            self.transport.abortConnection()
        elif self._connecting is not None:
            self._connecting.cancel()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None


class Tunnel:
    """`Successor`: what comes from one end goes to the other, as fast as that takes it; when one closes, both do."""

    def __init__(self, site: Any) -> None:
        self._site = site
        self._client: Any = None

    def start(self, connection: HttpConnection) -> None:
        self._client = connection.transport
        connection.outlet.feed_from(self._site, True)
        self._site.registerProducer(self._client, True)

    def from_site(self, data: bytes) -> None:
        """Bytes for the client."""
        if self._client is not None:
            self._client.write(data)

    def site_lost(self) -> None:
        """The client has what the site said, then the end."""
        self._close(self._client)

    def dataReceived(self, data: bytes) -> None:
        self._site.write(data)

    def connectionLost(self, reason: Failure) -> None:
        self._client = None
        self._close(self._site)

    def _close(self, end: Any) -> None:
        if end is not None:
            end.unregisterProducer()
            end.loseConnection()
