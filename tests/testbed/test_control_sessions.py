"""`/sessions` of the control API."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from conversehost.testbed.sessions import CONDITIONS
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House, quoted


def test_nobody_but_the_bots_is_there_at_first(house):
    assert house.sessions() == []
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"echo@localhost/bot", "welcome@localhost/bot"}


def test_what_is_told_of_a_session(house):
    alice = house.person("alice")
    (told,) = house.sessions()
    assert re.fullmatch("[0-9a-f]{16}", told.pop("id"))
    assert abs((datetime.now(UTC) - datetime.fromisoformat(told.pop("since"))).total_seconds()) < 60
    assert told == {
        "jid": alice.jid.full,
        "account": "alice@localhost",
        "transport": "memory",
        "address": None,
        "available": False,
        "priority": 0,
        "resumable": None,
        "bosh": None,
    }


def test_presence_shows(house):
    alice = house.person("alice")
    alice.says(stanza("presence", {}, element(ns.CLIENT, "priority", text="-3")))
    (told,) = house.sessions()
    assert (told["available"], told["priority"]) == (True, -3)
    alice.says(stanza("presence", {"type": "unavailable"}))
    assert not house.sessions()[0]["available"]


def test_sessions_of_one_account(house):
    alices = [house.person("alice").jid.full, house.prebound("alice").jid]
    house.person("bob")
    assert [each["jid"] for each in house.sessions("?account=alice")] == alices
    assert [each["jid"] for each in house.sessions(f"?account={quoted('ALICE@localhost')}")] == alices
    assert [each["transport"] for each in house.sessions("?account=alice")] == ["memory", "bosh"]
    assert house.sessions("?account=juliet") == []
    assert house.sessions("?account=echo")[0]["jid"] == "echo@localhost/bot"


def test_the_oldest_session_comes_first():
    house = House("--domain", "localhost", "--domain", "b.example", "--user", "zoe@b.example:pw")
    bound = [house.person(name).jid.full for name in ("bob", "zoe@b.example", "alice", "bob")]
    assert [each["jid"] for each in house.sessions()] == bound


def test_one_session_by_id_or_by_full_jid(house, api):
    house.person("bob")
    jid = house.person("alice").jid.full
    told = house.sessions("?account=alice")[0]
    assert api("GET", f"/sessions/{told['id']}").json == told
    assert api("GET", f"/sessions/{quoted(jid)}").json == told


@pytest.mark.parametrize("name", ["alice", "alice@localhost", "alice@localhost%2Fnowhere", "0123456789abcdef"])
def test_a_session_that_is_not_there(house, api, name):
    house.person("alice")
    for method in ("GET", "DELETE"):
        assert api(method, f"/sessions/{name}").error[:2] == (404, "not-found")
    assert len(house.sessions()) == 1


def test_an_id_is_of_one_session_and_not_of_the_next_at_its_address(house, api):
    house.person("alice", "phone")
    (first,) = house.sessions()
    assert house.sessions() == [first]
    house.person("alice", "phone")
    (second,) = house.sessions()
    assert second["jid"] == first["jid"]
    assert second["id"] != first["id"]
    assert api("DELETE", f"/sessions/{first['id']}").status == 404
    assert api("DELETE", f"/sessions/{second['id']}").status == 204
    assert house.sessions() == []


def test_an_ended_bosh_session_is_told_to_terminate_and_nothing_else(house, api):
    """So Strophe reports a disconnection without a reason, and Converse.js reconnects."""
    alice, bob = house.prebound("alice"), house.prebound("bob")
    hers, his = house.poll(alice), house.poll(bob)
    assert api("DELETE", f"/sessions/{quoted(alice.jid)}").status == 204
    assert hers.end == (None, None)
    assert his.body is None
    assert [each["jid"] for each in house.sessions()] == [bob.jid]


def test_a_client_that_is_between_two_requests_hears_of_it_with_the_next(house, api):
    alice = house.prebound("alice")
    house.poll(alice)
    ended = house.prebound("alice")
    api("DELETE", f"/sessions/{quoted(ended.jid)}")
    assert house.poll(ended).end == (None, None)
    assert house.poll(ended, 1).end == ("item-not-found", None)


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_a_session_can_be_ended_with_any_stream_error(house, api, condition):
    alice, romeo = house.prebound("alice"), house.person("romeo")
    waiting = house.poll(alice)
    assert api("DELETE", f"/sessions/{quoted(alice.jid)}", {"condition": condition}).status == 204
    assert waiting.end == ("remote-stream-error", condition)
    assert api("DELETE", f"/sessions/{quoted(romeo.jid.full)}", {"condition": condition}).status == 204
    assert romeo.client.error is not None
    assert romeo.client.error.condition == condition


@pytest.mark.parametrize("condition", ["nonsense", "see-other-host", "", 5])
def test_a_condition_that_does_not_exist(house, api, condition):
    alice = house.person("alice")
    for path in (f"/sessions/{quoted(alice.jid.full)}", "/sessions?account=alice"):
        status, _, message = api("DELETE", path, {"condition": condition}).error
        assert status == 400
        assert message.startswith("condition must ")
    assert len(house.sessions()) == 1


def test_all_sessions_of_an_account_end_together(house, api):
    alices = [house.person("alice"), house.person("alice")]
    house.person("bob")
    before = house.sessions("?account=alice")
    assert api("DELETE", "/sessions?account=alice", {"condition": "conflict"}).json == {"sessions": before}
    assert [each.client.error.condition for each in alices] == ["conflict", "conflict"]
    assert [each["account"] for each in house.sessions()] == ["bob@localhost"]
    assert api("DELETE", "/sessions?account=alice").json == {"sessions": []}


def test_whose_sessions_must_be_said(house, api):
    house.person("alice")
    assert api("DELETE", "/sessions").error[2].startswith("account is missing")
    assert api("DELETE", "/sessions?acount=alice").error[2] == "unknown field 'acount'; there are account"
    assert api("DELETE", "/sessions?account=nobody").error[:2] == (404, "not-found")
    assert api("GET", "/sessions?account=a%20b").error[:2] == (400, "bad-request")
    assert len(house.sessions()) == 1


def test_contacts_have_heard_of_the_end_when_the_answer_comes(house, api):
    alice, bob = house.person("alice"), house.person("bob")
    for each in (alice, bob):
        each.says(stanza("presence", {}))
    bob.got.clear()
    heard: list[int] = []
    api.answering = lambda: heard.append(len(bob.got))
    api("DELETE", "/sessions?account=alice")
    assert heard[0] == 1
    assert (bob.got[0].sender, bob.got[0].type) == (alice.jid, "unavailable")
