"""`/stubs`: what is answered in the server's place, until it is deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.fields import Choice, Fields, Lines, Number, Text, Whole
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.records import FILTER as RECORDS
from conversehost.testbed.records import read_filter
from conversehost.testbed.scripts import LONGEST, check_xml
from conversehost.testbed.shapes import Shape, listed, nullable, number, text, whole
from conversehost.testbed.stubs import Stub
from conversehost.testbed.traffic import FilterError
from conversehost.xmpp.errors import CONDITIONS
from conversehost.xmpp.jid import JIDError, parse

MOST = 100
FILTER = tuple(each for each in RECORDS if each.name != "direction")
DOES = (
    Lines("answer", "XML that comes back: the payload of an iq's result, or whole stanzas", example="<x/>"),
    Choice("refuse", "the condition of a stanza error (RFC 6120 section 8.3.3)", words=tuple(CONDITIONS)),
    Text("forward", "the address that it goes to instead"),
)
FIELDS = (
    Text("name", "what it is called; without one it gets one", example="no-such-thing"),
    *FILTER,
    *DOES,
    Text("reason", "for people, with `refuse`"),
    Number("seconds", "how long that takes", low=0, high=LONGEST),
    Whole("count", "how often it is used at most"),
    Whole("skip", "how often it isn't used, before it is"),
)
STUB = Shape(
    "Stub",
    "What is answered in the server's place.",
    {
        "name": text("what it is called"),
        "seconds": number("how long it takes"),
        "count": nullable(whole("how often it is used at most")),
        "skip": whole("how often it isn't used, before it is"),
        "matches": whole("how often it could have been used"),
        "strikes": whole("how often it was"),
        **{each.name: text(each.about) for each in (*FILTER, *DOES)},
        "reason": text("for people"),
    },
    optional=frozenset((*(each.name for each in (*FILTER, *DOES)), "reason")),
)
STUBS = Shape("Stubs", "The oldest first.", {"stubs": listed(STUB)})


class StubsNoun(Noun):
    """All of them, the oldest first."""

    key = Text("name", "what it is called", example="no-such-thing")

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=STUBS),
            "POST": Verb(
                self.create, body=FIELDS, answer=STUB, status=HTTPStatus.CREATED, errors=(HTTPStatus.CONFLICT,)
            ),
            "DELETE": Verb(self.clear),
        }

    def item(self, name: str) -> Noun:
        return OneStub(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All stubs, the oldest first, with how often they were used."""
        return Reply({"stubs": [describe(each) for each in self.world.stubs.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Answer something in the server's place, from now on. A stub of the same name is replaced."""
        stubs = self.world.stubs
        made = read_stub(self.world, body)
        if len(stubs.by_name) >= MOST and made.name not in stubs.by_name:
            raise ApiError(HTTPStatus.CONFLICT, f"there are {MOST} stubs: delete one")
        stubs.add(made)
        return Reply(describe(made), f"{API}/stubs/{quote(made.name, safe='')}")

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Let the server answer everything itself again."""
        self.world.stubs.clear()
        return Reply()


class OneStub(Noun):
    """`/stubs/{name}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=STUB, errors=MISSING),
            "DELETE": Verb(self.remove, answer=STUB, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One stub: how often it was used, and how often it could have been."""
        return Reply(describe(self._find()))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """Remove a stub: it does nothing any more. The answer tells what it did."""
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
    does = [each.name for each in DOES if body.has(each.name)]
    seconds = body.number("seconds") or 0.0
    if len(does) > 1 or not (does or seconds):
        raise ApiError(HTTPStatus.BAD_REQUEST, "one of answer, refuse and forward is needed, or seconds alone")
    taken = world.stubs.by_name
    name = body.text("name") or next(each for each in map(str, range(1, MOST + 2)) if each not in taken)
    try:
        return Stub(
            name,
            replace(read_filter(world, body), direction=""),
            read_answer(body.text("answer")),
            body.text("refuse") or "",
            body.text("reason") or "",
            read_address(body.text("forward")),
            seconds,
            body.whole("count"),
            body.whole("skip") or 0,
        )
    except FilterError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def read_answer(value: str | None) -> str | None:
    """XML; none at all is an empty result. Raises ApiError(400)."""
    try:
        return None if value is None else check_xml("answer", value)
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


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
