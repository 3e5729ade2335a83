"""Heads of requests, remembered: a browser sends the same one with every request of a BOSH session, save for the length
of the body. What llhttp made of one holds for the next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from conversehost.net.exchange import Direct, HttpExchange

if TYPE_CHECKING:
    from conversehost.net.http import HttpConnection

MOST, LONGEST = 1_000, 4_096
"""How many are remembered, and their bytes."""

_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d{1,7})\r\n")
_PECULIAR = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class Known(NamedTuple):
    """What was read of a head. `headers`: without content-length."""

    target: bytes
    path: bytes
    headers: list[tuple[bytes, bytes]]
    forwarded: bool
    direct: Direct


class Heads:
    """Of POST requests over HTTP/1.1 that are answered straight, on a connection that goes on."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def exchange(self, connection: HttpConnection, head: bytes, body: bytes) -> HttpExchange | None:
        """The request, complete, when its head is known."""
        known = self._known.get(head)
        if known is None or len(body) > known.direct.body_limit:
            return None
        made = HttpExchange(connection)
        made.method = b"POST"
        made.target, made.path, made.headers, made.forwarded, made.direct = known
        made.body.append(body)
        made.size = len(body)
        return made

    def learn(self, head: bytes, exchange: HttpExchange) -> None:
        """What llhttp has just read of it; one that is in any way peculiar isn't remembered.

        Without a line feed alone it ends where it seems to, and without transfer-encoding the body does.
        """
        direct, names = exchange.direct, [name for name, _ in exchange.headers]
        if direct is None or exchange.method != b"POST" or exchange.close:
            return
        if not _PECULIAR.isdisjoint(names) or names.count(b"content-length") != 1:
            return
        if len(head) > LONGEST or head.count(b"\n") != head.count(b"\r\n"):
            return
        if len(self._known) >= MOST:
            self._known.clear()
        headers = [each for each in exchange.headers if each[0] != b"content-length"]
        self._known[head] = Known(exchange.target, exchange.path, headers, exchange.forwarded, direct)


def whole(data: bytes) -> tuple[bytes, bytes] | None:
    """The request that `data` is, if it is one and no more: its head without the digits of its length, and the body."""
    end = data.find(b"\r\n\r\n") + 4
    found = _LENGTH.search(data, 0, end)
    if found is None or end + int(found[1]) != len(data):
        return None
    return data[: found.start(1)] + data[found.end(1) : end], data[end:]
