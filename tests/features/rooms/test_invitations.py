"""XEP-0045 sections 7.8, 7.10, 7.13, 8.6, 9.5 and 9.9; XEP-0249: the ways to come closer to a room."""

from __future__ import annotations

import pytest

from conversehost.features.rooms import rooms_of
from conversehost.xmpp import ns
from conversehost.xmpp.forms import values_of
from conversehost.xmpp.stanza import Stanza
from tests.features.rooms.visits import (
    INFO,
    ROOM,
    SERVICE,
    Seen,
    administer,
    affiliate,
    clear,
    codes_in,
    configure,
    enter,
    listed,
    seen,
)
from tests.stage import Client, Stage, condition

REGISTER = f"<query xmlns='{ns.REGISTER}'/>"


def invite(client: Client, *who: str, more: str = "<reason>music</reason>") -> None:
    invites = "".join(f"<invite to='{each}'>{more}</invite>" for each in who)
    client.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'>{invites}</x></message>")


# Invitations


def test_an_invitation_through_the_room(owner: Client, viola: Client, feste: Client):
    """Section 7.8.2."""
    invite(viola, feste.bare, more="<reason>music</reason><continue thread='t1'/>")
    message = feste.only()
    (invited,) = message.iter(f"{{{ns.MUC_USER}}}invite")
    assert (message.get("from"), message.get("to")) == (ROOM, feste.bare)
    assert dict(invited.attrib) == {"from": viola.bare}
    assert invited.findtext(f"{{{ns.MUC_USER}}}reason") == "music"
    (continued,) = invited.iter(f"{{{ns.MUC_USER}}}continue")
    assert continued.get("thread") == "t1"
    older = message.find(f"{{{ns.CONFERENCE}}}x")
    assert older is not None
    assert dict(older.attrib) == {"jid": ROOM, "reason": "music"}
    assert not owner.take()


def test_with_the_password(owner: Client, feste: Client):
    """Section 7.8.2."""
    configure(owner, {"passwordprotectedroom": "1", "roomsecret": "cauldron"})
    invite(owner, feste.bare, more="")
    message = feste.only()
    assert message.findtext(f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}password") == "cauldron"
    older = message.find(f"{{{ns.CONFERENCE}}}x")
    assert older is not None
    assert older.get("password") == "cauldron"


def test_several_at_once(stage: Stage, owner: Client, feste: Client):
    maria = stage.login("maria")
    invite(owner, feste.bare, maria.bare)
    assert len(feste.take()) == len(maria.take()) == 1
    invite(owner, *(f"guest{number}@localhost" for number in range(21)))
    assert condition(owner.only()) == "bad-request"


def test_to_a_room_for_members_admins_invite_and_make_members(owner: Client, feste: Client):
    """Section 7.8.2."""
    affiliate(owner, "viola", "member")
    configure(owner, {"membersonly": "1"})
    viola = owner.stage.login("viola")
    enter(viola, "Viola")
    clear(owner, viola)
    invite(viola, feste.bare)
    assert condition(viola.only()) == "forbidden"
    assert not feste.take()
    invite(owner, feste.bare)
    assert len(feste.take()) == 1
    assert enter(feste, "Feste")[-1].affiliation == "member"


def test_members_invite_where_they_may(owner: Client, feste: Client):
    """Section 9.5, `allowinvites`."""
    affiliate(owner, "viola", "member")
    configure(owner, {"membersonly": "1", "allowinvites": "1"})
    viola = owner.stage.login("viola")
    enter(viola, "Viola")
    invite(viola, feste.bare)
    assert {each["jid"] for each in listed(owner, "affiliation='member'")} == {"viola@localhost", "feste@localhost"}


def test_an_invitation_to_an_open_room_makes_no_member(owner: Client, feste: Client):
    """Section 9.5."""
    invite(owner, feste.bare)
    assert listed(owner, "affiliation='member'") == []


def test_who_is_not_inside_invites_nobody(owner: Client, viola: Client, feste: Client):
    invite(feste, viola.bare)
    assert condition(feste.only()) == "not-acceptable"
    assert not viola.take()


@pytest.mark.parametrize(
    ("to", "refusal"), [("nobody@localhost", "item-not-found"), ("", "jid-malformed"), ("@", "jid-malformed")]
)
def test_whom_nobody_can_invite(owner: Client, to: str, refusal: str):
    """Section 7.8.2."""
    invite(owner, to)
    assert condition(owner.only()) == refusal


def test_who_is_banned_is_not_invited(owner: Client, feste: Client):
    affiliate(owner, "feste", "outcast")
    invite(owner, feste.bare)
    assert condition(owner.only("message")) == "not-allowed"
    assert not feste.take()


def test_neither_an_invitation_nor_an_answer(owner: Client):
    owner.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'/></message>")
    assert condition(owner.only()) == "bad-request"


@pytest.mark.parametrize("to", ["viola@localhost", f"{ROOM}/Viola"])
def test_an_invitation_is_declined(owner: Client, viola: Client, feste: Client, to: str):
    """Section 7.8.2."""
    decline = f"<decline to='{to}'><reason>too busy</reason></decline>"
    feste.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'>{decline}</x></message>")
    message = viola.only()
    (declined,) = message.iter(f"{{{ns.MUC_USER}}}decline")
    assert (message.get("from"), dict(declined.attrib)) == (ROOM, {"from": feste.bare})
    assert declined.findtext(f"{{{ns.MUC_USER}}}reason") == "too busy"


@pytest.mark.parametrize("to", ["stranger@localhost", f"{ROOM}/Nobody"])
def test_nothing_is_declined_to_strangers(stage: Stage, owner: Client, feste: Client, to: str):
    """Nor does one learn who is one, and who is in the room."""
    stranger = stage.login("stranger")
    feste.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'><decline to='{to}'/></x></message>")
    assert not feste.take()
    assert not stranger.take()


def test_a_direct_invitation(owner: Client, feste: Client):
    """XEP-0249: the room has no part in it."""
    owner.write(f"<message to='{feste.bare}'><x xmlns='{ns.CONFERENCE}' jid='{ROOM}' reason='music'/></message>")
    message = feste.only()
    assert (message.get("from"), message.has(ns.CONFERENCE, "x")) == (owner.jid, True)


def test_a_new_member_of_a_room_for_members_is_invited(owner: Client, feste: Client):
    """Section 9.5."""
    configure(owner, {"membersonly": "1", "passwordprotectedroom": "1", "roomsecret": "x"})
    affiliate(owner, "feste", "member")
    message = feste.only()
    assert message.findtext(f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}password") == "x"
    affiliate(owner, "feste", "admin")
    assert not list(feste.only().iter(f"{{{ns.MUC_USER}}}invite"))


def test_who_is_not_inside_hears_what_he_has_become(owner: Client, feste: Client):
    """Section 16.6.2, status code 101."""
    affiliate(owner, "feste", "admin")
    (x,) = feste.only().iter(f"{{{ns.MUC_USER}}}x")
    assert codes_in(x) == (101,)
    for affiliation in ("member", "none", "outcast"):
        affiliate(owner, "feste", affiliation)
    assert not feste.take()


def test_a_name_for_a_room(feste: Client):
    names = set()
    for _ in range(2):
        names.add(feste.ask("get", f"<unique xmlns='{ns.MUC_UNIQUE}'/>", SERVICE)[0].text)
    assert len(names) == 2


# Voice


def ask_for_voice(client: Client) -> None:
    fields = f"<field var='FORM_TYPE'><value>{ns.MUC}#request</value></field>"
    fields += "<field var='muc#role'><value>participant</value></field>"
    client.write(f"<message to='{ROOM}'><x xmlns='{ns.DATA}' type='submit'>{fields}</x></message>")


def answer(client: Client, form_type: str, **values: str) -> None:
    """What somebody says to a form that the room has sent him."""
    fields = f"<field var='FORM_TYPE'><value>{form_type}</value></field>"
    fields += "".join(f"<field var='muc#{var}'><value>{value}</value></field>" for var, value in values.items())
    client.write(f"<message to='{ROOM}'><x xmlns='{ns.DATA}' type='submit'>{fields}</x></message>")


def form_in(message: Stanza) -> dict[str, tuple[str, ...]]:
    (x,) = message.iter(f"{{{ns.DATA}}}x")
    return values_of(x)


@pytest.fixture
def visitor(owner: Client, viola: Client) -> Client:
    """Viola, who is not heard in a moderated room."""
    configure(owner, {"moderatedroom": "1"})
    administer(owner, "nick='Viola' role='visitor'")
    clear(owner, viola)
    return viola


def test_a_visitor_asks_to_be_heard(owner: Client, visitor: Client):
    """Sections 7.13 and 8.6."""
    ask_for_voice(visitor)
    message = owner.only()
    asked = form_in(message)
    assert message.get("from") == ROOM
    assert (asked["muc#role"], asked["muc#roomnick"], asked["muc#jid"]) == (
        ("participant",),
        ("Viola",),
        (visitor.jid,),
    )
    answer(owner, f"{ns.MUC}#request", role="participant", roomnick="Viola", request_allow="true")
    assert seen(visitor) == [Seen("Viola", None, "none", "participant", visitor.jid, (110,), None, "", "Olivia")]


def test_no(owner: Client, visitor: Client):
    ask_for_voice(visitor)
    answer(owner, f"{ns.MUC}#request", role="participant", roomnick="Viola", request_allow="false")
    assert not visitor.take()


def test_nobody_grants_it_to_himself(visitor: Client):
    answer(visitor, f"{ns.MUC}#request", role="participant", roomnick="Viola", request_allow="true")
    assert condition(visitor.only()) == "forbidden"


def test_who_asked_has_left(owner: Client):
    answer(owner, f"{ns.MUC}#request", roomnick="Nobody", request_allow="true")
    assert condition(owner.only()) == "item-not-found"


def test_who_is_heard_need_not_ask(owner: Client, viola: Client):
    ask_for_voice(viola)
    assert condition(viola.only()) == "bad-request"


def test_a_room_where_nobody_asks(owner: Client, visitor: Client):
    configure(owner, {"allowvoicerequests": "0"})
    clear(visitor)
    ask_for_voice(visitor)
    assert condition(visitor.only()) == "forbidden"


def test_strangers_do_not_ask(owner: Client, feste: Client):
    ask_for_voice(feste)
    assert condition(feste.only()) == "not-acceptable"


def test_an_unknown_form(owner: Client):
    answer(owner, "urn:example:form")
    assert condition(owner.only()) == "bad-request"


# Registration


def register(client: Client, nick: str) -> Stanza:
    field = f"<field var='muc#register_roomnick'><value>{nick}</value></field>"
    type = f"<field var='FORM_TYPE'><value>{ns.MUC}#register</value></field>"
    x = f"<x xmlns='{ns.DATA}' type='submit'>{type}{field}</x>"
    return client.ask("set", f"<query xmlns='{ns.REGISTER}'>{x}</query>", ROOM)


def test_becoming_a_member(owner: Client, viola: Client):
    """Section 7.10."""
    asked = viola.ask("get", REGISTER, ROOM)[0]
    assert [each.get("var") for each in asked.iter(f"{{{ns.DATA}}}field")] == ["FORM_TYPE", "muc#register_roomnick"]
    assert register(viola, "Cesario").type == "result"
    assert seen(owner) == [Seen("Viola", None, "member", "participant", viola.jid)]
    again = viola.ask("get", REGISTER, ROOM)[0]
    assert again.find(f"{{{ns.REGISTER}}}registered") is not None
    assert again.findtext(f"{{{ns.REGISTER}}}username") == "Cesario"
    assert listed(owner, "affiliation='member'") == [{"affiliation": "member", "jid": viola.bare, "nick": "Cesario"}]


def test_an_owners_nick(owner: Client, feste: Client):
    """Who is more than a member stays so."""
    register(owner, "Countess")
    assert listed(owner, "affiliation='owner'")[0]["nick"] == "Countess"
    feste.write(f"<presence to='{ROOM}/Countess'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "conflict"


def test_a_nick_that_is_taken(owner: Client, viola: Client, feste: Client):
    """Section 7.10."""
    assert condition(register(feste, "Olivia")) == "conflict"
    register(viola, "Cesario")
    assert condition(register(feste, "Cesario")) == "conflict"


NO_NICK = (
    "<x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>&#x2800;</value></field></x>"
)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("", "bad-request"),
        (f"<x xmlns='{ns.DATA}' type='submit'/>", "bad-request"),
        (NO_NICK, "jid-malformed"),
    ],
)
def test_a_form_that_says_nothing(owner: Client, feste: Client, content: str, refusal: str):
    """Section 7.10."""
    assert condition(feste.ask("set", f"<query xmlns='{ns.REGISTER}'>{content}</query>", ROOM)) == refusal


def test_where_nobody_registers(owner: Client, feste: Client):
    """Section 7.10."""
    assert ns.REGISTER in features(feste)
    configure(owner, {"registration": "0"})
    assert ns.REGISTER not in features(feste)
    assert condition(feste.ask("get", REGISTER, ROOM)) == "not-allowed"
    assert condition(register(feste, "Feste")) == "not-allowed"


def features(client: Client) -> list[str | None]:
    return [each.get("var") for each in client.ask("get", INFO, ROOM)[0].iter(f"{{{ns.DISCO_INFO}}}feature")]


def test_who_is_banned_does_not_register(owner: Client, feste: Client):
    affiliate(owner, "feste", "outcast")
    assert condition(register(feste, "Feste")) == "forbidden"


def test_a_room_that_is_not_there(feste: Client):
    """Section 7.10."""
    assert condition(feste.ask("get", REGISTER, f"nowhere@{SERVICE}")) == "item-not-found"


def test_giving_it_up(owner: Client, viola: Client, feste: Client):
    """XEP-0077 section 3.2."""
    register(viola, "Cesario")
    clear(owner)
    assert viola.ask("set", f"<query xmlns='{ns.REGISTER}'><remove/></query>", ROOM).type == "result"
    assert seen(owner) == [Seen("Viola", None, "none", "participant", viola.jid)]
    assert enter(feste, "Cesario")[-1].codes == (110,)
    register(owner, "Countess")
    owner.ask("set", f"<query xmlns='{ns.REGISTER}'><remove/></query>", ROOM)
    assert listed(owner, "affiliation='owner'") == [{"affiliation": "owner", "jid": owner.bare}]


def test_to_be_heard_one_is_admitted(owner: Client, visitor: Client):
    """Section 5.1.2: members are heard in a moderated room, so nobody makes himself one; and it isn't offered."""
    assert ns.REGISTER not in features(visitor)
    assert register(visitor, "Cesario").type == "result"
    assert form_in(owner.only())["muc#register_roomnick"] == ("Cesario",)
    assert not seen(visitor)
    answer(owner, f"{ns.MUC}#register", register_roomnick="Cesario", register_allow="1")
    assert seen(visitor)[-1].role == "participant"


def test_to_a_room_for_members_one_is_admitted(owner: Client, feste: Client):
    """Section 9.9."""
    configure(owner, {"membersonly": "1"})
    clear(owner)
    assert register(feste, "Fool").type == "result"
    asked = form_in(owner.only())
    assert asked["muc#register_roomnick"] == ("Fool",)
    feste.write(f"<presence to='{ROOM}/Fool'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "registration-required"
    answer(owner, f"{ns.MUC}#register", register_roomnick="Fool", register_allow="1")
    assert [each.get("from") for each in feste.take("message")] == [ROOM]
    assert enter(feste, "Fool")[-1].affiliation == "member"
    answer(owner, f"{ns.MUC}#register", register_roomnick="Fool", register_allow="1")
    assert condition(owner.take("message")[-1]) == "item-not-found"


def test_or_not(owner: Client, feste: Client, viola: Client):
    """Section 9.9."""
    configure(owner, {"membersonly": "1"})
    register(feste, "Fool")
    assert condition(register(viola, "Fool")) == "conflict"
    answer(feste, f"{ns.MUC}#register", register_roomnick="Fool", register_allow="1")
    assert condition(feste.only()) == "forbidden"
    answer(owner, f"{ns.MUC}#register", register_roomnick="Fool", register_allow="0")
    assert listed(owner, "affiliation='member'") == []


def test_requests_have_a_limit(owner: Client, feste: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.registration.REQUESTED", 0)
    configure(owner, {"membersonly": "1"})
    assert condition(register(feste, "Fool")) == "resource-constraint"


def test_rooms_are_found_by_their_host(stage: Stage, owner: Client):
    service = rooms_of(stage.host)
    assert service is not None
    assert [each.jid.bare for each in service] == [ROOM]
