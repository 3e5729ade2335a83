"""What calls answer: shapes of JSON objects, for the API's description. Each stands beside the code that makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conversehost.testbed.fields import Schema


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """An object with these properties, all of which are always there, save those that are named `optional`."""

    name: str
    about: str
    properties: Mapping[str, Schema | Shape]
    optional: frozenset[str] = frozenset()

    def schema(self) -> Schema:
        """Other shapes in it are referred to."""
        return {
            "type": "object",
            "description": self.about,
            "properties": {name: _referring(each) for name, each in self.properties.items()},
            "required": [name for name in self.properties if name not in self.optional],
        }

    def reference(self) -> Schema:
        """To where OpenAPI keeps it."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    def all(self) -> Iterator[Shape]:
        """This one, and those in it, at any depth."""
        yield self
        for each in self.properties.values():
            yield from _inside(each)


def text(about: str = "", **more: Any) -> Schema:
    """Any text."""
    return {"type": "string"} | ({"description": about} if about else {}) | more


def time(about: str = "") -> Schema:
    """As in `2026-02-28T12:00:00Z` (XEP-0082)."""
    return text(about, format="date-time", examples=["2026-02-28T12:00:00Z"])


def choice(about: str, *words: str) -> Schema:
    """One of these words."""
    return text(about, enum=list(words))


def whole(about: str = "") -> Schema:
    """A whole number, not negative."""
    return {"type": "integer", "minimum": 0, "description": about}


def integer(about: str = "") -> Schema:
    """A whole number."""
    return {"type": "integer", "description": about}


def number(about: str = "") -> Schema:
    """Any number."""
    return {"type": "number", "description": about}


def boolean(about: str = "") -> Schema:
    """true or false."""
    return {"type": "boolean", "description": about}


def nullable(one: Schema | Shape) -> Schema:
    """The same, or null."""
    if isinstance(one, Shape):
        return {"anyOf": [one, {"type": "null"}]}
    made = {**one, "type": [one["type"], "null"]}
    return made | ({"enum": [*one["enum"], None]} if "enum" in one else {})


def listed(one: Schema | Shape, about: str = "") -> Schema:
    """A list of such."""
    return {"type": "array", "items": one} | ({"description": about} if about else {})


def anything(about: str) -> Schema:
    """An object that is described elsewhere."""
    return {"type": "object", "description": about}


def _referring(value: Any) -> Any:
    if isinstance(value, Shape):
        return value.reference()
    if isinstance(value, Mapping):
        return {name: _referring(each) for name, each in value.items()}
    return [_referring(each) for each in value] if isinstance(value, list) else value


def _inside(value: Any) -> Iterator[Shape]:
    if isinstance(value, Shape):
        yield from value.all()
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _inside(each)


ERROR = Shape(
    "Error",
    "Why a call was refused.",
    {
        "error": Shape(
            "ErrorDetail",
            "`code` is the status in words, for programs; `message` is for people.",
            {
                "code": text("such as not-found", examples=["not-found"]),
                "message": text("what is wrong, and what would help", examples=["there is no account zoe@localhost"]),
            },
        )
    },
)
