"""BOSH in GET requests, its answers as calls of a function: script syntax (XEP-0252 section 3), and JSONP."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from conversehost.bosh.body import Body
from conversehost.xmpp.xml import Limits

Parse = Callable[[bytes, Limits], Body]

_CALLBACK = re.compile(rb"[A-Za-z_$][\w$]{0,63}(\.[A-Za-z_$][\w$]{0,63}){0,4}", re.ASCII)
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def body(target: bytes) -> bytes | None:
    """The body in a request's target: all of the query, or its parameter `data`. None: there is none."""
    query = target.partition(b"?")[2]
    found = unquote_to_bytes(_parameters(query).get(b"data", query))
    return found if found.lstrip().startswith(b"<") else None


def callback(target: bytes) -> bytes | None:
    """The name of the function that the client has for answers (JSONP), if it says one and it is no more than that."""
    name = unquote_to_bytes(_parameters(target.partition(b"?")[2]).get(b"callback", b""))
    return name if _CALLBACK.fullmatch(name) else None


def call(answer: bytes, function: bytes) -> bytes:
    """`function("...")`, in ECMAScript."""
    return b'%s("%s")' % (function, "".join(map(_escaped, answer.decode())).encode())


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) == "Cf":
        units = character.encode("utf-16-be")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return character


def _parameters(query: bytes) -> dict[bytes, bytes]:
    """Those that stand before markup: a body in plain has `=` and `&` of its own."""
    if query.lstrip().startswith((b"<", b"%3C", b"%3c")):
        return {}
    return dict(part.partition(b"=")[::2] for part in query.split(b"&"))
