"""`prebind_url`: a BOSH session for whoever is logged in to the site (Converse.js' `authentication: 'prebind'`)."""

from __future__ import annotations

from twisted.web.server import NOT_DONE_YET, Request

from conversehost.web.guard import Hosts
from conversehost.web.login import ChatMaker, SiteSessions
from conversehost.web.resource import OwnResource, answer_json
from conversehost.xmpp.errors import StanzaError

REASONS = {
    403: "only for pages of this site",
    404: "there is nothing below prebind",
    405: "prebind is asked by GET",
    421: "this server doesn't answer to that Host; --allowed-host would allow it",
}


class PrebindResource(OwnResource):
    """`GET /prebind` -> `{"jid": full JID, "sid": string, "rid": the next rid}`.

    Refusals are `{"error": reason}`: 401 nobody is logged in, 403 another site's page asks, 421 a Host that isn't ours.
    """

    open_methods = frozenset()  # GET makes a session

    def __init__(self, sessions: SiteSessions, chat: ChatMaker, hosts: Hosts) -> None:
        super().__init__(tell, hosts)
        self._sessions = sessions
        self._chat = chat

    def render_HEAD(self, request: Request) -> int:
        """Only whether somebody is logged in: it makes no session, so it can't tell how long the answer would be."""
        answer_json(request, 200 if self._sessions.of(request) else 401, {})
        request.finish()
        return NOT_DONE_YET

    def render_GET(self, request: Request) -> bytes:
        """One more session."""
        session = self._sessions.of(request)
        if session is None:
            return answer_json(request, 401, {"error": "nobody is logged in to the site"})
        try:
            bound = self._chat.prebind(session.account, session.id)
        except StanzaError as error:
            return answer_json(request, 503, {"error": error.text or error.condition})
        return answer_json(request, 200, {"jid": bound.jid, "sid": bound.sid, "rid": bound.rid})


def tell(request: Request, code: int) -> bytes:
    """Refuse with the reason, as JSON."""
    return answer_json(request, code, {"error": REASONS[code]})
