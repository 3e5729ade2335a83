"""A place that answers too late, again and again, is left alone for a while, so that not every login waits for it."""

from __future__ import annotations

TOO_LATE = 3
"""Answers in a row that didn't come in time."""
PAUSE = 10
"""Seconds that nobody asks; then one question tries it."""


class Rest:
    """Whether to ask, as time goes by. It knows no clock: `now` is in seconds, and only ever grows."""

    def __init__(self) -> None:
        self._late = 0
        self._until = 0.0

    def asks(self, now: float) -> bool:
        """Whether it may be asked now. After a pause that is so for one question, until that has its answer."""
        if self._late < TOO_LATE:
            return True
        if now < self._until:
            return False
        self._until = now + PAUSE  # long enough for the one to be answered, or to be too late
        return True

    def late(self, now: float) -> None:
        """No answer came in time."""
        self._late += 1
        if self._late >= TOO_LATE:
            self._until = now + PAUSE

    def answered(self) -> None:
        """Some answer came, whatever it was."""
        self._late = 0
