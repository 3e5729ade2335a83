"""`/clock`: the time that the server goes by, which a test turns instead of waiting."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from conversehost.testbed.fields import Boolean, Fields, Number
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb
from conversehost.testbed.shapes import Shape, boolean, number, time
from conversehost.xmpp.times import stamp

FARTHEST = 10 * 365 * 86_400
"""Seconds that one call may turn it by."""


CLOCK = Shape(
    "Clock",
    "The time that the server goes by.",
    {
        "now": time("by that clock"),
        "offset": number("seconds that it is ahead of the real time"),
        "frozen": boolean("it stands still: only turning it moves it"),
    },
)
SECONDS = Number(
    "advance", f"a number of seconds from 0 to {FARTHEST}", required=True, example=70, low=0, high=FARTHEST
)
FROZEN = Boolean("frozen", "true or false", required=True, example=True)
SHARED = Boolean("shared", "a tenant turns it for all others as well, and means to")


class ClockNoun(Noun):
    """`now`, how far that is from the real time, and whether it stands still."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=CLOCK),
            "PATCH": Verb(self.stop, body=(FROZEN, SHARED), answer=CLOCK, errors=(HTTPStatus.CONFLICT,)),
            "POST": Verb(self.advance, body=(SECONDS, SHARED), answer=CLOCK, errors=(HTTPStatus.CONFLICT,)),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """The server's time."""
        clock = self.world.clock
        return Reply({"now": stamp(clock.utc()), "offset": round(clock.offset, 3), "frozen": clock.frozen})

    def advance(self, query: Fields, body: Fields) -> Reply:
        """Turn the clock forward: everything that falls due meanwhile happens, in order, before the answer comes."""
        self._check_others(body)
        self.world.traffic.mark("clock-turned", seconds=body.get("advance"))
        self.world.clock.advance(body.get("advance"))
        return self.read(query, body)

    def stop(self, query: Fields, body: Fields) -> Reply:
        """Let the clock stand still, or go on from there."""
        self._check_others(body)
        if body.boolean("frozen"):
            self.world.clock.freeze()
        else:
            self.world.clock.thaw()
        return self.read(query, body)

    def _check_others(self, body: Fields) -> None:
        """It is one clock for the whole process. Raises ApiError(409) where a tenant turns it for others too, unless it
        says that it means to.
        """
        world = self.world
        others = world.tenants.others_in_use(world.tenant) if world.tenant else []
        if others and not body.boolean("shared"):
            named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
            text = f'the clock is everybody\'s, and in use by {named}: {{"shared": true}} turns it for all of them'
            raise ApiError(HTTPStatus.CONFLICT, text)
