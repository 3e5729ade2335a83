"""The load: raw sockets on one epoll, canned bytes out, a search for a few tokens in what comes back.

It parses no XML and costs a fraction of what any server does, so that the server is the bottleneck.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

PATIENCE = 120.0
"""Seconds until a server that says nothing any more is given up."""

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: a close sends RST, and no port is left in TIME_WAIT


class Loop:
    """Connections, and who wants to hear of what they receive."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def add(self, connection: Connection) -> None:
        number = connection.socket.fileno()
        self._connections[number] = connection
        self._epoll.register(number, select.EPOLLIN)

    def remove(self, connection: Connection) -> None:
        number = connection.socket.fileno()
        if self._connections.pop(number, None) is not None:
            self._epoll.unregister(number)

    def run(self, seconds: float = PATIENCE, until: Callable[[], bool] | None = None) -> None:
        """For so long; or until then, which must be reached in that time. Raises RuntimeError."""
        end = time.monotonic() + seconds
        while until is None or not until():
            left = end - time.monotonic()
            if left <= 0:
                if until is None:
                    return
                raise RuntimeError(f"nothing came of it within {seconds:.0f} seconds")
            for number, _ in self._epoll.poll(min(left, 0.2)):
                connection = self._connections.get(number)
                if connection is not None:
                    connection.readable()

    def close(self) -> None:
        """All connections, at once."""
        for connection in tuple(self._connections.values()):
            connection.close()
        self._epoll.close()


class Connection:
    """A socket. Subclasses find in what it receives the units that `received` is told of."""

    def __init__(self, loop: Loop, port: int, received: Callable[[bytes], None]) -> None:
        self.received = received
        self.closed = False
        self._loop = loop
        self._in = b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        loop.add(self)

    def send(self, data: bytes) -> None:
        """All of it; blocks while the server doesn't read."""
        self.socket.sendall(data)

    def readable(self) -> None:
        """Something is there, or the end."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._in = self._take(self._in + data if self._in else data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.remove(self)
            with suppress(OSError):
                self.socket.close()

    def _take(self, data: bytes) -> bytes:
        """Tell of what is complete; the rest."""
        raise NotImplementedError


class HttpConnection(Connection):
    """One answer after the other, told without its header. `answered`: none is outstanding."""

    answered = True

    def request(self, data: bytes) -> None:
        self.answered = False
        self.send(data)

    def _take(self, data: bytes) -> bytes:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return data
        found = _LENGTH.search(data, 0, end)
        if not data.startswith(b"HTTP/1.1 200") or found is None:
            raise RuntimeError(f"unexpected answer: {data[:500]!r}")
        whole = end + int(found[1])
        if len(data) < whole:
            return data
        self.answered = True
        self.received(data[end:whole])
        return data[whole:]


class Downloader(HttpConnection):
    """Asks for the same page again and again, and only counts what it gets."""

    def __init__(self, loop: Loop, port: int, request: bytes) -> None:
        super().__init__(loop, port, self._next)
        self.count = 0
        self._request = request
        self._left = 0
        self.request(request)

    def _next(self, body: bytes) -> None:
        self.count += 1
        self.request(self._request)

    def _take(self, data: bytes) -> bytes:
        """As above, but what is large isn't put together."""
        if self._left:
            self._left -= len(data)
        else:
            end = data.find(b"\r\n\r\n") + 4
            found = _LENGTH.search(data, 0, end)
            if not data.startswith(b"HTTP/1.1 200") or found is None:
                raise RuntimeError(f"unexpected answer: {data[:500]!r}")
            self._left = int(found[1]) - (len(data) - end)
        if self._left <= 0:
            self._next(b"")
        return b""


class Target(NamedTuple):
    """Where a server's doors are, and which of its users there are: u0, u1..., with password `pw`."""

    http: int  # ports
    c2s: int
    bosh: str  # paths
    websocket: str
    file: str
    domain: str = "localhost"

    def post(self, body: bytes) -> bytes:
        """A request with a `<body/>`."""
        head = (
            f"POST {self.bosh} HTTP/1.1\r\nHost: {self.domain}:{self.http}\r\nContent-Type: text/xml; charset=utf-8\r\n"
        )
        return b"%sContent-Length: %d\r\n\r\n%s" % (head.encode(), len(body), body)

    def get(self, path: str, *fields: str) -> bytes:
        """A request for a page."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.domain}:{self.http}", *fields]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
