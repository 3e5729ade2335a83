"""The way out of one connection: at once where the socket takes it, and with a memory for what it didn't take.

Over TLS nothing goes straight to the socket, and what counts as out are whole records: the client can make nothing of
a part of one (RFC 8446 section 5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from zope.interface import implementer

RECORD = 16_384
"""Bytes of ours in a full TLS record; twisted.protocols.tls writes them one by one."""


def pending(transport: Any) -> int:
    """Bytes in the transport's own buffers, which twisted.internet.abstract.FileDescriptor has no public name for.

    A transport without such buffers is believed to have sent everything.
    """
    buffer = len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    return buffer + int(getattr(transport, "_tempDataLen", 0))


@implementer(IPushProducer)
class Outlet:
    """Writes to a transport. `blocked`: it has more than it likes; `room` is called when all of that is out."""

    def __init__(self, transport: Any, room: Callable[[], None]) -> None:
        self.given = 0  # bytes, from the beginning
        self.blocked = False
        self._transport = transport
        encrypted = ISSLTransport.providedBy(transport)
        below = getattr(transport, "transport", transport) if encrypted else transport
        self._socket = None if encrypted else getattr(transport, "socket", None)
        self._records = Records(transport, below) if hasattr(below, "given") else None
        self.room = room
        self._behind = False  # something may wait in the transport
        self._kept: list[tuple[int, object]] = []
        if getattr(below, "socket", None) is not None:
            below.setTcpNoDelay(True)

    def write(self, data: bytes) -> bool:
        """Straight to the socket when nothing waits before it: saves a round through the reactor.

        True when the kernel has all of it; else `keep` what it stood for.
        """
        self.given += len(data)
        if self._behind and not self.waiting():
            self._behind = False
            self._kept.clear()
        if self._behind or self._socket is None or self._transport.producer is not None:
            self._queue(data)
            return False
        try:
            sent = self._socket.send(data)
        except OSError:  # would block; or gone, which the reactor will find out
            sent = 0
        if sent == len(data):
            return True
        self._queue(data[sent:])
        return False

    def keep(self, item: object, end: int) -> None:
        """`item` isn't out before the first `end` of all bytes given are."""
        self._kept.append((end, item))

    def unsent(self) -> list[object]:
        """What was kept and hasn't been handed completely to the kernel; also once the connection is lost."""
        out = self.given - self.waiting()
        return [item for end, item in self._kept if end > out]

    def waiting(self) -> int:
        """Bytes that the kernel hasn't got yet."""
        return pending(self._transport) if self._records is None else self.given - self._records.out()

    def feed_from(self, producer: Any, streaming: bool) -> None:
        """A response's own producer takes the transport's signals; it unregisters itself there."""
        self._release()
        self._transport.registerProducer(producer, streaming)

    def end(self) -> None:
        """Say no more, but let the client read what was said: closing while it still writes would reset the connection.

        The caller ends the wait for the client.
        """
        self._release()
        if self._socket is None:
            self._transport.loseConnection()
        else:
            self._transport.loseWriteConnection()

    def close(self) -> None:
        """Close once everything is out."""
        self._release()
        self._transport.loseConnection()

    def _queue(self, data: bytes) -> None:
        """Through the transport; it says by `pauseProducing` when that is more than it likes to keep."""
        self._behind = True
        transport, write = self._transport, (self._records or self._transport).write
        if transport.producer is not None:  # a web response, or this object while it is blocked
            write(data)
            return
        transport.registerProducer(self, True)
        write(data)
        if not self.blocked:
            transport.unregisterProducer()

    def _release(self) -> None:
        if self.blocked:
            self.blocked = False
            self._transport.unregisterProducer()

    # IPushProducer: the transport's view

    def pauseProducing(self) -> None:
        self.blocked = True

    def resumeProducing(self) -> None:
        self._release()
        self.room()

    def stopProducing(self) -> None:
        self.blocked = False


class Records:
    """What TLS made of the bytes given to it, and how much of that has left."""

    def __init__(self, transport: Any, below: Any) -> None:
        """`below` takes what is encrypted, keeps it until the reactor's next round, and counts it: `given`."""
        self._transport = transport
        self._below = below
        self._given = self._out = 0  # bytes of ours: in all, and of those whose record has left
        self._ends: deque[tuple[int, int]] = deque()  # of records that haven't, as counted by us and by `below`

    def write(self, data: bytes) -> None:
        """What the TLS layer keeps, as before the handshake, has no mark of its own: the next write's counts for it."""
        before = self._below.given
        self._transport.write(data)
        length, count = self._below.given - before, -(-len(data) // RECORD)
        if length:
            overhead = (length - len(data)) // count
            for number in range(1, count):
                self._ends.append((self._given + number * RECORD, before + number * (RECORD + overhead)))
            self._ends.append((self._given + len(data), before + length))
        self._given += len(data)

    def out(self) -> int:
        """How many of the bytes given have left, in whole records."""
        left = self._below.given - pending(self._below)
        while self._ends and self._ends[0][1] <= left:
            self._out = self._ends.popleft()[0]
        return self._out
