"""Plain data as TOML that people like to read: an entry of a list on a line of its own, XML as it is.

`tomllib` reads it. That it is ours has one reason: writers in general escape every quote, so that a vCard or a message
can't be read any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

_BARE = re.compile("[A-Za-z0-9_-]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
WIDTH = 110


def dumps(data: Mapping[str, object]) -> str:
    """Text, datetimes, numbers and booleans, lists and tables of those. Lists of tables at the top become [[name]]."""
    return "\n".join(_document(data)) + "\n"


def _document(data: Mapping[str, object]) -> Iterator[str]:
    tables = {name: value for name, value in data.items() if _is_tables(value)}
    yield from (f"{_key(name)} = {_value(value)}" for name, value in data.items() if name not in tables)
    for name, entries in tables.items():
        assert isinstance(entries, list)
        for entry in entries:
            yield from ("", f"[[{_key(name)}]]")
            yield from (f"{_key(key)} = {_value(value)}" for key, value in entry.items())


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value: object) -> str:
    """On one line, but for a list that is long, and text that has lines."""
    if isinstance(value, list):
        items = [_inline(each) for each in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= WIDTH and not _is_tables(value) else "[\n    " + ",\n    ".join(items) + ",\n]"
    if isinstance(value, str) and "\n" in value and "'''" not in value and value[-1] != "'":
        return _quoted(value) if _UNPRINTABLE.search(value) else f"'''\n{value}'''"
    return _inline(value)


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"TOML has nothing for {value!r:.80}")


def _text(text: str) -> str:
    """In apostrophes where that saves escapes."""
    plain = "'" not in text and "\n" not in text and not _UNPRINTABLE.search(text)
    return f"'{text}'" if plain and ('"' in text or "\\" in text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
