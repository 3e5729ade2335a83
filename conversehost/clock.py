"""Time as the pure layers see it: a number to read, and one heap of deadlines.

Nothing below `net` knows a reactor or the wall clock. Tests and users turn this clock by hand; `conversehost.net.clock`
drives it from a reactor with a single wake-up, however many deadlines wait.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

_order = itertools.count()


class Deadline:
    """Something that is due at a time. `cancel()` may be called at any time, also after it fired."""

    __slots__ = ("call", "clock", "when")

    def __init__(self, clock: Clock, when: float, call: Callable[[], None]) -> None:
        self.clock = clock
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Never fire. The entry leaves the heap later, in bulk, so that cancelling costs nothing."""
        if self.call is not None:
            self.call = None
            self.clock.forget()


class Clock:
    """Monotonic seconds (`now`), civil time (`utc`, seconds since 1970), and deadlines that fire in order of time."""

    def __init__(self, now: float = 0.0, utc: float = 1_700_000_000.0) -> None:
        self._now = now
        self._utc = utc
        self._heap: list[tuple[float, int, Deadline]] = []  # of those at the same time, the one that was set first
        self._dead = 0

    def now(self) -> float:
        """Seconds that only ever grow; what deadlines are measured in."""
        return self._now

    def utc(self) -> float:
        """Seconds since 1970, for time stamps that people and protocols see."""
        return self._utc + self._now

    def at(self, when: float, call: Callable[[], None]) -> Deadline:
        """Have `call()` made once `now()` has reached `when`."""
        deadline = Deadline(self, when, call)
        heapq.heappush(self._heap, (when, next(_order), deadline))
        if self._heap[0][2] is deadline:
            self.earlier(when)
        return deadline

    def after(self, seconds: float, call: Callable[[], None]) -> Deadline:
        """Have `call()` made `seconds` from now."""
        return self.at(self.now() + seconds, call)

    def next(self) -> float | None:
        """When the next deadline is due; None when nothing waits."""
        heap = self._heap
        while heap and heap[0][2].call is None:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def fire(self) -> None:
        """Make the calls of all deadlines that are due, the earliest first."""
        while (when := self.next()) is not None and when <= self.now():
            _, _, deadline = heapq.heappop(self._heap)
            call, deadline.call = deadline.call, None
            if call is not None:
                call()

    def advance(self, seconds: float) -> None:
        """Let time pass: deadlines that fall due fire one by one, each seeing the time it was due at."""
        target = self._now + seconds
        while (when := self.next()) is not None and when <= target:
            self._now = max(self._now, when)
            self.fire()
        self._now = target

    def earlier(self, when: float) -> None:
        """The next deadline is now at `when`, sooner than before. For the driver; by default nobody needs to know."""

    def forget(self) -> None:
        """One more deadline was cancelled; rebuild the heap when most of it is dead."""
        self._dead += 1
        if self._dead > 1000 and self._dead * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each[2].call is not None]
            heapq.heapify(self._heap)
            self._dead = 0
