"""Who isn't logged in yet: how many there may be, for how long, and how often they may guess."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache

from conversehost.clock import Clock, Deadline
from conversehost.xmpp.errors import StreamError

MINUTE = 60.0
LOCAL_SHARE = 100
"""This machine's own may fail so many times as often: tests do, and a proxy with many people beyond it."""

REMEMBERED = 10_000
"""Addresses whose failures are counted before those are looked for that needn't be any more."""


@lru_cache(maxsize=4096)
def origin_of(address: str) -> str:
    """Itself, or for IPv6 its network of 64 bits, which one customer has whole; "" for loopback."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.is_loopback:
        return ""
    return address if parsed.version == 4 else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def is_local(address: str) -> bool:
    """Whether it is this machine's own, or of a client within the process."""
    return not origin_of(address)


class Throttle:
    """What counts against an address, such as failed logins: after `failures` in a minute no more are looked at, until
    some of it is over.
    """

    def __init__(self, clock: Clock, failures: int) -> None:
        self._clock = clock
        self._failures = failures
        self._levels: dict[str, tuple[float, float]] = {}  # failures that count, and when

    def failed(self, address: str) -> None:
        """One more."""
        origin = origin_of(address)
        if len(self._levels) >= REMEMBERED:
            self._levels = {each: level for each, level in self._levels.items() if self._level(each) > 0}
        self._levels[origin] = (self._level(origin) + 1, self._clock.now())

    def blocks(self, address: str) -> bool:
        """Whether it has to wait."""
        origin = origin_of(address)
        return origin in self._levels and self._level(origin) > self._allowed(origin) - 1

    def forgive(self) -> None:
        """Nobody has failed."""
        self._levels.clear()

    def _allowed(self, origin: str) -> int:
        return self._failures if origin else self._failures * LOCAL_SHARE

    def _level(self, origin: str) -> float:
        level, when = self._levels.get(origin, (0.0, 0.0))
        return max(0.0, level - (self._clock.now() - when) * self._allowed(origin) / MINUTE)


class Ticket:
    """One client that isn't logged in."""

    __slots__ = ("deadline", "origin")

    def __init__(self, origin: str, deadline: Deadline) -> None:
        self.origin = origin
        self.deadline = deadline


class Entrance:
    """Shared by all streams of a server, over any transport."""

    def __init__(self, clock: Clock, *, seconds: float = 120, room: int = 2_000, failures: int = 30) -> None:
        """A login may take so many `seconds`; `room` clients may be at it, a tenth of them from one address. `failures`
        a minute are taken from one address.
        """
        self.seconds = seconds
        self.throttle = Throttle(clock, failures)
        self._clock = clock
        self._room = room
        self._here: dict[str, int] = defaultdict(int)

    def enter(self, address: str, too_slow: Callable[[], None]) -> Ticket:
        """A client opens a stream; `too_slow` is called when its time is over. Raises StreamError."""
        origin = origin_of(address)
        if sum(self._here.values()) >= self._room:
            raise StreamError("resource-constraint", "too many clients are logging in: try again later")
        if origin and self._here[origin] >= max(1, self._room // 10):
            raise StreamError("resource-constraint", "too many clients are logging in from your address")
        self._here[origin] += 1
        return Ticket(origin, self._clock.after(self.seconds, too_slow))

    def leave(self, ticket: Ticket) -> None:
        """It is in, or gone; once."""
        ticket.deadline.cancel()
        self._here[ticket.origin] -= 1
        if not self._here[ticket.origin]:
            del self._here[ticket.origin]
