"""`/expectations`: what shall be said, from now on; and `/expectations/verify`: whether it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

from twisted.internet.defer import Deferred

from conversehost.testbed.expectations import MET, UNMET, VIOLATED, Expectation
from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.patience import Patience, read_timeout
from conversehost.testbed.records import describe as describe_record
from conversehost.testbed.records import read_filter
from conversehost.testbed.traffic import FilterError

MOST = 1_000
LONGEST = 3_600
"""Seconds of `within`."""
FILTER = ("kind", "direction", "account", "session", "type", "from", "to", "text", "xpath")
HOW_OFTEN = ("times", "at_least", "at_most", "never")
FIELDS = ("name", *FILTER, *HOW_OFTEN, "group", "within")
VERIFY = "verify"


class ExpectationsNoun(Noun):
    """All of them, in the order in which they were set."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.putChild(VERIFY.encode(), Verify(world, lambda: list(world.expectations.by_name.values())))

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "POST": Verb(self.create, body=FIELDS), "DELETE": Verb(self.clear)}

    def item(self, name: str) -> Noun:
        return OneExpectation(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list, each with its state."""
        expectations = self.world.expectations
        return Reply({"expectations": [describe(self.world, each) for each in expectations.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """One more; without a name it gets one. One of the same name is replaced, and begins anew."""
        expectations = self.world.expectations
        if not self.world.traffic.kept:
            raise ApiError(HTTPStatus.CONFLICT, "nothing is seen of what is said: this server runs with --no-traffic")
        made = read_expectation(self.world, body)
        if len(expectations.by_name) >= MOST and made.name not in expectations.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} expectations: delete one")
        expectations.add(made)
        location = f"{API}/expectations/{quote(made.name, safe='')}"
        return Reply(describe(self.world, made), HTTPStatus.CREATED, location)

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Nothing is expected any more."""
        self.world.expectations.clear()
        return Reply()


class OneExpectation(Noun):
    """`/expectations/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name
        self.putChild(VERIFY.encode(), Verify(world, lambda: [self._find()]))

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.remove)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """Its state."""
        return Reply(describe(self.world, self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """It isn't expected any more; the answer tells its last state."""
        told = describe(self.world, self._find())
        self.world.expectations.remove(self._name)
        return Reply(told)

    def _find(self) -> Expectation:
        found = self.world.expectations.by_name.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no expectation {self._name!r}")
        return found


class Verify(Noun):
    """`GET` answers once all of `those` are met."""

    def __init__(self, world: World, those: Callable[[], list[Expectation]]) -> None:
        super().__init__(world)
        self._those = those

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.verify, query=("timeout",))}

    def verify(self, query: Fields, body: Fields) -> Deferred[Reply]:
        """409 as soon as one is violated, 408 when one isn't met after `timeout` seconds of real time."""
        return Patience(self.world.wall, read_timeout(query, 5.0), self._look, self._too_late).answer

    def _look(self) -> Reply | None:
        those = self._those()
        states = {self.world.expectations.state(each) for each in those}
        if VIOLATED in states:
            raise ApiError(HTTPStatus.CONFLICT, self._explained())
        if UNMET in states:
            return None
        return Reply({"expectations": [describe(self.world, each) for each in those]})

    def _too_late(self) -> ApiError:
        return ApiError(HTTPStatus.REQUEST_TIMEOUT, self._explained())

    def _explained(self) -> str:
        expectations = self.world.expectations
        return "; ".join(expectations.explain(each) for each in self._those() if expectations.state(each) != MET)


def read_expectation(world: World, body: Fields) -> Expectation:
    """Raises ApiError(400), which names the field that is wrong."""
    wanted = read_filter(world, body)
    if not any(body.has(name) for name in FILTER):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"what is expected? Give one of {', '.join(FILTER)}")
    least, most = read_how_often(body)
    within = body.number("within")
    if within is not None and not 0 < within <= LONGEST:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"within must be more than 0 seconds, and at most {LONGEST}")
    taken = world.expectations.by_name
    name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
    if name == VERIFY:
        raise ApiError(HTTPStatus.BAD_REQUEST, "name can't be verify, which is a call of its own")
    try:
        return Expectation(name, wanted, least, most, body.text("group") or "", within)
    except FilterError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def read_how_often(body: Fields) -> tuple[int, int | None]:
    """At least, and at most. Raises ApiError(400)."""
    times, least, most = (body.whole(name) for name in ("times", "at_least", "at_most"))
    never = body.boolean("never")
    if sum(value is not None for value in (times, never)) + (least is not None or most is not None) > 1:
        raise ApiError(HTTPStatus.BAD_REQUEST, "one of times, never, or at_least and at_most: not several")
    if never:
        times = 0
    if times is not None:
        return times, times
    least = least if least is not None else 0 if most is not None else 1
    if most is not None and most < least:
        raise ApiError(HTTPStatus.BAD_REQUEST, "at_most must not be less than at_least")
    return least, most


def describe(world: World, expectation: Expectation) -> dict[str, object]:
    """As JSON: what is expected, its state, and for one that isn't met why, with what came nearest."""
    expectations = world.expectations
    return {
        "name": expectation.name,
        **expectation.wanted.given(),
        "at_least": expectation.least,
        "at_most": expectation.most,
        "group": expectation.group or None,
        "within": expectation.within,
        "count": expectation.count,
        "state": expectations.state(expectation),
        "why": expectations.why(expectation) or None,
        "near": [
            {"differs": failed, "record": describe_record(record)}
            for record, failed in expectations.nearest(expectation)
        ],
    }
