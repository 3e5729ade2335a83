"""How long a site is waited for, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.error import TimeoutError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from conversehost.net.clock import ReactorClock
from conversehost.net.front import HttpFactory
from conversehost.net.http import BODY_IN, WEB_BODY
from conversehost.turn import Turn
from conversehost.web import proxy, tunnel
from conversehost.web.proxy import ANSWER, CONNECT, Proxy
from tests.net.front import Wire, parse, request

UPGRADE = request("GET", "/socket", Connection="Upgrade", Upgrade="websocket")


class Stage:
    """A client and a site, each at the end of a connection in memory."""

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        turn = Turn()
        proxy = Proxy("http://127.0.0.1:8000", self.reactor, lambda code, title, text: b"page")
        clock = ReactorClock(self.reactor, turn)
        self.factory = HttpFactory(None, {}, clock=clock, taken=turn.taken, streaming=proxy)  # type: ignore[arg-type]
        self.wire = Wire(self)  # type: ignore[arg-type]
        self.site = StringTransport()
        self.answer: Callable[[bytes], None] = lambda data: None

    def connect(self) -> None:
        """The site takes the connection."""
        _, _, factory, _, _ = self.reactor.tcpClients[-1]
        protocol = factory.buildProtocol(None)
        self.site.abortConnection = self.site.loseConnection  # type: ignore[method-assign]
        self.site.setTcpNoDelay = lambda on: None  # type: ignore[attr-defined]
        protocol.makeConnection(self.site)
        self.answer = protocol.dataReceived
        self.advance(0)

    def advance(self, seconds: float) -> None:
        self.reactor.pump([seconds / 10] * 10)

    @property
    def codes(self) -> list[int]:
        return [answer.code for answer in parse(self.wire.raw)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_log_says_which_page_was_not_had(stage, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(proxy.log, "warn", lambda format, **values: said.append(format.format(**values)))
    stage.wire.get("/page")
    stage.advance(CONNECT)
    stage.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(TimeoutError()))
    assert said == ["/page: http://127.0.0.1:8000 was asked, and has not answered."]


def test_a_site_that_takes_no_connection(stage):
    stage.wire.send(request("GET", "/"))
    _, _, factory, seconds, _ = stage.reactor.tcpClients[-1]
    assert seconds == CONNECT
    factory.clientConnectionFailed(None, Failure(TimeoutError()))
    stage.advance(1)
    assert stage.codes == [504]


@pytest.mark.parametrize(("data", "limit"), [(request("GET", "/"), ANSWER), (UPGRADE, tunnel.ANSWER)])
def test_a_site_that_does_not_answer(stage, data, limit):
    stage.wire.send(data)
    stage.connect()
    assert b"GET /" in stage.site.value()
    stage.advance(limit - 1)
    assert stage.codes == []
    stage.advance(2)
    assert stage.codes == [504]
    assert stage.site.disconnecting


def test_a_site_that_does_not_take_a_request(stage):
    """It holds up the client, whose leaving can't be seen then: so that doesn't last for ever."""
    stage.wire.send(request("POST", "/", b"x" * 1_000_000)[:500_000])
    stage.connect()
    stage.site.producer.pauseProducing()
    stage.wire.send(b"x" * (WEB_BODY + 1))
    assert stage.wire.transport.producerState == "paused"
    stage.advance(ANSWER + 1)
    assert stage.codes == [504]
    assert stage.wire.transport.producerState == "producing"


def test_an_upload_may_take_as_long_as_it_goes_on(stage):
    stage.wire.send(request("POST", "/", b"x" * 100)[:-100])
    stage.connect()
    for _ in range(100):
        stage.advance(BODY_IN - 1)
        stage.wire.send(b"x")
    assert stage.site.value().endswith(b"x" * 100)
    stage.advance(ANSWER - 1)
    assert stage.codes == []
    stage.answer(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert stage.codes == [204]


def test_an_upload_that_stops_is_not_waited_for(stage):
    stage.wire.send(request("POST", "/", b"x" * 100)[:-1])
    stage.connect()
    stage.advance(BODY_IN + 1)
    assert stage.wire.raw == b""
    assert stage.wire.closed


def test_an_answer_may_take_as_long_as_it_likes(stage):
    stage.wire.send(request("GET", "/events"))
    stage.connect()
    stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    for _ in range(10):
        stage.advance(ANSWER + 1)
        stage.answer(b"x")
    assert stage.codes == [200]
    assert stage.wire.raw.endswith(b"xxxxxxxxxx")
