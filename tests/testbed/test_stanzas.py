"""`/messages` and `/stanzas`: anything, said by anybody."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from tests.stage import xml


def online(house, name: str, resource: str = "here"):
    person = house.person(name, resource)
    person.says(stanza("presence", {}))
    person.got.clear()
    return person


def test_a_message(house, api):
    bob = online(house, "bob")
    answer = api("POST", "/messages", {"from": "alice", "to": "bob", "body": "hi <&> \U0001f339"})
    (message,) = bob.got
    assert message.get("from", "").startswith("alice@localhost/")
    assert (message.type, message.text_of("body"), message.id) == ("chat", "hi <&> \U0001f339", answer.json["id"])
    assert answer.json["answers"] == []
    assert house.sessions("?account=alice") == []


def test_a_message_of_another_type_from_a_client_that_is_there(house, api):
    alice, bob = online(house, "alice"), online(house, "bob")
    api("POST", "/messages", {"from": str(alice.jid), "to": str(bob.jid), "body": "news", "type": "headline"})
    (message,) = bob.got
    assert (message.get("from"), message.type) == ("alice@localhost/here", "headline")


def test_what_can_not_be_delivered_comes_back(api):
    answer = api("POST", "/messages", {"from": "alice", "to": "nobody@localhost", "body": "hi"})
    (error,) = answer.json["answers"]
    assert "service-unavailable" in error


def test_a_message_to_a_room(house, api):
    bob = online(house, "bob")
    join = "<presence to='lobby@conference.localhost/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    bob.says(xml(join))
    said = {"from": str(bob.jid), "to": "lobby@conference.localhost", "body": "hi, all", "type": "groupchat"}
    assert api("POST", "/messages", said).json["answers"] == []
    assert "hi, all" in [each.text_of("body") for each in bob.got if each.kind == "message"]
    (error,) = api("POST", "/messages", said | {"from": "alice"}).json["answers"]
    assert "not-acceptable" in error


def test_any_stanza(house, api):
    bob = online(house, "bob")
    api(
        "POST",
        "/stanzas",
        {"from": "alice", "xml": "<presence to='bob@localhost' type='subscribe'><x xmlns='urn:x'/></presence>"},
    )
    answer = api("POST", "/stanzas", {"from": "bob", "xml": f"<iq type='get' id='7'><query xmlns='{ns.ROSTER}'/></iq>"})
    assert answer.json["id"] == "7"
    assert "alice@localhost" in answer.json["answers"][0]
    assert bob is not None


def test_without_a_session_nothing_is_left_behind(house, api):
    before = house.server.store.snapshot()
    api("POST", "/stanzas", {"from": "alice", "xml": "<iq type='get' id='7'><ping xmlns='urn:xmpp:ping'/></iq>"})
    after = house.server.store.snapshot()
    assert {name: after[name] for name in after if name != "login"} == before
    assert house.sessions() == []


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 400, "from is missing"),
        ({"from": "alice", "xml": "<message>"}, 400, "xml: not-well-formed"),
        ({"from": "alice", "xml": "<message/><message/>"}, 400, "xml must be one message, presence or iq"),
        ({"from": "alice", "xml": "<x xmlns='urn:x'/>"}, 400, "xml must be one message, presence or iq"),
        ({"from": "alice", "xml": "hi"}, 400, "xml must be one message, presence or iq"),
        ({"from": "alice", "xml": "</carrier><carrier>"}, 400, "xml: not-well-formed"),
        ({"from": "nobody", "xml": "<message/>"}, 404, "there is no account nobody@localhost"),
        ({"from": "alice@localhost/gone", "xml": "<message/>"}, 404, "there is no session alice@localhost/gone"),
        ({"from": "a b/c", "xml": "<message/>"}, 400, "from: 'a b/c' is not an address"),
    ],
)
def test_mistakes(api, fields, status, message):
    answer = api("POST", "/stanzas", fields)
    assert answer.status == status
    assert answer.error[2].startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"from": "alice", "to": "bob"}, "body is missing"),
        ({"from": "alice", "to": "bob", "body": "x", "type": "shout"}, "type must be one of normal, chat,"),
        ({"from": "alice", "to": "a b", "body": "x"}, "to: 'a b' is not an address"),
    ],
)
def test_mistakes_in_messages(api, fields, message):
    answer = api("POST", "/messages", fields)
    assert answer.status == 400
    assert answer.error[2].startswith(message)
