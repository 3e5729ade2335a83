"""The virtual hosts: what they share, and how one more is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.features import by_name, chosen
from conversehost.logins import Logins
from conversehost.options import Settings, did_you_mean
from conversehost.server.host import Host
from conversehost.server.policy import Policy
from conversehost.server.router import Router
from conversehost.store import Store
from conversehost.store.memory import MemoryStore
from conversehost.voice import Voice
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza


class Domains:
    """`hosts`, by domain, with one store, one router and one way to log in for all of them.

    More may come and go later, each with a store of its own: those are no part of `hosts`, only of the router's.
    """

    def __init__(
        self,
        settings: Settings,
        founders: Iterable[JID],
        *,
        clock: Clock,
        wall: Clock,
        reactor: Any,
        report: Callable[[BaseException, Stanza], None],
        voice: Voice,
        prepare: Callable[[Host], None],
    ) -> None:
        """`founders`: accounts that there are from the beginning. `prepare` is called with each host, once its features
        are installed. `clock` may be turned by hand, `wall` never is. Raises ConfigError.
        """
        self._settings = settings
        self._clock = clock
        self._prepare = prepare
        self.site = "http://localhost:5280"  # where it is for clients that came another way
        self.store = MemoryStore()
        self.accounts = Accounts(self.store)
        self.router = Router(report)
        self.hosts: dict[str, Host] = {}
        self.logins = Logins(
            settings,
            self.accounts,
            self.router.hosts,
            clock=wall,
            utc=clock.utc,
            reactor=reactor,
            voice=voice,
        )
        self.policy = Policy.of(settings, founders)
        for domain in settings.domains:
            self.hosts[domain] = self._make(domain, self.store)
        if settings.guests:
            self.hosts[settings.guests] = self._make(settings.guests, self.store, guests=True)
        self.by_http = [each for each in self.hosts if settings.is_open(each) and not settings.only_upstream]
        """Those that clients may name in BOSH and over WebSocket."""

    def open(self, domain: str, store: Store) -> Host:
        """One more, with a store of its own, until it is closed."""
        self.accounts.keep(domain, store)
        if self._settings.is_open(domain):
            self.by_http.append(domain)
        return self._make(domain, store)

    def close(self, host: Host) -> None:
        """It is gone, and the services below it; its sessions must have ended."""
        self.router.leave(host.domain)
        self.accounts.leave(host.domain)
        if host.domain in self.by_http:
            self.by_http.remove(host.domain)

    def _make(self, domain: str, store: Store, *, guests: bool = False) -> Host:
        """Without accounts; `guests`: who comes needs none. Raises ConfigError."""
        host = Host(
            domain,
            store=store,
            clock=self._clock,
            router=self.router,
            accounts=self.accounts,
            rules=self.logins.rules(domain, guests=guests),
            policy=self.policy.for_guests() if guests else self.policy,
            site=self._site_for,
        )
        for feature in self._features(guests):
            feature.install(host)
        self.logins.shared.attend(host)
        self._prepare(host)
        return host

    def stores(self) -> Iterable[Store]:
        """Those of all domains; what is opened has one of its own."""
        return {id(host.store): host.store for host in self.router.hosts.values()}.values()

    def items_of(self, domain: str) -> dict[str, str]:
        """Where service discovery lists a component: at the host that it is below, else at the first."""
        hosts = list(self.hosts.values())
        return next((each for each in hosts if domain.endswith(f".{each.domain}")), hosts[0]).items

    def _site_for(self, origin: str) -> str:
        settings = self._settings
        return f"{settings.upload_url or origin or self.site}{settings.prefix}"

    def _features(self, guests: bool) -> tuple[ModuleType, ...]:
        settings = self._settings
        try:
            return chosen(guests=guests, disabled=settings.disabled)
        except KeyError as error:
            name, known = str(error.args[0]), list(by_name())
            near = did_you_mean(name, known) or f": there are {', '.join(known)}"
            raise ConfigError(f"--disable {name}: no such feature{near}") from None
