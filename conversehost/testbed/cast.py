"""Who is there from the beginning: the people and bots of the scenario, the accounts of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import conversehost
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
    """Read first, put into the hosts when there are some; the scenario's bots then log in, and out."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError."""
        self.scenario = scenarios.load(settings.scenario or DEMO, settings.domains)
        self.users = tuple((parse(name), password) for name, password in settings.users)
        self._handlers = tuple(Bot(parse(name), "", parse(name).local.capitalize()) for name, _ in settings.bots)
        self.bots = (*self.scenario.bots, *self._handlers)
        self._live: list[ContactBot] = []

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

    def start(self, router: Router, turn: Turn) -> None:
        """The scenario's bots log in."""
        self._live = [ContactBot(router, turn, bot.jid, bot.kind) for bot in self.scenario.bots]
        turn.end()

    def stop(self) -> None:
        """They log out."""
        while self._live:
            self._live.pop().leave()
