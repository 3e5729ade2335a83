"""One descriptor in the reactor for all connections: what happens to them is what Twisted's own reactor would do."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from conversehost.net.poll import Poll, best
from conversehost.turn import Turn


class Reactor(Clock):
    """Serves what it is given when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def serve(self, until: Callable[[], object]) -> None:
        """Whatever happens, until something has come of it."""
        while not until():
            ready = select.select(list(self.readers), [], [], 10)[0]
            assert ready, "nothing happens any more"
            for each in ready:
                each.doRead()

    def serve_what_came(self) -> None:
        """What has happened by now."""
        for each in select.select(list(self.readers), [], [], 0)[0]:
            each.doRead()


class Recorder(Protocol):
    def __init__(self) -> None:
        self.got = b""
        self.ended: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        if data == b"fail":
            raise ValueError("as asked for")
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended = reason


@implementer(IHalfCloseableProtocol)
class HalfRecorder(Recorder):
    half = False

    def readConnectionLost(self) -> None:
        self.half = True

    def writeConnectionLost(self) -> None: ...


class House:
    """A listening socket in a `Poll`; clients are plain sockets."""

    def __init__(self, made: type[Recorder] = Recorder) -> None:
        self.reactor = Reactor()
        self.turn = Turn()
        self.poll = best(self.reactor, self.turn)
        self.protocols: list[Any] = []
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        self.port = self.poll.adoptStreamPort(listening.fileno(), listening.family, Factory.forProtocol(self._made))
        listening.close()
        self._kind = made

    def _made(self) -> Recorder:
        self.protocols.append(self._kind())
        return self.protocols[-1]  # type: ignore[no-any-return]

    def client(self) -> tuple[socket.socket, Any]:
        """One that has connected, and who serves it."""
        made = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        made.settimeout(10)
        before = len(self.protocols)
        self.reactor.serve(lambda: len(self.protocols) > before)
        return made, self.protocols[-1]

    def close(self) -> None:
        for each in tuple(self.reactor.readers):
            each.connectionLost(Failure(ConnectionLost()))


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def test_all_connections_are_one_reader_of_the_reactor(house: House) -> None:
    for _ in range(3):
        house.client()
    assert house.reactor.readers == {house.poll}


def test_what_comes_is_received_and_what_is_written_goes_out(house: House) -> None:
    client, served = house.client()
    client.sendall(b"hello")
    house.reactor.serve(lambda: served.got == b"hello")
    served.transport.write(b"welcome")
    house.reactor.serve_what_came()
    assert client.recv(100) == b"welcome"


def test_more_than_the_socket_takes_goes_out_as_it_is_read(house: House) -> None:
    client, served = house.client()
    served.transport.write(b"x" * 8_000_000)
    client.setblocking(False)
    got = 0

    def all_came() -> bool:
        nonlocal got
        with suppress(BlockingIOError):
            got += len(client.recv(1 << 20))
        return got == 8_000_000

    house.reactor.serve(all_came)
    client.sendall(b"done")
    house.reactor.serve(lambda: served.got == b"done")


def test_who_is_paused_is_not_read_until_it_resumes(house: House) -> None:
    client, served = house.client()
    served.transport.pauseProducing()
    client.sendall(b"later")
    other, heard = house.client()
    other.sendall(b"hello")
    house.reactor.serve(lambda: heard.got == b"hello")
    assert served.got == b""
    served.transport.resumeProducing()
    house.reactor.serve(lambda: served.got == b"later")


def test_a_client_that_closes_ends_its_connection_only(house: House) -> None:
    (going, gone), (staying, stays) = house.client(), house.client()
    going.sendall(b"last words")
    going.close()
    staying.sendall(b"hello")
    house.reactor.serve(lambda: gone.ended and stays.got)
    assert gone.got == b"last words"
    assert gone.ended.check(ConnectionDone)
    assert (stays.got, stays.ended) == (b"hello", None)


def test_a_client_that_resets_the_connection_is_lost(house: House) -> None:
    client, served = house.client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    house.reactor.serve(lambda: served.ended)
    assert served.ended.check(ConnectionLost)


def test_a_reset_is_noticed_while_nothing_is_read(house: House) -> None:
    client, served = house.client()
    served.transport.pauseProducing()
    served.transport.write(b"x" * 8_000_000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    house.reactor.serve(lambda: served.ended)
    assert served.ended.check(ConnectionLost)


def test_half_a_connection_goes_on_where_the_protocol_can_do_that() -> None:
    house = House(HalfRecorder)
    client, served = house.client()
    client.shutdown(socket.SHUT_WR)
    house.reactor.serve(lambda: served.half)
    assert served.ended is None
    served.transport.write(b"still here")
    house.reactor.serve_what_came()
    assert client.recv(100) == b"still here"
    house.close()


def test_one_that_fails_is_closed_and_logged_and_the_others_are_served(house: House, failures: list[str]) -> None:
    (bad, failed), (good, served) = house.client(), house.client()
    bad.sendall(b"fail")
    good.sendall(b"hello")
    house.reactor.serve(lambda: failed.ended and served.got)
    assert failed.ended.check(ValueError)
    assert bad.recv(100) == b""
    assert served.got == b"hello"
    assert failures == ["ValueError"]


def test_one_that_another_has_ended_is_not_served_any_more(house: House) -> None:
    (first, one), (second, two) = house.client(), house.client()
    for served, other in ((one, two), (two, one)):
        served.dataReceived = lambda data, other=other: other.transport.connectionLost(Failure(ConnectionLost()))
    first.sendall(b"end it")
    second.sendall(b"end it")
    house.reactor.serve(lambda: one.ended or two.ended)
    assert [each.ended is None for each in (one, two)].count(True) == 1


def test_without_connections_it_leaves_the_reactor(house: House) -> None:
    client, _ = house.client()
    house.port.stopListening()
    house.reactor.advance(0)
    assert house.reactor.readers == {house.poll}
    client.close()
    house.reactor.serve(lambda: not house.reactor.readers)


class Chorus(Recorder):
    """What one says, all hear at the end of the turn."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.factory.turn.add(self)  # type: ignore[attr-defined,union-attr]
        self.factory.turn.taken()  # type: ignore[attr-defined,union-attr]

    def flush(self) -> None:
        everybody = self.factory.protocols  # type: ignore[attr-defined,union-attr]
        self.transport.socket.send(b"".join(each.got for each in everybody))  # type: ignore[union-attr]


def test_what_is_there_at_once_is_one_turn() -> None:
    house = House(Chorus)
    house.port.factory.turn, house.port.factory.protocols = house.turn, house.protocols
    (romeo, _), (juliet, _) = house.client(), house.client()
    romeo.sendall(b"wherefore ")
    juliet.sendall(b"art thou")
    house.reactor.serve(lambda: all(each.got for each in house.protocols))
    assert romeo.recv(100) == juliet.recv(100) == b"wherefore art thou"
    house.close()


def test_a_reactor_that_stops_takes_leave_of_every_connection(house: House) -> None:
    clients = [house.client() for _ in range(2)]
    house.close()
    assert all(served.ended.check(ConnectionLost) for _, served in clients)
    assert house.reactor.readers == set()


def test_a_system_without_epoll_has_its_reactor_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    reactor = Reactor()
    assert best(reactor, Turn()) is reactor
    assert not isinstance(reactor, Poll)
