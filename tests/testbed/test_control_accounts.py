"""`/accounts` of the control API."""

from __future__ import annotations

import pytest

from conversehost.auth import Accepted, Attempt
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House, Person, quoted

ITEM = f"{{{ns.ROSTER}}}query/{{{ns.ROSTER}}}item"


def can_log_in(house: House, jid: str, password: str) -> bool:
    outcomes: list[object] = []
    house.server.domains.accounts.check(Attempt(parse(jid), password), outcomes.append)
    return isinstance(outcomes[0], Accepted)


def roster(person: Person) -> dict[str, Stanza]:
    """As the person reads it: items by JID."""
    person.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    return {item.get("jid"): item for item in person.got.pop().iterfind(ITEM)}


def test_all_accounts_are_listed_with_their_passwords_but_not_the_bots(api):
    listed = api("GET", "/accounts").json["accounts"]
    assert listed[0] == {"jid": "alice@localhost", "password": "secret", "nickname": "Alice", "disabled": False}
    assert [each["jid"].partition("@")[0] for each in listed] == [
        "alice",
        "bob",
        "romeo",
        "juliet",
        "john",
        "jane",
        "admin",
    ]


def test_bots_are_listed_when_asked_for(api):
    names = {each["jid"] for each in api("GET", "/accounts?bots=1").json["accounts"]}
    assert {"echo@localhost", "welcome@localhost", "alice@localhost"} <= names
    assert api("GET", "/accounts?bots=0").json == api("GET", "/accounts").json


def test_all_domains_are_listed():
    house = House("--domain", "a.example", "--domain", "b.example", "--user", "zoe@b.example:pw")
    listed = house.api("GET", "/accounts").json["accounts"]
    assert listed[0]["jid"] == "alice@a.example"
    assert listed[-1] == {"jid": "zoe@b.example", "password": "pw", "nickname": None, "disabled": False}


def test_a_name_is_enough_for_an_account(house, api):
    answer = api("POST", "/accounts", {"jid": "Zoé"})
    assert answer.status == 201
    made = answer.json
    assert (made["jid"], made["nickname"]) == ("zoé@localhost", "Zoé")
    assert len(made["password"]) >= 12
    assert can_log_in(house, "zoé@localhost", made["password"])
    assert answer.headers["location"] == "/_conversehost/api/v1/accounts/zo%c3%a9%40localhost"
    assert api("GET", "/accounts/zo%C3%A9%40localhost").json == made
    assert api("GET", "/accounts").json["accounts"][-1] == made


def test_generated_passwords_differ(api):
    assert len({api("POST", "/accounts", {"jid": name}).json["password"] for name in "abc"}) == 3


def test_everything_can_be_chosen():
    house = House("--domain", "a.example", "--domain", "b.example")
    asked = {"jid": "zoe@B.example", "password": "p\u00e4ss 漢", "nickname": "Zoë <b> & Co. 👩‍🚀"}
    made = house.api("POST", "/accounts", asked).json
    assert made == asked | {"jid": "zoe@b.example", "disabled": False}
    assert can_log_in(house, "zoe@b.example", asked["password"])
    assert house.api("GET", "/accounts/zoe%40b.example").json == made


def test_an_account_exists_once(house, api):
    assert api("POST", "/accounts", {"jid": "ALICE", "password": "x"}).error == (
        *(409, "conflict"),
        "there is an account alice@localhost already",
    )
    assert can_log_in(house, "alice@localhost", "secret")


@pytest.mark.parametrize(
    "jid", ["a b", "@localhost", "x@elsewhere.example", "x@localhost/resource", "x/y", "localhost@"]
)
def test_what_is_no_address_of_an_account_here(api, jid):
    status, code, message = api("POST", "/accounts", {"jid": jid}).error
    assert (status, code) == (400, "bad-request")
    assert message.startswith(f"jid: {jid!r} is not ")


def test_an_account_needs_a_name(api):
    for fields in (None, {}, {"jid": None}, {"password": "x"}):
        assert api("POST", "/accounts", fields).error[2].startswith("jid is missing")


def test_friends_see_one_another_at_once(house, api):
    alice = house.person("alice")
    alice.says(stanza("presence", {}))
    roster(alice)
    alice.got.clear()
    api("POST", "/accounts", {"jid": "zoe", "nickname": "Zoë", "friends": ["alice", "bob@localhost"]})
    push = alice.got.pop()
    assert (push.kind, push.type) == ("iq", "set")
    assert dict(push.find(ITEM).attrib) == {"jid": "zoe@localhost", "subscription": "both", "name": "Zoë"}
    zoe = house.person("zoe")
    items = roster(zoe)
    assert {jid for jid, item in items.items() if item.get("subscription") == "both"} == set(items)
    assert set(items) == {"alice@localhost", "bob@localhost", "echo@localhost", "welcome@localhost"}
    assert items["alice@localhost"].get("name") == "Alice"
    assert items["echo@localhost"].findtext(f"{{{ns.ROSTER}}}group") == "Bots"
    zoe.says(stanza("presence", {}))
    assert {"alice@localhost", "echo@localhost", "welcome@localhost"} <= {each.sender.bare for each in zoe.got}
    assert [each.sender for each in alice.got if each.kind == "presence"] == [zoe.jid]
    assert "zoe@localhost" in roster(house.person("bob"))


def test_friends_of_another_domain():
    house = House("--domain", "localhost", "--domain", "b.example")
    house.api("POST", "/accounts", {"jid": "zoe@b.example", "friends": ["alice"]})
    assert "zoe@b.example" in roster(house.person("alice"))


@pytest.mark.parametrize("friend", ["nobody", "zoe", "alice@elsewhere.example", "a b"])
def test_friends_must_be_other_people_who_exist(house, api, friend):
    before = house.server.store.snapshot()
    answer = api("POST", "/accounts", {"jid": "zoe", "friends": ["alice", friend]})
    assert answer.error[:2] == (400, "bad-request")
    assert answer.error[2].startswith(f"friends: {friend!r} is not ")
    assert house.server.store.snapshot() == before


def test_one_account_by_name_or_address(api):
    alice = {"jid": "alice@localhost", "password": "secret", "nickname": "Alice", "disabled": False}
    for name in ("alice", "alice@localhost", "ALICE@LocalHost", quoted("alice@localhost")):
        assert api("GET", f"/accounts/{name}").json == alice


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_account_that_is_not_there(api, method):
    assert api(method, "/accounts/nobody").error == (404, "not-found", "there is no account nobody@localhost")
    assert api(method, f"/accounts/{quoted('a b')}").error[0] == 400


def test_a_new_password(house, api):
    assert api("PATCH", "/accounts/alice", {"password": "new"}).json["password"] == "new"
    assert can_log_in(house, "alice@localhost", "new")
    assert not can_log_in(house, "alice@localhost", "secret")
    assert api("PATCH", "/accounts/alice", {}).json["password"] == "new"
    assert api("PATCH", "/accounts/alice", {"name": "x"}).error[0] == 400


def test_a_new_password_ends_the_sessions_that_there_are(house, api):
    alice, waiting = house.person("alice"), house.poll(house.prebound("alice"))
    api("PATCH", "/accounts/alice", {"password": "new"})
    assert alice.client.closed
    assert waiting.end == ("remote-stream-error", "reset")


def test_a_new_nickname(api):
    api("PATCH", "/accounts/alice/vcard", {"email": "a@x.example"})
    assert api("PATCH", "/accounts/alice", {"nickname": "Al"}).json["nickname"] == "Al"
    vcard = api("GET", "/accounts/alice/vcard").json
    assert (vcard["full_name"], vcard["nickname"], vcard["email"]) == ("Al", "Al", "a@x.example")


def test_a_disabled_account_is_there_but_nobody_comes_in(house, api):
    alice = house.person("alice")
    assert api("PATCH", "/accounts/alice", {"disabled": True}).json["disabled"] is True
    assert alice.client.closed
    assert not can_log_in(house, "alice@localhost", "secret")
    assert api("PATCH", "/accounts/alice", {"password": "new"}).json["disabled"] is True
    assert api("PATCH", "/accounts/alice", {"disabled": False}).json["disabled"] is False
    assert can_log_in(house, "alice@localhost", "new")


def test_deleting_an_account_ends_its_sessions_and_drops_what_it_had(house, api):
    alice, waiting = house.person("alice"), house.poll(house.prebound("alice"))
    assert api("DELETE", "/accounts/alice").status == 204
    assert alice.client.closed
    assert waiting.end == ("remote-stream-error", "not-authorized")
    assert house.sessions() == []
    assert api("GET", "/accounts/alice").status == 404
    assert not can_log_in(house, "alice@localhost", "secret")
    made = api("POST", "/accounts", {"jid": "alice", "nickname": "Alice II"}).json
    assert made["nickname"] == "Alice II"
    assert set(roster(house.person("alice"))) == {"echo@localhost", "welcome@localhost"}
