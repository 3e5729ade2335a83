"""What a test must not leave behind: expectations that aren't met."""

from __future__ import annotations

from conversehost.testing.testbed import TestBed
from conversehost.testing.verbs.expectations import UnmetError

PATIENCE = 2.0
"""Seconds that what was expected has left to come."""


def left_behind(bed: TestBed) -> list[str]:
    """Why the test fails, a paragraph for each reason; empty when nothing is wrong. Raises TestBedError."""
    complaints: list[str] = []
    try:
        bed.verify(PATIENCE)
    except UnmetError as error:
        complaints.append(f"conversehost: {error}")
    return complaints
