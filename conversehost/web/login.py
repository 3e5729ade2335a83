"""The demo site's own login: a form, a cookie, and who is behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome
from conversehost.clock import Clock
from conversehost.store import Store
from conversehost.web.guard import is_cross_site
from conversehost.xmpp.jid import JID, JIDError, parse

COOKIE = b"conversehost_session"
LIFETIME = 12 * 3600.0
"""Seconds that a site session lasts."""


@dataclass(frozen=True, slots=True)
class SiteSession:
    """Somebody who is logged in to the site; `id` is the cookie's value."""

    id: str
    account: JID
    expires: float  # seconds since 1970


class SiteSessions:
    """In the store: collection "site_sessions", by id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def start(self, request: Request, account: JID) -> SiteSession:
        """A new session with a new id; its cookie goes with the answer."""
        session = SiteSession(secrets.token_urlsafe(24), account, self._clock.utc() + LIFETIME)
        self._drop_expired()
        self._store.put("site_sessions", session.id, "", session)
        self._set_cookie(request, session.id.encode(), int(LIFETIME))
        return session

    def of(self, request: Request) -> SiteSession | None:
        """The session that the request's cookie names, while it lasts."""
        cookie = request.getCookie(COOKIE)
        if cookie is None:
            return None
        found: SiteSession | None = self._store.get("site_sessions", cookie.decode("latin-1"), "")
        return found if found is not None and found.expires > self._clock.utc() else None

    def end(self, request: Request, session: SiteSession) -> None:
        """Forget it, and have the browser forget it."""
        self._store.clear("site_sessions", session.id)
        self._set_cookie(request, b"", 0)

    def _set_cookie(self, request: Request, value: bytes, seconds: int) -> None:
        request.addCookie(
            COOKIE, value, path=b"/", max_age=str(seconds).encode(), httpOnly=True, sameSite=b"lax", secure=request.isSecure()
        )

    def _drop_expired(self) -> None:
        """The oldest come first, and all last equally long."""
        now = self._clock.utc()
        for owner in list(self._store.owners("site_sessions")):
            session: SiteSession | None = self._store.get("site_sessions", owner, "")
            if session is None or session.expires > now:
                return
            self._store.clear("site_sessions", owner)


class LoginResource(Resource):
    """`POST /login`: the form's fields `username` and `password`."""

    isLeaf = True

    def __init__(
        self,
        sessions: SiteSessions,
        authenticator: Authenticator,
        domain: str,
        form: Callable[[Request, str, str], bytes],
    ) -> None:
        """`form(request, username, message)` is the page to try again on."""
        super().__init__()
        self._sessions = sessions
        self._authenticator = authenticator
        self._domain = domain
        self._form = form

    def render_GET(self, request: Request) -> bytes:
        return see_other(request, b"/")

    def render_POST(self, request: Request) -> bytes | int:
        if is_cross_site(request):
            request.setResponseCode(403)
            return self._form(request, "", "That came from another site. Log in here.")
        username, password = field(request, b"username").strip(), field(request, b"password")
        try:
            account = parse(username if "@" in username else f"{username}@{self._domain}").to_bare()
        except JIDError:
            return self._refused(request, username)
        answer: list[bytes] = []
        waiting = False

        def done(outcome: Outcome) -> None:
            if isinstance(outcome, Accepted):
                self._sessions.start(request, outcome.account)
                answer.append(see_other(request, b"/"))
            else:
                answer.append(self._refused(request, username))
            if waiting:
                request.write(answer[0])
                request.finish()

        self._authenticator.check(Attempt(account, password), done)
        if answer:
            return answer[0]
        waiting = True
        return NOT_DONE_YET

    def _refused(self, request: Request, username: str) -> bytes:
        """401 tells programs; browsers show the page, since it asks for no HTTP authentication that they know."""
        request.setResponseCode(401)
        return self._form(request, username, "That name and password don't go together.")


def field(request: Request, name: bytes) -> str:
    """A form's field, "" when missing."""
    values = (request.args or {}).get(name, [b""])
    return values[0].decode("utf-8", "replace")


def see_other(request: Request, location: bytes) -> bytes:
    """Go there by GET."""
    request.setResponseCode(303)
    request.setHeader(b"location", location)
    request.setHeader(b"cache-control", b"no-store")
    return b""
