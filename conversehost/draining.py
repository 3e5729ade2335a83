"""On the way out: no new sessions, until the last one has ended, or until a deadline. For rolling restarts."""

from __future__ import annotations

from collections.abc import Callable

from conversehost.clock import Clock

RETRY = 2
"""Seconds after which it is worth asking again: another process may answer then, or this one anew."""
WHY = "the server is going to stop and takes no new sessions: try again"
LOOK = 0.25
"""Seconds between two looks at who is left."""


class Draining:
    """What all ways in share: once it is `on`, nothing begins."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False

    def begin(self, clock: Clock, seconds: int, left: Callable[[], int], done: Callable[[int], None]) -> None:
        """`done(n)` is called once, when `left()` is 0 or after so many seconds, with what is left then; 0 seconds are
        as long as it takes. Beginning again changes nothing. `clock` tells real time.
        """
        if self.on:
            return
        self.on = True
        end = clock.now() + seconds if seconds else float("inf")

        def look() -> None:
            if (there := left()) and clock.now() < end:
                clock.after(min(LOOK, end - clock.now()), look)
            else:
                done(there)

        look()
