"""`POST /generate`: crowds, and what they have said."""

from __future__ import annotations

import re
import time
import zlib
from base64 import b64decode
from random import Random

import pytest

from conversehost.testbed.inventions import moments, name, sentence
from conversehost.testbed.portraits import SIZE, portrait
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import child
from tests.testbed.conftest import House, quoted

ROOM = {"name": "lounge", "occupants": 12, "talk": 40, "until": "2026-02-28T12:00:00Z"}


def everything(house: House) -> dict[str, object]:
    """What was made, as far as it is to be the same again."""
    accounts = house.api("GET", "/accounts").json["accounts"]
    messages = house.api("GET", "/rooms/lounge/messages").json["messages"]
    return {
        "accounts": accounts,
        "vcards": [house.api("GET", f"/accounts/{quoted(each['jid'])}/vcard").json for each in accounts],
        "roster": house.api("GET", "/accounts/alice/roster").json,
        "said": [(each["at"], each["from"], each["body"]) for each in messages],
    }


# Contacts


def test_a_roster_full_of_people_with_pictures(house, api):
    answer = api("POST", "/generate", {"contacts": {"of": "alice", "count": 30, "avatars": True}})
    assert answer.status == 201
    made = answer.json["accounts"]
    assert len(set(made)) == 30
    assert (answer.json["room"], answer.json["messages"]) == (None, 0)
    roster = {each["jid"]: each for each in api("GET", "/accounts/alice/roster").json["contacts"]}
    assert set(made) <= set(roster)
    assert {roster[each]["subscription"] for each in made} == {"both"}
    assert {group for each in made for group in roster[each]["groups"]} <= {"Family", "Friends", "Work", "Club"}
    assert all(re.fullmatch(r"\S+ \S+", roster[each]["name"]) for each in made)
    assert len({api("GET", f"/accounts/{quoted(each)}/avatar").json["hash"] for each in made}) > 25
    assert api("GET", f"/accounts/{quoted(made[0])}/roster/alice").json["name"] == "Alice"


def test_without_pictures_unless_they_are_wanted(api):
    (made,) = api("POST", "/generate", {"contacts": {"of": "alice", "count": 1}}).json["accounts"]
    assert api("GET", f"/accounts/{quoted(made)}/avatar").status == 404


def test_again_there_are_other_addresses(api):
    first, second = (api("POST", "/generate", {"contacts": {"of": "bob", "count": 5}}).json["accounts"] for _ in "12")
    assert not set(first) & set(second)
    assert [f"{each.partition('@')[0]}2@localhost" for each in first] == second


def test_500_contacts_with_pictures_take_a_second(api):
    taken = []
    for of in ("alice", "bob"):
        start = time.process_time()
        api("POST", "/generate", {"contacts": {"of": of, "count": 500, "avatars": True}})
        taken.append(time.process_time() - start)
    assert min(taken) < 1


# Rooms


def test_a_room_full_of_people_who_have_talked(house, api):
    made = api("POST", "/generate", {"room": ROOM}).json
    assert (made["room"], made["messages"], len(made["accounts"])) == ("lounge@conference.localhost", 40, 12)
    inside = api("GET", "/rooms/lounge/occupants").json["occupants"]
    assert {each["account"] for each in inside} == set(made["accounts"])
    said = api("GET", "/rooms/lounge/messages").json
    assert said["total"] == 40
    assert {each["from"].partition("/")[2] for each in said["messages"]} <= {each["nick"] for each in inside}
    times = [each["at"] for each in said["messages"]]
    assert times == sorted(times)
    assert times[0] >= "2026-02-27T12"
    assert times[-1] <= "2026-02-28T12:00:00.000Z"


def test_namesakes_in_a_room_have_numbers(api):
    """Of 200 people two are called the same, and in a room nobody can be."""
    assert api("POST", "/generate", {"room": ROOM | {"occupants": 200}}).status == 201
    nicks = [each["nick"] for each in api("GET", "/rooms/lounge/occupants").json["occupants"]]
    assert len(set(nicks)) == 200
    assert any(each.endswith(" 2") for each in nicks)


def test_who_enters_sees_them_and_what_they_said(house, api):
    api("POST", "/generate", {"room": ROOM})
    alice = house.person("alice")
    presence = stanza("presence", {"to": "lounge@conference.localhost/Alice"})
    child(presence, ns.MUC, "x")
    alice.says(presence)
    assert len([each for each in alice.got if each.kind == "presence"]) == 13
    assert len([each for each in alice.got if each.text_of("body")]) == 20


def test_from_now_on_they_talk_by_the_servers_clock(house, api):
    api("POST", "/generate", {"room": {"name": "lounge", "occupants": 3, "every": 10}})
    alice = house.person("alice")
    presence = stanza("presence", {"to": "lounge@conference.localhost/Alice"})
    child(presence, ns.MUC, "x")
    alice.says(presence)
    alice.got.clear()
    api("POST", "/clock", {"advance": 65})
    assert len([each for each in alice.got if each.text_of("body")]) == 6


def test_with_a_reset_they_are_gone_and_say_nothing_more(house, api):
    before = api("GET", "/accounts").json
    api("POST", "/generate", {"room": {"name": "lounge", "occupants": 3, "every": 10}})
    api("POST", "/reset")
    assert api("GET", "/accounts").json == before
    assert api("GET", "/rooms/lounge").status == 404
    api("POST", "/clock", {"advance": 60})
    assert house.sessions() == []


def test_members_who_are_not_there(api):
    made = api("POST", "/generate", {"room": {"name": "den", "occupants": 3, "present": False, "talk": 2}}).json
    assert api("GET", "/rooms/den/occupants").json["occupants"] == []
    assert {each["jid"] for each in api("GET", "/rooms/den/members").json["members"]} == set(made["accounts"])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"contacts": {"of": "nobody", "count": 1}}, (404, "there is no account nobody@localhost")),
        ({"contacts": {"of": "alice"}}, (400, "contacts: count is missing: how many")),
        ({"contacts": {"of": "alice", "count": 5_001}}, (400, "contacts: count must be a whole number from 0 to 5000")),
        (
            {"history": {"between": ["alice"], "messages": 1}},
            (400, "history: between must be two accounts"),
        ),
        ({"contacts": []}, (400, "contacts must be an object, not a list")),
        ({"room": {"name": "x", "occupants": 0, "talk": 1}}, (400, "room: nobody can talk where occupants is 0")),
        (
            {"room": {"name": "x", "occupants": 1, "every": 1, "present": False}},
            (400, "room: who isn't present can't talk every few seconds"),
        ),
    ],
)
def test_mistakes(house, api, fields, error):
    before = house.server.store.snapshot()
    status, _, message = api("POST", "/generate", fields).error
    assert (status, message) == error
    assert house.server.store.snapshot() == before


# History


def test_a_year_of_history_is_in_both_archives(api):
    fields = {"between": ["alice", "bob"], "messages": 300, "until": "2026-02-28T12:00:00Z"}
    assert api("POST", "/generate", {"history": fields}).json["messages"] == 300
    alice, bob = (api("GET", f"/accounts/{name}/archive").json for name in ("alice", "bob"))
    assert (alice["total"], bob["total"]) == (300, 300)
    assert [(each["at"], each["from"], each["body"]) for each in alice["messages"]] == [
        (each["at"], each["from"], each["body"]) for each in bob["messages"]
    ]
    assert {each["from"] for each in alice["messages"]} == {"alice@localhost", "bob@localhost"}
    first = api("GET", "/accounts/alice/archive?limit=1&end=2025-06-01T00:00:00Z").json
    assert first["total"] > 20
    assert api("GET", "/accounts/alice/archive?end=2025-02-28T00:00:00Z").json["total"] == 0


# The same again


def test_the_same_seed_gives_the_same_people_pictures_and_words():
    made = []
    for seed in (7, 7, 8):
        house = House()
        fields = {"seed": seed, "contacts": {"of": "alice", "count": 20, "avatars": True}, "room": ROOM}
        assert house.api("POST", "/generate", fields).json["seed"] == seed
        made.append(everything(house))
    assert made[0] == made[1]
    assert all(made[0][part] != made[2][part] for part in made[0])


def test_a_reset_is_the_same_beginning(house, api):
    made = []
    for _ in range(2):
        api("POST", "/generate", {"contacts": {"of": "alice", "count": 5, "avatars": True}, "room": ROOM})
        made.append(everything(house))
        api("POST", "/reset")
    assert made[0] == made[1]


# What is made up


def test_a_portrait_is_a_png_that_can_be_read(api):
    picture = portrait(Random(1))
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) < 300
    at, chunks = 8, {}
    while at < len(picture):
        length, kind = int.from_bytes(picture[at : at + 4]), picture[at + 4 : at + 8]
        data, crc = picture[at + 8 : at + 8 + length], picture[at + 8 + length : at + 12 + length]
        assert zlib.crc32(kind + data) == int.from_bytes(crc)
        chunks[kind] = data
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    lines = zlib.decompress(chunks[b"IDAT"])
    assert len(lines) == SIZE * (1 + SIZE // 8)
    line = lines[1:11]
    assert line[0:4] == line[8:10] + line[6:8]


def test_portraits_differ(api):
    (made,) = api("POST", "/generate", {"contacts": {"of": "bob", "count": 1, "avatars": True}}).json["accounts"]
    told = api("GET", f"/accounts/{quoted(made)}/avatar").json
    assert told["type"] == "image/png"
    assert b64decode(told["data"]).startswith(b"\x89PNG")
    assert len({portrait(Random(seed)) for seed in range(100)}) > 95


def test_sentences_and_names_vary():
    dice = Random(1)
    assert len({sentence(dice) for _ in range(500)}) > 350
    assert len({name(dice) for _ in range(500)}) > 450


def test_moments_are_in_order_and_within():
    found = moments(Random(1), 1_000, 100.0, 1_000_000.0)
    assert found == sorted(found)
    assert len(found) == 1_000
    assert found[0] >= 100
    assert found[-1] <= 1_000_000
