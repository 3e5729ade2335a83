"""`prebind_url`: a BOSH session for whoever is logged in to the site (Converse.js' `authentication: 'prebind'`)."""

from __future__ import annotations

from typing import Protocol

from twisted.web.resource import Resource
from twisted.web.server import Request

from conversehost.net.prebind import Prebound
from conversehost.web.guard import Hosts, answer_json, is_cross_site
from conversehost.web.login import SiteSessions
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID


class ChatMaker(Protocol):
    """What the site needs of the connection manager."""

    def prebind(self, account: JID, owner: str) -> Prebound:
        """A session that is authenticated and bound, made for the owner. Raises StanzaError when there are too many."""

    def end(self, account: JID, owner: str) -> None:
        """End all that were made for the owner."""


class PrebindResource(Resource):
    """`GET /prebind` -> `{"jid": full JID, "sid": string, "rid": the next rid}`."""

    isLeaf = True

    def __init__(self, sessions: SiteSessions, chat: ChatMaker, hosts: Hosts) -> None:
        super().__init__()
        self._sessions = sessions
        self._chat = chat
        self._hosts = hosts

    def render_GET(self, request: Request) -> bytes:
        if not self._hosts.allows(request):
            return answer_json(request, 421, {"error": "this server doesn't answer to that Host; see --allowed-host"})
        if is_cross_site(request):
            return answer_json(request, 403, {"error": "only for pages of this site"})
        session = self._sessions.of(request)
        if session is None:
            return answer_json(request, 401, {"error": "nobody is logged in to the site"})
        try:
            bound = self._chat.prebind(session.account, session.id)
        except StanzaError as error:
            return answer_json(request, 503, {"error": error.text})
        return answer_json(request, 200, {"jid": bound.jid, "sid": bound.sid, "rid": bound.rid})
