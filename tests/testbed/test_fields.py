"""How the fields of a call are read; and that their schemas say the same."""

from __future__ import annotations

import math

import pytest
from jsonschema import Draft202012Validator

from conversehost.testbed.fields import (
    Boolean,
    Choice,
    Field,
    FieldError,
    Fields,
    Flag,
    Group,
    Groups,
    Lines,
    Number,
    Text,
    Texts,
    Whole,
)

PAIR = (Text("name", required=True), Whole("count", high=9))
READ: list[tuple[Field, object, object]] = [
    (Text("f"), "x", "x"),
    (Text("f"), "👩‍🚀 漢", "👩‍🚀 漢"),
    (Lines("f"), "", ""),
    (Lines("f"), "a\n\tb\r\n", "a\n\tb\r\n"),
    (Choice("f", words=("a", "b")), "b", "b"),
    (Texts("f"), [], []),
    (Texts("f"), ["a", "b"], ["a", "b"]),
    (Number("f", low=0, high=1), 0.5, 0.5),
    (Number("f"), -7, -7),
    (Whole("f"), 3, 3),
    (Whole("f"), 3.0, 3),
    (Whole("f", low=-1), -1, -1),
    (Boolean("f"), True, True),
]
REFUSED: list[tuple[Field, object, str]] = [
    (Text("f"), "", "f must not be empty"),
    (Text("f"), "a\nb", "f has a character that neither XML nor a login can carry"),
    (Text("f"), "\ufffe", "f has a character that neither XML nor a login can carry"),
    (Text("f"), 1, "f must be text, not a number"),
    (Lines("f"), "\0", "f has a character that XML can't carry"),
    (Lines("f"), [], "f must be text, not a list"),
    (Choice("f", words=("a", "b")), "c", "f must be one of a, b"),
    (Choice("f", words=("a", "b")), ["a"], "f must be one of a, b"),
    (Texts("f"), "a", "f must be a list, not text"),
    (Texts("f"), ["a", None], "f must be text, not null"),
    (Number("f"), True, "f must be a number, not true or false"),
    (Number("f", low=0, high=1), 1.5, "f must be from 0 to 1"),
    (Number("f", low=0), -1, "f must be at least 0"),
    (Number("f", high=0), 1, "f must be at most 0"),
    (Whole("f"), 1.5, "f must be a whole number"),
    (Whole("f"), False, "f must be a whole number"),
    (Whole("f"), "1", "f must be a whole number"),
    (Whole("f", high=9), 10, "f must be a whole number from 0 to 9"),
    (Boolean("f"), 1, "f must be true or false, not a number"),
    (Group("f", fields=PAIR), [], "f must be an object, not a list"),
    (Group("f", fields=PAIR), {}, "f: name is missing: "),
    (Group("f", fields=PAIR), {"name": "x", "other": 1}, "f: unknown field 'other'; there are name, count"),
    (Groups("f", fields=PAIR), {}, "f must be a list, not an object"),
    (Groups("f", fields=PAIR), [{"name": "x"}, {"name": 1}], "f[1]: name must be text, not a number"),
    (Groups("f", fields=PAIR, most=1), [{"name": "x"}] * 2, "f must be a list of at most 1"),
]


@pytest.mark.parametrize(("field", "value", "read"), READ)
def test_what_is_taken(field, value, read):
    assert Fields({"f": value}, [field]).get("f") == read
    assert Draft202012Validator(field.schema()).is_valid(value)


@pytest.mark.parametrize(("field", "value", "why"), REFUSED)
def test_what_is_refused(field, value, why):
    with pytest.raises(FieldError) as refused:
        Fields({"f": value}, [field])
    assert str(refused.value) == why
    assert not Draft202012Validator(field.schema()).is_valid(value)


@pytest.mark.parametrize("value", [math.inf, math.nan, 10**400])
def test_a_number_is_finite(value):
    with pytest.raises(FieldError, match="f must be a number"):
        Fields({"f": value}, [Number("f")])


def test_objects_in_objects():
    read = Fields(
        {"f": {"name": "x", "count": None}, "g": [{"name": "y"}]}, [Group("f", fields=PAIR), Groups("g", fields=PAIR)]
    )
    group = read.group("f")
    assert group is not None
    assert (group.text("name"), group.whole("count")) == ("x", None)
    assert [each.needed("name") for each in read.get("g")] == ["y"]


def test_null_is_as_good_as_nothing():
    for values in ({}, {"f": None}):
        read = Fields(values, [Text("f")])
        assert not read.has("f")
        assert (read.text("f"), read.texts("f"), read.flag("f"), read.boolean("f")) == (None, [], False, None)
        with pytest.raises(FieldError, match="f is missing: what it is"):
            Fields(values, [Text("f", "what it is", required=True)])


def test_in_a_query_all_is_text():
    fields = [Whole("w", high=10**15), Flag("x"), Text("t")]
    read = Fields({"w": "7", "x": "true", "t": "7"}, fields, in_query=True)
    assert (read.whole("w"), read.flag("x"), read.text("t")) == (7, True, "7")
    for name, value in (("w", "-1"), ("w", "٣"), ("w", "1" * 17), ("w", ""), ("x", "yes")):
        with pytest.raises(FieldError, match=f"{name} must be "):
            Fields({name: value}, fields, in_query=True)


def test_what_need_not_be_given_may_be_null_in_the_schema_too():
    schema = Group("f", fields=(Choice("c", words=("a",)), Text("t", required=True))).schema()
    assert Draft202012Validator(schema).is_valid({"c": None, "t": "x"})
    for wrong in ({"c": "b", "t": "x"}, {"t": None}, {"c": "a"}, {"t": "x", "more": 1}):
        assert not Draft202012Validator(schema).is_valid(wrong)
