"""`/stubs`: what is answered in the server's place."""

from __future__ import annotations

from typing import Any

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from conversehost.xmpp.xml import parse as parse_xml
from tests.testbed.conftest import Answer, Caller, House
from tests.testbed.test_ends import Tcp, WebSocket

VERSION = "jabber:iq:version"


def stub(house: House, **fields: Any) -> str:
    answer = house.api("POST", "/stubs", fields)
    assert answer.status == 201, answer.body
    return answer.json["name"]


def refused(api: Caller, **fields: Any) -> str:
    answer: Answer = api("POST", "/stubs", fields)
    assert answer.error[:2] == (400, "bad-request")
    return answer.error[2]


class Alice(Tcp):
    """Over TCP, where stubs are; she reads what comes."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.protocol.transport.clear()

    def heard(self) -> list[Element]:
        transport = self.protocol.transport
        data, _ = transport.value(), transport.clear()
        return list(parse_xml(b"<r xmlns='jabber:client'>" + data + b"</r>"))

    def asks(self, to: str = "localhost", namespace: str = VERSION) -> Element:
        self.say(f"<iq type='get' id='q' to='{to}'><query xmlns='{namespace}'/></iq>")
        (answer,) = self.heard()
        assert (answer.get("id"), answer.get("from"), answer.get("to")) == ("q", to, self.jid)
        return answer


@pytest.fixture
def alice(house: House) -> Alice:
    return Alice(house)


def test_an_iq_is_answered(house: House, alice: Alice):
    name = stub(house, kind="iq", xpath="iq/*[local-name()='query']", answer=f"<query xmlns='{VERSION}'>odd</query>")
    answer = alice.asks()
    assert (answer.get("type"), answer[0].text) == ("result", "odd")
    assert alice.asks(to="bob@localhost").get("type") == "result"  # a contact who wouldn't have answered
    told = house.api("GET", f"/stubs/{name}").json
    assert (told["matches"], told["strikes"]) == (2, 2)


def test_an_empty_answer_is_an_empty_result(house: House, alice: Alice):
    stub(house, kind="iq", answer="")
    assert (alice.asks().get("type"), len(alice.asks())) == ("result", 0)


def test_what_is_heard_can_be_said_again(house: House, alice: Alice):
    stub(
        house, kind="message", to="bob", answer="<message type='chat'><body>{name}: {body} {from} {to}</body></message>"
    )
    alice.say("<message to='bob@localhost' type='chat'><body>&lt;b&gt; {id}</body></message>")
    (said,) = alice.heard()
    assert (said.get("from"), said.get("to")) == ("bob@localhost", alice.jid)
    assert said[0].text == f"alice: <b> {{id}} {alice.jid} bob@localhost"
    assert said.get("id")


def test_an_iq_may_be_answered_by_more_than_its_result(house: House, alice: Alice):
    stub(house, kind="iq", answer="<iq type='error'><error type='cancel'/></iq><presence from='x@y'/>")
    alice.say("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    first, second = alice.heard()
    assert (first.get("id"), first.get("type"), second.get("from")) == ("1", "error", "x@y")


def test_refused_with_a_reason(house: House, alice: Alice):
    stub(house, kind="iq", refuse="policy-violation", reason="not today")
    error = alice.asks().find(f"{{{ns.CLIENT}}}error")
    assert error[0].tag == f"{{{ns.STANZA_ERROR}}}policy-violation"
    assert error[1].text == "not today"


def test_sent_elsewhere(house: House, alice: Alice):
    bob, juliet = house.person("bob"), house.person("juliet")
    stub(house, kind="message", to="bob", forward=str(juliet.jid))
    alice.say("<message to='bob@localhost' type='chat'><body>hi</body></message>")
    assert [each.text_of("body") for each in juliet.got if each.kind == "message"] == ["hi"]
    assert [each for each in bob.got if each.kind == "message"] == []


@pytest.mark.parametrize("fields", [{}, {"answer": ""}, {"refuse": "conflict"}])
def test_late(house: House, alice: Alice, fields: dict[str, str]):
    stub(house, kind="iq", seconds=5, **fields)
    alice.say("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    house.server.clock.advance(4.9)
    assert alice.heard() == []
    house.server.clock.advance(0.2)
    house.server.turn.end()
    assert [each.get("id") for each in alice.heard()] == ["1"]
    assert house.server.stubs.pending == 0


def test_late_for_somebody_who_has_left(house: House, alice: Alice):
    stub(house, kind="iq", seconds=5, answer="")
    alice.say("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    alice.say("</stream:stream>")
    house.server.clock.advance(6)
    assert house.server.stubs.pending == 0


def test_skip_and_count(house: House, alice: Alice):
    stub(house, kind="iq", answer="", skip=1, count=1)
    assert [len(alice.asks()) for _ in range(3)] == [1, 0, 1]


def test_the_oldest_that_fits_is_used(house: House, alice: Alice):
    stub(house, kind="iq", account="bob", refuse="conflict")
    stub(house, kind="iq", account="alice", answer="")
    stub(house, kind="iq", refuse="gone")
    assert alice.asks().get("type") == "result"


def test_over_websocket_too(house: House):
    alice = WebSocket(house)
    alice.protocol.transport.clear()
    stub(house, kind="iq", refuse="gone")
    alice.say(f"<iq xmlns='{ns.CLIENT}' type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert b"<gone " in alice.protocol.transport.value()


def test_logins_are_not_stubbed(house: House):
    stub(house, kind="iq", xpath="iq[bind:bind]", refuse="gone")
    assert Alice(house).jid.startswith("alice@localhost/")


@pytest.mark.parametrize("end", ["one", "all", "reset"])
def test_it_ends(house: House, end: str):
    name = stub(house, name="mine", kind="iq", answer="")
    assert name == "mine"
    path = {"one": "/stubs/mine", "all": "/stubs"}.get(end)
    assert (house.api("DELETE", path) if path else house.api("POST", "/reset")).status in (200, 204)
    assert house.api("GET", "/stubs").json == {"stubs": []}
    assert len(Alice(house).asks()) == 1


def test_one_of_the_same_name_is_replaced(house: House, alice: Alice):
    stub(house, name="x", kind="iq", refuse="gone")
    stub(house, name="x", kind="iq", answer="")
    assert alice.asks().get("type") == "result"
    (told,) = house.api("GET", "/stubs").json["stubs"]
    assert told["answer"] == ""
    assert "refuse" not in told


def test_what_is_not_understood_is_refused(api: Caller):
    assert refused(api) == "one of answer, refuse and forward is needed, or seconds alone"
    assert refused(api, answer="", refuse="gone").startswith("one of answer")
    assert refused(api, refuse="no").startswith("refuse must be one of bad-request, conflict")
    assert refused(api, answer="<a>").startswith("answer: ")
    assert refused(api, answer=3) == "answer must be text, not a number"
    assert refused(api, forward="a@b@c").startswith("forward: 'a@b@c' is not an address")
    assert refused(api, seconds=-1) == "seconds must be from 0 to 3600"
    assert refused(api, answer="", xpath="[").startswith("xpath '['")
    assert "unknown field 'anser'" in refused(api, anser="")
    assert api("GET", "/stubs/none").error == (404, "not-found", "there is no stub 'none'")


def test_as_many_as_there_may_be(house: House):
    for _ in range(100):
        stub(house, kind="r", answer="")
    assert house.api("POST", "/stubs", {"answer": ""}).error[:2] == (409, "conflict")


def test_what_is_answered_is_a_stanza_of_the_client(house: House, alice: Alice):
    stub(house, kind="message", answer="<message><body>x</body></message>")
    alice.say("<message to='bob@localhost'><body>hi</body></message>")
    assert all(isinstance(each, Stanza) for each in alice.heard())
