"""What going back means for all that isn't data: the table in docs/going-back.md, line by line."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from conversehost.features.fast import FastToken, Slots
from conversehost.server.resume import Resumable, is_waiting
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House, Person
from tests.testbed.test_reset import live, say
from tests.web.test_upload import Slot, Web

GOING_BACK: dict[str, Callable[[House], Any]] = {
    "restore": lambda house: house.api("POST", "/snapshots/then"),
    "keep": lambda house: house.api("POST", "/snapshots/then", {"sessions": "keep"}),
    "reset": lambda house: house.api("POST", "/reset"),
}
DESK = """
from wokkel.subprotocols import XMPPHandler

made = []

class Desk(XMPPHandler):
    lives = False

    def __init__(self):
        super().__init__()
        made.append(self)

    def connectionInitialized(self):
        self.lives = True

    def connectionLost(self, reason):
        self.lives = False
"""
RESTORED = ("system-shutdown", "the server's state was restored")


@pytest.fixture
def then(house: House) -> House:
    """With a snapshot of that name."""
    house.api("POST", "/snapshots", {"name": "then"})
    return house


def back(house: House, how: str) -> None:
    assert GOING_BACK[how](house).status == 204


def present(house: House, name: str) -> Person:
    """Somebody who has read the roster, and is available."""
    person = house.person(name)
    person.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    person.says(stanza("presence", {}))
    person.got.clear()
    return person


def session_of(house: House, person: Person) -> Session | None:
    return house.server.router.hosts[person.jid.domain].session(person.jid)


every_way = pytest.mark.parametrize("how", GOING_BACK)


@every_way
def test_data_is_as_then(house: House, how: str):
    before = house.server.store.snapshot()
    house.api("POST", "/snapshots", {"name": "then"})
    live(house)
    house.person("alice")
    back(house, how)
    assert {k: v for k, v in house.server.store.snapshot().items() if v} == {k: v for k, v in before.items() if v}


@every_way
def test_sessions(then: House, how: str):
    alice = present(then, "alice")
    held = then.poll(then.prebound("romeo"))
    back(then, how)
    if how == "keep":
        assert alice.client.error is None
        assert held.body is None
        assert len(then.sessions()) == 2
    else:
        assert (alice.client.error.condition, alice.client.error.text) == RESTORED
        assert held.end == ("system-shutdown", None)
        assert then.sessions() == []


def test_sessions_whose_accounts_are_not_there_end(then: House):
    then.api("POST", "/accounts", {"jid": "zoe"})
    zoe, alice = present(then, "zoe"), present(then, "alice")
    back(then, "keep")
    assert (zoe.client.error.condition, zoe.client.error.text) == RESTORED
    assert alice.client.error is None


def test_sessions_whose_accounts_were_disabled_end(house: House):
    accounts = house.server.domains.accounts
    accounts.disable(parse("bob@localhost"))
    house.api("POST", "/snapshots", {"name": "then"})
    accounts.enable(parse("bob@localhost"))
    bob = present(house, "bob")
    back(house, "keep")
    assert (bob.client.error.condition, bob.client.error.text) == RESTORED


@every_way
def test_sessions_that_wait_to_be_resumed(then: House, how: str):
    bound = then.prebound("alice")
    then.poll(bound, payload="<presence xmlns='jabber:client'/>")
    then.poll(bound, 1, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    host = then.server.router.hosts["localhost"]
    session = host.session(parse(bound.jid))
    link = session.link
    assert isinstance(link, Resumable)
    assert link.stream is not None
    link.stream.lost()
    then.person("bob").says(say("alice", "unacknowledged"))
    assert is_waiting(link)
    back(then, how)
    assert (host.session(parse(bound.jid)) is session) == (how == "keep")
    if how == "keep":
        assert is_waiting(link)
        assert link.unacknowledged >= 1


@every_way
def test_prebound_sessions_that_nobody_has_come_for(then: House, how: str):
    bound = then.prebound("alice")
    back(then, how)
    answered = then.poll(bound)
    assert (answered.body is None) == (how == "keep")


@every_way
def test_clients_that_are_still_logging_in(then: House, how: str):
    start = f"<body xmlns='{ns.HTTPBIND}' rid='1' to='localhost' wait='1' hold='1' ver='1.6' xml:lang='en'/>"
    then.api.send("POST", "/http-bind", start.encode(), {})
    assert len(list(then.server.manager.sessions())) == 1
    back(then, how)
    assert len(list(then.server.manager.sessions())) == (how == "keep")


def test_people_in_rooms_are_told(then: House):
    alice = present(then, "alice")
    alice.says(stanza("presence", {"to": "garden@conference.localhost/Al"}, element(ns.MUC, "x")))
    alice.got.clear()
    back(then, "keep")
    (gone,) = [each for each in alice.got if each.get("from") == "garden@conference.localhost/Al"]
    assert gone.type == "unavailable"
    assert "332" in {each.get("code") for each in gone.iter(f"{{{ns.MUC_USER}}}status")}


@every_way
def test_tokens_are_those_of_then(house: House, how: str):
    def kept() -> Any:
        return house.server.store.get("fast", "alice@localhost", "client")

    token = Slots(new=FastToken("one", "HT-SHA-256-NONE", 1.0, 2e9))
    house.server.store.put("fast", "alice@localhost", "client", token)
    house.api("POST", "/snapshots", {"name": "then"})
    house.server.store.put("fast", "alice@localhost", "client", Slots(current=token.new))
    back(house, how)
    assert kept() == (None if how == "reset" else token)


@every_way
def test_logins_on_the_site_are_those_of_then(house: House, how: str):
    house.server.store.put("site_sessions", "early", "", "alice")
    house.api("POST", "/snapshots", {"name": "then"})
    house.server.store.put("site_sessions", "late", "", "bob")
    back(house, how)
    assert list(house.server.store.owners("site_sessions")) == ([] if how == "reset" else ["early"])


@every_way
def test_counts_of_failed_logins(then: House, how: str):
    throttle = then.server.domains.logins.entrance.throttle
    for _ in range(40):
        throttle.failed("192.0.2.1")
    back(then, how)
    assert throttle.blocks("192.0.2.1") == (how != "reset")


@every_way
def test_the_clock(then: House, how: str):
    then.api("POST", "/clock", {"advance": 3600})
    then.api("PATCH", "/clock", {"frozen": True})
    back(then, how)
    clock = then.api("GET", "/clock").json
    assert (clock["frozen"], clock["offset"] > 3000) == (how != "reset", how != "reset")


@every_way
def test_faults_and_stubs(then: House, how: str):
    then.api("POST", "/faults", {"fault": "drop", "kind": "iq", "account": "nobody"})
    then.api("POST", "/stubs", {"kind": "iq", "account": "nobody", "refuse": "forbidden"})
    back(then, how)
    assert len(then.api("GET", "/faults").json["faults"]) == (how != "reset")
    assert len(then.api("GET", "/stubs").json["stubs"]) == (how != "reset")


@every_way
def test_traffic_and_expectations(then: House, how: str):
    then.api("POST", "/expectations", {"kind": "message", "text": "later"})
    then.poll(then.prebound("alice"), payload="<presence xmlns='jabber:client'/>")
    back(then, how)
    assert bool(then.api("GET", "/traffic?account=alice&kind=presence").json["records"]) == (how != "reset")
    assert len(then.api("GET", "/expectations").json["expectations"]) == (how != "reset")


@every_way
def test_snapshots(then: House, how: str):
    back(then, how)
    assert then.api("GET", "/snapshots").json["snapshots"] == ([] if how == "reset" else ["then"])


@every_way
def test_contacts_are_those_of_then(house: House, how: str):
    made = {"on": [{"message": "*", "do": [{"say": "well"}]}]}
    house.api("POST", "/bots", {"name": "early", **made})
    house.api("POST", "/snapshots", {"name": "then"})
    house.api("DELETE", "/bots/early")
    house.api("POST", "/bots", {"name": "late", **made})
    back(house, how)
    there = {each["jid"].partition("@")[0] for each in house.sessions("?bots=1")}
    assert there == {"echo", "welcome", *([] if how == "reset" else ["early"])}


def test_a_bot_that_was_away_is_there_again(house: House):
    away = [{"message": "*", "do": [{"presence": "away"}, {"wait": 60}, {"say": "late"}]}]
    house.api("POST", "/bots", {"name": "nurse", "on": away})
    house.api("POST", "/snapshots", {"name": "then"})
    alice = present(house, "alice")
    alice.says(say("nurse", "go"))
    session = house.server.router.hosts["localhost"].session(parse("nurse@localhost/bot"))
    assert session.presence.findtext(f"{{{ns.CLIENT}}}show") == "away"
    back(house, "restore")
    assert session.presence.findtext(f"{{{ns.CLIENT}}}show") is None
    house.server.clock.advance(61)
    assert house.api("GET", "/traffic?text=late").json["records"] == []


@every_way
def test_tenants(then: House, how: str):
    then.api("POST", "/tenants")
    alice = then.person("alice@t1.localhost")
    back(then, how)
    assert len(then.api("GET", "/tenants").json["tenants"]) == (how != "reset")
    assert (alice.client.error is None) == (how != "reset")


def test_a_fork_has_data_and_nothing_that_lives(house: House):
    live(house)
    house.server.store.put("fast", "alice@localhost", "client", Slots(new=FastToken("one", "HT", 1.0, 2e9)))
    house.api("POST", "/faults", {"fault": "drop", "kind": "iq", "account": "nobody"})
    house.api("POST", "/snapshots")
    house.api("POST", "/tenants", {"fork": "localhost"})
    store = house.server.tenants.by_name["t1"].host.store
    assert store.get("fast", "alice@t1.localhost", "client") is not None
    assert list(store.owners("site_sessions")) == []
    assert house.api("GET", "/tenants/t1/sessions").json == {"sessions": []}
    assert house.api("GET", "/tenants/t1/faults").json == {"faults": []}
    assert house.api("GET", "/tenants/t1/snapshots").json == {"snapshots": []}
    assert house.api("GET", "/tenants/t1/traffic").json["records"] == []


class TestSessionsThatAreKept:
    def test_rosters_are_pushed_as_far_as_they_differ(self, then: House):
        alice = present(then, "alice")
        then.person("alice", "other")  # has never read it
        alice.says(stanza("presence", {"to": "bob@localhost", "type": "unsubscribe"}))
        item = element(ns.ROSTER, "item", {"jid": "new@example.org"})
        alice.says(stanza("iq", {"type": "set", "id": "n"}, element(ns.ROSTER, "query", None, item)))
        alice.got.clear()
        back(then, "keep")
        pushed = [each[0][0] for each in alice.got if each.kind == "iq"]
        assert {each.get("jid"): each.get("subscription") for each in pushed} == {
            "bob@localhost": "both",
            "new@example.org": "remove",
        }

    def test_who_may_see_whom_again_does(self, then: House):
        alice, bob = present(then, "alice"), present(then, "bob")
        alice.says(stanza("presence", {"to": "bob@localhost", "type": "unsubscribed"}))
        alice.got.clear()
        bob.got.clear()
        back(then, "keep")
        shown = [each for each in bob.got if each.kind == "presence" and each.sender.local == "alice"]
        assert [each.type for each in shown] == [None]
        assert not [each for each in alice.got if each.kind == "presence" and each.sender.local == "bob"]

    def test_who_may_see_nobody_any_more_does_not(self, house: House):
        house.api("POST", "/accounts", {"jid": "zoe"})
        house.api("POST", "/snapshots", {"name": "then"})
        for one, other in (("zoe", "alice"), ("alice", "zoe")):
            house.api("POST", "/stanzas", {"from": one, "xml": f"<presence to='{other}@localhost' type='subscribe'/>"})
            house.api("POST", "/stanzas", {"from": other, "xml": f"<presence to='{one}@localhost' type='subscribed'/>"})
        alice, zoe = present(house, "alice"), present(house, "zoe")
        assert any(each.sender.local == "zoe" for each in alice.got)
        alice.got.clear()
        zoe.got.clear()
        back(house, "keep")
        gone = [each for each in alice.got if each.kind == "presence" and each.sender.full == zoe.jid.full]
        assert [each.type for each in gone] == ["unavailable"]
        seen = [each for each in zoe.got if each.kind == "presence" and each.sender.local == "alice"]
        assert [each.type for each in seen] == ["unavailable"]

    def test_bots_stay_as_they_are(self, then: House):
        alice = present(then, "alice")
        back(then, "keep")
        assert alice.got == []
        alice.says(say("echo", "hello?"))
        assert alice.got[-1].text_of("body") == "hello?"

    def test_the_list_of_who_is_blocked_is_told(self, house: House):
        alice = present(house, "alice")
        block = element(ns.BLOCKING, "block", None, element(ns.BLOCKING, "item", {"jid": "early.example"}))
        alice.says(stanza("iq", {"type": "set", "id": "b"}, block))
        alice.says(stanza("iq", {"type": "get", "id": "g"}, element(ns.BLOCKING, "blocklist")))
        house.api("POST", "/snapshots", {"name": "then"})
        alice.says(stanza("iq", {"type": "set", "id": "u"}, element(ns.BLOCKING, "unblock")))
        alice.got.clear()
        back(house, "keep")
        pushed = [each[0] for each in alice.got if each.kind == "iq" and each[0].tag.startswith(f"{{{ns.BLOCKING}}}")]
        assert [each.tag.partition("}")[2] for each in pushed] == ["unblock", "block"]
        assert [each.get("jid") for each in pushed[1]] == ["early.example"]

    def test_messages_that_wait_are_delivered(self, house: House):
        house.person("alice").says(say("jane", "from then"))
        house.api("POST", "/snapshots", {"name": "then"})
        jane = present(house, "jane")
        jane.got.clear()
        back(house, "keep")
        assert [each.text_of("body") for each in jane.got if each.kind == "message"] == ["from then"]

    def test_another_picture_is_announced(self, house: House):
        def picture(data: str) -> None:
            photo = f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{data}</BINVAL></PHOTO>"
            xml = f"<iq type='set' id='v'><vCard xmlns='vcard-temp'>{photo}</vCard></iq>"
            house.api("POST", "/stanzas", {"from": "alice", "xml": xml})

        picture("aGk=")
        house.api("POST", "/snapshots", {"name": "then"})
        present(house, "alice")
        picture("aG8=")
        bob = present(house, "bob")
        back(house, "keep")
        photos = [each.findtext(f".//{{{ns.VCARD_UPDATE}}}photo") for each in bob.got if each.kind == "presence"]
        assert "c22b5f9178342609428d6f51b2c5af4c0bde6a42" in photos

    def test_they_go_on_talking(self, then: House):
        alice, bob = present(then, "alice"), present(then, "bob")
        back(then, "keep")
        alice.says(say("bob", "still here"))
        assert bob.got[-1].text_of("body") == "still here"

    def test_twice_is_no_matter(self, then: House):
        alice = present(then, "alice")
        back(then, "keep")
        alice.got.clear()
        back(then, "keep")
        assert alice.got == []


@every_way
def test_handlers_of_ones_own_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str):
    (tmp_path / "desk.py").write_text(DESK, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "desk", raising=False)
    house = House("--component", "desk.localhost=desk:Desk", "--bot", "helper@localhost=desk:Desk")
    house.server.begin()
    house.api("POST", "/snapshots", {"name": "then"})
    made = sys.modules["desk"].made
    (first, second) = made
    assert (first.lives, second.lives) == (True, True)
    back(house, how)
    assert [each.lives for each in made] == [False, False, True, True]
    house.server.close_sessions("system-shutdown")


@every_way
def test_components_that_are_programs_of_their_own_stay(how: str):
    house = House("--component-secret", "desk.localhost:sesame")
    house.api("POST", "/snapshots", {"name": "then"})
    wire = StringTransport()
    component = house.server.components.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
    component.makeConnection(wire)
    component.dataReceived(
        b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
        b"to='desk.localhost'>"
    )
    (id,) = re.findall(rb""" id=["']([^"']+)""", wire.value())
    component.dataReceived(b"<handshake>%s</handshake>" % hashlib.sha1(id + b"sesame").hexdigest().encode())
    back(house, how)
    wire.clear()
    house.person("alice").says(stanza("message", {"to": "desk.localhost", "id": "still-there"}))
    assert b"still-there" in wire.value()
    house.server.close_sessions("system-shutdown")


@pytest.mark.parametrize(("how", "still"), [("restore", True), ("keep", True), ("reset", False)])
def test_shared_files(house: House, how: str, still: bool):
    alice, web = house.person("alice"), Web(house)
    before, after = Slot(alice), Slot(alice)
    assert web.put(before).code == 201
    house.api("POST", "/snapshots", {"name": "then"})
    assert web.put(after).code == 201
    back(house, how)
    assert web.get(before.path).code == (200 if still else 404)
    assert web.get(after.path).code == 404
    assert still or web.on_disk == []
