"""XEP-0045 section 10: how a room is set up, and its end."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.config import QUESTIONS, RoomConfig
from conversehost.features.rooms.owner import change_codes
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.rooms.visits import (
    INFO,
    ITEMS,
    ROOM,
    SERVICE,
    Seen,
    affiliate,
    clear,
    codes_in,
    configure,
    enter,
    listed,
    seen,
)
from tests.stage import Client, Stage, condition

FORM = f"<query xmlns='{ns.MUC_OWNER}'/>"
CANCEL = f"<query xmlns='{ns.MUC_OWNER}'><x xmlns='{ns.DATA}' type='cancel'/></query>"
STANDARD = """
    allowpm allowinvites changesubject enablelogging getmemberlist lang pubsub maxusers membersonly
    moderatedroom passwordprotectedroom persistentroom presencebroadcast publicroom roomadmins roomdesc roomname
    roomowners roomsecret whois
"""


def settings(client: Client) -> dict[str, list[str]]:
    """What the form says."""
    x = client.ask("get", FORM, ROOM)[0][0]
    return {
        field.get("var", ""): [each.text or "" for each in field.findall(f"{{{ns.DATA}}}value")]
        for field in x.findall(f"{{{ns.DATA}}}field")
    }


def told(client: Client) -> list[tuple[int, ...]]:
    """The status codes of messages from the room."""
    return [codes_in(x) for each in client.take("message") for x in each.iter(f"{{{ns.MUC_USER}}}x")]


def test_the_form_has_every_standard_field(owner: Client):
    """Section 16.5.3."""
    assert set(settings(owner)) >= {"muc#maxhistoryfetch", *(f"muc#roomconfig_{each}" for each in STANDARD.split())}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.attribute)
def test_every_field_can_be_changed_and_is_so_then(owner: Client, question):
    samples = {"text-single": "xmpp", "text-private": "xmpp", "list-multi": ["moderator"]}
    before = settings(owner)[question.var]
    if question.type == "boolean":
        value = "0" if before == ["1"] else "1"
    elif question.limits[1]:
        value = "50"
    elif question.type == "list-single":
        value = next(each for each, _ in question.options if [each] != before)
    else:
        value = samples[question.type]
    more = {"passwordprotectedroom": "1"} if question.attribute == "password" else {}
    assert configure(owner, {question.var: value, **more}).type == "result"
    after = settings(owner)
    assert after[question.var] == ([value] if isinstance(value, str) else value)
    assert {var for var in after if after[var] != settings(owner)[var]} == set()


def test_only_owners_set_it_up(owner: Client, viola: Client, feste: Client):
    """Section 10.2."""
    affiliate(owner, "feste", "admin")
    for client in (viola, feste):
        assert condition(client.ask("get", FORM, ROOM)) == "forbidden"
        assert condition(configure(client, {"roomname": "Mine"})) == "forbidden"


def test_an_instant_room(feste: Client):
    """Section 10.1.2."""
    enter(feste, "Feste")
    assert configure(feste, {}).type == "result"
    assert not told(feste)[1:]


def test_a_reserved_room(stage: Stage, feste: Client):
    """Section 10.1.3."""
    enter(feste, "Feste")
    assert settings(feste)["muc#roomconfig_roomowners"] == ["feste@localhost"]
    assert configure(feste, {"roomname": "The Elephant", "whois": "anyone"}).type == "result"
    assert enter(stage.login("antonio"), "Antonio")[-1].codes == (100, 110)


@pytest.mark.parametrize(
    "wrong",
    [
        {"passwordprotectedroom": "1", "roomsecret": ""},
        {"passwordprotectedroom": "1"},
        {"whois": "everybody"},
        {"maxusers": "7"},
        {"muc#maxhistoryfetch": "many"},
        {"muc#maxhistoryfetch": "101"},
        {"persistentroom": "perhaps"},
        {"roomowners": ["@"]},
        {"FORM_TYPE#": "x", "moderatedroom": "maybe"},
    ],
)
def test_what_cannot_be(owner: Client, wrong: dict[str, str | list[str]]):
    """Section 10.1.3: not acceptable, and nothing has changed."""
    before = settings(owner)
    assert condition(configure(owner, wrong)) == "not-acceptable"
    assert settings(owner) == before


def test_a_new_room_is_given_up(feste: Client):
    """Section 10.1.3: it ends."""
    enter(feste, "Feste")
    assert feste.ask("set", CANCEL, ROOM).type == "result"
    presence = feste.only("presence")
    assert (presence.type, presence.find(f".//{{{ns.MUC_USER}}}destroy") is not None) == ("unavailable", True)
    assert condition(feste.ask("get", INFO, ROOM)) == "item-not-found"


def test_a_change_is_given_up(owner: Client):
    """Section 10.2."""
    assert owner.ask("set", CANCEL, ROOM).type == "result"
    assert not owner.take()


def test_neither_a_form_nor_an_end(owner: Client):
    assert condition(owner.ask("set", FORM, ROOM)) == "bad-request"


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"enablelogging": "1"}, (170,)),
        ({"whois": "anyone"}, (172,)),
        ({"whois": "none"}, (174,)),
        ({"roomname": "Garden"}, (104,)),
        ({"roomname": "Garden", "whois": "anyone"}, (104, 172)),
    ],
)
def test_all_hear_of_a_change(owner: Client, viola: Client, change: dict[str, str], codes: tuple[int, ...]):
    """Section 10.2.1."""
    configure(owner, change)
    message = viola.only("message")
    assert (message.get("from"), message.type) == (ROOM, "groupchat")
    assert [codes_in(x) for x in message.iter(f"{{{ns.MUC_USER}}}x")] == [codes]


def test_codes_for_the_way_back():
    """Section 10.2.1."""
    assert change_codes(RoomConfig(logging=True, whois="anyone"), RoomConfig()) == (171, 173)
    assert change_codes(RoomConfig(), RoomConfig()) == ()


def test_nothing_new_is_no_news(owner: Client, viola: Client):
    configure(owner, {"roomname": ""})
    assert not viola.take()


def test_strangers_leave_a_room_that_becomes_one_for_members(owner: Client, viola: Client, feste: Client):
    """Section 10.2: status 322."""
    affiliate(owner, "feste", "member")
    clear(feste)
    enter(feste, "Feste")
    clear(owner, viola)
    configure(owner, {"membersonly": "1"})
    assert seen(viola) == [Seen("Viola", "unavailable", "none", "none", viola.jid, (110, 322))]
    assert seen(feste) == [Seen("Viola", "unavailable", "none", "none", None, (322,))]


def test_owners_and_admins_by_the_form(owner: Client, viola: Client, feste: Client):
    """Section 10.2."""
    enter(feste, "Feste")
    clear(viola, feste, owner)
    configure(owner, {"roomowners": ["viola@localhost", "olivia@localhost"], "roomadmins": ["feste@localhost"]})
    assert {(each.nick, each.affiliation, each.role) for each in seen(viola)} >= {
        ("Viola", "owner", "moderator"),
        ("Feste", "admin", "moderator"),
    }
    clear(viola, feste, owner)
    configure(viola, {"roomowners": ["viola@localhost"], "roomadmins": ["olivia@localhost"]})
    assert {each["jid"] for each in listed(viola, "affiliation='admin'")} == {"olivia@localhost"}
    assert ("Olivia", "admin", "moderator") in [(each.nick, each.affiliation, each.role) for each in seen(owner)]
    assert ("Feste", "none", "participant") in [(each.nick, each.affiliation, each.role) for each in seen(feste)]


def test_a_room_keeps_an_owner(owner: Client):
    """Section 10.2."""
    assert condition(configure(owner, {"roomowners": []})) == "conflict"


def test_who_was_an_owner_stays_in_a_room_for_members(owner: Client, viola: Client):
    affiliate(owner, "viola", "owner")
    configure(owner, {"membersonly": "1"})
    configure(viola, {"roomowners": ["viola@localhost"]})
    assert seen(owner)[-1].affiliation == "member"


# The end


def destroy(client: Client, content: str = "", attributes: str = "") -> Stanza:
    query = f"<query xmlns='{ns.MUC_OWNER}'><destroy {attributes}>{content}</destroy></query>"
    return client.ask("set", query, ROOM)


def test_the_end_of_a_room(owner: Client, viola: Client, feste: Client):
    """Section 10.9: one presence for each, with the other place, the reason and the password there."""
    configure(owner, {"persistentroom": "1"})
    clear(viola)
    told = "<reason>Macbeth comes</reason><password>cauldron</password>"
    assert destroy(owner, told, f"jid='darkcave@{SERVICE}'").type == "result"
    presence = viola.only()
    (end,) = presence.iter(f"{{{ns.MUC_USER}}}destroy")
    assert (presence.get("from"), presence.type, end.get("jid")) == (
        f"{ROOM}/Viola",
        "unavailable",
        f"darkcave@{SERVICE}",
    )
    assert {each.tag.rpartition("}")[2]: each.text for each in end} == {
        "reason": "Macbeth comes",
        "password": "cauldron",
    }
    assert len(owner.take("presence")) == 1
    assert condition(feste.ask("get", INFO, ROOM)) == "item-not-found"
    assert enter(feste, "Feste")[-1].codes == (110, 201)


def test_only_owners_end_it(owner: Client, viola: Client):
    """Section 10.9."""
    affiliate(owner, "viola", "admin")
    clear(viola)
    assert condition(destroy(viola)) == "forbidden"
    assert not viola.take("presence")


def test_no_such_place(owner: Client):
    assert condition(destroy(owner, attributes="jid='@'")) == "jid-malformed"


def test_hidden_rooms_are_not_listed(owner: Client, viola: Client):
    """Sections 4.2 and 6.3."""
    configure(owner, {"roomname": "The Garden"})
    assert [dict(each.attrib) for each in viola.ask("get", ITEMS, SERVICE)[0]] == [{"jid": ROOM, "name": "The Garden"}]
    configure(owner, {"publicroom": "0"})
    assert len(viola.ask("get", ITEMS, SERVICE)[0]) == 0
