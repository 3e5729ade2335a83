"""One connection too many: refused cheaply, told, logged once a minute."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher

from conversehost.clock import Clock
from conversehost.net import gate as gates
from conversehost.net.gate import QUIET, SPARE, Gate, TurnedAway, room_for
from conversehost.server.entrance import origin_of
from tests.net.front import Front, Wire, parse, request


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(5, 2, clock=clock)


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []

    def observe(event: dict) -> None:
        if event.get("log_namespace") == gates.__name__:
            lines.append(event["text"])

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def test_an_address_has_so_many(gate):
    assert [gate.admits("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert gate.admits("192.0.2.2")
    gate.left("192.0.2.1")
    assert gate.admits("192.0.2.1")
    assert not gate.admits("192.0.2.1")


def test_all_together_have_so_many_and_this_machine_no_limit_of_its_own(gate):
    assert [gate.admits("127.0.0.1") for _ in range(6)] == [True] * 5 + [False]
    assert not gate.admits("192.0.2.1")
    gate.left("127.0.0.1")
    assert gate.admits("::1")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("127.0.0.9", ""),
        ("::1", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_whose_an_address_is(address, origin):
    assert origin_of(address) == origin


def test_the_log_has_one_line_a_minute(gate, clock, told):
    for _ in range(9):
        gate.admits("192.0.2.1")
    assert told == ["2 connections from 192.0.2.1: no more are taken (--connections-per-address)"]
    clock.advance(QUIET)
    for _ in range(9):
        gate.admits("127.0.0.1")
    assert told[1:] == ["5 connections are open: no more are taken (--connections, and ulimit -n)"]


def test_who_is_turned_away_over_http_is_told(clock):
    front = Front()
    front.factory.gate = Gate(9, 1, clock=clock)
    address = IPv4Address("TCP", "192.168.1.1", 1)  # StringTransport's own
    first, second = front.factory.buildProtocol(address), front.factory.buildProtocol(address)
    assert isinstance(second, TurnedAway)
    transport = StringTransport()
    second.makeConnection(transport)
    (answer,) = parse(transport.value())
    assert (answer.code, answer.body) == (503, b"503 Too many connections\n")
    assert transport.disconnecting
    wire = Wire.__new__(Wire)
    wire.transport, wire.connection, wire.methods = StringTransport(), first, []
    first.makeConnection(wire.transport)
    wire.send(request("GET", "/page"))
    assert wire.codes == [200]
    wire.lose()
    assert not isinstance(front.factory.buildProtocol(address), TurnedAway)


@pytest.mark.parametrize(
    ("soft", "hard", "room", "raised"),
    [(10_000, 20_000, 1000, None), (256, 20_000, 1000, 1000 + SPARE), (256, 512, 512 - SPARE, 512), (10, 10, 1, 10)],
)
def test_open_files_bound_the_connections(monkeypatch, soft, hard, room, raised):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    assert room_for(1000) == room
    assert asked == ([] if raised is None else [(raised, hard)])
