"""A turn: all that one input causes, or several that were there at once. What it queued for clients leaves at its end,
together: a client that several write to is woken once, and those that are woken one after the other cost less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Flushable(Protocol):
    """Something with output that waits for the end of the turn."""

    def flush(self) -> None:
        """Let it go out."""


class Turn:
    """Collects who has something to send. Adapters call `taken()` once they have handed in an input; whoever needs it
    to have left before he goes on, `end()`.
    """

    __slots__ = ("_due", "_report", "gathers", "when")

    def __init__(self, report: Callable[[Exception], None] | None = None) -> None:
        """`report` hears of links that fail; without it their exception is raised, after all others were flushed."""
        self._due: list[Flushable] = []
        self._report = report
        self.gathers = False
        """Several inputs are being handed in."""
        self.when = 0.0
        """Seconds since 1970 meanwhile, for all that happens because of them, once somebody has asked the clock; else
        0.
        """

    def add(self, link: Flushable) -> None:
        """`link.flush()` at the end of this turn. A link adds itself when its queue stops being empty."""
        self._due.append(link)

    def begin(self) -> None:
        """Several inputs are there: they are one turn, until `finish`."""
        self.gathers = True

    def taken(self) -> None:
        """An input has been handed in. That ends the turn, if there aren't others that belong to it."""
        if not self.gathers:
            self.end()

    def finish(self) -> None:
        """All of them are handed in."""
        self.gathers = False
        try:
            self.end()
        finally:
            self.when = 0.0

    def end(self) -> None:
        """Flush; also those whose turn comes because of a flush (a bot that answers). One that fails stops no other."""
        failed: list[Exception] = []
        due = self._due
        while due:
            self._due = []
            for link in due:
                try:
                    link.flush()
                except Exception as error:
                    failed.append(error)
            due = self._due
        for failure in failed:
            if self._report is None:
                raise failure
            self._report(failure)
