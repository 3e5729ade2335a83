"""`push.<domain>`, and what it shows over the control API."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import child, element
from tests.testbed.conftest import House, Person


def say(house: House, body: str) -> None:
    house.api("POST", "/messages", {"from": "bob", "to": "alice", "body": body})


@pytest.fixture
def alice(house: House) -> Person:
    """Has enabled it, and left."""
    alice = house.person("alice")
    enable = element(ns.PUSH, "enable", {"jid": "push.localhost", "node": "phone"})
    form = child(enable, ns.DATA, "x", {"type": "submit"})
    for var, value in (("FORM_TYPE", f"{ns.PUBSUB}#publish-options"), ("secret", "s")):
        child(child(form, ns.DATA, "field", {"var": var}), ns.DATA, "value").text = value
    alice.says(stanza("iq", {"type": "set", "id": "e"}, enable))
    assert alice.got[-1].type == "result"
    alice.client.leave()
    return alice


def test_it_is_a_push_service(house: House):
    bob = house.person("bob")
    bob.says(stanza("iq", {"type": "get", "id": "d", "to": "push.localhost"}, element(ns.DISCO_INFO, "query")))
    info = bob.got[-1][0]
    assert info.find(f"{{{ns.DISCO_INFO}}}identity[@category='pubsub'][@type='push']") is not None
    assert ns.PUSH in [each.get("var") for each in info]


@pytest.mark.usefixtures("alice")
def test_what_it_received_is_shown(house: House):
    say(house, "wake up")
    told = house.api("GET", "/pushes").json
    (push,) = told["pushes"]
    assert (push["from"], push["node"], push["count"], push["body"]) == ("localhost", "phone", "1", "wake up")
    assert push["sender"].startswith("bob@localhost/")
    assert "<value>s</value>" in push["options"]
    assert house.api("GET", "/pushes?node=tablet").json["pushes"] == []
    assert len(house.api("GET", "/pushes?node=phone").json["pushes"]) == 1
    assert house.api("DELETE", "/pushes").status == 204
    assert house.api("GET", "/pushes").json == {"pushes": [], "refuse": None}


@pytest.mark.usefixtures("alice")
def test_it_refuses_when_it_is_told_to(house: House):
    assert house.api("PATCH", "/pushes", {"refuse": "item-not-found"}).status == 204
    say(house, "one")
    assert house.api("GET", "/pushes").json == {"pushes": [], "refuse": "item-not-found"}
    house.api("PATCH", "/pushes", {})
    say(house, "two")
    assert house.api("GET", "/pushes").json == {"pushes": [], "refuse": None}  # the server has given up on it


@pytest.mark.usefixtures("alice")
def test_a_reset_forgets_all(house: House):
    say(house, "one")
    house.api("PATCH", "/pushes", {"refuse": "gone"})
    house.api("POST", "/reset")
    assert house.api("GET", "/pushes").json == {"pushes": [], "refuse": None}


def test_nothing_else_is_published_there(house: House):
    bob = house.person("bob")
    pubsub = element(ns.PUBSUB, "pubsub")
    child(pubsub, ns.PUBSUB, "publish", {"node": "x"})
    bob.says(stanza("iq", {"type": "set", "id": "p", "to": "push.localhost"}, pubsub))
    assert bob.got[-1].type == "error"


def test_without_push_there_is_none():
    house = House("--disable", "push")
    bob = house.person("bob")
    bob.says(stanza("iq", {"type": "get", "id": "d", "to": "push.localhost"}, element(ns.DISCO_INFO, "query")))
    assert bob.got[-1].type == "error"
    house.server.close_sessions("system-shutdown")
