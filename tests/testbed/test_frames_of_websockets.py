"""`/traffic?level=frame` over WebSocket: each frame once, as it was said, though its stanza is kept with the stream."""

from __future__ import annotations

import pytest

from conversehost.testbed.traffic import Filter, matching
from conversehost.xmpp import ns
from tests.testbed.conftest import House
from tests.testbed.test_ends import WebSocket

MESSAGE = f'<message xmlns="{ns.CLIENT}" to="alice@localhost" id="m"><body>hi</body></message>'
QUOTED_OTHERWISE = MESSAGE.replace('"', "'")
WITH_CDATA = MESSAGE.replace("hi", "<![CDATA[hi]]>")
ESCAPED = MESSAGE.replace('"m"', '"a&gt;b"')
PREFIXED = f"<c:message xmlns:c='{ns.CLIENT}' to='alice@localhost'><c:body>hi</c:body></c:message>"


@pytest.fixture
def alice(house: House) -> WebSocket:
    return WebSocket(house)


def frames(house: House, after: int, direction: str) -> list[str]:
    found = sorted(house.server.wire.frames(), key=lambda each: each.number)
    assert all(each.owner == "alice@localhost/desk" for each in found if each.number > after)
    return [each.data.decode() for each in found if each.number > after and each.direction == direction]


@pytest.mark.parametrize("said", [MESSAGE, QUOTED_OTHERWISE, WITH_CDATA, ESCAPED, PREFIXED])
def test_a_stanza_is_a_frame_and_an_element(house, alice, said):
    last = house.server.traffic.last
    alice.say(said)
    assert frames(house, last, "in") == [said]
    (came,) = frames(house, last, "out")
    assert "<body>hi</body>" in came
    found = list(matching(Filter(xpath="message[body='hi']"), house.server.traffic.since(last)))
    assert [each.direction for each in found] == ["in", "out"]
    assert found[1].data.decode() == came


@pytest.mark.parametrize("said", [MESSAGE, QUOTED_OTHERWISE])
def test_a_stanza_as_most_clients_say_it_is_kept_once(house, alice, said):
    last = house.server.traffic.last
    alice.say(said)
    (record, *_), frames = list(house.server.traffic.since(last)), list(house.server.wire.frames())
    assert (record.number, record.data) == (frames[-2].number, frames[-2].data) == (last + 1, said.encode())


def test_what_is_no_stanza_is_a_frame_alone(house, alice):
    last = house.server.traffic.last
    alice.say("<message xmlns='jabber:client'><body>")
    assert [each.data for each in house.server.traffic.since(last)] == []
    assert frames(house, last, "in") == ["<message xmlns='jabber:client'><body>"]
    error, end = frames(house, last, "out")
    assert "not-well-formed" in error
    assert end.startswith("<close ")


def test_what_comes_after_the_end_is_told_when_something_else_is(house, alice):
    last = house.server.traffic.last
    alice.say("<nonsense")
    alice.say(MESSAGE)
    alice.goodbye()
    assert frames(house, last, "in")[:2] == ["<nonsense", MESSAGE]


def test_a_pong_says_what_it_likes(house, alice):
    last = house.server.traffic.last
    alice.protocol.dataReceived(bytes(alice.frames.ping(b"<iq")))
    assert frames(house, last, "in") == frames(house, last, "out") == ["<iq"]


def test_the_request_that_became_a_websocket_has_the_frames_that_are_kept(house, alice):
    for _ in range(3):
        alice.say(MESSAGE)
    (exchange,) = house.server.wire.exchanges
    assert exchange.frames is not None
    assert [each.data.decode() for each in exchange.frames].count(MESSAGE) == 3
    house.server.traffic.clear()
    (exchange,) = house.server.wire.exchanges
    assert exchange.frames is not None
    assert MESSAGE.encode() not in [each.data for each in exchange.frames]


def test_the_handshake_is_found_under_the_session_that_came_of_it(house, api, alice):
    told = api("GET", "/traffic?level=http&account=alice").json["records"]
    assert [(each["transport"], each["status"], each["session"]) for each in told] == [
        ("websocket", 101, "alice@localhost/desk")
    ]
    assert api("GET", "/traffic?level=http&session=alice@localhost/desk").json["records"] == told
    assert api("GET", "/traffic?level=http&account=bob").json["records"] == []
