"""`/accounts/{jid}/roster`: who is in somebody's roster."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House, Person, quoted

ITEM = f"{{{ns.ROSTER}}}query/{{{ns.ROSTER}}}item"
ROSTER = "/accounts/zoe/roster"
BOTS = ["echo@localhost", "welcome@localhost"]


@pytest.fixture
def zoe(house, api) -> Person:
    """Somebody new, who is here, and has read her roster."""
    api("POST", "/accounts", {"jid": "zoe"})
    return here(house, "zoe")


def here(house: House, name: str) -> Person:
    person = house.person(name)
    person.says(stanza("presence", {}))
    person.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    person.got.clear()
    return person


def pushed(person: Person) -> list[dict[str, str]]:
    return [dict(item.attrib) for each in person.got if each.kind == "iq" for item in each.iterfind(ITEM)]


def presence(person: Person) -> list[tuple[str, str | None]]:
    return [(each.sender.bare, each.type) for each in person.got if each.kind == "presence"]


def test_all_contacts_are_listed(zoe, api):
    contacts = api("GET", ROSTER).json["contacts"]
    assert [each["jid"] for each in contacts] == BOTS
    assert contacts[0] == {
        "jid": "echo@localhost",
        "name": "Echo",
        "groups": ["Bots"],
        "subscription": "both",
        "ask": False,
        "approved": False,
        "pending": False,
        "listed": True,
    }


def test_a_contact_is_added_on_both_sides_and_both_hear_of_it_at_once(house, zoe, api):
    bob = here(house, "bob")
    answer = api("POST", ROSTER, {"jid": "bob", "groups": ["Friends", "Work", "Friends"]})
    assert answer.status == 201
    assert answer.headers["location"].endswith("/accounts/zoe%40localhost/roster/bob%40localhost")
    assert (answer.json["name"], answer.json["groups"]) == ("Bob", ["Friends", "Work"])
    assert pushed(zoe) == [{"jid": "bob@localhost", "name": "Bob", "subscription": "both"}]
    assert pushed(bob) == [{"jid": "zoe@localhost", "name": "Zoe", "subscription": "both"}]
    assert presence(zoe) == [("bob@localhost", None)]
    assert presence(bob) == [("zoe@localhost", None)]


@pytest.mark.parametrize(
    ("subscription", "theirs"), [("none", "none"), ("to", "from"), ("from", "to"), ("both", "both")]
)
def test_the_other_side_has_it_the_other_way_round(zoe, api, subscription, theirs):
    api("POST", ROSTER, {"jid": "alice", "subscription": subscription})
    assert api("GET", f"{ROSTER}/alice").json["subscription"] == subscription
    assert api("GET", "/accounts/alice/roster/zoe").json["subscription"] == theirs


def test_one_side_alone_where_that_is_wanted(zoe, api):
    api("POST", ROSTER, {"jid": "alice", "mutual": False})
    assert api("GET", f"{ROSTER}/alice").json["subscription"] == "both"
    assert api("GET", "/accounts/alice/roster/zoe").status == 404


def test_anybody_in_the_world_may_be_a_contact(zoe, api):
    made = api("POST", ROSTER, {"jid": "somebody@elsewhere.example", "subscription": "none", "ask": True}).json
    assert (made["name"], made["ask"]) == ("somebody", True)
    assert pushed(zoe)[0]["ask"] == "subscribe"
    assert api("POST", ROSTER, {"jid": "irc.example"}).json["name"] == "irc.example"


def test_what_is_given_changes_and_the_rest_stays(house, zoe, api):
    api("POST", ROSTER, {"jid": "bob", "groups": ["Friends"]})
    bob = here(house, "bob")
    zoe.got.clear()
    changed = api("PATCH", f"{ROSTER}/bob@localhost", {"name": "Bobby"}).json
    assert (changed["name"], changed["groups"], changed["subscription"]) == ("Bobby", ["Friends"], "both")
    assert bob.got == []
    assert presence(zoe) == []
    assert api("PATCH", f"{ROSTER}/bob", {"groups": []}).json["groups"] == []


def test_who_may_see_somebody_no_more_sees_them_go(house, zoe, api):
    bob = here(house, "bob")
    api("POST", ROSTER, {"jid": "bob"})
    for each in (zoe, bob):
        each.got.clear()
    api("PATCH", f"{ROSTER}/bob", {"subscription": "to"})
    assert presence(bob) == [("zoe@localhost", "unavailable")]
    assert presence(zoe) == []
    assert pushed(bob)[-1]["subscription"] == "from"


def test_a_request_waits_until_it_is_answered(house, zoe, api):
    house.person("bob").says(stanza("presence", {"to": "zoe@localhost", "type": "subscribe"}))
    waiting = api("GET", f"{ROSTER}/bob").json
    assert (waiting["pending"], waiting["listed"]) == (True, False)
    answered = api("PATCH", f"{ROSTER}/bob", {"subscription": "from"}).json
    assert (answered["pending"], answered["listed"], answered["subscription"]) == (False, True, "from")


def test_a_removed_contact_goes_as_when_the_owner_does_it(house, zoe, api):
    bob = here(house, "bob")
    api("POST", ROSTER, {"jid": "bob"})
    for each in (zoe, bob):
        each.got.clear()
    assert api("DELETE", f"{ROSTER}/{quoted('bob@localhost')}").status == 204
    assert pushed(zoe)[0] == {"jid": "bob@localhost", "subscription": "remove"}
    assert ("zoe@localhost", "unavailable") in presence(bob)
    assert api("GET", "/accounts/bob/roster/zoe").json["subscription"] == "none"
    assert api("GET", f"{ROSTER}/bob").error[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, (400, "jid is missing: an address; a name alone is of the first domain")),
        ({"jid": "zoe"}, (409, "jid: nobody is in their own roster")),
        ({"jid": "a b@localhost"}, (400, "jid: 'a b@localhost' is not an address")),
        ({"jid": "echo"}, (409, "echo@localhost is in the roster of zoe@localhost already")),
        ({"jid": "bob", "name": "x" * 1_024}, (400, "name and groups must have at most 1023 characters each")),
        ({"jid": "bob", "groups": [str(n) for n in range(51)]}, (400, "groups must be at most 50")),
        ({"jid": "bob", "subscription": "all"}, (400, "subscription must be one of none, to, from, both")),
    ],
)
def test_mistakes(house, zoe, api, fields, error):
    before = house.server.store.snapshot()
    status, _, message = api("POST", ROSTER, fields).error
    assert (status, message[: len(error[1])]) == error
    assert house.server.store.snapshot() == before
    assert zoe.got == []


def test_a_roster_has_an_owner(api):
    for call in (("GET", ""), ("POST", ""), ("GET", "/bob"), ("PATCH", "/bob"), ("DELETE", "/bob")):
        fields = {"jid": "bob"} if call[0] == "POST" else None
        assert (
            api(call[0], f"/accounts/nobody/roster{call[1]}", fields).error[2] == "there is no account nobody@localhost"
        )


def test_a_reset_brings_it_back(zoe, api):
    before = api("GET", "/accounts/alice/roster").json
    api("DELETE", "/accounts/alice/roster/bob")
    api("POST", "/accounts/alice/roster", {"jid": "zoe"})
    api("POST", "/reset")
    assert api("GET", "/accounts/alice/roster").json == before
