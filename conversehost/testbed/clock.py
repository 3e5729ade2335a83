"""`/clock`: the time that the server goes by, which a test turns instead of waiting."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from conversehost.testbed.noun import ApiError, Fields, Noun, Reply, Verb
from conversehost.xmpp.times import stamp

FARTHEST = 10 * 365 * 86_400
"""Seconds that one call may turn it by."""


class ClockNoun(Noun):
    """`now`, how far that is from the real time, and whether it stands still."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read),
            "PATCH": Verb(self.stop, body=("frozen",)),
            "POST": Verb(self.advance, body=("advance",)),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """As it is."""
        clock = self.world.clock
        return Reply({"now": stamp(clock.utc()), "offset": round(clock.offset, 3), "frozen": clock.frozen})

    def advance(self, query: Fields, body: Fields) -> Reply:
        """Everything that falls due meanwhile happens, in order, before the answer comes."""
        seconds = body.number("advance")
        if seconds is None or not 0 <= seconds <= FARTHEST:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"advance must be a number of seconds from 0 to {FARTHEST}")
        self.world.clock.advance(seconds)
        return self.read(query, body)

    def stop(self, query: Fields, body: Fields) -> Reply:
        """Stand still, or go on from there."""
        frozen = body.boolean("frozen")
        if frozen is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "frozen is missing: true or false")
        if frozen:
            self.world.clock.freeze()
        else:
            self.world.clock.thaw()
        return self.read(query, body)
