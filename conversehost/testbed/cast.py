"""Who is there from the beginning: the people and bots of the scenario, the accounts of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import conversehost
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings
from conversehost.server.host import Host
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.testbed import scenario as scenarios
from conversehost.testbed import scenario_file
from conversehost.testbed.bots import ContactBot
from conversehost.testbed.scenario import BOTS_GROUP, Bot, Scenario, introduce
from conversehost.turn import Turn
from conversehost.xmpp.jid import JID, parse

DEMO = Path(conversehost.__file__).parent / "fixtures" / "scenarios" / "demo.toml"


class Roles(NamedTuple):
    """Which bots there were at a time."""

    scripted: tuple[Bot, ...]
    hired: tuple[Bot, ...]


class Cast:
    """Read first, put into the hosts when there are some; the bots then log in, and out. More may be hired later."""

    def __init__(self, scenario: Scenario, users: Iterable[tuple[JID, str]] = (), handlers: Iterable[JID] = ()) -> None:
        """`users`: accounts and passwords besides; `handlers`: bots that are handlers of the operator's."""
        self.scenario = scenario
        self.users = tuple(users)
        self._handlers = tuple(Bot(jid, jid.local.capitalize()) for jid in handlers)
        self._scripted = scenario.bots
        self.hired: dict[JID, Bot] = {}
        self._live: dict[JID, ContactBot] = {}
        self._log_in: Callable[[Bot], None]

    @classmethod
    def of(cls, settings: Settings) -> Cast:
        """Raises ConfigError."""
        if settings.only_upstream and not settings.scenario:
            return cls(Scenario())
        scenario = scenario_file.load(settings.scenario or DEMO, settings.domains)
        users = [(parse(name), password) for name, password in settings.users]
        return cls(scenario, users, [parse(name) for name, _ in settings.bots])

    @property
    def bots(self) -> tuple[Bot, ...]:
        """All that the test bed plays."""
        return (*self._scripted, *self._handlers, *self.hired.values())

    @property
    def busy(self) -> int:
        """How many scripts are between two steps."""
        return sum(bot.busy for bot in self._live.values())

    def founders(self) -> list[JID]:
        """The accounts of people."""
        return [*(each.jid for each in self.scenario.people), *(jid for jid, _ in self.users)]

    def shown(self, domain: str) -> tuple[tuple[str, str], ...]:
        """The scenario's people of a domain, by name and password: nobody chose those to keep them secret."""
        own = {jid for jid, _ in self.users}
        people = (each for each in self.scenario.people if each.jid.domain == domain and each.jid not in own)
        return tuple((each.jid.local, each.password) for each in people if each.password)

    def enter(self, hosts: Mapping[str, Host]) -> None:
        """Everybody gets an account, and whoever gets one later meets the bots. Raises ConfigError."""
        scripted = {bot.jid for bot in self._scripted}
        for account, _ in self.users:
            if account in scripted:
                raise ConfigError(f"--user {account}: that is a bot of the scenario")
        for bot in self._handlers:
            if bot.jid in scripted:
                raise ConfigError(f"--bot {bot.jid}: that is a bot of the scenario")
        self._populate(hosts, self.scenario, self.users)
        for host in hosts.values():
            host.hooks.account_created.append(partial(self._meet, host))

    def replace(self, hosts: Mapping[str, Host], scenario: Scenario) -> None:
        """Others have their parts now; the operator's bots stay. They are logged out, and the store is empty."""
        self.hired.clear()
        self._scripted = scenario.bots
        self._populate(hosts, scenario)

    def roles(self) -> Roles:
        """As they are, for `play`."""
        return Roles(self._scripted, tuple(self.hired.values()))

    def play(self, roles: Roles) -> None:
        """Those from now on; they log in with `start`."""
        self._scripted = roles.scripted
        self.hired = {bot.jid: bot for bot in roles.hired}

    def hire(self, host: Host, bot: Bot) -> None:
        """One more contact of everybody in its domain, from now on; one of the same address is replaced.

        Raises ValueError when the account is somebody else's.
        """
        if bot.jid not in self.hired and host.accounts.exists(bot.jid):
            raise ValueError(f"{bot.jid} exists already")
        self.dismiss(bot.jid)
        scenarios.add_bot(host, bot)
        self.hired[bot.jid] = bot
        self._log_in(bot)

    def dismiss(self, jid: JID) -> bool:
        """It logs out, and meets nobody any more; its account stays. False when nobody is hired there."""
        if self.hired.pop(jid, None) is None:
            return False
        if jid in self._live:
            self._live.pop(jid).leave()
        return True

    def start(self, router: Router, turn: Turn, clock: Clock) -> None:
        """All bots log in, and those who are there still begin anew."""

        def log_in(bot: Bot) -> None:
            if bot.script is not None:
                self._live[bot.jid] = ContactBot(router, turn, clock, bot.jid, bot.script)

        self._log_in = log_in
        for bot in self.bots:
            live = self._live.get(bot.jid)
            if live is None or live.session is None:
                log_in(bot)
            else:
                live.begin_anew()
        turn.end()

    def rest(self, roles: Roles) -> list[Session]:
        """Whoever has the same part in those as now stays, and does nothing; the others log out. The sessions that go
        on.
        """
        parts, coming = ({bot.jid: bot for bot in each} for each in (self.bots, (*roles.scripted, *roles.hired)))
        for jid, live in tuple(self._live.items()):
            live.rest()
            if live.session is None or parts.get(jid) != coming.get(jid):
                self._live.pop(jid).leave()
        return [live.session for live in self._live.values() if live.session is not None]

    def stop(self) -> None:
        """They log out."""
        while self._live:
            self._live.popitem()[1].leave()

    def _populate(self, hosts: Mapping[str, Host], scenario: Scenario, users: Iterable[tuple[JID, str]] = ()) -> None:
        scenarios.populate(hosts, scenario)
        for account, password in users:
            hosts[account.domain].accounts.put(account, password)
        for bot in self.bots:
            host = hosts[bot.jid.domain]
            if bot.script is not None or not host.accounts.exists(bot.jid):
                scenarios.add_bot(host, bot)

    def _meet(self, host: Host, account: JID) -> None:
        for bot in self.bots:
            if bot.jid.domain == host.domain and bot.jid != account:
                introduce({host.domain: host}, account, bot.jid, BOTS_GROUP)
