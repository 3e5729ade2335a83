"""`/errors`: what went wrong in the server and shouldn't have."""

from __future__ import annotations

from collections.abc import Mapping

from conversehost.testbed.fields import Fields
from conversehost.testbed.mishaps import Mishap
from conversehost.testbed.noun import Noun, Reply, Verb
from conversehost.testbed.shapes import Shape, listed, nullable, text, time, whole
from conversehost.xmpp.times import stamp

MISHAP = Shape(
    "Mishap",
    "An exception that nobody expected.",
    {
        "number": whole("of all since the start"),
        "at": time("when"),
        "error": text("the exception"),
        "where": text("in which place"),
        "traceback": text("for developers"),
        "xml": nullable(text("what was being handled")),
    },
)
MISHAPS = Shape("Mishaps", "The oldest first.", {"errors": listed(MISHAP)})


class ErrorsNoun(Noun):
    """GET tells, DELETE forgets."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read, answer=MISHAPS), "DELETE": Verb(self.forget)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """What went wrong in the server and shouldn't have, the oldest first."""
        return Reply({"errors": [describe(each) for each in self.world.mishaps.kept]})

    def forget(self, query: Fields, body: Fields) -> Reply:
        """Forget all of them."""
        self.world.mishaps.clear()
        return Reply()


def describe(mishap: Mishap) -> dict[str, object]:
    """As JSON."""
    return {
        "number": mishap.number,
        "at": stamp(mishap.at),
        "error": mishap.error,
        "where": mishap.where,
        "traceback": mishap.traceback,
        "xml": mishap.xml,
    }
