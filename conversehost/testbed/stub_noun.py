"""`/stubs`: what is answered in the server's place, until it is deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.records import read_filter
from conversehost.testbed.scripts import LONGEST, check_xml
from conversehost.testbed.stubs import Stub
from conversehost.testbed.traffic import FilterError
from conversehost.xmpp.errors import CONDITIONS
from conversehost.xmpp.jid import JIDError, parse

MOST = 100
FILTER = ("account", "session", "kind", "type", "from", "to", "text", "xpath")
DOES = ("answer", "refuse", "forward")
FIELDS = ("name", *FILTER, *DOES, "reason", "seconds", "count", "skip")


class StubsNoun(Noun):
    """All of them, the oldest first."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "POST": Verb(self.create, body=FIELDS), "DELETE": Verb(self.clear)}

    def item(self, name: str) -> Noun:
        return OneStub(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list."""
        return Reply({"stubs": [describe(each) for each in self.world.stubs.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """One more; without a name it gets one. One of the same name is replaced."""
        stubs = self.world.stubs
        made = read_stub(self.world, body)
        if len(stubs.by_name) >= MOST and made.name not in stubs.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} stubs: delete one")
        stubs.add(made)
        return Reply(describe(made), HTTPStatus.CREATED, f"{API}/stubs/{quote(made.name, safe='')}")

    def clear(self, query: Fields, body: Fields) -> Reply:
        """None any more."""
        self.world.stubs.clear()
        return Reply()


class OneStub(Noun):
    """`/stubs/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.remove)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """How often it was used, and how often it could have been."""
        return Reply(describe(self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """It does nothing any more; the answer tells what it did."""
        found = self._find()
        self.world.stubs.remove(found.name)
        return Reply(describe(found))

    def _find(self) -> Stub:
        found = self.world.stubs.by_name.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no stub {self._name!r}")
        return found


def read_stub(world: World, body: Fields) -> Stub:
    """Raises ApiError(400), which names the field that is wrong."""
    does = [name for name in DOES if body.has(name)]
    seconds = body.number("seconds") or 0.0
    if len(does) > 1 or not (does or seconds):
        raise ApiError(HTTPStatus.BAD_REQUEST, "one of answer, refuse and forward is needed, or seconds alone")
    if not 0 <= seconds <= LONGEST:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"seconds must be from 0 to {LONGEST:g}")
    taken = world.stubs.by_name
    name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
    try:
        return Stub(
            name,
            replace(read_filter(world, body), direction=""),
            read_answer(body.value("answer")),
            read_condition(body.text("refuse")),
            body.text("reason") or "",
            read_address(body.text("forward")),
            seconds,
            body.whole("count"),
            body.whole("skip") or 0,
        )
    except FilterError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def read_answer(value: object) -> str | None:
    """XML; none at all is an empty result. Raises ApiError(400)."""
    try:
        return None if value is None else check_xml("answer", value)
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def read_condition(value: str | None) -> str:
    """Of RFC 6120 section 8.3.3. Raises ApiError(400)."""
    if value is not None and value not in CONDITIONS:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"refuse must be one of {', '.join(CONDITIONS)}")
    return value or ""


def read_address(value: str | None) -> str:
    """Raises ApiError(400)."""
    try:
        return "" if value is None else parse(value).full
    except JIDError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"forward: {value!r} is not an address ({error})") from None


def describe(stub: Stub) -> dict[str, object]:
    """As JSON: what it is for, what it does, and how often it did."""
    wanted = stub.wanted
    values = {
        "account": wanted.account,
        "session": wanted.session,
        "kind": wanted.kind,
        "type": wanted.type,
        "from": wanted.sender,
        "to": wanted.to,
        "text": wanted.text,
        "xpath": wanted.xpath,
        "answer": stub.answer,
        "refuse": stub.refuse,
        "reason": stub.text,
        "forward": stub.forward,
    }
    return {
        "name": stub.name,
        **{name: value for name, value in values.items() if value or (name == "answer" and value is not None)},
        "seconds": stub.seconds,
        "count": stub.count,
        "skip": stub.skip,
        "matches": stub.matches,
        "strikes": stub.strikes,
    }
