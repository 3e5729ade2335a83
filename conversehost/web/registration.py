"""`/register`: a form on which anybody makes an account, and is logged in to the site, and so to chat."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.server import Request

from conversehost.server.registration import Registration
from conversehost.web.guard import Hosts
from conversehost.web.login import SiteSessions, field, see_other
from conversehost.web.resource import OwnResource, Problem
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JIDError, prepare_local

STATUS = {"conflict": 409, "resource-constraint": 429}


class RegistrationResource(OwnResource):
    """There only where registration is open."""

    def __init__(
        self,
        registration: Registration,
        sessions: SiteSessions,
        form: Callable[[Request, str, str], bytes],
        problem: Problem,
        hosts: Hosts,
    ) -> None:
        """`form(request, username, message)` is the page."""
        super().__init__(problem, hosts)
        self._registration = registration
        self._sessions = sessions
        self._form = form

    def render_GET(self, request: Request) -> bytes:
        """The form. Whoever is logged in goes on to the front page."""
        return see_other(request, b"/") if self._sessions.of(request) else self._form(request, "", "")

    def render_POST(self, request: Request) -> bytes:
        """The fields `username` and `password`: 303 to the front page with a cookie, or the form with what is wrong."""
        username, password = field(request, b"username").strip(), field(request, b"password")
        try:
            if not username or not password:
                raise StanzaError("not-acceptable", "a name and a password are needed")
            address = getattr(request.getClientAddress(), "host", "")
            account = self._registration.make(prepare_local(username), password, address)
        except (StanzaError, JIDError) as error:
            condition, text = (error.condition, error.text) if isinstance(error, StanzaError) else ("", str(error))
            request.setResponseCode(STATUS.get(condition, 400))
            return self._form(request, username, f"{text[:1].upper()}{text[1:]}.")
        self._sessions.start(request, account)
        return see_other(request, b"/")
