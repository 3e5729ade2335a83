"""`/faults`: what goes wrong on purpose, from now on, until it is deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.faults import COMMON, KINDS, TRANSPORTS, Fault
from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.records import read_filter
from conversehost.testbed.traffic import Filter, FilterError

MOST = 100
LONGEST = 3_600
"""Seconds."""
OWN = ("transport", "path", "seconds", "jitter", "status", "retry_after", "bytes_per_second")
FILTER = ("account", "session", "kind", "direction", "type", "from", "to", "text", "xpath")
FIELDS = (*COMMON, *FILTER, *OWN)


class FaultsNoun(Noun):
    """All of them, the oldest first."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "POST": Verb(self.create, body=FIELDS), "DELETE": Verb(self.clear)}

    def item(self, name: str) -> Noun:
        return OneFault(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list."""
        return Reply({"faults": [describe(each) for each in self.world.faults.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """One more; without a name it gets one. One of the same name is replaced."""
        faults = self.world.faults
        made = read_fault(self.world, body)
        if len(faults.by_name) >= MOST and made.name not in faults.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} faults: delete one")
        faults.add(made)
        return Reply(describe(made), HTTPStatus.CREATED, f"{API}/faults/{quote(made.name, safe='')}")

    def clear(self, query: Fields, body: Fields) -> Reply:
        """None any more."""
        self.world.faults.clear()
        return Reply()


class OneFault(Noun):
    """`/faults/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.remove)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """How often it has struck, and how often it could have."""
        return Reply(describe(self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """It strikes no more; the answer tells what it did."""
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
    fault = one_of("fault", body.text("fault"), tuple(KINDS))
    if fault is None:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"fault is missing: one of {', '.join(KINDS)}")
    fields = KINDS[fault].fields
    for name in (*FILTER, *OWN):
        if body.has(name) and name not in fields:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{fault} has no {name}; it has {', '.join(fields)}")
    given: dict[str, object] = {
        "transport": one_of("transport", body.text("transport"), TRANSPORTS),
        "path": body.text("path"),
        "probability": between("probability", body.number("probability"), 0, 1),
        "seed": body.whole("seed"),
        "count": body.whole("count"),
        "skip": body.whole("skip"),
        "seconds": between("seconds", body.number("seconds"), 0, LONGEST),
        "jitter": between("jitter", body.number("jitter"), 0, LONGEST),
        "status": error_status(body.whole("status")),
        "retry_after": body.whole("retry_after"),
        "bytes_per_second": between("bytes_per_second", body.number("bytes_per_second"), 1, 1e9),
    }
    taken = world.faults.by_name
    name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
    try:
        return Fault(name, fault, wanted(world, fault, body), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    except FilterError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def wanted(world: World, fault: str, body: Fields) -> Filter:
    """The stanzas that it is about; of iqs that aren't answered, by default what clients ask."""
    found = read_filter(world, body)
    if fault != "unanswered-iq":
        return found
    return replace(found, kind="iq", direction=found.direction or "in")


def one_of(name: str, value: str | None, known: tuple[str, ...]) -> str | None:
    """Raises ApiError(400)."""
    if value is not None and value not in known:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be one of {', '.join(known)}")
    return value


def between(name: str, value: float | None, least: float, most: float) -> float | None:
    """Raises ApiError(400)."""
    if value is not None and not least <= value <= most:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be from {least:g} to {most:g}")
    return value


def error_status(value: int | None) -> int | None:
    """One that a proxy may answer with. Raises ApiError(400)."""
    known = [each.value for each in HTTPStatus if each >= 400]
    if value is not None and value not in known:
        raise ApiError(HTTPStatus.BAD_REQUEST, "status must be that of an HTTP error, such as 502, 503 or 504")
    return value


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
