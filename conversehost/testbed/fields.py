"""What a call takes, field by field. A `Field` says what it means, reads it, and is told in the API's description."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from conversehost.xmpp import times

Schema = Mapping[str, Any]
"""A JSON Schema, draft 2020-12, as OpenAPI 3.1 has it."""

UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, lone surrogates, non-characters: neither XML nor a login can carry them."""
FIT = r"^[^\u0000-\u001f\u007f-\u009f\ufffe\uffff]+$"
"""The same as a pattern for what isn't empty; JSON Schema knows no surrogates."""
FIT_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]*$"
LATEST = 32_472_144_000
"""The year 2999, in seconds since 1970."""
FLAGS: Mapping[str, bool] = {"1": True, "true": True, "0": False, "false": False}


class FieldError(ValueError):
    """A value can't be taken; the message names the field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a JSON object or of a query. `about` is for people; `example` stands in the description."""

    name: str
    about: str = ""
    required: bool = field(default=False, kw_only=True)
    example: Any = field(default=None, kw_only=True)
    kind: ClassVar[str] = "anything"

    def read(self, value: Any) -> Any:
        """A value that JSON had, other than null. Raises FieldError."""
        return value

    def parse(self, text: str) -> Any:
        """A value that a query had. Raises FieldError."""
        return self.read(text)

    def schema(self) -> Schema:
        """What `read` takes."""
        return {}

    def wrong(self, why: str) -> FieldError:
        """To be raised."""
        return FieldError(f"{self.name} {why}")


@dataclass(frozen=True, slots=True)
class Text(Field):
    """Not empty and without control characters. `format` names what else it has to be."""

    format: str = field(default="", kw_only=True)
    kind: ClassVar[str] = "text"

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.wrong(f"must be text, not {kind_of(value)}")
        if not value:
            raise self.wrong("must not be empty")
        if UNFIT.search(value):
            raise self.wrong("has a character that neither XML nor a login can carry")
        return value

    def schema(self) -> Schema:
        made = {"type": "string", "minLength": 1, "pattern": FIT}
        return made | {"format": self.format} if self.format else made


@dataclass(frozen=True, slots=True)
class Lines(Field):
    """Text in which lines may end, and which may be empty; TAB, CR and LF are the control characters of XML."""

    kind: ClassVar[str] = "text, of any number of lines"

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.wrong(f"must be text, not {kind_of(value)}")
        if UNFIT.search(value.translate({9: " ", 10: " ", 13: " "})):
            raise self.wrong("has a character that XML can't carry")
        return value

    def schema(self) -> Schema:
        return {"type": "string", "pattern": FIT_LINES}


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """One of some words."""

    words: Sequence[str] = field(default=(), kw_only=True)
    kind: ClassVar[str] = "one of"

    def read(self, value: Any) -> str:
        if value not in self.words:
            raise self.wrong(f"must be one of {', '.join(self.words)}")
        return str(value)

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Choices(Field):
    """Some of some words."""

    words: Sequence[str] = field(default=(), kw_only=True)
    kind: ClassVar[str] = "list of some of"

    def read(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(each in self.words for each in value):
            raise self.wrong(f"must be a list of some of {', '.join(self.words)}")
        return list(dict.fromkeys(value))

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "string", "enum": list(self.words)}}


@dataclass(frozen=True, slots=True)
class Moment(Field):
    """A time such as 2026-02-28T12:00:00Z (XEP-0082); it is read as seconds since 1970."""

    kind: ClassVar[str] = "time"

    def read(self, value: Any) -> float:
        if not isinstance(value, str):
            raise self.wrong(f"must be a time such as 2026-02-28T12:00:00Z, not {kind_of(value)}")
        try:
            moment = times.read(value)
        except (ValueError, OverflowError):
            raise self.wrong("must be a time such as 2026-02-28T12:00:00Z") from None
        if not 0 <= moment < LATEST:
            raise self.wrong("must be a time from 1970 to 2999")
        return moment

    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True)
class Texts(Field):
    """A list of texts."""

    format: str = field(default="", kw_only=True)
    kind: ClassVar[str] = "list of texts"

    def read(self, value: Any) -> list[str]:
        if not isinstance(value, list):
            raise self.wrong(f"must be a list, not {kind_of(value)}")
        return [Text(self.name).read(each) for each in value]

    def schema(self) -> Schema:
        return {"type": "array", "items": Text(self.name, format=self.format).schema()}


@dataclass(frozen=True, slots=True)
class Number(Field):
    """Within limits, both included."""

    low: float | None = field(default=None, kw_only=True)
    high: float | None = field(default=None, kw_only=True)
    kind: ClassVar[str] = "number"

    def read(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise self.wrong(f"must be a number, not {kind_of(value)}")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise self.wrong(f"must be {_range(self.low, self.high)}")
        return value

    def schema(self) -> Schema:
        return {"type": "number", **_limits(self.low, self.high)}


@dataclass(frozen=True, slots=True)
class Whole(Field):
    """A whole number, within limits, both included; in a query it is text."""

    low: int = field(default=0, kw_only=True)
    high: int = field(default=10**15, kw_only=True)
    kind: ClassVar[str] = "whole number"

    def read(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON knows no difference
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong("must be a whole number")
        if not self.low <= value <= self.high:
            raise self.wrong(f"must be a whole number {_range(self.low, self.high)}")
        return value

    def parse(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= 16):
            raise self.wrong("must be a whole number")
        return self.read(int(text))

    def schema(self) -> Schema:
        return {"type": "integer", **_limits(self.low, self.high)}


@dataclass(frozen=True, slots=True)
class Seconds(Number):
    """A number that a query can have, too."""

    def parse(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise self.wrong("must be a number") from None
        return self.read(value)


@dataclass(frozen=True, slots=True)
class Boolean(Field):
    """true or false; in a query 1 or 0 as well."""

    kind: ClassVar[str] = "true or false"

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(f"must be true or false, not {kind_of(value)}")
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """In a query: 1 or true, 0 or false."""

    kind: ClassVar[str] = "1 or 0"

    def read(self, value: Any) -> bool:
        if value not in FLAGS:
            raise self.wrong("must be 1 or 0")
        return FLAGS[value]

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(FLAGS)}


@dataclass(frozen=True, slots=True)
class Group(Field):
    """An object with fields of its own; it is read as `Fields`."""

    fields: Sequence[Field] = field(default=(), kw_only=True)
    kind: ClassVar[str] = "object"

    def read(self, value: Any) -> Fields:
        if not isinstance(value, dict):
            raise self.wrong(f"must be an object, not {kind_of(value)}")
        try:
            return Fields(value, self.fields)
        except FieldError as error:
            raise FieldError(f"{self.name}: {error}") from None

    def schema(self) -> Schema:
        return object_schema(self.fields)


@dataclass(frozen=True, slots=True)
class Groups(Field):
    """A list of such objects."""

    fields: Sequence[Field] = field(default=(), kw_only=True)
    most: int = field(default=10_000, kw_only=True)
    kind: ClassVar[str] = "list of objects"

    def read(self, value: Any) -> list[Fields]:
        if not isinstance(value, list):
            raise self.wrong(f"must be a list, not {kind_of(value)}")
        if len(value) > self.most:
            raise self.wrong(f"must be a list of at most {self.most}")
        return [Group(f"{self.name}[{at}]", fields=self.fields).read(each) for at, each in enumerate(value)]

    def schema(self) -> Schema:
        return {"type": "array", "items": object_schema(self.fields), "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class Objects(Field):
    """A list of objects which have a language of their own: who takes them reads them."""

    kind: ClassVar[str] = "list of objects"

    def read(self, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.wrong("must be a list of objects")
        return value

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "object"}}


class Fields:
    """What was given, read. Null counts as missing."""

    def __init__(self, values: Mapping[str, Any], known: Sequence[Field], *, in_query: bool = False) -> None:
        """Raises FieldError for a field that is unknown, missing or wrong."""
        fields = {each.name: each for each in known}
        for name in values:
            if name not in fields:
                there = f"there are {', '.join(fields)}" if fields else "there are none here"
                raise FieldError(f"unknown field {name!r}; {there}")
        self._values: dict[str, Any] = {}
        for name, each in fields.items():
            value = values.get(name)
            if value is not None:
                self._values[name] = each.parse(value) if in_query else each.read(value)
            elif each.required:
                raise FieldError(f"{name} is missing: {each.about}")

    def has(self, name: str) -> bool:
        """It was given."""
        return name in self._values

    def get(self, name: str) -> Any:
        """As its field reads it; None when it is missing."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Of a `Text`, `Lines` or `Choice`; None when it is missing."""
        value: str | None = self._values.get(name)
        return value

    def needed(self, name: str) -> str:
        """Of one that is required."""
        value: str = self._values[name]
        return value

    def texts(self, name: str) -> list[str]:
        """Of `Texts`; empty when it is missing."""
        return list(self._values.get(name, ()))

    def number(self, name: str) -> float | None:
        """Of a `Number`; None when it is missing."""
        value: float | None = self._values.get(name)
        return value

    def whole(self, name: str) -> int | None:
        """Of a `Whole`; None when it is missing."""
        value: int | None = self._values.get(name)
        return value

    def boolean(self, name: str) -> bool | None:
        """Of a `Boolean`; None when it is missing."""
        value: bool | None = self._values.get(name)
        return value

    def flag(self, name: str) -> bool:
        """Of a `Flag`; false when it is missing."""
        return bool(self._values.get(name, False))

    def group(self, name: str) -> Fields | None:
        """Of a `Group`; None when it is missing."""
        value: Fields | None = self._values.get(name)
        return value


def object_schema(fields: Sequence[Field]) -> Schema:
    """Of an object with these fields. What needn't be given may be null."""
    made: dict[str, Any] = {"type": "object", "additionalProperties": False}
    made["properties"] = {each.name: _property(each) for each in fields}
    required = [each.name for each in fields if each.required]
    return made | ({"required": required} if required else {})


def _property(one: Field) -> Schema:
    made = dict(one.schema())
    if not one.required and made:
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made | {"description": one.about} | ({} if one.example is None else {"examples": [one.example]})


def kind_of(value: Any) -> str:
    """As JSON calls it."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _limits(low: float | None, high: float | None) -> Schema:
    limits = {"minimum": low, "maximum": high}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"at least {low:.15g}"
    return f"at most {high:.15g}" if low is None else f"from {low:.15g} to {high:.15g}"
