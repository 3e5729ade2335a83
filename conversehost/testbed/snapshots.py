"""`/snapshots`: all data as it was, to go back to. What lives - sessions, streams, the clock - isn't data."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.fields import Choice, Fields, Text
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.shapes import Shape, listed, text
from conversehost.testbed.state import Moment

MOST = 100


NAME = Text("name", "what it is called; without one it gets one", example="before")
SESSIONS = Choice("sessions", "whether they end; by default they do", words=("end", "keep"))
TAKEN = Shape("Snapshot", "One that was taken.", {"name": text("to go back to it by")})
SNAPSHOTS = Shape("Snapshots", "Those that were taken, the oldest first.", {"snapshots": listed(text(), "their names")})


class Snapshots(Noun):
    """Those that were taken, by name. A reset forgets them."""

    key = Text("name", "what it is called", example="before")

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=SNAPSHOTS),
            "POST": Verb(
                self.take, body=(NAME,), answer=TAKEN, status=HTTPStatus.CREATED, errors=(HTTPStatus.CONFLICT,)
            ),
        }

    def item(self, name: str) -> Noun:
        return OneSnapshot(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The names of all snapshots, the oldest first."""
        return Reply({"snapshots": list(self.world.state.taken)})

    def take(self, query: Fields, body: Fields) -> Reply:
        """Remember all data as it is now. A snapshot of the same name is replaced."""
        taken = self.world.state.taken
        name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
        if len(taken) >= MOST and name not in taken:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} snapshots: delete one")
        taken[name] = self.world.state.snapshot()
        return Reply({"name": name}, f"{API}/snapshots/{quote(name, safe='')}")


class OneSnapshot(Noun):
    """`/snapshots/{name}`; POST goes back to it."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "POST": Verb(self.restore, body=(SESSIONS,), errors=MISSING),
            "DELETE": Verb(self.delete, errors=MISSING),
        }

    def restore(self, query: Fields, body: Fields) -> Reply:
        """Go back to a snapshot, as often as you like: all sessions end, then the data is as it was. Or they are kept,
        as far as their accounts are there, and their clients told what they know otherwise.
        """
        self.world.state.restore(self._find(), keep=body.text("sessions") == "keep")
        return Reply()

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Forget a snapshot."""
        self._find()
        del self.world.state.taken[self._name]
        return Reply()

    def _find(self) -> Moment:
        found = self.world.state.taken.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no snapshot {self._name!r}")
        return found
