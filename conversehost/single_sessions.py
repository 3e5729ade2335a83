"""From the options to single sessions: who is logged in to the site, and what that is good for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from conversehost.clock import Clock
from conversehost.domains import Domains
from conversehost.errors import ConfigError
from conversehost.kinds import SHARED_SECRET
from conversehost.net.cors import Cors
from conversehost.net.exchange import Direct
from conversehost.net.forwarded import Proxies
from conversehost.options import Settings
from conversehost.web import credentials, prebind
from conversehost.web.login import SiteSessions
from conversehost.web.prebind import Elsewhere
from conversehost.web.site import Parts
from conversehost.web.visitors import ByCookie, ByHeader, Directory, Finder, Guests, InOrder
from conversehost.xmpp.jid import JID


def fronts(
    settings: Settings,
    parts: Parts,
    domains: Domains,
    elsewhere: Elsewhere,
    reactor: Any,
    *,
    wall: Clock,
    cors: Cors,
    note: Callable[[str], None],
) -> dict[bytes, Direct]:
    """What is asked so often that it is answered without twisted.web, by path. Raises ConfigError."""

    def create(account: JID) -> bool:
        """Nobody knows its password."""
        host = domains.hosts.get(account.domain)
        if host is None or host.rules.anonymous or host.accounts.exists(account):
            return False
        host.create_account(account, secrets.token_urlsafe(24))
        return True

    def find(account: JID, done: Callable[[bool | None], None]) -> None:
        """Everybody is found whose account shall be made; of the others, those whom the domain's back ends know."""
        host = domains.hosts.get(account.domain)
        if settings.prebind_create or host is None or host.rules.anonymous:
            done(settings.prebind_create)
        else:
            domains.logins.passwords(account.domain).find(account, done)

    desk, hosts = domains.logins.desk, parts.hosts

    def knows(account: JID) -> bool:
        """Who is known elsewhere, the server there says."""
        return parts.chat.knows(account) or elsewhere.serves(account.domain)

    directory = Directory(parts.domain, knows, find, create)
    visitors = _visitors(settings, parts, directory, reactor=reactor, wall=wall, note=note)

    def takes_tokens(domain: str) -> bool:
        """A server elsewhere has to know the key that ours are signed with."""
        return desk.has_keys if elsewhere.serves(domain) else "token" in settings.back_ends(domain)

    secret = _secret(settings)
    tokens = desk.logins(parts.chat.knows) if desk.is_open else None
    back_ends = prebind.BackEnds(secret, tokens, directory, parts.domain) if secret or tokens else None
    bound = prebind.PrebindFront(
        InOrder((visitors, *_guests(settings))),
        parts.chat,
        hosts,
        presence=settings.prebind_presence,
        back_ends=back_ends,
        elsewhere=elsewhere,
        cors=cors,
    )
    pairs = credentials.CredentialsFront(visitors, hosts, desk.issue, takes_tokens, cors)
    return {prebind.PATH: bound, credentials.PATH: pairs}


def _visitors(
    settings: Settings,
    parts: Parts,
    directory: Directory,
    *,
    reactor: Any,
    wall: Clock,
    note: Callable[[str], None],
) -> Finder:
    """Our own site first: its cookie is nobody else's."""
    found: list[Finder] = [ByCookie(SiteSessions(parts.store, parts.clock, parts.chat))]
    if settings.prebind_trust_header:
        proxies = Proxies(settings.trusted_proxies)
        found.append(ByHeader(settings.prebind_trust_header, proxies, directory, clock=wall, note=note))
    if settings.prebind_ask:
        from conversehost.web.asking import asking  # and an HTTP client, which few need

        found.append(asking(settings.prebind_ask, reactor, directory, clock=wall, note=note))
    return InOrder(found)


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
