"""`prebind_url`: a BOSH session for whoever is logged in to the site (Converse.js' `authentication: 'prebind'`)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome
from conversehost.draining import RETRY
from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange
from conversehost.net.prebind import Prebound, Wish
from conversehost.web.front import AccountFront
from conversehost.web.guard import Hosts
from conversehost.web.login import ChatMaker
from conversehost.web.visitors import Directory, Finder, Named, Unsure, Visitor
from conversehost.web.wanted import Wanted, read_wanted
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError

PATH = b"/prebind"
OURS = "password and token are for accounts of other servers (--upstream); this one is ours"
_BEARER = b'WWW-Authenticate: Bearer realm="prebind"\r\n'


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no session: a status of HTTP, and a text for people."""

    status: int
    text: str


class Elsewhere(Protocol):
    """Accounts of other servers."""

    def serves(self, domain: str) -> bool:
        """Whether a domain's server is elsewhere, and where that is was said by the operator."""

    def prebind(self, account: JID, wanted: Wanted, origin: str, done: Callable[[Prebound | Refusal], None]) -> None:
        """Log in there. Calls `done` once, perhaps later."""

    def issue(self, account: JID) -> str:
        """A password for one login there; "" where that server doesn't take ours."""

    def end_all(self, account: JID) -> int:
        """End every session of the account that came in here; how many there were."""


class PrebindFront(AccountFront):
    """`Direct`: `GET /prebind` -> `{"jid": full JID, "sid": string, "rid": the next rid}`."""

    def __init__(
        self,
        visitors: Finder,
        chat: ChatMaker,
        hosts: Hosts,
        *,
        presence: bool = False,
        back_ends: BackEnds | None = None,
        elsewhere: Elsewhere | None = None,
        cors: Cors | None = None,
    ) -> None:
        """`presence`: the sessions are present at once. `back_ends`: who may ask for others, if any. `elsewhere`: the
        accounts that aren't ours.
        """
        super().__init__(visitors, hosts, cors)
        self._chat = chat
        self._presence = presence
        self._back_ends = back_ends
        self._elsewhere = elsewhere
        self.methods = b"GET, HEAD" + (b", POST, DELETE" if back_ends else b"")

    def found(self, exchange: HttpExchange, visitor: Visitor) -> None:
        """One more session."""
        self._make(exchange, visitor, Wanted("", Wish(presence=self._presence)))

    def other(self, exchange: HttpExchange) -> None:
        """A site's back end: POST makes a session for somebody, DELETE ends all of his."""
        if self._back_ends is None or exchange.method not in (b"POST", b"DELETE"):
            super().other(exchange)
            return
        try:
            wanted = read_wanted(exchange, presence=self._presence)
        except ValueError as error:
            self.answer(exchange, 400, {"error": str(error)})
            return
        self._back_ends.judge(exchange, wanted, lambda account: self._allowed(exchange, wanted, account))

    def _allowed(self, exchange: HttpExchange, wanted: Wanted, account: JID | Unsure | str | None) -> None:
        if not self.is_waited_for(exchange):
            return
        if isinstance(account, Unsure):
            self.unsure(exchange, account)
            return
        if account is None:
            text = "wants Authorization: Bearer, and the secret of --prebind-secret or a signed token"
            self.answer(exchange, 401, {"error": text}, _BEARER)
        elif isinstance(account, str):
            self.answer(exchange, 404 if wanted.name else 400, {"error": account})
        elif exchange.method == b"DELETE":
            where = self._beyond(account) or self._chat
            self.answer(exchange, 200, {"ended": where.end_all(account)})
        else:
            self._make(exchange, Visitor(account, f"site {account}"), wanted)

    def _beyond(self, account: JID) -> Elsewhere | None:
        elsewhere = self._elsewhere
        return elsewhere if elsewhere is not None and elsewhere.serves(account.domain) else None

    def _make(self, exchange: HttpExchange, visitor: Visitor, wanted: Wanted) -> None:
        beyond = self._beyond(visitor.account)
        if beyond is not None:
            beyond.prebind(visitor.account, wanted, exchange.origin, lambda made: self._made(exchange, made))
        elif wanted.password or wanted.token:
            self.answer(exchange, 400, {"error": OURS})
        else:
            self._make_here(exchange, visitor, wanted.wish)

    def _made(self, exchange: HttpExchange, made: Prebound | Refusal) -> None:
        if not self.is_waited_for(exchange):
            return
        if isinstance(made, Refusal):
            again = b"Retry-After: %d\r\n" % RETRY if made.status == 503 else b""
            self.answer(exchange, made.status, {"error": made.text}, again)
        else:
            self.answer(exchange, 200, {"jid": made.jid, "sid": made.sid, "rid": made.rid})

    def _make_here(self, exchange: HttpExchange, visitor: Visitor, wish: Wish) -> None:
        try:
            bound = self._chat.prebind(visitor.account, visitor.owner, exchange.origin, wish)
        except JIDError as error:
            self.answer(exchange, 400, {"error": f"resource: {error}"})
        except StanzaError as error:
            self._made(exchange, Refusal(503, error.text or error.condition))
        else:
            self._made(exchange, bound)


class BackEnds:
    """Who asks on behalf of others: by a secret that the site and this server share, for anybody; by a signed token,
    for whom that is for.
    """

    def __init__(self, secret: str, tokens: Authenticator | None, directory: Directory, domain: str) -> None:
        """Without a secret ("") only tokens count. Tokens that name no domain are for `domain`."""
        self._secret = secret.encode()
        self._tokens = tokens
        self._directory = directory
        self._nameless = JID("", domain, "")

    def judge(self, exchange: HttpExchange, wanted: Wanted, done: Callable[[JID | Unsure | str | None], None]) -> None:
        """Calls `done` once, perhaps later: with an account, with what is wrong with it, or with None for a secret or a
        token that isn't good.
        """

        def named(found: Named) -> None:
            done(found or f"there is no account {wanted.name!r}; --prebind-create would make one")

        shown = _bearer(exchange)
        if shown and self._secret and hmac.compare_digest(shown, self._secret):
            if wanted.name:
                self._directory.account(wanted.name, named)
            else:
                done("wants user or jid: whose session is it?")
        elif shown and self._tokens is not None and exchange.method == b"POST":
            attempt = Attempt(self._nameless, shown.decode("latin-1"))
            self._tokens.check(attempt, lambda outcome: done(_accepted(outcome)))
        else:
            done(None)


def _accepted(outcome: Outcome) -> JID | None:
    return outcome.account if isinstance(outcome, Accepted) else None


def _bearer(exchange: HttpExchange) -> bytes:
    scheme, _, shown = (exchange.field(b"authorization") or b"").partition(b" ")
    return shown.strip() if scheme.lower() == b"bearer" else b""
