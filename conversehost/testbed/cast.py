"""Who is there from the beginning: the people and bots of the scenario, the accounts of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import conversehost
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings
from conversehost.server.host import Host
from conversehost.server.router import Router
from conversehost.testbed import scenario as scenarios
from conversehost.testbed.bots import ContactBot
from conversehost.testbed.scenario import Bot
from conversehost.turn import Turn
from conversehost.xmpp.jid import JID, parse

DEMO = Path(conversehost.__file__).parent / "fixtures" / "scenarios" / "demo.toml"


class Cast:
    """Read first, put into the hosts when there are some; the bots then log in, and out. More may be hired later."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError."""
        self.scenario = scenarios.load(settings.scenario or DEMO, settings.domains)
        self.users = tuple((parse(name), password) for name, password in settings.users)
        self._handlers = tuple(Bot(parse(name), parse(name).local.capitalize()) for name, _ in settings.bots)
        self.hired: dict[JID, Bot] = {}
        self._meetings: dict[JID, Callable[[], None]] = {}  # how to end those of who is hired
        self._live: dict[JID, ContactBot] = {}
        self._log_in: Callable[[Bot], None]

    @property
    def bots(self) -> tuple[Bot, ...]:
        """All that the test bed plays."""
        return (*self.scenario.bots, *self._handlers, *self.hired.values())

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
        return tuple((each.jid.local, each.password) for each in people)

    def enter(self, hosts: Mapping[str, Host]) -> None:
        """Everybody gets an account. Raises ConfigError."""
        scenarios.populate(hosts, self.scenario)
        scripted = {bot.jid for bot in self.scenario.bots}
        for account, password in self.users:
            if account in scripted:
                raise ConfigError(f"--user {account}: that is a bot of the scenario")
            hosts[account.domain].accounts.put(account, password)
        for bot in self.scenario.bots:
            scenarios.add_bot(hosts[bot.jid.domain], bot)
        for bot in self._handlers:
            if bot.jid in scripted:
                raise ConfigError(f"--bot {bot.jid}: that is a bot of the scenario")
            if not hosts[bot.jid.domain].accounts.exists(bot.jid):
                scenarios.add_bot(hosts[bot.jid.domain], bot)

    def hire(self, host: Host, bot: Bot) -> None:
        """One more contact of everybody in its domain, from now on; one of the same address is replaced.

        Raises ValueError when the account is somebody else's.
        """
        if bot.jid not in self.hired and host.accounts.exists(bot.jid):
            raise ValueError(f"{bot.jid} exists already")
        self.dismiss(bot.jid)
        self._meetings[bot.jid] = scenarios.add_bot(host, bot)
        self.hired[bot.jid] = bot
        self._log_in(bot)

    def dismiss(self, jid: JID) -> bool:
        """It logs out, and meets nobody any more; its account stays. False when nobody is hired there."""
        if self.hired.pop(jid, None) is None:
            return False
        self._meetings.pop(jid)()
        if jid in self._live:
            self._live.pop(jid).leave()
        return True

    def start(self, router: Router, turn: Turn, clock: Clock) -> None:
        """All bots that have an account log in; who is hired and has none, has gone with it."""

        def log_in(bot: Bot) -> None:
            if bot.script is not None:
                self._live[bot.jid] = ContactBot(router, turn, clock, bot.jid, bot.script)

        self._log_in = log_in
        for bot in self.scenario.bots:
            log_in(bot)
        for bot in tuple(self.hired.values()):
            if router.hosts[bot.jid.domain].accounts.exists(bot.jid):
                log_in(bot)
            else:
                self.dismiss(bot.jid)
        turn.end()

    def stop(self) -> None:
        """They log out."""
        while self._live:
            self._live.popitem()[1].leave()
