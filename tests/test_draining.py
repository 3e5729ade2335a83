"""On the way out: nothing begins any more, what there is goes on, and the end comes when it may."""

from __future__ import annotations

import http.client
import re
import signal
from urllib.parse import urlsplit

import pytest
from twisted.internet.testing import StringTransport

from conversehost.clock import Clock
from conversehost.draining import LOOK, Draining
from conversehost.xmpp import ns
from tests.net.test_tcp import HEADER, Line, Station
from tests.test_launch import FREE, PYTHON, SOON, program, ready_line, result, until
from tests.testbed.conftest import House

__all__ = ["program"]

CREATE = f"<body xmlns='{ns.HTTPBIND}' rid='10' to='localhost' wait='60' hold='1' ver='1.6'{{}}/>"


class Leaving:
    """Two sessions, and a clock."""

    def __init__(self, seconds: int) -> None:
        self.clock, self.draining = Clock(), Draining()
        self.there, self.ends = 2, []
        self.seconds = seconds
        self.begin()

    def begin(self) -> None:
        self.draining.begin(self.clock, self.seconds, lambda: self.there, self.ends.append)


@pytest.mark.parametrize("seconds", [0, 60])
def test_it_ends_with_the_last_session(seconds):
    leaving = Leaving(seconds)
    assert leaving.draining.on
    leaving.clock.advance(50)
    leaving.there = 1
    leaving.clock.advance(5)
    assert leaving.ends == []
    leaving.there = 0
    leaving.clock.advance(LOOK)
    assert leaving.ends == [0]
    leaving.clock.advance(1000)
    assert leaving.ends == [0]


def test_it_ends_at_the_deadline():
    leaving = Leaving(60)
    leaving.clock.advance(59.9)
    leaving.begin()  # another signal
    assert leaving.ends == []
    leaving.clock.advance(0.1)
    assert leaving.ends == [2]


def test_without_a_deadline_it_waits():
    leaving = Leaving(0)
    leaving.clock.advance(10_000)
    assert leaving.ends == []


def test_an_empty_server_ends_at_once():
    ends: list[int] = []
    Draining().begin(Clock(), 60, lambda: 0, ends.append)
    assert ends == [0]


def test_no_tcp_stream_begins_and_those_there_are_restart():
    station = Station()
    station.on_open = lambda server: server.link.restarting()
    old, new = Line(station), Line(station)
    old.send(HEADER)
    station.factory.draining.on = True
    new.send(HEADER)
    old.send(HEADER)
    assert "<system-shutdown" in new.said
    assert "try again" in new.said
    assert new.transport.disconnecting
    assert "system-shutdown" not in old.said
    assert not old.transport.disconnecting


def test_the_whole_server_says_that_it_isnt_ready():
    house = House()
    house.server.running = True
    bound = house.prebound("alice")
    connection = house.server.c2s.buildProtocol(None)
    connection.makeConnection(StringTransport())
    ends: list[None] = []
    assert house.api.send("GET", "/ready", b"", {}).status == 200
    house.server.drain(lambda: ends.append(None))
    ready = house.api.send("GET", "/ready", b"", {})
    assert (ready.status, ready.headers["retry-after"]) == (503, "2")
    assert house.api.send("GET", "/health", b"", {}).status == 200
    assert house.api.send("POST", "/http-bind", CREATE.format("").encode(), {}).status == 503
    connection.connectionLost()
    house.server.reactor.advance(LOOK)
    assert ends == []
    house.server.manager.forget(next(each for each in house.server.manager.sessions() if each.sid == bound.sid))
    house.server.reactor.advance(LOOK)
    assert ends == [None]


def test_prebind_is_refused_so_that_another_process_can_be_asked():
    house = House("--prebind-secret", "0123456789abcdef")
    house.server.draining.on = True
    fields = {"Authorization": "Bearer 0123456789abcdef", "Content-Type": "application/json"}
    answer = house.api.send("POST", "/prebind", b'{"user": "alice"}', fields)
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert "takes no new sessions" in answer.json["error"]


@pytest.mark.parametrize(("number", "options"), [(signal.SIGUSR1, []), (signal.SIGTERM, ["--drain", "60"])])
def test_a_signal_lets_sessions_end_first(program, number, options):
    process = program.start(PYTHON, "-m", "conversehost", *FREE, "--ready-file", "ready.json", *options)
    site = re.search(r"^ +site +(http://\S+)$", until(process, "Stop with Ctrl+C"), re.MULTILINE)[1]
    sid = re.search(rb"sid=['\"]([^'\"]+)", post(site, CREATE.format("")).read())[1].decode()
    process.send_signal(number)
    until(process, "draining: no new sessions, and 1 that there are")
    assert post(site, CREATE.format("")).status == 503
    end = f"<body xmlns='{ns.HTTPBIND}' sid='{sid}' rid='11' type='terminate'/>"
    assert post(site, end).status == 200
    code, out, _ = result(process)
    assert code == 0
    assert "drained, with no sessions left" in out


def test_a_second_term_stops_what_drains(program):
    process = program.start(PYTHON, "-m", "conversehost", "--json", *FREE, "--drain", "600")
    site = ready_line(process)["site"]
    post(site, CREATE.format("")).read()
    process.send_signal(signal.SIGTERM)
    while post(site, CREATE.format("")).status != 503:
        pass  # it was on its way
    process.send_signal(signal.SIGTERM)
    assert result(process)[0] == 0


def post(site: str, body: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(site).netloc, timeout=SOON)
    connection.request("POST", "/http-bind", body.encode())
    return connection.getresponse()
