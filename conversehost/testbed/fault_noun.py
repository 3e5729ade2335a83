"""`/faults`: what goes wrong on purpose, from now on, until it is deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.faults import KINDS, TRANSPORTS, Fault
from conversehost.testbed.fields import Choice, Fields, Number, Text, Whole
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.records import FILTER, read_filter
from conversehost.testbed.shapes import Shape, choice, listed, number, text, whole
from conversehost.testbed.traffic import Filter, FilterError

MOST = 100
LONGEST = 3_600
"""Seconds."""
ERRORS = tuple(each.value for each in HTTPStatus if each >= 400)
SPECIAL = (
    *FILTER,
    Choice("transport", "how clients come; site: prebind, pages, and the login there", words=TRANSPORTS),
    Text("path", "of a request", example="/http-bind"),
    Number("seconds", "how long it takes", low=0, high=LONGEST, example=0.5),
    Number("jitter", "and up to so many seconds more or less", low=0, high=LONGEST),
    Whole("status", "of an HTTP error, such as 502, 503 or 504", low=400, high=599),
    Whole("retry_after", "seconds, told with the status", high=LONGEST),
    Number("bytes_per_second", "how fast answers come", low=1, high=1e9),
)
"""What some faults have, and others not: `faults.KINDS`."""
OWN = (
    *("probability", "seed", "count", "skip"),
    *(each.name for each in SPECIAL if each not in FILTER),
)
"""What isn't for the filter."""
FIELDS = (
    Choice("fault", "what happens", words=tuple(KINDS), required=True, example="latency"),
    Text("name", "what it is called; without one it gets one", example="slow"),
    Number("probability", "with which it strikes", low=0, high=1),
    Whole("seed", "of that chance: the same again"),
    Whole("count", "how often it strikes at most"),
    Whole("skip", "how often it doesn't, before it does"),
    *SPECIAL,
)
FAULT = Shape(
    "Fault",
    "What goes wrong on purpose: docs/faults.md tells what has which fields.",
    {
        "name": text("what it is called"),
        "fault": choice("what happens", *KINDS),
        "probability": number("with which it strikes"),
        "seed": whole("of that chance"),
        "count": {"type": ["integer", "null"], "description": "how often it strikes at most"},
        "skip": whole("how often it doesn't, before it does"),
        "matches": whole("how often it could have struck"),
        "strikes": whole("how often it has"),
        **{each.name: each.schema() for each in SPECIAL},
    },
    optional=frozenset(each.name for each in SPECIAL),
)
FAULTS = Shape("Faults", "The oldest first.", {"faults": listed(FAULT)})


class FaultsNoun(Noun):
    """All of them, the oldest first."""

    key = Text("name", "what it is called", example="slow")

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=FAULTS),
            "POST": Verb(
                self.create, body=FIELDS, answer=FAULT, status=HTTPStatus.CREATED, errors=(HTTPStatus.CONFLICT,)
            ),
            "DELETE": Verb(self.clear),
        }

    def item(self, name: str) -> Noun:
        return OneFault(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All faults, the oldest first, with how often they struck."""
        return Reply({"faults": [describe(each) for each in self.world.faults.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Let something go wrong from now on. A fault of the same name is replaced."""
        faults = self.world.faults
        made = read_fault(self.world, body)
        if len(faults.by_name) >= MOST and made.name not in faults.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} faults: delete one")
        faults.add(made)
        return Reply(describe(made), f"{API}/faults/{quote(made.name, safe='')}")

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Let nothing go wrong any more."""
        self.world.faults.clear()
        return Reply()


class OneFault(Noun):
    """`/faults/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=FAULT, errors=MISSING),
            "DELETE": Verb(self.remove, answer=FAULT, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One fault: how often it has struck, and how often it could have."""
        return Reply(describe(self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """Remove a fault: it strikes no more. The answer tells what it did."""
        found = self._find()
        self.world.faults.remove(found.name)
        return Reply(describe(found))

    def _find(self) -> Fault:
        found = self.world.faults.by_name.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no fault {self._name!r}")
        return found


def read_fault(world: World, body: Fields) -> Fault:
    """Raises ApiError(400), which names the field that is wrong."""
    fault = body.needed("fault")
    fields = KINDS[fault].fields
    for each in SPECIAL:
        if body.has(each.name) and each.name not in fields:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{fault} has no {each.name}; it has {', '.join(fields)}")
    if body.has("status") and body.get("status") not in ERRORS:
        raise ApiError(HTTPStatus.BAD_REQUEST, "status must be that of an HTTP error, such as 502, 503 or 504")
    given = {name: body.get(name) for name in OWN if body.has(name)}
    taken = world.faults.by_name
    name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
    try:
        return Fault(name, fault, wanted(world, fault, body), **given)
    except FilterError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def wanted(world: World, fault: str, body: Fields) -> Filter:
    """The stanzas that it is about; of iqs that aren't answered, by default what clients ask."""
    found = read_filter(world, body)
    if fault != "unanswered-iq":
        return found
    return replace(found, kind="iq", direction=found.direction or "in")


def describe(fault: Fault) -> dict[str, object]:
    """As JSON: what it does, to what, and how often it did."""
    wanted = fault.wanted
    values = {
        "account": wanted.account,
        "session": wanted.session,
        "kind": wanted.kind,
        "direction": wanted.direction,
        "type": wanted.type,
        "from": wanted.sender,
        "to": wanted.to,
        "text": wanted.text,
        "xpath": wanted.xpath,
        **{name: getattr(fault, name) for name in OWN},
    }
    return {
        "name": fault.name,
        "fault": fault.fault,
        **{name: values[name] for name in KINDS[fault.fault].fields if values[name] not in ("", None)},
        "probability": fault.probability,
        "seed": fault.seed,
        "count": fault.count,
        "skip": fault.skip,
        "matches": fault.matches,
        "strikes": fault.strikes,
    }
