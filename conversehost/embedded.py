"""A server in a program that has a reactor already, such as a test suite under pytest-twisted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from conversehost import launch
from conversehost.errors import ConfigError as ConfigError
from conversehost.loading import load
from conversehost.service import compose_in

FIRST = ("--port", "0", "--c2s-port", "0")


class Embedded:
    """Runs from now on, on free ports unless `arguments` say otherwise; they are options as on the command line.

    `ready` is what its ready line would say. Nothing here can block: who talks to it does so by this same reactor.
    """

    def __init__(self, arguments: Sequence[str], reactor: Any) -> None:
        """Raises ConfigError."""
        settings = load([*FIRST, *arguments], os.environ)
        sockets = launch.listen(settings)
        try:
            composition = compose_in(reactor, settings, sockets)
        except BaseException:
            launch.close(sockets.all)
            raise
        self._service = composition.service
        self._single = composition.single
        self.ready: Mapping[str, Any] = {**composition.ready, "pid": os.getpid()}
        self._service.startService()

    def prebind(self, name: str) -> dict[str, str | int]:
        """A session of somebody whom the program knows, for Converse.js: the JSON that `prebind_url` answers. One who
        has no account gets it. Raises JIDError for what can't be a name or an address of a domain here, and StanzaError
        for one who is disabled, or has too many sessions in use.
        """
        bound = self._single.prebind(name)
        return {"jid": bound.jid, "sid": bound.sid, "rid": bound.rid}

    def end_sessions(self, name: str) -> int:
        """All of somebody end, as when he logs out of the site; how many there were. Raises JIDError."""
        return self._single.end_sessions(name)

    def stop(self) -> Deferred[None]:
        """Fires when it is gone."""
        stopped: Deferred[None] = self._service.stopService()
        return stopped
