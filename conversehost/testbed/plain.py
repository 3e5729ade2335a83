"""Values of the store as plain data, such as JSON and TOML have, and back, by their types.

A dataclass is a table of those fields that aren't as by default; bytes are XML, or base64 where they aren't text; one
of an enumeration of numbers goes by its name; a float is a time, in seconds since 1970, and becomes a datetime with its
microseconds.
"""

from __future__ import annotations

import base64
import dataclasses
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.xml import XMLError
from conversehost.xmpp.xml import parse as parse_xml

LATEST = 250_000_000_000.0
"""The last second, roughly, that a datetime has."""


def to_plain(value: Any) -> Any:
    """Raises TypeError for what a file can't hold."""
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else value.value
    if isinstance(value, str | bool | int | datetime):
        return value
    if isinstance(value, float):
        return datetime.fromtimestamp(value, UTC) if 0 <= value < LATEST else value
    if isinstance(value, bytes):
        return _from_bytes(value)
    if isinstance(value, JID):
        return value.full
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value):
        fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {f.name.rstrip("_"): to_plain(each) for f, each in fields if each is not None and each != default(f)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: to_plain(each) for name, each in value._asdict().items() if each is not None}
    if isinstance(value, frozenset | set):
        return sorted(map(to_plain, value))
    if isinstance(value, Sequence):
        return [to_plain(each) for each in value]
    raise TypeError(f"a file can't hold {value!r:.80}")


def of_plain(kind: Any, plain: Any) -> Any:
    """A value of that type: a class, or what is written in an annotation. Raises ValueError, which says what was
    wanted; TypeError for a type that isn't plain.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (kind,) = (each for each in arguments if each is not type(None))
        return of_plain(kind, plain)
    if origin is Literal:
        return _one_of({str(each): each for each in arguments}, plain)
    if origin is tuple:
        return _tuple(arguments, plain)
    if origin is frozenset:
        return frozenset(of_plain(arguments[0], each) for each in _checked(plain, list, "a list"))
    if origin is not None and issubclass(origin, Mapping):
        return {key: of_plain(arguments[1], each) for key, each in _checked(plain, dict, "a table").items()}
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, _checked(plain, dict, "a table"))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of({to_plain(each): each for each in kind}, plain)
    if kind in READERS:
        return READERS[kind](plain)
    raise TypeError(f"no plain data is a {kind}")


def default(field: dataclasses.Field[Any]) -> Any:
    """Of a field; MISSING where it has none."""
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _one_of(known: Mapping[str, Any], plain: Any) -> Any:
    if not isinstance(plain, str) or plain not in known:
        raise ValueError(f"must be one of {', '.join(known)}, not {plain!r:.40}")
    return known[plain]


def _from_bytes(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _bytes(plain: Any) -> bytes:
    if isinstance(plain, dict) and plain.keys() == {"base64"}:
        return base64.b64decode(_text(plain["base64"]), validate=True)
    data = _text(plain).encode()
    if data.startswith(b"<"):
        try:
            parse_xml(data)
        except XMLError as error:
            raise ValueError(f"not XML: {error}: {plain!r:.60}") from None
    return data


def _time(plain: Any) -> float:
    if isinstance(plain, datetime):
        return _aware(plain).timestamp()
    if isinstance(plain, str):
        return _aware(datetime.fromisoformat(plain)).timestamp()
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise ValueError(f"must be a time such as 2026-01-31T12:00:00Z, not {plain!r:.40}")
    return float(plain)


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time needs its zone: a Z at its end means UTC")
    return time


def _jid(plain: Any) -> JID:
    try:
        return parse(_text(plain))
    except JIDError as error:
        raise ValueError(f"{plain!r:.80} is not an address: {error}") from None


def _text(plain: Any) -> str:
    text: str = _checked(plain, str, "text in quotes")
    return text


def _whole(plain: Any) -> int:
    if isinstance(plain, bool):
        raise ValueError(f"must be a whole number, not {plain!r}")
    number: int = _checked(plain, int, "a whole number")
    return number


def _boolean(plain: Any) -> bool:
    answer: bool = _checked(plain, bool, "true or false")
    return answer


READERS = {str: _text, int: _whole, bool: _boolean, float: _time, bytes: _bytes, JID: _jid}


def _checked(plain: Any, kind: type, name: str) -> Any:
    if not isinstance(plain, kind):
        raise ValueError(f"must be {name}, not {plain!r:.40}")
    return plain


def _tuple(kinds: tuple[Any, ...], plain: Any) -> tuple[Any, ...]:
    given = _checked(plain, list, "a list")
    if kinds[1:] == (...,):
        return tuple(of_plain(kinds[0], each) for each in given)
    if len(given) != len(kinds):
        raise ValueError(f"must be a list of {len(kinds)}")
    return tuple(of_plain(kind, each) for kind, each in zip(kinds, given, strict=True))


def _record(kind: Any, plain: Mapping[str, Any]) -> Any:
    kinds = fields_of(kind)
    for name in plain:
        if name not in kinds:
            raise ValueError(f"unknown key {name!r}; there are {', '.join(kinds)}")
    values = {}
    for name, each in plain.items():
        field, field_kind = kinds[name]
        try:
            values[field] = of_plain(field_kind, each)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    try:
        return kind(**values)
    except TypeError:
        missing = ", ".join(name for name in kinds if name not in plain)
        raise ValueError(f"something is missing; not given: {missing}") from None


@cache
def fields_of(kind: Any) -> Mapping[str, tuple[str, Any]]:
    """Of a dataclass or named tuple: the fields' names and types, by how a file calls them."""
    hints = get_type_hints(kind)
    names = getattr(kind, "_fields", None) or [field.name for field in dataclasses.fields(kind)]
    return {name.rstrip("_"): (name, hints[name]) for name in names}
