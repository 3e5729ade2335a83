"""`prebind_url`: a BOSH session for whoever is logged in to the site (Converse.js' `authentication: 'prebind'`)."""

from __future__ import annotations

import json

from twisted.web.server import Request

from conversehost.net.exchange import HttpExchange
from conversehost.web.guard import Hosts, is_elsewhere
from conversehost.web.login import COOKIE, ChatMaker, SiteSessions
from conversehost.web.resource import answer_json
from conversehost.xmpp.errors import StanzaError

PATH = b"/prebind"
REASONS = {
    401: "nobody is logged in to the site",
    403: "only for pages of this site",
    404: "there is nothing below prebind",
    405: "prebind is asked by GET",
    421: "this server doesn't answer to that Host; --allowed-host would allow it",
}
_encode = json.JSONEncoder(ensure_ascii=False).encode
_FIELDS = b"Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"


class PrebindFront:
    """`Direct`: `GET /prebind` -> `{"jid": full JID, "sid": string, "rid": the next rid}`.

    Refusals are `{"error": reason}`: 401 nobody is logged in, 403 another site's page asks, 421 a Host that isn't ours.
    """

    body_limit = 4_096

    def __init__(self, sessions: SiteSessions, chat: ChatMaker, hosts: Hosts) -> None:
        self._sessions = sessions
        self._chat = chat
        self._hosts = hosts

    def handle(self, exchange: HttpExchange) -> None:
        origin = exchange.field(b"origin")
        if not self._hosts.has(exchange.field(b"host") or b""):
            refuse(exchange, 421)
        elif is_elsewhere(exchange.field(b"sec-fetch-site"), origin, b"" if origin is None else exchange.host):
            refuse(exchange, 403)
        elif exchange.method == b"GET":
            self._get(exchange)
        elif exchange.method == b"HEAD":  # it makes no session, so it can't tell how long the answer would be
            exchange.respond(200 if self._sessions.named(exchange.cookie(COOKIE)) else 401, _FIELDS, None)
        else:
            refuse(exchange, 405, b"Allow: GET, HEAD\r\n")

    def lost(self, exchange: HttpExchange) -> None:
        """The session waits for whoever attaches to it, as long as any."""

    def _get(self, exchange: HttpExchange) -> None:
        """One more session."""
        session = self._sessions.named(exchange.cookie(COOKIE))
        if session is None:
            refuse(exchange, 401)
            return
        try:
            bound = self._chat.prebind(session.account, session.id, exchange.origin)
        except StanzaError as error:
            answer(exchange, 503, {"error": error.text or error.condition})
        else:
            answer(exchange, 200, {"jid": bound.jid, "sid": bound.sid, "rid": bound.rid})


def answer(exchange: HttpExchange, code: int, value: dict[str, object], fields: bytes = b"") -> None:
    """JSON that nobody keeps."""
    exchange.respond(code, _FIELDS + fields, _encode(value).encode() + b"\n")


def refuse(exchange: HttpExchange, code: int, fields: bytes = b"") -> None:
    """Say why."""
    answer(exchange, code, {"error": REASONS[code]}, fields)


def tell(request: Request, code: int) -> bytes:
    """The same for what is asked below the path."""
    return answer_json(request, code, {"error": REASONS[code]})
