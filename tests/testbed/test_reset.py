"""`POST /reset`: everything as right after the start."""

from __future__ import annotations

import time

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House


def say(to: str, body: str):
    return stanza("message", {"to": f"{to}@localhost", "type": "chat"}, element(ns.CLIENT, "body", text=body))


def live(house: House) -> None:
    """A bit of everything that leaves traces."""
    house.api("POST", "/accounts", {"jid": "zoe", "friends": ["alice"]})
    house.api("PATCH", "/accounts/bob", {"password": "new"})
    house.api("DELETE", "/accounts/john")
    alice = house.person("alice")
    alice.says(stanza("presence", {}))
    alice.says(say("jane", "kept until she comes"))
    vcard = element(ns.VCARD, "vCard", None, element(ns.VCARD, "NICKNAME", text="Al"))
    alice.says(stanza("iq", {"type": "set", "id": "v"}, vcard))
    alice.says(stanza("presence", {"to": "romeo@localhost", "type": "unsubscribe"}))
    alice.says(stanza("presence", {"to": "admin@localhost", "type": "subscribe"}))
    house.server.store.put("site_sessions", "cookie", "", "alice")
    house.poll(house.prebound("alice"))
    house.prebound("romeo")
    house.api("DELETE", "/sessions/echo@localhost%2Fbot")


def test_all_data_is_as_at_the_start(house, api):
    before, accounts = house.server.store.snapshot(), api("GET", "/accounts?bots=1").json
    live(house)
    assert house.server.store.snapshot() != before
    assert api("POST", "/reset").status == 204
    assert house.server.store.snapshot() == before
    assert api("GET", "/accounts?bots=1").json == accounts


def test_nothing_done_later_changes_what_it_goes_back_to(house, api):
    before = house.server.store.snapshot()
    for _ in range(3):
        live(house)
        api("POST", "/reset")
        assert house.server.store.snapshot() == before


def test_everybody_is_gone_but_the_bots(house, api):
    live(house)
    assert len(house.sessions()) == 3
    api("POST", "/reset")
    assert house.sessions() == []
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"echo@localhost/bot", "welcome@localhost/bot"}


def test_clients_hear_that_it_is_over(house, api):
    bound, alice = house.prebound("alice"), house.person("alice")
    waiting = house.poll(bound)
    api("POST", "/reset")
    assert waiting.end == ("system-shutdown", None)
    assert house.poll(bound, 1).body.get("type") == "terminate"
    assert alice.client.error is not None
    assert alice.client.error.condition == "system-shutdown"


def test_what_an_ended_session_had_not_received_is_not_kept(house, api):
    before = house.server.store.snapshot()
    bob = house.prebound("bob")
    house.poll(bob, payload="<presence xmlns='jabber:client'/>")
    house.poll(bob, 1)
    alice = house.person("alice")
    for number in range(3):
        alice.says(say("bob", str(number)))
    api("POST", "/reset")
    assert house.server.store.snapshot() == before


def test_the_bots_talk_again(house, api):
    for _ in range(2):
        api("POST", "/reset")
        alice = house.person("alice")
        alice.says(stanza("presence", {}))
        assert {each.sender.local for each in alice.got if each.kind == "presence"} >= {"echo", "welcome"}
        alice.says(say("echo", "hello?"))
        assert [each.text_of("body") for each in alice.got if each.kind == "message"] == ["hello?"]


def test_the_accounts_of_the_command_line_come_back():
    house = House("--user", "zoe:pw")
    house.api("DELETE", "/accounts/zoe")
    house.api("POST", "/reset")
    assert house.api("GET", "/accounts/zoe").json["password"] == "pw"


def test_it_is_quick(house, api):
    taken = []
    for _ in range(5):
        live(house)
        start = time.process_time()
        api("POST", "/reset")
        taken.append(time.process_time() - start)
    assert min(taken) < 0.02
