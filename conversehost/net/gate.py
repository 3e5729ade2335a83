"""How many connections there may be: in all, and from one address."""

from __future__ import annotations

import resource
from collections import Counter

from twisted.internet.protocol import Protocol
from twisted.logger import Logger

from conversehost.clock import Clock
from conversehost.server.entrance import origin_of

log = Logger()

SPARE = 64
"""File descriptors that are left for what isn't a client's connection."""

QUIET = 60.0
"""Seconds between two lines of the log about it."""

_BUSY = b"503 Too many connections\n"
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 10\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)


class Gate:
    """Counts clients' connections, of all listeners together."""

    def __init__(self, total: int, per_address: int, *, clock: Clock) -> None:
        """`clock` tells real time. Loopback counts in `total` alone: it may be a proxy with many people beyond."""
        self.total = total
        self.per_address = per_address
        self._clock = clock
        self._here: Counter[str] = Counter()
        self._all = 0
        self._told = -QUIET

    def admits(self, address: str) -> bool:
        """Whether one more may come from there; it is counted then, until it `left`."""
        origin = origin_of(address)
        if self._all >= self.total:
            self._tell(f"{self._all} connections are open: no more are taken (--connections, and ulimit -n)")
            return False
        if origin and self._here[origin] >= self.per_address:
            self._tell(f"{self._here[origin]} connections from {origin}: no more are taken (--connections-per-address)")
            return False
        self._all += 1
        if origin:
            self._here[origin] += 1
        return True

    def left(self, address: str) -> None:
        """One that was admitted is gone."""
        origin = origin_of(address)
        self._all -= 1
        if origin:
            self._here[origin] -= 1
            if not self._here[origin]:
                del self._here[origin]

    def _tell(self, text: str) -> None:
        now = self._clock.now()
        if now >= self._told + QUIET:
            self._told = now
            log.warn("{text}", text=text)


class TurnedAway(Protocol):
    """A connection that is one too many: told so, and closed."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(BUSY)
        self.transport.loseConnection()


def room_for(connections: int) -> int:
    """Let the process have as many open files as that needs, if the system allows; how many connections then fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    granted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return max(1, granted - SPARE)
