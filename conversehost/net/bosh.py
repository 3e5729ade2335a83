"""BOSH over HTTP (XEP-0124 section 5): POST carries bodies, OPTIONS is the browser's preflight, GET a page to read."""

from __future__ import annotations

from conversehost.bosh.body import BodyError, ClosedError, parse_body, terminate
from conversehost.bosh.manager import Manager
from conversehost.bosh.script import parse_script
from conversehost.bosh.session import BoshSession
from conversehost.bosh.terms import PLAIN, Manner
from conversehost.draining import RETRY
from conversehost.net import coding, script
from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange, VisitOf

PATHS = (b"/http-bind", b"/http-bind/", b"/bosh", b"/bosh/")
LEGACY = {"bad-request": 400, "policy-violation": 403, "item-not-found": 404}
"""What clients get that send no `ver` (section 17.1)."""
WORTH_PACKING = 1_024
"""Bytes: shorter answers aren't compressed."""

_METHODS = b"POST, OPTIONS"
# A page elsewhere can have a browser show an answer, with markup in it that somebody sent as a message.
_COMMON = (
    b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    b"Content-Security-Policy: default-src 'none'; sandbox\r\n"
)
_XML = b"Content-Type: text/xml; charset=utf-8\r\n" + _COMMON
_HTML = b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    b"<title>BOSH</title><style>:root{color-scheme:light dark}"
    b"body{font:17px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1.2rem}</style>"
    b"<h1>It works</h1><p>This is a BOSH connection manager (XEP-0124). Give this address to your XMPP client, "
    b"as Converse.js' <code>bosh_service_url</code>.</p></html>\n"
)


class BoshExchange:
    """The connection manager's side of an HTTP request. Its session remembers it for a while, so it lets go of HTTP."""

    __slots__ = ("_cors", "_exchange", "_front")

    def __init__(self, front: BoshFront, exchange: HttpExchange, cors: bytes) -> None:
        self._front = front
        self._exchange: HttpExchange | None = exchange
        self._cors = cors

    def answer(self, body: bytes, manner: Manner, why: BodyError | None = None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:  # after a failure there may be two answers: the first counts
            return
        if manner is PLAIN and why is None and len(body) < WORTH_PACKING and exchange.method == b"POST":
            exchange.respond(200, self._front.plain(self._cors), body)
        else:
            self._front.answer(exchange, self._cors, body, manner, why)

    def hang_up(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.hang_up()


class BoshFront:
    """`Direct`: hands requests to the manager, except those of pages that aren't allowed to ask."""

    def __init__(
        self,
        manager: Manager,
        *,
        stanza_limit: int,
        cors: Cors | None = None,
        allow_script: bool = False,
        reasons: bool = True,
        visit: VisitOf = lambda exchange: None,
    ) -> None:
        """`allow_script`: XEP-0252, for pages that can't POST; `reasons`: errors say why, in a header field. `visit`:
        what a request shows of a login to the site. A script may come from anywhere, and so shows nothing.
        """
        self._visit = visit
        self._manager = manager
        self._cors = cors or Cors()
        self._allow_script = allow_script
        self.reason = b"X-BOSH-Reason" if reasons else b""
        self.body_limit = 2 * stanza_limit
        self.bodies = 0
        self._plain: dict[bytes, bytes] = {}

    def handle(self, exchange: HttpExchange) -> None:
        method, cors = exchange.method, self._cors.fields(exchange)
        if cors is None:
            self._cors.refuse(exchange)
        elif method == b"POST":
            self._post(exchange, cors)
        elif method == b"OPTIONS":
            exchange.respond(204, self._cors.preflight(exchange, _METHODS))
        elif method in (b"GET", b"HEAD"):
            self._get(exchange, cors)
        else:
            exchange.respond(405, b"Allow: POST, GET, HEAD, OPTIONS\r\n" + cors)

    def plain(self, cors: bytes) -> bytes:
        """The fields of most answers. `Cors` has few: one object for each, as long as answers are remembered."""
        fields = self._plain.get(cors)
        if fields is None:
            fields = self._plain[cors] = _XML + cors
        return fields

    def lost(self, exchange: HttpExchange) -> None:
        if exchange.context is not None:
            session, ours = exchange.context
            session.lost(ours)

    def answer(
        self, exchange: HttpExchange, cors: bytes, body: bytes, manner: Manner, why: BodyError | None = None
    ) -> None:
        """Put as the session wants it: Content-Type and charset, code, reason, coding."""
        code, fields = 200, _COMMON + cors
        if why is not None:
            fields += self._reason(why.reason)
            if isinstance(why, ClosedError) and exchange.method == b"POST":  # a proxy in front may ask another process
                code, fields = 503, fields + b"Retry-After: %d\r\n" % RETRY
            if manner.legacy and why.condition in LEGACY:
                code, body = LEGACY[why.condition], b""
        content = manner.content.encode() or b"text/xml; charset=utf-8"
        if manner.ascii:
            body = body.decode().encode("ascii", "xmlcharrefreplace")
        if exchange.method == b"GET":
            body = script.call(body, script.callback(exchange.target) or b"_BOSH_")
            content = manner.content.encode() or b"text/javascript; charset=utf-8"
            fields += b"Pragma: no-cache\r\n"
        if len(body) >= WORTH_PACKING:
            packing = coding.preferred(coding.field(exchange.headers, b"accept-encoding"))
            if packing:
                body = coding.encode(body, packing)
                fields += b"Content-Encoding: %s\r\nVary: Accept-Encoding\r\n" % packing
        exchange.respond(code, b"Content-Type: %s\r\n%s" % (content, fields), body)

    def _post(self, exchange: HttpExchange, cors: bytes) -> None:
        body = exchange.body
        data = body[0] if len(body) == 1 else b"".join(body)
        exchange.body = []
        if data[:1] != b"<":  # else it can't be compressed
            try:
                data = coding.decode(data, coding.field(exchange.headers, b"content-encoding"), self.body_limit)
            except coding.CodingError as error:
                self._not_decoded(exchange, cors, error)
                return
        self._hand_in(exchange, cors, data)

    def _get(self, exchange: HttpExchange, cors: bytes) -> None:
        """A page to read; or a body in script syntax, where that is allowed."""
        data = script.body(exchange.target)
        if data is None:
            exchange.respond(200, _HTML + cors, _PAGE)
        elif not self._allow_script or exchange.method == b"HEAD":
            fields = _TEXT + cors + self._reason(_NO_SCRIPT)
            exchange.respond(404, fields, f"404 Not Found: {_NO_SCRIPT}\n".encode())
        else:
            self._hand_in(exchange, cors, data, parse_script)

    def _hand_in(self, exchange: HttpExchange, cors: bytes, data: bytes, parse: script.Parse = parse_body) -> None:
        self.bodies += 1
        ours = BoshExchange(self, exchange, cors)
        session: BoshSession | None = self._manager.request(
            data,
            ours,
            exchange,
            parse=parse,
            visit=lambda: self._visit(exchange) if exchange.method == b"POST" else None,
        )
        if session is not None:
            exchange.context = (session, ours)

    def _not_decoded(self, exchange: HttpExchange, cors: bytes, error: coding.CodingError) -> None:
        if not (error.unknown or error.too_big):
            why = BodyError("bad-request", str(error))
            self.answer(exchange, cors, terminate(why.condition), PLAIN, why)
            return
        fields = _TEXT + cors + self._reason(str(error))
        if error.unknown:
            fields += b"Accept-Encoding: %s\r\n" % coding.ACCEPTED
            exchange.respond(415, fields, f"415 Unsupported Media Type: {error}\n".encode())
        else:
            exchange.respond(413, fields, f"413 Content Too Large: {error}\n".encode())

    def _reason(self, text: str) -> bytes:
        """The field that says why, if there shall be one."""
        return b"%s: %s\r\n" % (self.reason, header_text(text)) if self.reason and text else b""


_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
_NO_SCRIPT = "script syntax is off; --bosh-script turns it on"


def header_text(reason: str) -> bytes:
    """A sentence as the value of a header field: printable ASCII, whatever was quoted in it."""
    plain = reason.encode("ascii", "backslashreplace")
    return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in plain)[:500]
