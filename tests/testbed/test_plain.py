from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.testbed.plain import of_plain, to_plain
from conversehost.testbed.toml import dumps
from conversehost.xmpp.jid import JID, parse


class Colour(Enum):
    RED = "red"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Pair(NamedTuple):
    one: str
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Inner:
    data: bytes
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    at: float
    who: JID
    inner: Inner | None = None
    count: int = 0
    on: bool = False
    colour: Colour = Colour.RED
    rank: Rank = Rank.LOW
    mood: Literal["good", "bad"] = "good"
    pair: Pair | None = None
    tags: frozenset[str] = frozenset()
    from_: str = ""
    both: tuple[str, int] = ("", 0)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)))
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)).map(datetime.timestamp)
INNER = st.builds(Inner, st.binary() | st.just(b"<x xmlns='y'/>"), st.tuples(TEXT, TEXT) | st.just(()))
OUTER = st.builds(
    Outer,
    at=TIMES,
    who=st.just(parse("a@b/c")),
    inner=INNER | st.none(),
    count=st.integers(-(2**60), 2**60),
    on=st.booleans(),
    rank=st.sampled_from(Rank),
    mood=st.sampled_from(("good", "bad")),
    pair=st.builds(Pair, TEXT, st.integers(0, 9) | st.none()) | st.none(),
    tags=st.frozensets(TEXT, max_size=3),
    from_=TEXT,
    both=st.tuples(TEXT, st.integers(0, 9)),
)


def is_xml_or_no_tag(value: Outer) -> bool:
    return value.inner is None or not value.inner.data.startswith(b"<") or value.inner.data == b"<x xmlns='y'/>"


@given(OUTER.filter(is_xml_or_no_tag))
def test_a_value_comes_back_from_a_file_as_it_was(value: Outer):
    text = dumps({"value": to_plain(value)})
    assert of_plain(Outer, tomllib.loads(text)["value"]) == value


PLAIN = st.recursive(
    TEXT
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, PLAIN, max_size=5))
def test_what_is_written_is_read_as_it_was(data: dict[str, Any]):
    assert tomllib.loads(dumps(data)) == data


def test_xml_and_contacts_can_be_read_by_people():
    text = dumps(
        {"version": 1, "account": [{"name": "a", "roster": [{"jid": "b"}, {"jid": "c"}], "vcard": '<v x="y"/>'}]}
    )
    assert text == (
        'version = 1\n\n[[account]]\nname = "a"\nroster = [\n    {jid = "b"},\n    {jid = "c"},\n]\n'
        "vcard = '<v x=\"y\"/>'\n"
    )


def test_text_with_lines_has_lines():
    assert dumps({"a": 'one\n"two"\n'}) == "a = '''\none\n\"two\"\n'''\n"


def test_what_is_as_by_default_is_left_out():
    assert to_plain(Outer(0.0, parse("a@b"))) == {"at": datetime(1970, 1, 1, tzinfo=UTC), "who": "a@b"}


@pytest.mark.parametrize(
    ("kind", "plain", "message"),
    [
        (Outer, {"at": 1.0}, "something is missing; not given: who"),
        (Outer, {"at": 1.0, "who": "a@b", "x": 1}, "unknown key 'x'; there are at, who, inner"),
        (Outer, {"at": True, "who": "a@b"}, "at: must be a time such as"),
        (Outer, {"at": datetime(2026, 1, 1), "who": "a@b"}, "at: a time needs its zone"),
        (Outer, {"at": "2026-01-01T00:00:00", "who": "a@b"}, "at: a time needs its zone"),
        (Outer, {"at": 1, "who": "a b@"}, "who: 'a b@' is not an address"),
        (Outer, {"at": 1, "who": "a@b", "count": True}, "count: must be a whole number"),
        (Outer, {"at": 1, "who": "a@b", "on": 1}, "on: must be true or false"),
        (Outer, {"at": 1, "who": "a@b", "inner": {"data": "<x"}}, "inner: data: not XML: "),
        (Outer, {"at": 1, "who": "a@b", "inner": {"data": {"base64": "?"}}}, "inner: data: "),
        (Outer, {"at": 1, "who": "a@b", "inner": []}, "inner: must be a table, not []"),
        (Outer, {"at": 1, "who": "a@b", "mood": "odd"}, "mood: must be one of good, bad, not 'odd'"),
        (Outer, {"at": 1, "who": "a@b", "both": ["x"]}, "both: must be a list of 2"),
        (Outer, {"at": 1, "who": "a@b", "colour": "blue"}, "colour: must be one of red, not 'blue'"),
    ],
)
def test_what_is_wrong_is_told(kind: Any, plain: Any, message: str):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        of_plain(kind, plain)


def test_what_no_file_can_hold():
    with pytest.raises(TypeError):
        to_plain(object())
    with pytest.raises(TypeError):
        of_plain(complex, 1)
