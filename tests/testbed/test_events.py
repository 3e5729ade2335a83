"""`/events`, as far as time and callers that don't read are concerned."""

from __future__ import annotations

import pytest
from twisted.python.failure import Failure

from conversehost.testbed.tape import Tape
from tests.testbed.conftest import House, Waiter


class Listening(Waiter):
    """Somebody listens; `text` is all that came."""

    def __init__(self, house: House, query: str = "") -> None:
        super().__init__(house, "GET", f"/events{query}")

    @property
    def text(self) -> str:
        return self.transport.value().decode()


def test_a_heartbeat(house):
    listening = Listening(house)
    before = listening.text.count(": still here")
    house.server.reactor.advance(15)
    assert listening.text.count(": still here") == before + 1


def test_who_does_not_read_is_told_later(house):
    listening = Listening(house)
    listening.transport.producer.pauseProducing()
    for number in range(3):
        house.server.traffic.mark("reset", number=number)
    assert "event: reset" not in listening.text
    listening.transport.producer.resumeProducing()
    assert listening.text.count("event: reset") == 3


def test_who_has_missed_too_much_is_told_so(monkeypatch, house):
    traffic = house.server.traffic
    stream = traffic.stream("tcp", "")
    monkeypatch.setattr(traffic, "_tape", Tape(2, 1_000))
    traffic.add("in", stream, b"<a/>")
    last = traffic.last
    for _ in range(4):
        traffic.add("in", stream, b"<a/>")
    assert "event: gap" in Listening(house, f"?after={last}").text
    assert "event: gap" not in Listening(house, f"?after={traffic.last - 2}").text


@pytest.mark.parametrize("close", [True, False])
def test_who_goes_is_not_told_anything(house, close):
    listening = Listening(house)
    assert len(house.server.traffic.listeners) == len(house.server.traffic.mark_listeners) == 1
    if close:
        listening.connection.connectionLost(Failure(ConnectionResetError()))
    else:
        listening.transport.producer.stopProducing()
    assert house.server.traffic.listeners == house.server.traffic.mark_listeners == []


def test_only_get(api):
    assert api("POST", "/events").status == 405
