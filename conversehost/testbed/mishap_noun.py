"""`/errors`: what went wrong in the server and shouldn't have."""

from __future__ import annotations

from collections.abc import Mapping

from conversehost.testbed.mishaps import Mishap
from conversehost.testbed.noun import Fields, Noun, Reply, Verb
from conversehost.xmpp.times import stamp


class ErrorsNoun(Noun):
    """GET tells, DELETE forgets."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.forget)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list, the oldest first."""
        return Reply({"errors": [describe(each) for each in self.world.mishaps.kept]})

    def forget(self, query: Fields, body: Fields) -> Reply:
        """All of them."""
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
