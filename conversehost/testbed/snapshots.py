"""`/snapshots`: all data as it was, to go back to. What lives - sessions, streams, the clock - isn't data."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.state import Moment

MOST = 100


class Snapshots(Noun):
    """Those that were taken, by name. A reset forgets them."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "POST": Verb(self.take, body=("name",))}

    def item(self, name: str) -> Noun:
        return OneSnapshot(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """Their names, the oldest first."""
        return Reply({"snapshots": list(self.world.state.taken)})

    def take(self, query: Fields, body: Fields) -> Reply:
        """One more; without a name it gets one. One of the same name is replaced."""
        taken = self.world.state.taken
        name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
        if len(taken) >= MOST and name not in taken:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} snapshots: delete one")
        taken[name] = self.world.state.snapshot()
        return Reply({"name": name}, HTTPStatus.CREATED, f"{API}/snapshots/{quote(name, safe='')}")


class OneSnapshot(Noun):
    """`/snapshots/{name}`; POST goes back to it."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.restore), "DELETE": Verb(self.delete)}

    def restore(self, query: Fields, body: Fields) -> Reply:
        """All sessions end (system-shutdown), then the data is as it was; as often as one likes."""
        self.world.state.restore(self._find())
        return Reply()

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Forget it."""
        self._find()
        del self.world.state.taken[self._name]
        return Reply()

    def _find(self) -> Moment:
        found = self.world.state.taken.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no snapshot {self._name!r}")
        return found
