"""`credentials_url`: an address and a password for one login, for whoever is logged in to the site."""

from __future__ import annotations

from collections.abc import Callable

from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange
from conversehost.web.front import AccountFront
from conversehost.web.guard import Hosts
from conversehost.web.visitors import Finder, Visitor
from conversehost.xmpp.jid import JID

PATH = b"/credentials"
NO_TOKENS = "accounts of this domain don't log in by tokens: start conversehost with --auth token,accounts"


class CredentialsFront(AccountFront):
    """`Direct`: `GET /credentials` -> `{"jid": account, "password": token}`.

    Converse.js asks again every two seconds after a refusal, and waits for ever on a 200 that is no JSON: so what isn't
    such a pair is never a 200.
    """

    def __init__(
        self,
        visitors: Finder,
        hosts: Hosts,
        issue: Callable[[JID], str],
        takes_tokens: Callable[[str], bool],
        cors: Cors | None = None,
    ) -> None:
        """`issue` makes a password for one login; `takes_tokens`: whether a domain's accounts can use one."""
        super().__init__(visitors, hosts, cors)
        self._issue = issue
        self._takes_tokens = takes_tokens

    def found(self, exchange: HttpExchange, visitor: Visitor) -> None:
        """Of `AccountFront`."""
        if self._takes_tokens(visitor.account.domain):
            self.answer(exchange, 200, {"jid": visitor.account.bare, "password": self._issue(visitor.account)})
        else:
            self.answer(exchange, 501, {"error": NO_TOKENS})
