"""What a test must not leave behind: expectations that aren't met, iqs without an answer, exceptions in the server."""

from __future__ import annotations

from collections.abc import Callable, Collection

from conversehost.testing.calls import Steps
from conversehost.testing.verbs.expectations import UnmetError, verify
from conversehost.testing.verbs.health import mishaps, unanswered

PATIENCE = 2.0
"""Seconds that what was expected has left to come."""


def left_behind(allowed: Collection[str] = ()) -> Steps[list[str]]:
    """Why the test fails, a paragraph for each reason; empty when nothing is wrong. `allowed` are names of LEFTOVERS.

    Raises TestBedError.
    """
    complaints: list[str] = []
    for name, look in LEFTOVERS.items():
        if name not in allowed:
            complaints += yield from look()
    return [f"conversehost: {complaint}" for complaint in complaints]


def _unmet() -> Steps[list[str]]:
    """Expectations, after a while."""
    try:
        yield from verify("expectations/verify", PATIENCE)
    except UnmetError as error:
        return [str(error)]
    return []


def _unanswered() -> Steps[list[str]]:
    """What clients asked in vain."""
    found = yield from unanswered(PATIENCE, {"direction": "in"})
    return [f"nobody has answered {each.session or each.transport}: {each.xml}" for each in found]


def _errors() -> Steps[list[str]]:
    """Exceptions in the server."""
    return [
        f"the server failed at {each.xml or 'what goes out to a client'}\n{each.traceback.rstrip()}"
        for each in (yield from mishaps())
    ]


LEFTOVERS: dict[str, Callable[[], Steps[list[str]]]] = {
    "unmet-expectations": _unmet,
    "unanswered-iqs": _unanswered,
    "server-errors": _errors,
}
"""By the names that they are allowed by."""
