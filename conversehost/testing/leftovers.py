"""What a test must not leave behind: expectations that aren't met, iqs without an answer, exceptions in the server."""

from __future__ import annotations

from collections.abc import Callable, Collection

from conversehost.testing.testbed import TestBed
from conversehost.testing.verbs.expectations import UnmetError

PATIENCE = 2.0
"""Seconds that what was expected has left to come."""


def left_behind(bed: TestBed, allowed: Collection[str] = ()) -> list[str]:
    """Why the test fails, a paragraph for each reason; empty when nothing is wrong. `allowed` are names of LEFTOVERS.

    Raises TestBedError.
    """
    looks = [look for name, look in LEFTOVERS.items() if name not in allowed]
    return [f"conversehost: {complaint}" for look in looks for complaint in look(bed)]


def unmet(bed: TestBed) -> list[str]:
    """Expectations, after a while."""
    try:
        bed.verify(PATIENCE)
    except UnmetError as error:
        return [str(error)]
    return []


def unanswered(bed: TestBed) -> list[str]:
    """What clients asked in vain."""
    found = bed.unanswered(PATIENCE, direction="in")
    return [f"nobody has answered {each.session or each.transport}: {each.xml}" for each in found]


def errors(bed: TestBed) -> list[str]:
    """Exceptions in the server."""
    return [
        f"the server failed at {each.xml or 'what goes out to a client'}\n{each.traceback.rstrip()}"
        for each in bed.errors
    ]


LEFTOVERS: dict[str, Callable[[TestBed], list[str]]] = {
    "unmet-expectations": unmet,
    "unanswered-iqs": unanswered,
    "server-errors": errors,
}
"""By the names that they are allowed by."""
