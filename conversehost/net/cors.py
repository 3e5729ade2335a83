"""Which sites' pages may use this server by script, and what their browsers are told (Fetch Standard: CORS)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from twisted.logger import Logger

log = Logger()

ANY = "*"
DAY = 86_400
TOLD = 100
"""Refused sites that the log names, once each: whoever asks under ever new names doesn't fill it."""

_EXPOSED = b"Access-Control-Expose-Headers: Date, Retry-After, X-BOSH-Reason\r\n"
_VARY = b"Vary: Origin\r\n"
EVERYONE = b"Access-Control-Allow-Origin: *\r\n" + _EXPOSED
"""Fields of an answer that any page may read, and that so is the same for all of them."""

_NAMES = re.compile(rb"[!#$%&'*+.^`|~\w-]+", re.ASCII)
_FORWARDING = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"via")
_FEW = 32


class Asked(Protocol):
    """A request, as far as it matters here. `headers`: names in lower case; `host`: what the client called us by."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...
    @property
    def host(self) -> bytes: ...


class Answerable(Asked, Protocol):
    """And it can be answered."""

    def respond(self, code: int, fields: bytes, body: bytes = b"") -> None:
        """The whole answer."""


class Cors:
    """`origins`: as browsers write them, such as `https://www.example:8443`, `null` or, for all there are, `*`.

    A page of this server itself always may, and so does whoever sends no Origin: that is no page. Cookies and the like
    may come along from pages of a site that is named, but never by `*`, and never from `null`, which is many sites'.
    """

    def __init__(self, origins: Iterable[str] = (ANY,)) -> None:
        self._named = {origin.encode(): _named(origin.encode()) for origin in origins if origin != ANY}
        self._others = _VARY + EVERYONE if ANY in origins else None
        self._is_open = not self._named and self._others is not None
        self._told: set[bytes] = set()

    def fields(self, request: Asked) -> bytes | None:
        """For the header of an answer. None: its page isn't allowed to ask, which `refuse` says."""
        if self._is_open:
            return EVERYONE
        origin = _value(request.headers, b"origin")
        if origin is None or origin.partition(b"://")[2] == request.host.lower():
            return _VARY
        return self._named.get(origin, self._others)

    def named(self, request: Asked) -> bytes | None:
        """The same for what cookies give away: None for all pages but those of a site that is named, not `null`."""
        origin = _value(request.headers, b"origin")
        return None if origin is None or origin == b"null" else self._named.get(origin)

    def preflight(self, request: Asked, methods: bytes) -> bytes:
        """For the answer to OPTIONS, when `fields` are there: `methods` and the header fields that the page wants."""
        lines = [
            self.fields(request) or b"",
            b"Access-Control-Allow-Methods: %s\r\n" % methods,
            b"Access-Control-Allow-Headers: %s\r\n" % _wanted(request),
            b"Access-Control-Max-Age: %d\r\n" % DAY,
        ]
        if _value(request.headers, b"access-control-request-private-network") == b"true":
            lines.append(b"Access-Control-Allow-Private-Network: true\r\n")
        return b"".join(lines)

    def refuse(self, request: Answerable) -> None:
        """403, with the reason; once for each site in the log as well, where the operator may look for it."""
        origin = _value(request.headers, b"origin") or b""
        name = origin[:200].decode("ascii", "replace")
        if origin not in self._told and len(self._told) < TOLD:
            self._told.add(origin)
            log.warn("a page of {name} was refused; --allow-origin {name} would let it in", name=name)
        text = f"403 Forbidden: this server is not for pages of {name}. --allow-origin {name} would let them in.\n"
        request.respond(
            403, b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n" + _VARY, text.encode()
        )


def _named(origin: bytes) -> bytes:
    allowed = _VARY + b"Access-Control-Allow-Origin: %s\r\n" % origin
    if origin != b"null":
        allowed += b"Access-Control-Allow-Credentials: true\r\n"
    return allowed + _EXPOSED


def _wanted(request: Asked) -> bytes:
    """What a page may send. Not what only proxies say: its requests would look like another client's."""
    asked = _value(request.headers, b"access-control-request-headers") or b"Content-Type"
    names = [name.strip() for name in asked.split(b",")][:_FEW]
    return b", ".join(name for name in names if _NAMES.fullmatch(name) and not name.lower().startswith(_FORWARDING))


def _value(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Of a field that is there once; twice is not what a browser sends, and equals nothing."""
    values = [value for each, value in headers if each == name]
    return b", ".join(values) if values else None
