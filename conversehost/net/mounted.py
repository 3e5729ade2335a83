"""All that the operator's own handlers are in this process: components, and bots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from conversehost.errors import ConfigError
from conversehost.net.handlers import HandlerBot, HandlerComponent, find
from conversehost.server.router import Router
from conversehost.turn import Turn
from conversehost.xmpp.jid import parse

log = Logger()


class Mounted:
    """`components` are (domain, `package.module:Name`), `bots` are (account, the same)."""

    def __init__(
        self,
        components: Sequence[tuple[str, str]],
        bots: Sequence[tuple[str, str]],
        *,
        router: Router,
        turn: Turn,
        reactor: Any,
        items_of: Callable[[str], dict[str, str]],
    ) -> None:
        """`items_of` a domain is where service discovery lists it. Raises ConfigError: everything is made already."""
        self._components = [(domain, find(spec, f"--component {domain}=")) for domain, spec in components]
        self._bots = [(parse(account), find(spec, f"--bot {account}=")) for account, spec in bots]
        self._router = router
        self._turn = turn
        self._reactor = reactor
        self._items_of = items_of
        self._running: list[HandlerComponent | HandlerBot] = self._make()

    def start(self) -> None:
        """They begin; after `leave` new ones do. What can't be made any more is left out."""
        try:
            self._running = self._running or self._make()
        except ConfigError as error:
            log.error("{error}", error=str(error))
        for domain, _ in self._components:
            self._items_of(domain)[domain] = ""
        for each in self._running:
            each.connect()
        self._turn.end()

    def leave(self) -> None:
        """They end."""
        running, self._running = self._running, []
        for each in running:
            each.leave()
        for domain, _ in self._components:
            self._items_of(domain).pop(domain, None)
        self._turn.end()

    def _make(self) -> list[HandlerComponent | HandlerBot]:
        place = (self._router, self._turn)
        made: list[HandlerComponent | HandlerBot] = []
        for domain, make in self._components:
            made.append(HandlerComponent(*place, domain, make(), self._reactor))
        for account, make in self._bots:
            made.append(HandlerBot(*place, account, make(), self._reactor))
        return made
