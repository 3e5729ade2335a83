"""Who is asking: whoever is logged in to the site, by its cookie here or by what the site says itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversehost.clock import Clock
from conversehost.net.exchange import HttpExchange
from conversehost.net.forwarded import Proxies
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


class Directory:
    """From what a site calls its users to accounts."""

    def __init__(self, domain: str, knows: Callable[[JID], bool], create: Callable[[JID], bool] | None = None) -> None:
        """Names without a domain are of `domain`. `create` makes an account, or says that it can't be; without it only
        those who are known come in.
        """
        self._domain = domain
        self._knows = knows
        self._create = create

    def account(self, name: str) -> JID | None:
        """Whose the name or address is."""
        try:
            account = parse_account(name, self._domain)
        except JIDError:
            return None
        if self._knows(account) or (self._create is not None and self._create(account)):
            return account
        return None

    def visitor(self, name: str) -> Visitor | None:
        """The same, as who asks."""
        account = self.account(name)
        return None if account is None else Visitor(account, f"site {account}")


class ByHeader:
    """`Finder`: a reverse proxy that has let somebody in says who it is, in a header field.

    Anybody can write such a field, so it counts only from addresses that the operator trusts.
    """

    def __init__(
        self, name: str, proxies: Proxies, directory: Directory, *, clock: Clock, note: Callable[[str], None]
    ) -> None:
        self._name = name
        self._field = name.lower().encode()
        self._proxies = proxies
        self._directory = directory
        self._clock = clock
        self._note = note
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
            done(self._directory.visitor(values[0].decode("utf-8", "replace")))

    def _warn(self, text: str) -> None:
        if self._clock.now() >= self._quiet_until:
            self._quiet_until = self._clock.now() + QUIET
            self._note(text)


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
