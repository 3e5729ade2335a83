"""Requests that are struck: what the server behind hears of them, and of their end."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from conversehost.clock import Clock
from conversehost.net.exchange import HttpExchange
from conversehost.net.front import HttpFactory
from conversehost.testbed.faults import Fault, Faults
from conversehost.testbed.faulty_http import FaultyFront


class Behind:
    """A `Direct` that remembers, and answers when it is told to."""

    body_limit = 1_000
    reason = b""

    def __init__(self) -> None:
        self.handled: list[HttpExchange] = []
        self.gone: list[HttpExchange] = []

    def handle(self, exchange: HttpExchange) -> None:
        self.handled.append(exchange)

    def lost(self, exchange: HttpExchange) -> None:
        self.gone.append(exchange)


class Stage:
    """One connection to it, with a fault between."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.faults = Faults(self.clock)
        self.behind = Behind()
        front = FaultyFront(self.behind, self.faults, "bosh", lambda exchange: "alice@localhost/x")
        factory = HttpFactory(Resource(), {b"/http-bind": front}, clock=self.clock, taken=lambda: None)
        self.connection = factory.buildProtocol(None)
        self.transport = StringTransport()
        self.connection.makeConnection(self.transport)

    def ask(self, method: str = "POST", body: str = "hi") -> None:
        head = f"{method} /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
        self.connection.dataReceived((head + body).encode())

    def breaks(self) -> None:
        self.connection.connectionLost(Failure(ConnectionLost()))

    def answers(self, number: int = 0, text: bytes = b"hello") -> None:
        self.behind.handled[number].respond(200, b"", text)

    @property
    def heard(self) -> bytes:
        """Behind the header."""
        return self.transport.value().partition(b"\r\n\r\n")[2]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_preflight_is_spared(stage):
    stage.faults.add(Fault("x", "lost-request"))
    stage.ask("OPTIONS")
    assert len(stage.behind.handled) == 1
    stage.ask()
    assert len(stage.behind.handled) == 1
    assert stage.transport.disconnected


def test_a_duplicate_comes_twice_and_the_second_is_answered(stage):
    stage.faults.add(Fault("x", "duplicate-request"))
    stage.ask()
    assert [b"".join(each.body) for each in stage.behind.handled] == [b"hi", b"hi"]
    stage.answers(0, b"first")
    assert stage.heard == b""
    stage.answers(1, b"second")
    assert stage.heard == b"second"


@pytest.mark.parametrize("fault", ["duplicate-request", "bandwidth", "lost-response"])
def test_the_server_hears_that_the_connection_is_lost(stage, fault):
    stage.faults.add(Fault("x", fault))
    stage.ask()
    stage.breaks()
    assert stage.behind.gone == stage.behind.handled


@pytest.mark.parametrize("fault", ["latency", "hang", "lost-request", "status"])
def test_it_hears_nothing_of_the_end_of_what_it_never_saw(stage, fault):
    stage.faults.add(Fault("x", fault))
    stage.ask()
    stage.breaks()
    stage.clock.advance(10)
    assert stage.behind.handled == stage.behind.gone == []


def test_it_takes_a_lost_answer_for_given(stage):
    stage.faults.add(Fault("x", "lost-response"))
    stage.ask()
    stage.answers()
    assert stage.transport.disconnected
    assert stage.heard == b""
    stage.breaks()
    assert stage.behind.gone == []


def test_latency_is_before_the_server_and_bandwidth_behind_it(stage):
    stage.faults.add(Fault("x", "latency", seconds=2))
    stage.faults.add(Fault("y", "bandwidth", bytes_per_second=1))
    stage.ask()
    stage.clock.advance(1.9)
    assert stage.behind.handled == []
    stage.clock.advance(0.1)
    stage.answers()
    stage.clock.advance(4.9)
    assert stage.heard == b""
    stage.clock.advance(0.1)
    assert stage.heard == b"hello"


def test_a_request_is_overtaken_by_the_next_one(stage):
    stage.faults.add(Fault("x", "reorder-requests", count=1))
    stage.ask(body="a1")
    assert stage.behind.handled == []
    stage.ask(body="b2")
    stage.clock.advance(10)
    assert [b"".join(each.body) for each in stage.behind.handled] == [b"b2", b"a1"]
    stage.answers(0, b"second")
    stage.answers(1, b"first")
    assert stage.transport.value().index(b"first") < stage.transport.value().index(b"second")
    assert stage.faults.by_name["x"].strikes == 1


def test_without_a_next_one_it_goes_on_by_itself(stage):
    stage.faults.add(Fault("x", "reorder-requests", seconds=2))
    stage.ask(body="a1")
    stage.clock.advance(1.9)
    assert stage.behind.handled == []
    stage.clock.advance(0.1)
    assert len(stage.behind.handled) == 1
    stage.ask(body="b2")
    stage.breaks()
    stage.clock.advance(10)
    assert len(stage.behind.handled) == 1
    assert stage.faults.late == {}


def test_an_answer_that_is_late_for_a_broken_connection_is_lost(stage):
    stage.faults.add(Fault("x", "bandwidth", bytes_per_second=1))
    stage.ask()
    stage.answers()
    stage.breaks()
    stage.clock.advance(10)
    assert stage.heard == b""
    assert stage.behind.gone == stage.behind.handled


def test_without_a_fault_the_request_itself_is_handed_on(stage):
    stage.ask()
    assert type(stage.behind.handled[0]) is HttpExchange
    stage.breaks()
    assert stage.behind.gone == stage.behind.handled
