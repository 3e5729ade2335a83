"""A turn: all that one input causes. What it queued for clients leaves at its end, together."""

from __future__ import annotations

from typing import Protocol


class Flushable(Protocol):
    """Something with output that waits for the end of the turn."""

    def flush(self) -> None:
        """Let it go out."""


class Turn:
    """Collects who has something to send. Adapters call `end()` once they have handed in an input."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due: list[Flushable] = []

    def add(self, link: Flushable) -> None:
        """`link.flush()` at the end of this turn. A link adds itself when its queue stops being empty."""
        self._due.append(link)

    def end(self) -> None:
        """Flush; also those whose turn comes because of a flush (a bot that answers)."""
        due = self._due
        while due:
            self._due = []
            for link in due:
                link.flush()
            due = self._due
