"""What is out, to the byte, and what isn't."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.net.outlet import Outlet
from tests.bosh.stage import message
from tests.net.test_tcp import HEADER, Station


class Narrow(StringTransport):
    """Its socket takes `room` bytes; the rest waits where Twisted's own transports keep it."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.taken, self.noDelay = room, b"", False
        self.dataBuffer, self.offset, self._tempDataLen = b"", 0, 0
        self.socket = self

    def send(self, data: bytes) -> int:
        sent, self.room = min(len(data), self.room), max(0, self.room - len(data))
        if not sent:
            raise BlockingIOError
        self.taken += data[:sent]
        return sent

    def write(self, data: bytes) -> None:
        self.dataBuffer += data

    def drain(self, room: int) -> None:
        """The socket takes more."""
        self.taken += self.dataBuffer[self.offset : self.offset + room]
        self.offset = min(len(self.dataBuffer), self.offset + room)
        if self.offset == len(self.dataBuffer):
            self.dataBuffer, self.offset = b"", 0
            self.room = 1 << 30

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def loseWriteConnection(self) -> None:
        self.disconnecting = True


def outlet(room: int) -> tuple[Outlet, Narrow]:
    transport = Narrow(room)
    return Outlet(transport, lambda: None), transport


def test_what_the_socket_takes_is_out():
    out, transport = outlet(100)
    assert out.write(b"x" * 100)
    assert transport.noDelay
    assert (out.waiting(), out.unsent()) == (0, [])


@pytest.mark.parametrize(("room", "unsent"), [(0, "abc"), (1, "abc"), (9, "abc"), (10, "bc"), (19, "bc"), (29, "c")])
def test_what_it_does_not_take_isnt(room, unsent):
    out, _ = outlet(room)
    for name in "abc":
        if not out.write(b"x" * 10):
            out.keep(name, out.given)
    assert out.waiting() == 30 - room
    assert out.unsent() == list(unsent)


def test_what_leaves_later_is_out_then():
    out, transport = outlet(5)
    for name in "abc":
        out.write(name.encode() * 10)
        out.keep(name, out.given)
    transport.drain(5)
    assert out.unsent() == ["b", "c"]
    transport.drain(15)
    assert out.unsent() == ["c"]
    transport.drain(5)
    assert out.unsent() == []
    assert transport.taken == b"a" * 10 + b"b" * 10 + b"c" * 10


def test_nothing_overtakes_what_waits():
    out, transport = outlet(5)
    out.write(b"a" * 10)
    transport.room = 100
    out.write(b"b")
    transport.drain(100)
    assert out.write(b"c")
    assert transport.taken == b"a" * 10 + b"bc"


def test_what_is_out_is_not_remembered():
    out, transport = outlet(0)
    for _ in range(100):
        transport.room = 0
        out.write(b"x")
        out.keep(object(), out.given)
        transport.drain(1)
    assert len(out._kept) == 1


@pytest.mark.parametrize(("short", "given_back"), [(0, []), (1, ["b"]), (len(message("b")), ["b"])])
def test_a_stanza_behind_the_stream_header(short, given_back):
    """Header and stanzas leave together over TCP; the header is none of them."""
    station = Station()
    line = station.factory.buildProtocol(None)
    transport = Narrow(0)
    line.makeConnection(transport)
    station.on_open = lambda server: [server.link.send(message(id).encode()) for id in "ab"]
    line.dataReceived(HEADER.encode())
    transport.drain(len(transport.dataBuffer) - short)
    line.connectionLost(Failure(ConnectionLost()))
    assert station.server.given_back == given_back
