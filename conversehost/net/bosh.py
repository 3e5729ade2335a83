"""BOSH over HTTP (XEP-0124 section 5): POST carries bodies, OPTIONS is the browser's preflight, GET a page to read."""

from __future__ import annotations

from conversehost.bosh.manager import Manager
from conversehost.bosh.session import BoshSession
from conversehost.net.http import HttpExchange

PATHS = (b"/http-bind", b"/http-bind/", b"/bosh", b"/bosh/")

_CORS = b"Access-Control-Allow-Origin: *\r\n"
_XML = b"Content-Type: text/xml; charset=utf-8\r\nCache-Control: no-store\r\n" + _CORS
_PREFLIGHT = (
    _CORS
    + b"Access-Control-Allow-Methods: POST, OPTIONS\r\n"
    + b"Access-Control-Allow-Headers: Content-Type\r\n"
    + b"Access-Control-Max-Age: 86400\r\n"
)
_HTML = (
    b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" + _CORS
)
_PAGE = (
    b"<!doctype html><html lang=en><title>BOSH</title><h1>It works</h1>"
    b"<p>This is a BOSH connection manager (XEP-0124). Give this address to your XMPP client, "
    b"as Converse.js' <code>bosh_service_url</code>.</p></html>\n"
)


class BoshExchange:
    """The connection manager's side of an HTTP request. Its session remembers it for a while, so it lets go of HTTP."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: HttpExchange) -> None:
        self._exchange: HttpExchange | None = exchange

    def answer(self, body: bytes) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:  # after a failure there may be two answers: the first counts
            exchange.respond(200, _XML, body)


class BoshFront:
    """`Direct`: hands requests to the manager."""

    def __init__(self, manager: Manager, *, stanza_limit: int) -> None:
        self._manager = manager
        self.body_limit = 2 * stanza_limit

    def handle(self, exchange: HttpExchange) -> None:
        method = exchange.method
        if method == b"POST":
            self._post(exchange)
        elif method == b"OPTIONS":
            exchange.respond(204, _PREFLIGHT)
        elif method in (b"GET", b"HEAD"):
            exchange.respond(200, _HTML, _PAGE)
        else:
            exchange.respond(405, b"Allow: POST, GET, HEAD, OPTIONS\r\n" + _CORS)

    def lost(self, exchange: HttpExchange) -> None:
        if exchange.context is not None:
            session, ours = exchange.context
            session.lost(ours)

    def _post(self, exchange: HttpExchange) -> None:
        body = exchange.body
        data = body[0] if len(body) == 1 else b"".join(body)
        exchange.body = []
        ours = BoshExchange(exchange)
        session: BoshSession | None = self._manager.request(data, ours, exchange.connection)
        if session is not None:
            exchange.context = (session, ours)
