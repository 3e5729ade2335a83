"""Whether all is quiet, and nothing went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from conversehost.testing.calls import ANSWER, Call, Steps
from conversehost.testing.verbs import asked, verb
from conversehost.testing.verbs.accounts import User
from conversehost.testing.verbs.traffic import Record, record_of, wanted_fields


@dataclass(frozen=True)
class Mishap:
    """An exception in the server that nobody expected: `xml` is the stanza that caused it, None where none did."""

    number: int
    at: datetime
    error: str
    where: str
    traceback: str
    xml: str | None


class HealthVerbs:
    """For the middle of a test, and for its end."""

    @verb
    def settled(self, timeout: float = 5) -> Steps[None]:
        """Waits until nothing is queued or in progress. Requests that are held, as all BOSH clients have them, don't
        count. Raises TestBedError after `timeout` seconds, with what still is.
        """
        yield Call("GET", f"settled?timeout={timeout:g}", timeout=ANSWER + timeout)

    @verb
    def unanswered(self, timeout: float = 0, **wanted: User | str) -> Steps[list[Record]]:
        """The iqs (get, set) that nobody has answered, once there are none or `timeout` seconds are over.

        `wanted`: direction="in" (asked by a client) or "out" (asked of one), account="alice", session=... Streams that
        have ended don't count, nor does what a fault has swallowed.
        """
        return (yield from unanswered(timeout, wanted))

    @asked
    def errors(self) -> Steps[list[Mishap]]:
        """What went wrong in the server since the last reset, the oldest first."""
        return (yield from mishaps())


def unanswered(timeout: float, wanted: Mapping[str, User | str]) -> Steps[list[Record]]:
    """As the verb of that name."""
    query = urlencode({**wanted_fields(None, 0, wanted), "timeout": f"{timeout:g}"})
    told = yield Call("GET", f"traffic/unanswered?{query}", timeout=ANSWER + timeout)
    return [record_of(each) for each in told["unanswered"]]


def mishaps() -> Steps[list[Mishap]]:
    """As the verb `errors`."""
    told = yield Call("GET", "errors")
    return [Mishap(**each | {"at": datetime.fromisoformat(each["at"])}) for each in told["errors"]]
