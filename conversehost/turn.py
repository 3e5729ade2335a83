"""A turn: all that one input causes. What it queued for clients leaves at its end, together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Flushable(Protocol):
    """Something with output that waits for the end of the turn."""

    def flush(self) -> None:
        """Let it go out."""


class Turn:
    """Collects who has something to send. Adapters call `end()` once they have handed in an input."""

    __slots__ = ("_due", "_report")

    def __init__(self, report: Callable[[Exception], None] | None = None) -> None:
        """`report` hears of links that fail; without it their exception is raised, after all others were flushed."""
        self._due: list[Flushable] = []
        self._report = report

    def add(self, link: Flushable) -> None:
        """`link.flush()` at the end of this turn. A link adds itself when its queue stops being empty."""
        self._due.append(link)

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
