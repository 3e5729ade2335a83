"""`/accounts/{jid}/archive`: what somebody has said and was told."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House

ALICE, BOB = "/accounts/alice/archive", "/accounts/bob/archive"
LONG_AGO = "2026-02-28T12:00:00Z"


def bodies(told: dict) -> list[str]:
    return [each["body"] for each in told["messages"]]


def test_what_is_said_is_there_on_both_sides(api):
    assert api("GET", ALICE).json == {"messages": [], "total": 0}
    api("POST", "/messages", {"from": "alice", "to": "bob", "body": "hi"})
    for archive in (ALICE, BOB):
        (message,) = api("GET", archive).json["messages"]
        assert (message["from"].partition("/")[0], message["to"], message["type"], message["body"]) == (
            *("alice@localhost", "bob@localhost"),
            *("chat", "hi"),
        )
        assert message["xml"].startswith("<message ")


def test_what_was_said_at_another_time_is_found_in_its_place(house: House, api):
    api("POST", "/messages", {"from": "alice", "to": "bob", "body": "now"})
    answer = api("POST", ALICE, {"with": "bob", "body": "long ago", "sent": True, "at": LONG_AGO})
    assert answer.status == 201
    told = api("GET", ALICE).json
    assert bodies(told) == bodies(api("GET", BOB).json) == ["long ago", "now"]
    assert (told["messages"][0]["id"], told["messages"][0]["at"]) == (answer.json["id"], "2026-02-28T12:00:00.000Z")
    alice = house.person("alice")
    alice.says(stanza("iq", {"type": "set", "id": "m"}, element(ns.MAM, "query")))
    forwarded = f"{{{ns.MAM}}}result/{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message/{{{ns.CLIENT}}}body"
    assert [each.findtext(forwarded) for each in alice.got if each.kind == "message"] == ["long ago", "now"]


def test_on_one_side_alone_or_from_somebody_elsewhere(api):
    api("POST", ALICE, {"with": "bob", "body": "mine", "mutual": False})
    api("POST", ALICE, {"with": "somebody@elsewhere.example/there", "body": "far"})
    assert bodies(api("GET", BOB).json) == []
    assert [(each["from"], each["body"]) for each in api("GET", ALICE).json["messages"]] == [
        ("bob@localhost", "mine"),
        ("somebody@elsewhere.example/there", "far"),
    ]


def test_filters(api):
    for hour, (other, text) in enumerate((("bob", "one"), ("romeo", "two"), ("bob", "three"), ("bob", "four"))):
        api("POST", ALICE, {"with": other, "body": text, "at": f"2026-02-28T0{hour}:00:00Z"})
    assert bodies(api("GET", f"{ALICE}?with=bob@localhost").json) == ["one", "three", "four"]
    assert bodies(api("GET", f"{ALICE}?text=THREE").json) == ["three"]
    assert bodies(api("GET", f"{ALICE}?start=2026-02-28T00:30:00Z&end=2026-02-28T02:00:00Z").json) == ["two", "three"]
    last = api("GET", f"{ALICE}?limit=2").json
    assert (bodies(last), last["total"]) == (["three", "four"], 4)
    assert bodies(api("GET", f"{ALICE}?limit=2&before={last['messages'][0]['id']}").json) == ["one", "two"]
    assert bodies(api("GET", f"{ALICE}?after={last['messages'][0]['id']}").json) == ["four"]


def test_a_search_is_of_the_whole_archive(api, monkeypatch):
    """What clients are told in parts."""
    monkeypatch.setattr("conversehost.server.archive.SEARCHED", 1)
    for number in range(6):
        api("POST", ALICE, {"with": "bob", "body": f"{'night' if number % 2 else 'day'} {number}"})
    last = api("GET", f"{ALICE}?text=night&limit=2").json
    assert (bodies(last), last["total"]) == (["night 3", "night 5"], 3)


def test_it_is_forgotten_when_that_is_wanted_and_by_a_reset(api):
    api("POST", ALICE, {"with": "bob", "body": "x"})
    assert api("DELETE", ALICE).status == 204
    assert bodies(api("GET", ALICE).json) == []
    assert bodies(api("GET", BOB).json) == ["x"]
    api("POST", "/reset")
    assert bodies(api("GET", BOB).json) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"body": "x"}, "with is missing: the other"),
        ({"with": "bob"}, "body is missing: what was said"),
        ({"with": "alice", "body": "x"}, "with: that is the account itself"),
        ({"with": "a b", "body": "x"}, "with: 'a b' is not an address"),
        ({"with": "bob", "body": "x", "at": "yesterday"}, "at must be a time such as 2026-02-28T12:00:00Z"),
        ({"with": "bob", "body": "x", "at": "1969-12-31T23:59:59Z"}, "at must be a time from 1970 to 2999"),
    ],
)
def test_mistakes(house, api, fields, said):
    before = house.server.store.snapshot()
    status, _, message = api("POST", ALICE, fields).error
    assert status == 400
    assert message.startswith(said)
    assert house.server.store.snapshot() == before


def test_what_is_not_there(api):
    for method in ("GET", "POST", "DELETE"):
        fields = {"with": "bob", "body": "x"} if method == "POST" else None
        assert api(method, "/accounts/nobody/archive", fields).status == 404
    assert api("GET", f"{ALICE}?after=nothing").status == 404
