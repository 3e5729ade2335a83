"""`/expectations`: what shall be said, from now on; and `/expectations/verify`: whether it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

from twisted.internet.defer import Deferred

from conversehost.testbed.expectations import MET, UNMET, VIOLATED, Expectation
from conversehost.testbed.fields import Boolean, Fields, Number, Text, Whole
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.patience import TIMEOUT, Patience
from conversehost.testbed.records import FILTER, RECORD, read_filter
from conversehost.testbed.records import describe as describe_record
from conversehost.testbed.shapes import Shape, choice, listed, nullable, number, text, whole
from conversehost.testbed.traffic import FilterError
from conversehost.testbed.whereabouts import absences

MOST = 1_000
LONGEST = 3_600
"""Seconds of `within`."""
FIELDS = (
    Text("name", "what it is called; without one it gets one", example="greeting"),
    *FILTER,
    Whole("times", "exactly so often"),
    Whole("at_least", "at least so often; 1 unless anything is said of it"),
    Whole("at_most", "at most so often"),
    Boolean("never", "not at all"),
    Text("group", "those of a group come one after the other"),
    Number("within", "seconds in which it has to come", low=0.001, high=LONGEST),
)
VERIFY = "verify"
MISS = Shape(
    "Miss",
    "What came near.",
    {"differs": listed(text(), "what of the filter isn't so"), "record": RECORD},
)
EXPECTATION = Shape(
    "Expectation",
    "What shall be said.",
    {
        "name": text("what it is called"),
        "at_least": whole("so often"),
        "at_most": nullable(whole("so often; null: as often as it likes")),
        "group": nullable(text("those of a group come one after the other")),
        "within": nullable(number("seconds in which it has to come")),
        "count": whole("how often it came"),
        "state": choice("so far", MET, UNMET, VIOLATED),
        "why": nullable(text("what isn't as expected")),
        "near": listed(MISS, "what came nearest, where it isn't met"),
        **{each.name: text(each.about) for each in FILTER},
    },
    optional=frozenset(each.name for each in FILTER),
)
EXPECTATIONS = Shape("Expectations", "In the order in which they were set.", {"expectations": listed(EXPECTATION)})


class ExpectationsNoun(Noun):
    """All of them, in the order in which they were set."""

    key = Text("name", "what it is called", example="greeting")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.putChild(VERIFY.encode(), Verify(world, lambda: list(world.expectations.by_name.values())))

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=EXPECTATIONS),
            "POST": Verb(
                self.create, body=FIELDS, answer=EXPECTATION, status=HTTPStatus.CREATED, errors=(HTTPStatus.CONFLICT,)
            ),
            "DELETE": Verb(self.clear),
        }

    def item(self, name: str) -> Noun:
        return OneExpectation(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All that is expected, each with its state."""
        expectations = self.world.expectations
        return Reply({"expectations": [describe(self.world, each) for each in expectations.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Expect something to be said from now on. An expectation of the same name is replaced, and begins anew."""
        expectations = self.world.expectations
        if not self.world.traffic.kept:
            raise ApiError(HTTPStatus.CONFLICT, "nothing is seen of what is said: this server runs with --no-traffic")
        made = read_expectation(self.world, body)
        if len(expectations.by_name) >= MOST and made.name not in expectations.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} expectations: delete one")
        expectations.add(made)
        location = f"{API}/expectations/{quote(made.name, safe='')}"
        return Reply(describe(self.world, made), location)

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Expect nothing any more."""
        self.world.expectations.clear()
        return Reply()


class OneExpectation(Noun):
    """`/expectations/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name
        self.putChild(VERIFY.encode(), Verify(world, lambda: [self._find()]))

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=EXPECTATION, errors=MISSING),
            "DELETE": Verb(self.remove, answer=EXPECTATION, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One expectation, with its state."""
        return Reply(describe(self.world, self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """Expect that no more; the answer tells its last state."""
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
        return {
            "GET": Verb(
                self.verify,
                query=(TIMEOUT,),
                answer=EXPECTATIONS,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT),
            )
        }

    def verify(self, query: Fields, body: Fields) -> Deferred[Reply]:
        """Wait until all is met: 409 as soon as something is violated, 408 when it isn't met after `timeout` (5)."""
        timeout = query.number("timeout")
        return Patience(self.world.wall, 5.0 if timeout is None else timeout, self._look, self._too_late).answer

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
        return "; ".join(
            "; ".join([expectations.explain(each), *(() if each.is_satisfied else absences(self.world, each.wanted))])
            for each in self._those()
            if expectations.state(each) != MET
        )


def read_expectation(world: World, body: Fields) -> Expectation:
    """Raises ApiError(400), which names the field that is wrong."""
    wanted = read_filter(world, body)
    if not any(body.has(each.name) for each in FILTER):
        known = ", ".join(each.name for each in FILTER)
        raise ApiError(HTTPStatus.BAD_REQUEST, f"what is expected? Give one of {known}")
    least, most = read_how_often(body)
    within = body.number("within")
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
