"""What a page asks for on behalf of whoever is logged in to the site, and what keeps others from it."""

from __future__ import annotations

import json

from twisted.web.server import Request

from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange
from conversehost.web.guard import Hosts, is_elsewhere
from conversehost.web.resource import answer_json
from conversehost.web.visitors import Finder, Found, Unsure, Visitor

REASONS = {
    401: "nobody is logged in to the site",
    403: "only for pages of this site",
    404: "there is nothing below this",
    405: "this is asked by GET",
    421: "this server doesn't answer to that Host; --allowed-host would allow it",
}
_encode = json.JSONEncoder(ensure_ascii=False).encode
_FIELDS = b"Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_GONE = "gone"
"""The context of an exchange that nobody waits for any more."""


class AccountFront:
    """`Direct`, for GET and HEAD. Refusals are `{"error": reason}`: 401 nobody is logged in, 403 another site's page
    asks, 421 a Host that isn't ours, 503 nobody can say now who it is.
    """

    body_limit = 4_096
    reason = b""
    methods = b"GET, HEAD"

    def __init__(self, visitors: Finder, hosts: Hosts, cors: Cors | None = None) -> None:
        """Pages of the origins that `cors` names may ask as well; `*` names nobody."""
        self._visitors = visitors
        self._hosts = hosts
        self._cors = cors or Cors(())

    def handle(self, exchange: HttpExchange) -> None:
        origin = exchange.field(b"origin")
        named = origin is not None and self._cors.named(exchange) is not None
        if not self._hosts.has(exchange.field(b"host") or b""):
            self.refuse(exchange, 421)
        elif not named and is_elsewhere(
            exchange.field(b"sec-fetch-site"), origin, b"" if origin is None else exchange.host
        ):
            self.refuse(exchange, 403)
        elif named and exchange.method == b"OPTIONS":
            exchange.respond(204, self._cors.preflight(exchange, b"GET, HEAD"))
        elif exchange.method in (b"GET", b"HEAD"):
            self._visitors.identify(exchange, lambda found: self._identified(exchange, found))
        else:
            self.other(exchange)

    def lost(self, exchange: HttpExchange) -> None:
        """What was made waits for whoever comes for it, as long as any; what wasn't isn't."""
        exchange.context = _GONE

    def found(self, exchange: HttpExchange, visitor: Visitor) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def nobody(self, exchange: HttpExchange) -> None:
        """Answer one of somebody who isn't logged in."""
        self.refuse(exchange, 401)

    def unsure(self, exchange: HttpExchange, why: Unsure) -> None:
        """Answer where that can't be known now."""
        self.answer(exchange, 503, {"error": why.text}, b"Retry-After: 2\r\n")

    def other(self, exchange: HttpExchange) -> None:
        """Another method."""
        self.refuse(exchange, 405, b"Allow: %s\r\n" % self.methods)

    def is_waited_for(self, exchange: HttpExchange) -> bool:
        """Whether an answer would reach anybody."""
        return exchange.context is not _GONE

    def answer(self, exchange: HttpExchange, code: int, value: dict[str, object], fields: bytes = b"") -> None:
        """JSON that nobody keeps, and that pages elsewhere read only where they are named."""
        exchange.respond(code, self._fields(exchange) + fields, _encode(value).encode() + b"\n")

    def refuse(self, exchange: HttpExchange, code: int, fields: bytes = b"") -> None:
        """Say why."""
        self.answer(exchange, code, {"error": REASONS[code]}, fields)

    def _fields(self, exchange: HttpExchange) -> bytes:
        return _FIELDS + (self._cors.named(exchange) or b"")

    def _identified(self, exchange: HttpExchange, found: Found) -> None:
        if not self.is_waited_for(exchange):
            return
        if isinstance(found, Unsure):
            self.unsure(exchange, found)
        elif exchange.method == b"HEAD":  # it makes nothing, so it can't tell how long the answer would be
            exchange.respond(200 if found else 401, self._fields(exchange), None)
        elif found is None:
            self.nobody(exchange)
        else:
            self.found(exchange, found)


def tell(request: Request, code: int) -> bytes:
    """Why not, for what is asked below the path."""
    return answer_json(request, code, {"error": REASONS[code]})
