"""From the options to single sessions: who is logged in to the site, and what that is good for."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from conversehost.clock import Clock
from conversehost.domains import Domains
from conversehost.errors import ConfigError
from conversehost.kinds import SHARED_SECRET
from conversehost.net.cors import Cors
from conversehost.net.exchange import Direct, HttpExchange
from conversehost.net.forwarded import Proxies
from conversehost.net.prebind import Prebound, Wish
from conversehost.options import Settings
from conversehost.voice import Voice
from conversehost.web import credentials, prebind
from conversehost.web.login import SiteSessions
from conversehost.web.prebind import Elsewhere
from conversehost.web.site import Parts
from conversehost.web.visitors import ByCookie, ByHeader, Directory, Finder, Guests, InOrder
from conversehost.web.visits import Visit, Visits
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse_account


class SingleSessions:
    """What the site's doors need."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        domains: Domains,
        elsewhere: Elsewhere,
        reactor: Any,
        *,
        wall: Clock,
        cors: Cors,
        voice: Voice,
    ) -> None:
        """`wall` tells real time. Raises ConfigError."""
        self._settings = settings
        self._parts = parts
        self._domains = domains
        self._elsewhere = elsewhere
        self._cors = cors
        self._directory = Directory(parts.domain, self._knows, self._find, self._create)
        self._visitors = InOrder(tuple(self._finders(reactor, wall, voice)))

    def fronts(self) -> dict[bytes, Direct]:
        """What is asked so often that it is answered without twisted.web, by path. Raises ConfigError."""
        settings, parts, desk = self._settings, self._parts, self._domains.logins.desk
        secret = _secret(settings)
        tokens = desk.logins(parts.chat.knows) if desk.is_open else None
        bound = prebind.PrebindFront(
            InOrder((self._visitors, *_guests(settings))),
            parts.chat,
            parts.hosts,
            presence=settings.prebind_presence,
            back_ends=prebind.BackEnds(secret, tokens, self._directory, parts.domain) if secret or tokens else None,
            elsewhere=self._elsewhere,
            cors=self._cors,
        )
        pairs = credentials.CredentialsFront(self._visitors, parts.hosts, self._issue, self._takes_tokens, self._cors)
        return {prebind.PATH: bound, credentials.PATH: pairs}

    def prebind(self, name: str) -> Prebound:
        """For a program in this process, which knows its users: one who has no account gets it. Raises JIDError, and
        StanzaError for one who is disabled, or has too many sessions in use.
        """
        account = parse_account(name, self._parts.domain)
        if not self._parts.chat.knows(account) and not self._create(account):
            raise StanzaError("not-allowed", f"{account} is no account that may come in here")
        return self._parts.chat.prebind(account, f"site {account}", "", Wish(presence=self._settings.prebind_presence))

    def end_sessions(self, name: str) -> int:
        """All of somebody, over whatever transport; how many there were. Raises JIDError."""
        return self._parts.chat.end_all(parse_account(name, self._parts.domain))

    def visit(self, exchange: HttpExchange) -> Visit | None:
        """What a request shows of a login to the site, for SASL EXTERNAL; nothing unless the operator wants that."""
        return self._visits.of(exchange) if self._settings.external_cookie else None

    @functools.cached_property
    def _visits(self) -> Visits:
        header = self._settings.prebind_trust_header.lower().encode()
        return Visits(self._visitors, self._parts.hosts, self._cors, (b"cookie", header))

    def _issue(self, account: JID) -> str:
        elsewhere = self._elsewhere
        made = elsewhere.issue(account) if elsewhere.serves(account.domain) else ""
        return made or self._domains.logins.desk.issue(account)

    def _takes_tokens(self, domain: str) -> bool:
        """A server elsewhere has to know the key that ours are signed with."""
        if self._elsewhere.serves(domain):
            return self._settings.upstream_jwt_key is not None or self._domains.logins.desk.has_keys
        return "token" in self._settings.back_ends(domain)

    def _knows(self, account: JID) -> bool:
        """Who is known elsewhere, the server there says."""
        return self._parts.chat.knows(account) or self._elsewhere.serves(account.domain)

    def _find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """Everybody is found whose account shall be made; of the others, those whom the domain's back ends know."""
        host = self._domains.hosts.get(account.domain)
        if self._settings.prebind_create or host is None or host.rules.anonymous:
            done(self._settings.prebind_create)
        else:
            self._domains.logins.passwords(account.domain).find(account, done)

    def _create(self, account: JID) -> bool:
        """Nobody knows its password."""
        host = self._domains.hosts.get(account.domain)
        if host is None or host.rules.anonymous or host.accounts.exists(account):
            return False
        host.create_account(account, secrets.token_urlsafe(24))
        return True

    def _finders(self, reactor: Any, wall: Clock, voice: Voice) -> Iterator[Finder]:
        """Our own site first: its cookie is nobody else's."""
        settings, parts = self._settings, self._parts
        yield ByCookie(SiteSessions(parts.store, parts.clock, parts.chat, parts.domains))
        if settings.prebind_trust_header:
            proxies = Proxies(settings.trusted_proxies)
            yield ByHeader(settings.prebind_trust_header, proxies, self._directory, clock=wall, warn=voice.warn)
        if settings.prebind_ask:
            from conversehost.web.asking import asking  # and an HTTP client, which few need

            yield asking(settings.prebind_ask, reactor, self._directory, clock=wall, voice=voice)


def _guests(settings: Settings) -> Iterator[Finder]:
    if settings.prebind_anonymous:
        if not settings.guests:
            raise ConfigError("--prebind-anonymous: there is no domain for guests: --anonymous-domain names one")
        yield Guests(settings.guests)


def _secret(settings: Settings) -> str:
    """The operator's; "" for none."""
    path = settings.prebind_secret_file
    if path is None:
        return settings.prebind_secret
    if settings.prebind_secret:
        raise ConfigError("--prebind-secret and --prebind-secret-file: give one of them")
    try:
        read: str = SHARED_SECRET.read(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--prebind-secret-file {path}: {error}") from None
    return read
