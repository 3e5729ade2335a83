"""The demo site's own login: a form, a cookie, and who is behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome
from conversehost.clock import Clock
from conversehost.net.prebind import WISH, Prebound, Wish
from conversehost.server.host import Host
from conversehost.store import Store
from conversehost.web.guard import Hosts
from conversehost.web.resource import OwnResource, Problem
from conversehost.xmpp.jid import JID, JIDError, parse_account

COOKIE = b"conversehost_session"
LIFETIME = 12 * 3600.0
"""Seconds that a site session lasts."""
WRONG = "That name and password don't go together."


class ChatMaker(Protocol):
    """What the site needs of the chat."""

    def knows(self, account: JID) -> bool:
        """Whether the account still exists."""

    def prebind(self, account: JID, owner: str, origin: str = "", wish: Wish = WISH) -> Prebound:
        """A session that is authenticated and bound, made for the owner. Raises StanzaError when there are too many."""

    def end(self, account: JID, owner: str) -> None:
        """End all that were made for the owner."""

    def end_all(self, account: JID) -> int:
        """End every session of the account; how many there were."""


@dataclass(frozen=True, slots=True)
class SiteSession:
    """Somebody who is logged in to the site; `id` is the cookie's value."""

    id: str
    account: JID
    expires: float  # seconds since 1970


class SiteSessions:
    """In the store of their accounts: collection "site_sessions", by id. When one ends, so do the chat sessions that
    were made for it.
    """

    def __init__(self, store: Store, clock: Clock, chat: ChatMaker, domains: Mapping[str, Host]) -> None:
        """`domains` may have stores of their own; of all others it is `store`."""
        self._store = store
        self._domains = domains
        self._clock = clock
        self._chat = chat

    def start(self, request: Request, account: JID) -> SiteSession:
        """A new session with a new id, in place of the browser's earlier one; its cookie goes with the answer."""
        self._end(self.of(request))
        store = self._store_of(account)
        drop_expired(store, self._clock.utc())
        session = SiteSession(secrets.token_urlsafe(24), account, self._clock.utc() + LIFETIME)
        store.put("site_sessions", session.id, "", session)
        self._clock.after(LIFETIME, lambda: self._over(session))
        self._set_cookie(request, session.id.encode(), int(LIFETIME))
        return session

    def of(self, request: Request) -> SiteSession | None:
        """The session that the request's cookie names, while it lasts, and while its account does."""
        return self.named(request.getCookie(COOKIE))

    def named(self, cookie: bytes | None) -> SiteSession | None:
        """The same for the value of a cookie."""
        if cookie is None:
            return None
        found = self._find(cookie.decode("latin-1"))
        if found is None or found.expires <= self._clock.utc() or not self._chat.knows(found.account):
            return None
        return found

    def end(self, request: Request) -> None:
        """Forget the browser's session, and have the browser forget it."""
        self._end(self.of(request))
        self._set_cookie(request, b"", 0)

    def _end(self, session: SiteSession | None) -> None:
        if session is not None:
            self._store_of(session.account).clear("site_sessions", session.id)
            self._chat.end(session.account, session.id)

    def _over(self, session: SiteSession) -> None:
        """Its time is; if it hasn't been ended before."""
        if self._store_of(session.account).get("site_sessions", session.id, "") == session:
            self._end(session)

    def _store_of(self, account: JID) -> Store:
        host = self._domains.get(account.domain)
        return self._store if host is None else host.store

    def _find(self, id: str) -> SiteSession | None:
        for store in (self._store, *(host.store for host in self._domains.values() if host.store is not self._store)):
            found: SiteSession | None = store.get("site_sessions", id, "")
            if found is not None:
                return found
        return None

    def _set_cookie(self, request: Request, value: bytes, seconds: int) -> None:
        age = b"%d" % seconds
        secure = request.isSecure()
        request.addCookie(COOKIE, value, path=b"/", max_age=age, httpOnly=True, sameSite=b"lax", secure=secure)


def drop_expired(store: Store, now: float) -> None:
    """The oldest come first, and all last equally long."""
    expired = []
    for owner in store.owners("site_sessions"):
        session: SiteSession = store.get("site_sessions", owner, "")
        if session.expires > now:
            break
        expired.append(owner)
    for owner in expired:
        store.clear("site_sessions", owner)


class LoginResource(OwnResource):
    """`POST /login`: the form's fields `username` and `password`."""

    def __init__(
        self,
        sessions: SiteSessions,
        authenticator: Authenticator,
        domain: Callable[[Request], str],
        form: Callable[[Request, str, str], bytes],
        problem: Problem,
        hosts: Hosts,
    ) -> None:
        """`domain`: of whom a name alone is; `form(request, username, message)` is the page to try again on."""
        super().__init__(problem, hosts)
        self._sessions = sessions
        self._authenticator = authenticator
        self._domain = domain
        self._form = form

    def render_GET(self, request: Request) -> bytes:
        """The form; the front page may be the operator's own. Whoever is logged in goes on to that."""
        return see_other(request, b"/") if self._sessions.of(request) else self._form(request, "", "")

    def render_POST(self, request: Request) -> bytes | int:
        """303 to the front page with a cookie, or 401 with the form; 503 where nobody can tell at the moment."""
        username, password = field(request, b"username").strip(), field(request, b"password")
        try:
            account = parse_account(username.partition("/")[0], self._domain(request))
        except JIDError:
            return self._refused(request, username)
        answer = Answer(request, lambda outcome: self._outcome(request, username, outcome))
        self._authenticator.check(Attempt(account, password), answer.done)
        return answer.now()

    def _outcome(self, request: Request, username: str, outcome: Outcome) -> bytes:
        if isinstance(outcome, Accepted):
            self._sessions.start(request, outcome.account)
            return see_other(request, b"/")
        if outcome.condition == "temporary-auth-failure":
            request.setResponseCode(503)
            return self._form(request, username, "Nobody can be let in just now. Please try again in a while.")
        is_disabled = outcome.condition == "account-disabled"
        return self._refused(request, username, "This account is disabled." if is_disabled else WRONG)

    def _refused(self, request: Request, username: str, text: str = WRONG) -> bytes:
        """401 tells programs; browsers show the page, since it asks for no HTTP authentication that they know."""
        request.setResponseCode(401)
        return self._form(request, username, text)


class Answer:
    """To a request whose outcome may be known at once or later; nobody may be there any more to hear it."""

    def __init__(self, request: Request, render: Callable[[Outcome], bytes]) -> None:
        self._request = request
        self._render = render
        self._body: bytes | None = None
        self._late = self._gone = False

    def done(self, outcome: Outcome) -> None:
        """The outcome; once."""
        if self._gone:
            return
        try:
            self._body = self._render(outcome)
        except Exception:
            if not self._late:
                raise
            self._request.processingFailed(Failure())  # else nobody would ever answer
            return
        if self._late:
            self._request.setHeader(b"content-length", b"%d" % len(self._body))
            self._request.write(self._body)
            self._request.finish()

    def now(self) -> bytes | int:
        """What a resource's `render` returns."""
        if self._body is not None:
            return self._body
        self._late = True
        self._request.notifyFinish().addErrback(self._leave)
        return NOT_DONE_YET

    def _leave(self, reason: Failure) -> None:
        self._gone = True


def field(request: Request, name: bytes) -> str:
    """A form's field, "" when missing."""
    values: dict[bytes, list[bytes]] = request.args or {}
    return values.get(name, [b""])[0].decode("utf-8", "replace")


def see_other(request: Request, location: bytes) -> bytes:
    """Go there by GET."""
    request.setResponseCode(303)
    request.setHeader(b"location", location)
    request.setHeader(b"cache-control", b"no-store")
    return b""
