"""From HTTP to WebSocket: who may, and on which terms (RFC 6455 section 4.2, RFC 7395 section 3.1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conversehost.clock import Clock
from conversehost.draining import RETRY, WHY, Draining
from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange, VisitOf
from conversehost.turn import Turn
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Backend
from conversehost.xmpp.xml import Limits

if TYPE_CHECKING:
    from conversehost.net.deflate import Deflate
    from conversehost.net.frames import Frames, Tap
    from conversehost.net.websocket import WebSocketConnection

PATHS = tuple(
    path + slash for path in (b"/xmpp-websocket", b"/ws", b"/websocket", b"/ws-xmpp") for slash in (b"", b"/")
)
PATH = "/xmpp-websocket"
"""The one that is advertised."""

_VERSION = b"13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_UPGRADE = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
_PAGE = (
    b"<!doctype html><html lang=en><title>WebSocket</title><h1>It works</h1>"
    b"<p>XMPP over WebSocket is spoken here (RFC 7395). Give this address, with <code>ws:</code> in place of "
    b"<code>http:</code>, to your XMPP client, as Converse.js' <code>websocket_url</code>.</p></html>\n"
)


@dataclass(frozen=True, slots=True)
class Manners:
    """What holds for all connections. Seconds, and bytes: `ping` after so much silence, the end after `timeout`;
    `queue` may wait for a client that doesn't read.
    """

    ping: float = 60
    timeout: float = 300
    queue: int = 1_048_576
    deflate: bool = False


class Shared:
    """What all connections share: the server behind, time, limits."""

    def __init__(
        self,
        backend: Callable[[], Backend],
        *,
        clock: Clock,
        turn: Turn,
        limits: Limits,
        manners: Manners,
        named: Callable[[str], str] = lambda domain: domain,
        tap: Callable[[], Tap] | None = None,
        draining: Draining | None = None,
    ) -> None:
        """`clock` tells real time, for sockets; `named` is who answers to a client that wants a domain; `tap` makes who
        is told of the frames of a connection; `draining`: whether one may begin.
        """
        self.draining = draining or Draining()
        self._tap = tap
        self.named = named
        self.backend = backend
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.manners = manners
        self.connections: set[WebSocketConnection] = set()

    def frames(self, deflate: Deflate | None) -> Frames:
        """Of one connection."""
        from conversehost.net.frames import Frames  # and a library that starting up needn't wait for

        return Frames(deflate, None if self._tap is None else self._tap())


class WebSocketFront:
    """`Direct`: takes handshakes. Pages of any origin that `cors` lets in may begin one; by cookies it goes only as
    `visit` says.
    """

    body_limit = 1_024
    reason = b""

    def __init__(
        self,
        shared: Shared,
        *,
        cors: Cors | None = None,
        moved: str = "",
        visit: VisitOf = lambda exchange: None,
    ) -> None:
        """`moved`: the URL of another server, to which clients are sent instead (RFC 7395 section 3.6.1). `visit`: what
        a handshake shows of a login to the site.
        """
        self._visit = visit
        self.shared = shared
        self._cors = cors or Cors()
        self._moved = moved

    def handle(self, exchange: HttpExchange) -> None:
        cors = self._cors.fields(exchange)
        fault = fault_of(exchange)
        if cors is None:
            self._cors.refuse(exchange)
        elif exchange.method not in (b"GET", b"HEAD"):
            exchange.respond(405, b"Allow: GET, HEAD\r\n" + cors)
        elif not _has_token(exchange, b"upgrade", b"websocket"):
            exchange.respond(426, _HTML + _UPGRADE + b"Connection: Upgrade\r\n" + cors, _PAGE)
        elif fault:
            code, reason = fault
            extra = _UPGRADE if code == 426 else b""
            exchange.respond(code, _TEXT + extra + cors, f"{code}: {reason}\n".encode())
        elif self.shared.draining.on:
            fields = _TEXT + b"Retry-After: %d\r\n" % RETRY + cors
            exchange.respond(503, fields, f"503 Service Unavailable: {WHY}\n".encode())
        else:
            self._switch(exchange)

    def lost(self, exchange: HttpExchange) -> None:
        """It was answered at once."""

    def close_all(self, error: StreamError) -> None:
        """End every stream."""
        for connection in tuple(self.shared.connections):
            connection.close(error)

    def _switch(self, exchange: HttpExchange) -> None:
        from conversehost.net.websocket import WebSocketConnection  # and a library that starting up needn't wait for

        (key,) = _values(exchange, b"sec-websocket-key")
        deflate, terms = self._negotiated(exchange)
        fields = (
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: xmpp\r\n"
            b"Sec-WebSocket-Accept: %s\r\n%s" % (accept_token(key), terms)
        )
        client = exchange.client
        moved = self._moved if client.secure <= self._moved.startswith("https:") else ""
        target = websocket_url(moved) if moved else ""
        made = WebSocketConnection(self.shared, client, moved=target, deflate=deflate, visit=self._visit(exchange))
        exchange.switch(fields, made)

    def _negotiated(self, exchange: HttpExchange) -> tuple[Deflate | None, bytes]:
        """permessage-deflate where it is switched on and offered on terms that can be met."""
        offers = _values(exchange, b"sec-websocket-extensions")
        if not (self.shared.manners.deflate and offers):
            return None, b""
        from conversehost.net.deflate import agree

        made, terms = agree(b",".join(offers).decode("latin-1"))
        return made, b"Sec-WebSocket-Extensions: %s\r\n" % terms.encode() if made else b""


def fault_of(exchange: HttpExchange) -> tuple[int, str] | None:
    """What is wrong with a handshake: code and reason."""
    if _values(exchange, b"sec-websocket-version") != [_VERSION]:
        return 426, "Sec-WebSocket-Version must be 13"
    if not exchange.alone or exchange.method != b"GET" or not _has_token(exchange, b"connection", b"upgrade"):
        return 400, "a handshake is a GET request of HTTP/1.1 with Connection: Upgrade, and nothing is pipelined before"
    keys = _values(exchange, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return 400, "Sec-WebSocket-Key must be 16 bytes in base64"
    if b"xmpp" not in _tokens(exchange, b"sec-websocket-protocol"):
        return 400, "the subprotocol xmpp must be offered in Sec-WebSocket-Protocol"
    return None


def accept_token(key: bytes) -> bytes:
    """What shows that a handshake was understood (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def websocket_url(base: str) -> str:
    """Where WebSocket is on the server at `base`, which is an http or https URL."""
    parts = urlsplit(base)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{PATH}"


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def _values(exchange: HttpExchange, name: bytes) -> list[bytes]:
    return [value.strip() for each, value in exchange.headers if each == name]


def _tokens(exchange: HttpExchange, name: bytes) -> list[bytes]:
    return [each.strip() for value in _values(exchange, name) for each in value.split(b",")]


def _has_token(exchange: HttpExchange, name: bytes, token: bytes) -> bool:
    return token in [each.lower() for each in _tokens(exchange, name)]
