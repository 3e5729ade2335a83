"""Tenants: virtual hosts that come and go, so that tests can share one server and never meet."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.store import Store
from conversehost.store.memory import MemoryStore
from conversehost.testbed.cast import Cast, Roles
from conversehost.testbed.expectations import Expectations
from conversehost.testbed.faults import Faults
from conversehost.testbed.mishaps import Mishaps
from conversehost.testbed.moving import Move
from conversehost.testbed.scenario import Scenario
from conversehost.testbed.state import State
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.traffic import Traffic
from conversehost.testbed.world import World
from conversehost.xmpp.errors import StreamError

NAME = re.compile("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
MOST = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Tenant:
    """One of them: a domain, with all that a test bed has but the clock."""

    name: str
    host: Host
    cast: Cast
    traffic: Traffic
    expectations: Expectations
    faults: Faults
    stubs: Stubs
    mishaps: Mishaps
    state: State

    @property
    def domain(self) -> str:
        """Of its accounts."""
        return self.host.domain

    def page(self, site: str) -> str:
        """Where its pages are: the site's, by the name of its domain."""
        parts = urlsplit(site)
        return urlunsplit(parts._replace(netloc=f"{self.domain}:{parts.port}" if parts.port else self.domain))

    def reset(self) -> None:
        """As it was when it was made; the clock stays as it is."""
        self.state.reset()
        self.traffic.clear()
        self.expectations.clear()
        self.faults.clear()
        self.stubs.clear()
        self.mishaps.clear()

    def world(self, whole: World) -> World:
        """What the control API sees of it."""
        ready = whole.about()
        about = {
            **ready,
            "api": f"{ready['api']}/tenants/{self.name}" if ready.get("api") else None,
            "page": self.page(str(ready.get("site", ""))),
            "domain": self.domain,
            "tenant": self.name,
        }
        return replace(
            whole,
            hosts={self.domain: self.host},
            cast=self.cast,
            traffic=self.traffic,
            expectations=self.expectations,
            faults=self.faults,
            stubs=self.stubs,
            mishaps=self.mishaps,
            state=self.state,
            reset=self.reset,
            about=lambda: about,
            tenant=self.name,
            visits=(),
            is_elsewhere=lambda domain: False,
        )


@dataclass(frozen=True, slots=True)
class Ways:
    """What tenants need of the server: how a host is made, for a store, and unmade; how its sessions end, by an error,
    but for some; how its bots log in.
    """

    make: Callable[[str, Store], Host]
    unmake: Callable[[Host], None]
    end: Callable[[Iterable[Host], StreamError, Collection[Session]], None]
    begin: Callable[[Cast], None]


class Tenants:
    """All that there are, by name. Their domains are below the first of the server's own."""

    def __init__(
        self,
        hosts: Mapping[str, Host],
        cast: Cast,
        ways: Ways,
        *,
        traffic: Traffic,
        faults: Faults,
        stubs: Stubs,
        mishaps: Mishaps,
    ) -> None:
        """`hosts`: the server's own; `cast` is what tenants begin with."""
        self.by_name: dict[str, Tenant] = {}
        self._hosts = hosts
        self._cast = cast
        self._ways = ways
        self._traffic = traffic
        self._faults = faults
        self._stubs = stubs
        self._mishaps = mishaps
        self._numbers = itertools.count(1)

    @property
    def parent(self) -> Host:
        """The host that they are below."""
        return next(iter(self._hosts.values()))

    def create(self, name: str = "", *, empty: bool = False, like: Host | None = None) -> Tenant:
        """A new one: with the scenario's people and bots of the first domain; with nobody; or with a copy of all that
        is kept for the domain that it is to be `like`.

        Raises ValueError for a name that is taken, or none.
        """
        name = name or next(each for each in map("t{}".format, self._numbers) if self._is_free(each))
        if not NAME.fullmatch(name):
            raise ValueError("a tenant's name has up to 32 letters a to z, digits, and hyphens between them")
        if not self._is_free(name):
            raise ValueError(f"{self._domain(name)} is there already")
        if len(self.by_name) >= MOST:
            raise ValueError(f"there are {MOST} tenants: delete one")
        tenant = self._open(name, Scenario() if empty or like else self._scenario(self._domain(name)), like)
        self.by_name[name] = tenant
        self._ways.begin(tenant.cast)
        return tenant

    def drop(self, name: str) -> None:
        """Its sessions end, and nothing of it is left. Raises KeyError."""
        tenant = self.by_name.pop(name)
        tenant.cast.stop()
        self._ways.end((tenant.host,), StreamError("host-gone", "the tenant was deleted"), ())
        tenant.faults.clear()
        self._ways.unmake(tenant.host)
        for shared in (self._traffic, self._faults, self._stubs, self._mishaps):
            del shared.tenants[tenant.domain]

    def clear(self) -> None:
        """Drop all."""
        for name in tuple(self.by_name):
            self.drop(name)

    def reset(self) -> None:
        """As right after the start: there are none, and the next is the first."""
        self.clear()
        self._numbers = itertools.count(1)

    def of(self, domain: str) -> Tenant | None:
        """Whose domain that is."""
        return next((each for each in self.by_name.values() if each.domain == domain), None)

    def shown(self, domain: str) -> tuple[tuple[str, str], ...] | None:
        """The people of the tenant whose domain that is, by name and password; None of any other domain."""
        tenant = self.of(domain)
        return None if tenant is None else tenant.cast.shown(domain)

    def others_in_use(self, but: str) -> list[str]:
        """Who has something to lose when that tenant turns the clock: the other tenants, and the server's own domains
        where people are logged in.
        """
        named = [each.domain for name, each in self.by_name.items() if name != but]
        bots = {bot.jid for bot in self._cast.bots}
        own = (host for host in self._hosts.values() if any(each.account not in bots for each in host.all_sessions()))
        return [*named, *(host.domain for host in own)]

    def _open(self, name: str, scenario: Scenario, like: Host | None) -> Tenant:
        domain = self._domain(name)
        traffic = self._traffic.tenants[domain] = self._traffic.another()
        faults = self._faults.tenants[domain] = self._faults.another()
        stubs = self._stubs.tenants[domain] = self._stubs.another()
        mishaps = self._mishaps.tenants[domain] = self._mishaps.another()
        store, cast = MemoryStore(), Cast(scenario)
        host = self._ways.make(domain, store)
        cast.enter({domain: host})
        if like is not None:
            self._fork(like, domain, store, cast)
        state = State(
            {domain: host},
            store,
            cast,
            end=lambda text, spared, _: self._ways.end((host,), StreamError("system-shutdown", text), spared),
            begin=lambda: self._ways.begin(cast),
        )
        expectations = Expectations(traffic, self._faults.clock)
        return Tenant(name, host, cast, traffic, expectations, faults, stubs, mishaps, state)

    def _fork(self, like: Host, domain: str, store: Store, cast: Cast) -> None:
        move = Move(like.domain, domain)
        move.copy(like.store.snapshot(), store)
        other = self.of(like.domain)
        roles = (self._cast if other is None else other.cast).roles()
        bots = tuple(each for each in (*roles.scripted, *roles.hired) if each.jid.domain == like.domain)
        cast.play(Roles(move.value(bots), ()))

    def _scenario(self, domain: str) -> Scenario:
        """That of the first domain, as this one has it."""
        move, whole = Move(self.parent.domain, domain), self._cast.scenario
        here = {each.jid for each in whole.people if each.jid.domain == self.parent.domain}
        part = Scenario(
            tuple(each for each in whole.people if each.jid in here),
            tuple(each for each in whole.circles if here.issuperset(each.members)),
            tuple(each for each in whole.bots if each.jid.domain == self.parent.domain),
            tuple(each for each in whole.data if move.concerns(each.owner)),
        )
        moved: Scenario = move.value(part)
        return moved

    def _domain(self, name: str) -> str:
        return f"{name}.{self.parent.domain}"

    def _is_free(self, name: str) -> bool:
        return self._domain(name) not in self.parent.router.routes
