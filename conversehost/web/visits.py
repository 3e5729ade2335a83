"""Whom the site says a client is, for a login by SASL EXTERNAL: by the cookies that its first request brought."""

from __future__ import annotations

from collections.abc import Callable, Collection

from conversehost.net.cors import Cors
from conversehost.net.exchange import HttpExchange
from conversehost.web.guard import Hosts, is_elsewhere
from conversehost.web.visitors import Finder, Found, Unsure
from conversehost.xmpp.jid import JID


class Visits:
    """Browsers send cookies with whatever any page asks for, so they count only for pages that may use them."""

    def __init__(self, visitors: Finder, hosts: Hosts, cors: Cors, fields: Collection[bytes]) -> None:
        """`fields`: the header fields that may say something (in lower case)."""
        self._visitors = visitors
        self._hosts = hosts
        self._cors = cors
        self._fields = frozenset(fields)

    def of(self, exchange: HttpExchange) -> Visit | None:
        """None where the request says nothing, or comes from a page of a site that isn't named, or by DNS rebinding."""
        if not any(name in self._fields for name, _ in exchange.headers):
            return None
        if not self._hosts.has(exchange.field(b"host") or b""):
            return None
        elsewhere = is_elsewhere(exchange.field(b"sec-fetch-site"), exchange.field(b"origin"), exchange.host)
        if elsewhere and self._cors.named(exchange) is None:
            return None
        return Visit(self._visitors, exchange)


class Visit:
    """`xmpp.stream.Visit`."""

    __slots__ = ("_exchange", "_visitors", "owner")

    def __init__(self, visitors: Finder, exchange: HttpExchange) -> None:
        self._visitors = visitors
        self._exchange: HttpExchange | None = exchange
        self.owner = ""

    def identify(self, done: Callable[[JID | str | None], None]) -> None:
        """Asks once: who it was is whoever logs in now; after that the request is let go."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            done(None)
        else:
            self._visitors.identify(exchange, lambda found: done(self._told(found)))

    def _told(self, found: Found) -> JID | str | None:
        if found is None or isinstance(found, Unsure):
            return None if found is None else found.text
        self.owner = found.owner
        return found.account
