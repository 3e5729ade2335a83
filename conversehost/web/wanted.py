"""What a site's back end wants of prebind: `jid` or `user`, and how the session should be; as JSON or as a form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from conversehost.net.exchange import HttpExchange
from conversehost.net.prebind import Wish

WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
KNOWN = ("jid", "user", "resource", "wait", "hold", "presence", "password", "token")


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom, "" where that isn't said, and how. `password` or `token`: for a server that isn't ours."""

    name: str
    wish: Wish
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Wanted({self.name!r}, {self.wish!r})"


def read_wanted(exchange: HttpExchange, *, presence: bool) -> Wanted:
    """`presence`: what counts when it isn't said. Raises ValueError, with a reason for whoever asks."""
    said = _fields(b"".join(exchange.body), exchange.field(b"content-type") or b"")
    for name in said:
        if name not in KNOWN:
            raise ValueError(f"unknown: {name[:32]!r}; known are {', '.join(KNOWN)}")
    return Wanted(
        _text(said, "jid") or _text(said, "user"),
        Wish(
            _text(said, "resource"),
            _number(said, "wait", 60, 3600),
            _number(said, "hold", 1, 100),
            _flag(said, presence),
        ),
        _text(said, "password"),
        _text(said, "token"),
    )


def _fields(body: bytes, kind: bytes) -> dict[str, object]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ValueError("the body isn't UTF-8") from None
    if kind.partition(b";")[0].strip().lower() == b"application/x-www-form-urlencoded":
        return dict(parse_qsl(text))
    if not text:
        return {}
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('the body is neither a form nor JSON such as {"user": "alice"}') from None
    if not isinstance(said, dict):
        raise ValueError('the body must be a JSON object such as {"user": "alice"}')
    return said


def _text(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value or ""


def _number(said: dict[str, object], name: str, default: int, most: int) -> int:
    value = said.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9:
        value = int(value)
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{name} must be a whole number from 1 to {most}")
    return value


def _flag(said: dict[str, object], default: bool) -> bool:
    value = said.get("presence", default)
    if isinstance(value, str):
        value = WORDS.get(value.lower())
    if type(value) is not bool:
        raise ValueError("presence must be true or false")
    return value
