"""`/rooms`: chat rooms from the control API's side."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.config import QUESTIONS
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import child, element
from tests.testbed.conftest import House, Person, quoted

LOUNGE = "/rooms/lounge"
ADDRESS = "lounge@conference.localhost"
X = f"{{{ns.MUC_USER}}}x"


@pytest.fixture
def lounge(api) -> str:
    """A room of Alice's."""
    assert api("POST", "/rooms", {"jid": "lounge", "owner": "alice"}).status == 201
    return ADDRESS


@pytest.fixture
def bob(house, lounge) -> Person:
    return entered(house, "bob", "Bob")


def entered(house: House, name: str, nick: str, room: str = ADDRESS) -> Person:
    person = house.person(name)
    presence = stanza("presence", {"to": f"{room}/{nick}"})
    child(presence, ns.MUC, "x")
    person.says(presence)
    person.got.clear()
    return person


def heard(person: Person) -> list[tuple[str, str]]:
    """Who said what."""
    said = [(each.sender.resource, each.text_of("body")) for each in person.got if each.kind == "message"]
    person.got.clear()
    return said


def codes(person: Person) -> list[str]:
    found = [status.get("code") for each in person.got for status in each.iterfind(f"{X}/{{{ns.MUC_USER}}}status")]
    person.got.clear()
    return found


# Rooms


def test_a_room_is_made_and_stays_though_nobody_is_in_it(house, api):
    answer = api("POST", "/rooms", {"jid": "Lounge", "owner": "alice", "name": "The Lounge", "subject": "Tea"})
    assert answer.status == 201
    assert answer.headers["location"].endswith("/rooms/lounge%40conference.localhost")
    made = answer.json
    assert (made["jid"], made["name"], made["subject"], made["persistent"]) == (ADDRESS, "The Lounge", "Tea", True)
    assert (made["occupants"], made["members"], made["locked"]) == (0, 1, False)
    bob = entered(house, "bob", "Bob")
    bob.says(stanza("presence", {"to": f"{ADDRESS}/Bob", "type": "unavailable"}))
    assert api("GET", LOUNGE).json == made
    assert [each["jid"] for each in api("GET", "/rooms").json["rooms"]][-1] == ADDRESS


def test_everything_that_owners_can_set_can_be_set(api):
    values = {
        "name": "N",
        "description": "D",
        "language": "de",
        "persistent": False,
        "public": False,
        "members_only": True,
        "moderated": True,
        "password": "secret",
        "whois": "anyone",
        "change_subject": True,
        "allow_invites": True,
        "allow_pm": "none",
        "voice_requests": False,
        "register": False,
        "lock_nicks": True,
        "presence_broadcast": ["moderator"],
        "member_list": [],
        "max_users": 7,
        "max_history": 3,
        "mentions": False,
        "slow_mode": 5,
        "longest_message": 2_000,
        "logging": True,
        "archiving": False,
        "pubsub": "xmpp:x",
    }
    assert set(values) >= {each.attribute for each in QUESTIONS}
    made = api("POST", "/rooms", {"jid": "den", **values}).json
    assert {name: made[name] for name in values} == values
    changed = api("PATCH", "/rooms/den", {"password": "", "max_users": 0}).json
    assert (changed["password"], changed["max_users"], changed["description"]) == ("", 0, "D")


def test_who_is_inside_hears_that_it_is_set_up_otherwise(house, api, bob):
    api("PATCH", LOUNGE, {"name": "Bar", "whois": "anyone", "subject": "Beer"})
    subjects = [each.text_of("subject") for each in bob.got]
    assert "Beer" in subjects
    assert {"104", "172"} <= set(codes(bob))


def test_a_room_that_nobody_has_finished_is_finished(house, api):
    entered(house, "alice", "Alice", "den@conference.localhost")
    assert api("GET", "/rooms/den").json["locked"] is True
    assert api("PATCH", "/rooms/den", {}).json["locked"] is False
    bob = entered(house, "bob", "Bob", "den@conference.localhost")
    assert bob.jid.full in api("GET", "/rooms/den/occupants/Bob").json["clients"]


def test_its_end_is_told_and_takes_all_with_it(house, api, bob):
    api("POST", f"{LOUNGE}/messages", {"nick": "Bob", "body": "hi"})
    bob.got.clear()
    assert api("DELETE", LOUNGE, {"reason": "Closed"}).status == 204
    assert bob.got[-1].findtext(f"{X}/{{{ns.MUC_USER}}}destroy/{{{ns.MUC_USER}}}reason") == "Closed"
    assert api("GET", LOUNGE).error == (404, "not-found", f"there is no room {ADDRESS}")
    api("POST", "/rooms", {"jid": "lounge"})
    assert api("GET", f"{LOUNGE}/messages").json == {"messages": [], "total": 0}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"jid": "lounge"}, (409, f"there is a room {ADDRESS}")),
        ({"jid": "x@elsewhere.example"}, (400, "jid: 'x@elsewhere.example' is not the address of a room of ")),
        ({"jid": "x@conference.localhost/nick"}, (400, "jid: 'x@conference.localhost/nick' is not the address")),
        ({"jid": "a b"}, (400, "jid: 'a b' is not the address of a room (")),
        ({"jid": "x", "owner": "x@elsewhere.example"}, (400, "owner: 'x@elsewhere.example' is not the address of an")),
        ({"jid": "x", "whois": "all"}, (400, "whois must be one of moderators, anyone, none")),
        ({"jid": "x", "max_users": 1_001}, (400, "max_users must be a whole number from 0 to 1000")),
        ({"jid": "x", "presence_broadcast": ["all"]}, (400, "presence_broadcast must be a list of some of moderator,")),
    ],
)
def test_mistakes(house, api, lounge, fields, error):
    before = house.server.store.snapshot()
    status, _, message = api("POST", "/rooms", fields).error
    assert status == error[0]
    assert message.startswith(error[1].replace(ADDRESS, "lounge") if status == 409 else error[1])
    assert house.server.store.snapshot() == before


def test_a_server_without_rooms_says_so():
    house = House("--disable", "rooms")
    assert house.api("GET", "/rooms").json == {"rooms": []}
    assert house.api("GET", LOUNGE).error[2] == "this server has no rooms: it was started with --disable rooms"


def test_a_reset_brings_back_what_there_was(api):
    before = api("GET", "/rooms").json
    api("POST", "/rooms", {"jid": "den"})
    api("POST", "/reset")
    assert api("GET", "/rooms").json == before


# Occupants


def test_occupants_are_listed(house, api, bob):
    alice = entered(house, "alice", "Alice")
    told = api("GET", f"{LOUNGE}/occupants").json["occupants"]
    assert [(each["nick"], each["account"], each["role"], each["affiliation"]) for each in told] == [
        ("Bob", "bob@localhost", "participant", "none"),
        ("Alice", "alice@localhost", "moderator", "owner"),
    ]
    assert told[1]["clients"] == [alice.jid.full]
    assert api("GET", f"{LOUNGE}/occupants/Alice").json == told[1]


def test_somebody_enters_and_stays_until_told_to_leave(house, api, bob):
    answer = api("POST", f"{LOUNGE}/occupants", {"account": "romeo", "nick": "Romeo M."})
    assert (answer.status, answer.json["account"]) == (201, "romeo@localhost")
    assert bob.got[-1].sender.resource == "Romeo M."
    api("POST", f"{LOUNGE}/messages", {"nick": "Bob", "body": "hi"})
    assert len(api("GET", f"{LOUNGE}/occupants").json["occupants"]) == 2
    assert api("DELETE", f"{LOUNGE}/occupants/{quoted('Romeo M.')}").status == 204
    assert (bob.got[-1].type, bob.got[-1].sender.resource) == ("unavailable", "Romeo M.")
    assert [each["account"] for each in house.sessions()] == ["bob@localhost"]


def test_it_answers_what_clients_ask_one_another(house, api, bob):
    api("POST", f"{LOUNGE}/occupants", {"account": "romeo", "nick": "Romeo"})
    for payload in (element(ns.PING, "ping"), element(ns.DISCO_INFO, "query"), element(ns.VERSION, "query")):
        bob.says(stanza("iq", {"to": f"{ADDRESS}/Romeo", "type": "get", "id": "q"}, payload))
    assert [each.type for each in bob.got if each.id == "q"] == ["result", "result", "error"]


def test_a_client_of_flesh_and_blood_leaves_too(house, api, bob):
    assert api("DELETE", f"{LOUNGE}/occupants/Bob").status == 204
    assert bob.got[-1].type == "unavailable"
    assert api("GET", f"{LOUNGE}/occupants").json == {"occupants": []}
    assert not bob.client.closed


def test_whom_the_room_does_not_let_in(house, api, lounge):
    api("PATCH", LOUNGE, {"password": "secret"})
    status, code, message = api("POST", f"{LOUNGE}/occupants", {"account": "romeo", "password": "wrong"}).error
    assert (status, code) == (409, "conflict")
    assert message == "this room has a password, and it is another one (not-authorized)"
    assert house.sessions() == []
    assert api("POST", f"{LOUNGE}/occupants", {"account": "romeo", "password": "secret"}).status == 201
    assert api("POST", f"{LOUNGE}/occupants", {"account": "nobody"}).error[0] == 404


def test_a_role_is_given_and_a_kick_is_one(api, bob):
    api("PATCH", LOUNGE, {"moderated": True})
    bob.got.clear()
    assert api("PATCH", f"{LOUNGE}/occupants/Bob", {"role": "visitor", "reason": "Hush"}).status == 204
    item = bob.got[-1].find(f"{X}/{{{ns.MUC_USER}}}item")
    assert (item.get("role"), item.findtext(f"{{{ns.MUC_USER}}}reason")) == ("visitor", "Hush")
    bob.got.clear()
    api("PATCH", f"{LOUNGE}/occupants/Bob", {"role": "none"})
    assert "307" in codes(bob)
    assert api("GET", f"{LOUNGE}/occupants/Bob").error[:2] == (404, "not-found")


# Members


def test_who_is_something_to_the_room(api, lounge):
    assert api("GET", f"{LOUNGE}/members").json["members"] == [
        {"jid": "alice@localhost", "affiliation": "owner", "nick": "", "reason": ""}
    ]
    member = api("PUT", f"{LOUNGE}/members/bob", {"affiliation": "member", "nick": "Bobby"}).json
    assert member == {"jid": "bob@localhost", "affiliation": "member", "nick": "Bobby", "reason": ""}
    assert api("PUT", f"{LOUNGE}/members/evil.example", {"affiliation": "outcast"}).json["jid"] == "evil.example"
    assert [each["jid"] for each in api("GET", f"{LOUNGE}/members?affiliation=outcast").json["members"]] == [
        "evil.example"
    ]
    assert api("GET", f"{LOUNGE}/members/bob@localhost").json == member
    assert api("PUT", f"{LOUNGE}/members/romeo", {"affiliation": "member", "nick": "Bobby"}).error[0] == 409
    assert api("DELETE", f"{LOUNGE}/members/bob").status == 204
    assert api("GET", f"{LOUNGE}/members/bob").error[0] == 404


def test_a_ban_puts_out(api, bob):
    api("PUT", f"{LOUNGE}/members/bob", {"affiliation": "outcast", "reason": "Rude"})
    assert "301" in codes(bob)
    assert api("GET", f"{LOUNGE}/occupants").json == {"occupants": []}


# What is said


def test_an_occupant_says_something_to_all(house, api, bob):
    api("POST", f"{LOUNGE}/occupants", {"account": "romeo", "nick": "Romeo"})
    bob.got.clear()
    answer = api("POST", f"{LOUNGE}/messages", {"nick": "Romeo", "body": "hi\nall"})
    assert answer.status == 201
    assert heard(bob) == [("Romeo", "hi\nall")]
    api("POST", f"{LOUNGE}/messages", {"body": "The room itself"})
    assert heard(bob) == [("", "The room itself")]
    told = api("GET", f"{LOUNGE}/messages").json
    assert [(each["from"], each["body"]) for each in told["messages"]] == [
        (f"{ADDRESS}/Romeo", "hi\nall"),
        (ADDRESS, "The room itself"),
    ]
    assert told["messages"][0]["id"] == answer.json["id"]
    assert api("POST", f"{LOUNGE}/messages", {"nick": "Nobody", "body": "x"}).error[0] == 404


def test_who_has_no_voice_is_refused(api, bob):
    api("PATCH", LOUNGE, {"moderated": True})
    api("PATCH", f"{LOUNGE}/occupants/Bob", {"role": "visitor"})
    status, _, message = api("POST", f"{LOUNGE}/messages", {"nick": "Bob", "body": "x"}).error
    assert (status, message) == (409, "visitors can't speak to all")


def test_history_of_another_time_is_shown_to_who_enters(house, api, lounge):
    for day, text in ((2, "second"), (1, "first")):
        said = {"nick": "Bob", "account": "bob", "body": text, "at": f"2026-02-0{day}T12:00:00Z"}
        assert api("POST", f"{LOUNGE}/messages", said).status == 201
    romeo = house.person("romeo")
    presence = stanza("presence", {"to": f"{ADDRESS}/Romeo"})
    child(presence, ns.MUC, "x")
    romeo.says(presence)
    shown = [each for each in romeo.got if each.text_of("body")]
    assert [each.text_of("body") for each in shown] == ["first", "second"]
    assert [each.find(f"{{{ns.DELAY}}}delay").get("stamp")[:10] for each in shown] == ["2026-02-01", "2026-02-02"]
    assert "bob@localhost" not in shown[0].text_of("body") and shown[0].find(X) is None
    told = api("GET", f"{LOUNGE}/messages?text=SECOND").json["messages"]
    assert [(each["body"], each["at"]) for each in told] == [("second", "2026-02-02T12:00:00.000Z")]


def test_pages_of_what_was_said(api, lounge):
    for hour in range(5):
        api("POST", f"{LOUNGE}/messages", {"nick": "Bob", "body": str(hour), "at": f"2026-02-01T0{hour}:00:00Z"})
    ask = f"{LOUNGE}/messages?limit=2"
    last = api("GET", ask).json
    assert ([each["body"] for each in last["messages"]], last["total"]) == (["3", "4"], 5)
    before = api("GET", f"{ask}&before={last['messages'][0]['id']}").json["messages"]
    assert [each["body"] for each in before] == ["1", "2"]
    found = api("GET", f"{LOUNGE}/messages?start=2026-02-01T01:00:00Z&end=2026-02-01T02:30:00Z").json["messages"]
    assert [each["body"] for each in found] == ["1", "2"]
    assert api("GET", f"{ask}&after=nothing").error[0] == 404
    assert api("GET", f"{ask}&start=yesterday").error[0] == 400
    assert api("DELETE", f"{LOUNGE}/messages").status == 204
    assert api("GET", ask).json["total"] == 0


def test_a_room_in_which_nothing_was_said_is_in_the_state_too(api, lounge):
    told = api("GET", "/state", Accept="application/json").json
    assert [each["name"] for each in told["room"]][-1] == ADDRESS
    assert None not in told["room"][-1].values()
    assert api("GET", "/state").status == 200


def silent(house: House) -> None:
    house.api("POST", "/clock", {"advance": 181})


def ended(house: House) -> None:
    (session,) = house.sessions("?account=alice")
    assert house.api("DELETE", f"/sessions/{quoted(session['jid'])}").status == 204


@pytest.mark.parametrize("end", [silent, ended])
def test_who_came_by_bosh_and_is_gone_is_no_ghost(house, api, end):
    """The page was closed, or its session was ended."""
    api("POST", "/rooms", {"jid": "lounge"})
    bound = house.prebound("alice")
    house.poll(bound, 0, f"<presence xmlns='{ns.CLIENT}' to='{ADDRESS}/Alice'><x xmlns='{ns.MUC}'/></presence>")
    assert [each["nick"] for each in api("GET", f"{LOUNGE}/occupants").json["occupants"]] == ["Alice"]
    end(house)
    assert api("GET", f"{LOUNGE}/occupants").json["occupants"] == []
