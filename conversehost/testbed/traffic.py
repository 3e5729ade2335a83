"""Everything that clients and the server said to each other, kept for a while: to look at, and to wait for."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import etree

from conversehost.testbed import redaction, xpath
from conversehost.testbed.tape import LARGE, Tape
from conversehost.testbed.tenancy import Shared
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element

RECORDS, MARKS, BYTES = 20_000, 5_000, 32 << 20
"""What is kept; the oldest goes first."""
WAITS = 1_000
"""Of so many different ones it is known what they have looked at."""
SHOWN = 200
"""Characters of an XPath that isn't understood."""

_KIND = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_PLAIN = re.compile(rb"[^&\s]*")
_BEGINS = re.compile(r"/*([\w-]+)(?![\w:(-])")
_CLIENT = re.compile(
    rb"""(<[\w.-]++(?:\s++[^\s=/>]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'))*?)\s++xmlns=(["'])jabber:client\2"""
)
"""The tag of a stanza up to its namespace. What looks like one in the value of an attribute is none."""


@dataclass(slots=True, eq=False)
class Stream:
    """One client's stream, as far as it is known. `jid` is "" until it has logged in; `named`: the number of the last
    record before that. `ended`: nothing more is said on it, or a fault keeps it silent.
    """

    number: int
    transport: str
    address: str
    jid: str = ""
    named: int = 0
    ended: bool = False
    end: int = 0
    """The number of its end, among those of records; 0 while it goes on."""
    broken: bool = False
    """It ended without a goodbye."""
    source: Any = None
    """The frames that carry it, where that is a WebSocket."""


@dataclass(slots=True, eq=False, frozen=True)
class Record:
    """One element. `direction` is "in" to the server, "out" to the client; `jid`: whose stream it was, at the time."""

    number: int
    at: float
    direction: str
    stream: Stream
    jid: str
    data: bytes

    @property
    def kind(self) -> str:
        """The name of the element: message, presence, iq, auth..."""
        found = _KIND.match(self.data)
        return "" if found is None else found[1].decode()

    @property
    def xml(self) -> str:
        """As it went over the wire, without passwords and tokens."""
        return redacted(self.data)

    def element(self) -> Element:
        """The stanza without its namespace, so that XPath needs no prefix for it. Not to be changed."""
        return _element(self)


@lru_cache(maxsize=1)  # all who wait look at the same one
def _element(record: Record) -> Element:
    found = _CLIENT.match(record.data)
    if found:
        return etree.fromstring(found[1] + record.data[found.end() :])
    made = etree.fromstring(record.data)
    for each in made.iter(f"{{{ns.CLIENT}}}*"):
        each.tag = etree.QName(each).localname
    return made


def is_usual(message: bytes) -> bool:
    """Whether a stanza is said in the form that all transports share, save for quotes."""
    return (
        _CLIENT.match(message) is not None
        and message.find(b"&", 0, message.find(b">")) < 0
        and message.rfind(b"<!") < 0
    )


def redacted(data: bytes) -> str:
    """XML without passwords and tokens."""
    return redaction.xml(data).decode()


class FilterError(ValueError):
    """It can't be understood; the message says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for: all that is given must be true. Without anything it is everything.

    `account` is a bare JID, `session` a full one; `text` is looked for in the XML. `xpath` is tried on the stanza.
    """

    kind: str = ""
    direction: str = ""
    account: str = ""
    session: str = ""
    type: str = ""
    sender: str = ""
    to: str = ""
    text: str = ""
    xpath: str = ""

    def tests(self) -> Mapping[str, Callable[[Record], bool]]:
        """By what they look at. Raises FilterError."""
        found: dict[str, Callable[[Record], bool]] = {}
        if self.kind:
            found["kind"] = lambda record: record.kind == self.kind
        if self.direction:
            found["direction"] = lambda record: record.direction == self.direction
        if self.account:
            found["account"] = lambda record: record.jid.partition("/")[0] == self.account
        if self.session:
            found["session"] = lambda record: record.jid == self.session
        if self.text:
            text = self.text.encode()
            found["text"] = lambda record: text in record.data or self.text in text_of(record)
        for name, wanted in (("type", self.type), ("from", self.sender), ("to", self.to)):
            if wanted:
                found[name] = attribute_is(name, wanted)
        if self.xpath:
            found["xpath"] = by_xpath(self.xpath)
        return found

    def given(self) -> dict[str, str]:
        """What is looked for, by the names that it has for users."""
        names = ((each.name, "from" if each.name == "sender" else each.name) for each in fields(self))
        return {told: getattr(self, name) for name, told in names if getattr(self, name)}

    def told(self) -> str:
        """The same as words of a sentence."""
        given = self.given()
        xpath = given.pop("xpath", "")
        return ", ".join([*([xpath] if xpath else []), *(f"{name} {value}" for name, value in given.items())])


def text_of(record: Record) -> str:
    """What can be read in it, all its elements together."""
    return "".join(str(part) for part in record.element().itertext())


def attribute_is(name: str, wanted: str) -> Callable[[Record], bool]:
    """The attribute is that; for an address without a resource, with any."""
    bare = name in ("from", "to") and "/" not in wanted

    def test(record: Record) -> bool:
        value = attribute(record, name)
        return wanted in (value, value.partition("/")[0] if bare else value)

    return test


def attribute(record: Record, name: str) -> str:
    """Of the element itself, "" if it has none; read without its children, which is quicker."""
    data, wanted = record.data, name.encode()
    start = _KIND.match(data)
    at = start.end() if start else 0
    while found := _ATTRIBUTE.match(data, at):
        if found[1] == wanted:
            value = found[2] or found[3] or b""
            return value.decode() if _PLAIN.fullmatch(value) else record.element().get(name, "")
        at = found.end()
    return ""


def by_xpath(expression: str) -> Callable[[Record], bool]:
    """Raises FilterError."""
    try:
        test = xpath.compiled(expression)
    except ValueError as error:
        raise FilterError(f"xpath {expression[:SHOWN]!r}: {error}") from None
    start = b"<" + xpath.root_of(expression).encode()
    return lambda record: record.data.startswith(start) and test(record.element())


class Mark(NamedTuple):
    """Something else that happened: a session was opened or closed, a fault struck..."""

    number: int
    at: float
    name: str
    data: Mapping[str, object]


class Vain(NamedTuple):
    """What somebody looked for. `last`: no record up to that number is one; `tests` say so."""

    last: int
    tests: tuple[Callable[[Record], bool], ...]


class Numbers:
    """One row of them for all that happens."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0


class Traffic(Shared):
    """The latest records, the oldest first, and who waits for more of them."""

    def __init__(
        self, now: Callable[[], float], turn: Turn | None = None, *, kept: bool = True, numbers: Numbers | None = None
    ) -> None:
        """`now` tells seconds since 1970; `turn` remembers that, where it does; `kept`: whether anybody adds to it;
        `numbers`: those that records get.
        """
        super().__init__()
        self.kept = kept
        self.turn = turn or Turn()
        self._now = now
        self._tape = Tape(RECORDS, BYTES)
        self.numbers = numbers or Numbers()
        self.cleared = self.numbers.last
        """The number of the newest record when they were forgotten, or it began."""
        self._streams = 0
        self.listeners: list[Callable[[Record], None]] = []
        self.mark_listeners: list[Callable[[Mark], None]] = []
        self._marks: deque[Mark] = deque(maxlen=MARKS)
        self._vain: dict[Filter, Vain] = {}
        self.excused: set[tuple[int | bytes, bytes]] = set()
        """Questions that a fault has swallowed: by stream or full JID of who asked, and id."""

    def another(self) -> Traffic:
        """Of other streams."""
        return Traffic(self._now, self.turn, kept=self.kept, numbers=self.numbers)

    @property
    def last(self) -> int:
        """The number of the newest record."""
        return self.numbers.last

    @property
    def forgotten(self) -> int:
        """The number of the newest record that went because there were too many."""
        return self._tape.forgotten

    def number(self) -> int:
        """One for something else that happens; later records have higher ones."""
        self.numbers.last += 1
        return self.numbers.last

    def stream(self, transport: str, address: str) -> Stream:
        """One more begins."""
        self._streams += 1
        return Stream(self._streams, transport, address)

    def name(self, stream: Stream, jid: str) -> None:
        """Its client has logged in."""
        stream.jid, stream.named = jid, self.numbers.last

    def add(self, direction: str, stream: Stream, data: bytes, framed: bool = False) -> None:
        """It was said now. `framed`: as a message of a WebSocket, which nobody else keeps."""
        numbers = self.numbers
        numbers.last = number = numbers.last + 1
        now = self.turn.when or self._now()
        tape = self._tape
        tape.latest.append((number, now, direction, framed, data))
        tape.owners.append(stream)
        if len(tape.latest) >= tape.full or len(data) > LARGE:
            tape.cut()
        if self.listeners:
            record = Record(number, now, direction, stream, stream.jid, data)
            for listener in tuple(self.listeners):
                listener(record)

    def since(self, number: int = 0) -> Iterator[Record]:
        """All that are kept and came after that one."""
        return map(_record, self._tape.since(number))

    def first(self, wanted: Filter, after: int = 0) -> Record | None:
        """The oldest that matches and came after that one. What was looked at in vain isn't looked at again by who
        asks for the same. Raises FilterError.
        """
        vain = self._vain.get(wanted) or Vain(0, tuple(wanted.tests().values()))
        came = self.since(max(after, vain.last))
        found = next((each for each in came if all(test(each) for test in vain.tests)), None)
        last = self.last if found is None else found.number - 1
        if len(self._vain) >= WAITS:
            self._vain.clear()
        self._vain[wanted] = vain if after > vain.last else Vain(last, vain.tests)
        return found

    def beginning(self, *starts: bytes) -> Iterator[Record]:
        """All that begin so: quicker than to look at each."""
        return (_record(each) for each in self._tape.since() if each[-1].startswith(starts))

    def framed(self) -> Iterator[Record]:
        """Those of all domains that are frames of WebSockets, too."""
        all: set[Traffic] = {self, *self.tenants.values()}
        for each in all:
            yield from (_record(found) for found in each._tape.since() if found[4])

    def mark(self, name: str, /, **data: object) -> None:
        """Something else happens now."""
        made = Mark(self.number(), self._now(), name, data)
        self._marks.append(made)
        for listener in tuple(self.mark_listeners):
            listener(made)

    def marks_since(self, number: int) -> list[Mark]:
        """All that are kept and came after that one."""
        return [each for each in self._marks if each.number > number]

    def clear(self) -> None:
        """Forget them; numbers go on."""
        self.cleared = self.numbers.last
        self._tape.clear()
        self._marks.clear()
        self.excused.clear()


def _record(kept: tuple[Any, ...]) -> Record:
    stream, number, at, direction, _, data = kept
    return Record(number, at, direction, stream, stream.jid if number > stream.named else "", data)


def matching(wanted: Filter, records: Iterator[Record]) -> Iterator[Record]:
    """Those that pass all tests. Raises FilterError."""
    tests = tuple(wanted.tests().values())
    return (record for record in records if all(test(record) for test in tests))


def near_misses(wanted: Filter, records: Iterator[Record], most: int = 3) -> list[tuple[Record, list[str]]]:
    """Records that fail fewest tests, with the names of those; of equals first what is the element that XPath begins
    with, then the newest. What fails all tests and isn't that element isn't near.
    """
    tests, begins = wanted.tests(), _BEGINS.match(wanted.xpath)
    kind = begins[1] if begins else ""
    found = []
    for record in records:
        failed = [name for name, test in tests.items() if not test(record)]
        alike = record.kind == kind
        if alike or len(failed) < max(1, len(tests)):
            found.append((len(failed), not alike, -record.number, record, failed))
    found.sort(key=lambda miss: miss[:3])
    return [(record, failed) for *_, record, failed in found[:most]]
