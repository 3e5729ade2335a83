"""`/bots`, and scripts: people whom the test bed plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conversehost.testbed.scripts import Script, Step, filled, read_script
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element
from tests.testbed.conftest import House, Person

HINTS = f"{{{ns.HINTS}}}store"


def hire(house: House, *steps: dict[str, Any], on: list[dict[str, Any]] | None = None, **fields: Any) -> None:
    rules = [{"message": "*", "do": list(steps)}] if on is None else on
    answer = house.api("POST", "/bots", {"name": "nurse", "on": rules, **fields})
    assert answer.status == 201, answer.body


def tell(person: Person, body: str, *more: Element, to: str = "nurse@localhost", type: str = "chat") -> None:
    said = stanza("message", {"to": to, "type": type, "id": "m1"}, element(ns.CLIENT, "body", text=body), *more)
    person.says(said)


def messages(person: Person) -> list[Stanza]:
    """Those that have come, once."""
    found = [each for each in person.got if each.kind == "message"]
    person.got[:] = [each for each in person.got if each.kind != "message"]
    return found


def names(message: Stanza) -> list[str]:
    found = [each.tag.rpartition("}")[2] for each in message]
    return [each for each in found if each != "stanza-id"]


def at_home(house: House, name: str) -> Person:
    """Has read the roster, and is available."""
    person = house.person(name, "home")
    person.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    person.says(stanza("presence", {}))
    person.got.clear()
    return person


@pytest.fixture
def bob(house: House) -> Person:
    return at_home(house, "bob")


def test_a_contact_is_there_at_once(house: House, bob: Person):
    hire(house, {"say": "hello"}, nickname="Nurse Ratched", status="on duty")
    (push,) = [each for each in bob.got if each.kind == "iq"]
    assert (push[0][0].get("jid"), push[0][0].get("name")) == ("nurse@localhost", "Nurse Ratched")
    (seen,) = [each for each in bob.got if each.get("from") == "nurse@localhost/bot"]
    assert seen.text_of("status") == "on duty"
    tell(bob, "hi")
    assert [each.text_of("body") for each in messages(bob)] == ["hello"]


def test_it_types_for_a_second(house: House, bob: Person):
    hire(house, {"typing": 1}, {"say": "You said {body}, {name}"}, {"wait": 2}, {"say": "Well?"})
    tell(bob, "{from} hi")
    assert [names(each) for each in messages(bob)] == [["composing"]]
    house.server.clock.advance(0.9)
    assert messages(bob) == []
    house.server.clock.advance(0.2)
    (said,) = messages(bob)
    assert names(said) == ["body", "active"]
    assert said.text_of("body") == "You said {from} hi, bob"
    assert house.server.cast.busy == 1
    house.server.clock.advance(2)
    (again,) = messages(bob)
    assert names(again) == ["body"]
    assert house.server.cast.busy == 0


def test_receipts_markers_and_reactions(house: House, bob: Person):
    hire(house, {"receipt": True}, {"marker": "displayed"}, {"react": ["👍", "🎉"]})
    tell(bob, "hi", element(ns.RECEIPTS, "request"))
    receipt, marker, reaction = messages(bob)
    assert (receipt[0].tag, receipt[0].get("id")) == (f"{{{ns.RECEIPTS}}}received", "m1")
    assert (marker[0].tag, marker[0].get("id")) == (f"{{{ns.CHAT_MARKERS}}}displayed", "m1")
    assert reaction[0].get("id") == "m1"
    assert [each.text for each in reaction[0]] == ["👍", "🎉"]
    assert all(each.find(HINTS) is not None and each.get("to") == bob.jid.full for each in (receipt, marker, reaction))


def test_no_receipt_for_who_asks_for_none(house: House, bob: Person):
    hire(house, {"receipt": True})
    tell(bob, "hi")
    assert messages(bob) == []


def test_it_corrects_and_retracts_what_it_said(house: House, bob: Person):
    hire(house, {"say": "tea"}, {"correct": "coffee"}, {"correct": "cocoa"}, {"retract": True})
    tell(bob, "hi")
    said, first, second, gone = messages(bob)
    replaced = [each.find(f"{{{ns.CORRECTION}}}replace").get("id") for each in (first, second)]
    assert replaced == [said.id, said.id]
    assert [first.text_of("body"), second.text_of("body")] == ["coffee", "cocoa"]
    assert gone.find(f"{{{ns.RETRACTION}}}retract").get("id") == said.id


def test_its_presence_changes(house: House, bob: Person):
    hire(house, {"presence": "away", "status": "lunch"}, {"presence": "unavailable"}, {"presence": "available"})
    bob.got.clear()
    tell(bob, "hi")
    seen = [(each.type, each.text_of("show"), each.text_of("status")) for each in bob.got if each.kind == "presence"]
    assert seen == [(None, "away", "lunch"), ("unavailable", "", ""), (None, "", "")]


def test_anything_can_be_sent(house: House, bob: Person):
    hire(
        house,
        {"send": "<message type='headline'><subject>{body}</subject></message><presence to='{from}' type='probe'/>"},
    )
    tell(bob, "a & b")
    (said,) = messages(bob)
    assert (said.type, said.text_of("subject"), said.get("to")) == ("headline", "a & b", bob.jid.full)


def test_the_first_rule_that_fits(house: House, bob: Person):
    hire(
        house,
        on=[
            {"message": "hello*", "do": [{"say": "greeting"}]},
            {"xpath": "message[@type='normal']", "do": [{"say": "normal"}]},
            {"message": "*", "do": [{"say": "else"}]},
        ],
    )
    for body in ("HELLO there", "oh, hello", "hello\nagain"):
        tell(bob, body)
    tell(bob, "x", type="normal")
    assert [each.text_of("body") for each in messages(bob)] == ["greeting", "else", "greeting", "normal"]


def test_it_can_refuse_who_subscribes(house: House):
    hire(house, on=[{"presence": "subscribe", "do": [{"send": "<presence to='{from}' type='unsubscribed'/>"}]}])
    guest = at_home(house, "alice")
    guest.says(stanza("presence", {"to": "nurse@localhost", "type": "unsubscribe"}))
    guest.got.clear()
    guest.says(stanza("presence", {"to": "nurse@localhost", "type": "subscribe"}))
    assert "unsubscribed" in [each.type for each in guest.got if each.kind == "presence"]


def test_what_its_script_does_not_know_it_does_as_all_bots_do(house: House, bob: Person):
    hire(house, {"say": "x"})
    ask = stanza("iq", {"type": "get", "id": "1", "to": "nurse@localhost/bot"}, element(ns.PING, "ping"))
    bob.says(ask)
    assert bob.got[-1].type == "result"


def test_two_bots_do_not_talk_for_ever(house: House):
    hire(house, {"say": "{body}"})
    said = "<message to='nurse@localhost/bot' type='chat'><body>a</body></message>"
    assert house.api("POST", "/stanzas", {"from": "echo@localhost/bot", "xml": said}).status == 200


def test_one_of_the_same_name_is_replaced(house: House, bob: Person):
    hire(house, {"say": "one"})
    hire(house, {"say": "two"})
    tell(bob, "hi")
    assert [each.text_of("body") for each in messages(bob)] == ["two"]
    assert len(house.api("GET", "/bots").json["bots"]) == 1


def test_what_it_was_about_to_do_it_does_not_when_it_is_gone(house: House, bob: Person):
    hire(house, {"typing": 1}, {"say": "late"})
    tell(bob, "hi")
    messages(bob)
    assert house.api("DELETE", "/bots/nurse").status == 204
    house.server.clock.advance(2)
    assert messages(bob) == []
    assert house.api("GET", "/accounts/nurse@localhost").status == 404
    assert house.api("GET", "/bots/nurse").error[0] == 404
    assert [each.type for each in bob.got if each.get("from") == "nurse@localhost/bot"][-1] == "unavailable"


def test_who_comes_later_knows_it_as_well(house: House):
    hire(house, {"say": "x"})
    house.api("POST", "/accounts", {"jid": "zoe", "password": "secret"})
    assert knows(house, "zoe")
    house.api("DELETE", "/bots/nurse")
    house.api("POST", "/accounts", {"jid": "yves", "password": "secret"})
    assert not knows(house, "yves")


def knows(house: House, name: str) -> bool:
    rosters = house.server.domains.hosts["localhost"].rosters
    return any(each.jid == "nurse@localhost" for each in rosters.of(parse(f"{name}@localhost")))


def test_a_reset_sends_it_away(house: House):
    before = house.server.store.snapshot()
    hire(house, {"say": "x"})
    assert house.api("POST", "/reset").status == 204
    assert house.api("GET", "/bots").json == {"bots": []}
    assert house.server.store.snapshot() == before
    assert not house.server.domains.hosts["localhost"].sessions("nurse")


def test_a_snapshot_brings_it_back(house: House, bob: Person):
    hire(house, {"say": "x"})
    house.api("POST", "/snapshots", {"name": "with"})
    house.api("POST", "/snapshots/with")
    assert len(house.server.domains.hosts["localhost"].sessions("nurse")) == 1
    fresh = house.person("bob")
    tell(fresh, "hi")
    assert [each.text_of("body") for each in messages(fresh)] == ["x"]


def test_a_snapshot_from_before_sends_it_away(house: House):
    house.api("POST", "/snapshots", {"name": "before"})
    hire(house, {"say": "x"})
    house.api("POST", "/snapshots/before")
    assert house.api("GET", "/bots").json == {"bots": []}


def test_it_is_told_as_it_was_made(house: House):
    rules = [{"message": "*", "do": [{"presence": "dnd", "status": "busy"}, {"typing": 1.0}, {"say": "x"}]}]
    hire(house, on=rules, status="here", rooms=["lobby"])
    told = house.api("GET", "/bots/nurse").json
    assert told == {
        "jid": "nurse@localhost",
        "nickname": "Nurse",
        "status": "here",
        "rooms": ["lobby"],
        "on": rules,
    }


def test_an_account_of_somebody_else_is_not_taken(house: House):
    for name in ("bob", "echo"):
        answer = house.api("POST", "/bots", {"name": name, "kind": "echo"})
        assert answer.error == (409, "conflict", f"{name}@localhost exists already")


MISTAKES = [
    ({}, "kind is missing"),
    ({"kind": "parrot"}, "kind 'parrot' isn't one of echo, welcome, nor a package.module:function; or write rules: on"),
    ({"kind": "nowhere.to:be"}, "kind 'nowhere.to:be': the server hasn't loaded nowhere.to; a scenario file or --bot"),
    ({"kind": "echo", "on": []}, "kind and on don't go together: on says what the bot does"),
    ({"kind": "echo", "rooms": ["@"]}, "rooms: '@' is not a room: empty local part"),
    ({"on": "hi"}, "on must be a list of objects"),
    ({"on": [{}]}, "on number 1: needs one of message, presence, xpath: what the contact hears"),
    ({"on": [{"mesage": "*"}]}, "on number 1: unknown key 'mesage'; there are message, presence, xpath, and do"),
    ({"on": [{"message": 3}]}, "on number 1: message must be text"),
    ({"on": [{"xpath": "["}]}, "on number 1: xpath '['"),
    ({"on": [{"message": "*", "do": {"say": "x"}}]}, "on number 1: do must be a list of steps"),
    (
        {"on": [{"message": "*", "do": [{"sing": "la"}]}]},
        "on number 1: do number 1: a step is one of say",
    ),
    (
        {"on": [{"message": "*", "do": [{"say": "x", "status": "y"}]}]},
        "on number 1: do number 1: status goes with presence",
    ),
    ({"on": [{"message": "*", "do": [{"typing": -1}]}]}, "on number 1: do number 1: typing must be seconds, from 0"),
    ({"on": [{"message": "*", "do": [{"react": 3}]}]}, "on number 1: do number 1: react must be text, or a list"),
    (
        {"on": [{"message": "*", "do": [{"marker": "seen"}]}]},
        "on number 1: do number 1: marker must be one of",
    ),
    ({"on": [{"message": "*", "do": [{"receipt": False}]}]}, "on number 1: do number 1: receipt can only be true"),
    ({"on": [{"message": "*", "do": [{"send": "<a>"}]}]}, "on number 1: do number 1: send: "),
]


@pytest.mark.parametrize(("fields", "message"), MISTAKES)
def test_what_is_not_understood_is_refused(house: House, fields: dict[str, Any], message: str):
    answer = house.api("POST", "/bots", {"name": "nurse", **fields})
    assert answer.error[:2] == (400, "bad-request")
    assert answer.error[2].startswith(message)
    assert house.api("GET", "/bots").json == {"bots": []}


def test_a_scenario_has_scripts_too(tmp_path: Path):
    path = tmp_path / "cast.toml"
    path.write_text(
        '[[account]]\nname = "bob"\npassword = "x"\n\n[[bot]]\nname = "nurse"\nstatus = "here"\n\n'
        '[[bot.on]]\nmessage = "*"\ndo = [{say = "hello"}]\n'
    )
    house = House("--scenario", str(path))
    bob = house.person("bob")
    tell(bob, "hi")
    assert [each.text_of("body") for each in messages(bob)] == ["hello"]
    house.server.close_sessions("system-shutdown")


def answer(message: Stanza) -> object:
    """A contact in Python."""
    body = message.text_of("body")
    if body == "quiet":
        return None
    if body == "wrong":
        return [{"sing": "la"}]
    return [{"typing": 0}, {"say": body.upper()}] if body == "loud" else f"{body}!"


def test_a_contact_in_python(house: House, bob: Person):
    assert house.api("POST", "/bots", {"name": "nurse", "kind": f"{__name__}:answer"}).status == 201
    for body in ("hi", "loud", "quiet"):
        tell(bob, body)
    assert [each.text_of("body") for each in messages(bob) if each.text_of("body")] == ["hi!", "LOUD"]


def test_places_are_filled_once():
    heard = stanza("message", {"from": "a@b/c"}, element(ns.CLIENT, "body", text="{name} <&"))
    assert filled("{body}|{name}|{else}", heard) == "{name} <&|a|{else}"
    assert filled("{body}", heard, as_xml=True) == "{name} &lt;&amp;"


def test_no_rules_are_a_script_that_does_nothing():
    assert read_script({}) == Script()
    assert read_script({"on": [{"presence": "subscribe"}]}).rules[0].steps == ()
    assert read_script({"on": [{"message": "a", "do": [{"wait": 1}]}]}).rules[0].steps == (Step("wait", 1.0),)
