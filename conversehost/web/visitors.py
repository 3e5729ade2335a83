"""Who is asking: whoever is logged in to the site, by its cookie here or by what the site says itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversehost.clock import Clock
from conversehost.net.exchange import HttpExchange
from conversehost.net.forwarded import Proxies
from conversehost.server.entrance import origin_of
from conversehost.server.newcomers import Find
from conversehost.web.login import COOKIE, SiteSessions
from conversehost.xmpp.jid import JID, JIDError, parse_account

QUIET = 60.0
"""Seconds between two lines in the log about the same kind of attack."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in to the site. `owner`: what ends together with his login."""

    account: JID
    owner: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody can say now who it is; `text` is for the page."""

    text: str


NOT_NOW = Unsure("whether there is such an account can't be known now; try again in a while")

Found = Visitor | Unsure | None
"""None: nobody."""


class Finder(Protocol):
    """One way to know who asks. Calls `done` exactly once, perhaps before this returns; it never blocks."""

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None: ...


class ByCookie:
    """`Finder`: who is logged in to our own site."""

    def __init__(self, sessions: SiteSessions) -> None:
        self._sessions = sessions

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        session = self._sessions.named(exchange.cookie(COOKIE))
        done(None if session is None else Visitor(session.account, session.id))


Named = JID | Unsure | None
"""Whose a name is; None: nobody's."""


class Directory:
    """From what a site calls its users to accounts."""

    def __init__(
        self,
        domain: str,
        knows: Callable[[JID], bool],
        find: Find | None = None,
        create: Callable[[JID], bool] = lambda account: False,
    ) -> None:
        """Names without a domain are of `domain`. `knows`: who is here and may come in. Of all others `find` tells
        whether another place has them, and `create` makes them an account, or says that it can't be.
        """
        self._domain = domain
        self._knows = knows
        self._find = find
        self._create = create

    def account(self, name: str, done: Callable[[Named], None]) -> None:
        """Whose the name or address is: calls `done` exactly once, perhaps before this returns."""
        try:
            account = parse_account(name, self._domain)
        except JIDError:
            done(None)
            return
        if self._knows(account):
            done(account)
        elif self._find is None:
            done(None)
        else:
            self._find(account, lambda found: done(self._found(account, found)))

    def visitor(self, name: str, done: Callable[[Found], None]) -> None:
        """The same, as who asks."""

        def told(named: Named) -> None:
            done(Visitor(named, f"site {named}") if isinstance(named, JID) else named)

        self.account(name, told)

    def _found(self, account: JID, found: bool | None) -> Named:
        if found is None:
            return NOT_NOW
        return account if found and (self._knows(account) or self._create(account)) else None


class Guests:
    """`Finder`: whoever isn't anybody else is a guest, by a name that nobody has had before (XEP-0175)."""

    def __init__(self, domain: str) -> None:
        """Theirs."""
        self._domain = domain

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        account = JID(secrets.token_hex(16), self._domain)
        done(Visitor(account, f"guest {origin_of(exchange.address)}"))


class ByHeader:
    """`Finder`: a reverse proxy that has let somebody in says who it is, in a header field.

    Anybody can write such a field, so it counts only from addresses that the operator trusts.
    """

    def __init__(
        self, name: str, proxies: Proxies, directory: Directory, *, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self._name = name
        self._field = name.lower().encode()
        self._proxies = proxies
        self._directory = directory
        self._clock = clock
        self._tell = warn
        self._quiet_until = 0.0

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        values = [value for name, value in exchange.headers if name == self._field]
        address = exchange.connection.address
        if not values or not any(values):
            done(None)
        elif not self._proxies.trusts(address):
            self._warn(f"{address} sent {self._name}, but is no --trusted-proxy: refused")
            done(None)
        elif len(values) > 1:
            self._warn(f"{address} sent {self._name} twice, as a proxy does that passes on its client's: refused")
            done(None)
        else:
            self._directory.visitor(values[0].decode("utf-8", "replace"), done)

    def _warn(self, text: str) -> None:
        if self._clock.now() >= self._quiet_until:
            self._quiet_until = self._clock.now() + QUIET
            self._tell(text)


class InOrder:
    """`Finder`: the first one that knows. One that can't say now ends the search: another might be mistaken."""

    def __init__(self, finders: Sequence[Finder]) -> None:
        self._finders = finders

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        self._ask(0, exchange, done)

    def _ask(self, number: int, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        if number == len(self._finders):
            done(None)
            return

        def next_one(found: Found) -> None:
            if found is None:
                self._ask(number + 1, exchange, done)
            else:
                done(found)

        self._finders[number].identify(exchange, next_one)
