"""`/invite/TOKEN`: what somebody opens who was invited (XEP-0379 section 3.3), and makes an account on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from twisted.web.resource import IResource
from twisted.web.server import Request

from conversehost.server.host import Host
from conversehost.server.invitations import Invitation, Invitations
from conversehost.web.guard import Hosts
from conversehost.web.login import SiteSessions, field, see_other
from conversehost.web.resource import Missing, OwnResource, Problem
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JIDError, prepare_local


class Show(Protocol):
    """The page of an invitation: what was typed as a name, and what is wrong with it, "" for nothing."""

    def __call__(self, request: Request, invitation: Invitation, username: str, message: str) -> bytes: ...


class InvitationsResource(OwnResource):
    """All of them, of all domains."""

    def __init__(
        self, domains: Mapping[str, Host], sessions: SiteSessions, show: Show, problem: Problem, hosts: Hosts
    ) -> None:
        super().__init__(problem, hosts)
        self.sessions = sessions
        self.show = show
        self.hosts = hosts
        self._domains = domains

    def getChild(self, path: bytes, request: Request) -> IResource:
        """One that can be followed still."""
        token = path.decode("latin-1")
        for host in self._domains.values():
            found = Invitations(host).find(token)
            if found is not None:
                return InvitationResource(self, Invitations(host), found)
        return Missing(lambda request, code: self.problem(request, 410))

    def render_GET(self, request: Request) -> bytes:
        """Nobody sees them all."""
        return self.problem(request, 404)


class InvitationResource(OwnResource):
    """One invitation."""

    isLeaf = True

    def __init__(self, site: InvitationsResource, invitations: Invitations, invitation: Invitation) -> None:
        super().__init__(site.problem, site.hosts)
        self._site = site
        self._invitations = invitations
        self._invitation = invitation

    def render_GET(self, request: Request) -> bytes:
        """The page; looking at it uses nothing up."""
        return self._site.show(request, self._invitation, self._invitation.username, "")

    def render_POST(self, request: Request) -> bytes:
        """The fields `username` and `password`: 303 to the front page, logged in to the site, or the page again."""
        if not self._invitation.newcomer:
            return self.problem(request, 405)
        username, password = field(request, b"username").strip(), field(request, b"password")
        try:
            if not username or not password:
                raise StanzaError("not-acceptable", "a name and a password are needed")
            account = self._invitations.register(self._invitation, prepare_local(username), password)
        except (StanzaError, JIDError) as error:
            request.setResponseCode(400)
            text = error.text if isinstance(error, StanzaError) else str(error)
            return self._site.show(request, self._invitation, username, f"{text[:1].upper()}{text[1:]}.")
        self._site.sessions.start(request, account)
        return see_other(request, b"/")
