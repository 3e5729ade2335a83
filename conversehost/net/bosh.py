"""BOSH over HTTP (XEP-0124 section 5): POST carries bodies, OPTIONS is the browser's preflight, GET a page to read."""

from __future__ import annotations

from conversehost.bosh.manager import Manager
from conversehost.bosh.session import BoshSession
from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange

PATHS = (b"/http-bind", b"/http-bind/", b"/bosh", b"/bosh/")

_METHODS = b"POST, OPTIONS"
_XML = b"Content-Type: text/xml; charset=utf-8\r\nCache-Control: no-store\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_PAGE = (
    b"<!doctype html><html lang=en><title>BOSH</title><h1>It works</h1>"
    b"<p>This is a BOSH connection manager (XEP-0124). Give this address to your XMPP client, "
    b"as Converse.js' <code>bosh_service_url</code>.</p></html>\n"
)


class BoshExchange:
    """The connection manager's side of an HTTP request. Its session remembers it for a while, so it lets go of HTTP."""

    __slots__ = ("_cors", "_exchange")

    def __init__(self, exchange: HttpExchange, cors: bytes) -> None:
        self._exchange: HttpExchange | None = exchange
        self._cors = cors

    def answer(self, body: bytes) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:  # after a failure there may be two answers: the first counts
            exchange.respond(200, _XML + self._cors, body)


class BoshFront:
    """`Direct`: hands requests to the manager, except those of pages that aren't allowed to ask."""

    def __init__(self, manager: Manager, *, stanza_limit: int, cors: Cors | None = None) -> None:
        self._manager = manager
        self._cors = cors or Cors()
        self.body_limit = 2 * stanza_limit
        self.bodies = 0

    def handle(self, exchange: HttpExchange) -> None:
        method, cors = exchange.method, self._cors.fields(exchange)
        if cors is None:
            self._cors.refuse(exchange)
        elif method == b"POST":
            self._post(exchange, cors)
        elif method == b"OPTIONS":
            exchange.respond(204, self._cors.preflight(exchange, _METHODS))
        elif method in (b"GET", b"HEAD"):
            exchange.respond(200, _HTML + cors, _PAGE)
        else:
            exchange.respond(405, b"Allow: POST, GET, HEAD, OPTIONS\r\n" + cors)

    def lost(self, exchange: HttpExchange) -> None:
        if exchange.context is not None:
            session, ours = exchange.context
            session.lost(ours)

    def _post(self, exchange: HttpExchange, cors: bytes) -> None:
        self.bodies += 1
        body = exchange.body
        data = body[0] if len(body) == 1 else b"".join(body)
        exchange.body = []
        ours = BoshExchange(exchange, cors)
        session: BoshSession | None = self._manager.request(data, ours, exchange)
        if session is not None:
            exchange.context = (session, ours)
