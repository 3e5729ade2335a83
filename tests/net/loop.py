"""Twisted's own sockets, served by hand: a test decides when the reactor looks, and what time it is."""

from __future__ import annotations

import select
import socket
import struct
from typing import Any

from twisted.internet import tcp
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Loop(Clock):
    """A reactor for connected sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)

    def serve(self) -> None:
        """Until nothing more happens."""
        while self._turn():
            pass

    def _turn(self) -> bool:
        self.advance(0)
        readable, writable, _ = select.select(list(self.readers), list(self.writers), [], 0)
        for selectable, work in [(each, "doRead") for each in readable] + [(each, "doWrite") for each in writable]:
            if selectable in self.readers or selectable in self.writers:
                why = getattr(selectable, work)()
                if why:
                    self._lost(selectable, why)
        return bool(readable or writable)

    def _lost(self, selectable: Any, why: Exception) -> None:
        self.removeReader(selectable)
        self.removeWriter(selectable)
        selectable.connectionLost(Failure(why))


class Peer:
    """A client's socket, and the server's end of it. `small`: kernel buffers that fill up soon."""

    def __init__(self, loop: Loop, factory: Factory, *, small: bool = False) -> None:
        self.loop = loop
        listening = socket.socket()
        self.socket = socket.socket()
        if small:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        self.socket.connect(listening.getsockname())
        accepted, address = listening.accept()
        listening.close()
        accepted.setblocking(False)
        self.protocol: Any = factory.buildProtocol(None)
        self.transport = tcp.Server(accepted, self.protocol, address, None, 0, loop)
        self.protocol.makeConnection(self.transport)
        self.received = b""
        self.eof = False

    def send(self, data: bytes) -> None:
        """And have the server read it."""
        self.socket.setblocking(False)
        while data:
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                if not self.is_read:
                    return
            self.loop.serve()

    @property
    def is_read(self) -> bool:
        """Whether the server wants to hear more."""
        return self.transport in self.loop.readers

    def read(self, limit: int = 1 << 30) -> bytes:
        """What the server has sent, at most about `limit` bytes more; the server goes on meanwhile."""
        self.socket.setblocking(False)
        before = len(self.received)
        while len(self.received) - before < limit and not self.eof:
            self.loop.serve()
            writing = [self.transport] if self.transport in self.loop.writers else []
            readable, writable, _ = select.select([self.socket], writing, [], 10 if writing else 0.01)
            if not readable and writable:
                continue
            if not readable:
                break
            data = self.socket.recv(min(65536, limit))
            self.received += data
            self.eof = not data
        return self.received

    def close(self) -> None:
        """Orderly."""
        self.socket.close()
        self.loop.serve()

    def vanish(self) -> None:
        """As a browser that dies; the server hasn't looked yet."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def reset(self) -> None:
        """As a browser that dies."""
        self.vanish()
        self.loop.serve()

    @property
    def gone(self) -> bool:
        """Whether the server's end is closed."""
        return bool(self.transport.disconnected)
