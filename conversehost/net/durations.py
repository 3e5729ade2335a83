"""How long things take, as a histogram of plain numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds; the upper ends of all classes but the last, which has none."""


class Durations:
    """Counts what it is told."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0  # seconds

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulated(self) -> Iterator[tuple[float, int]]:
        """(bound, how many took at most so long), for all bounds and infinity."""
        sum = 0
        for bound, count in zip((*BOUNDS, float("inf")), self._counts, strict=True):
            sum += count
            yield bound, sum
