"""XEP-0045 sections 7.6, 7.7 and 7.14: another nick, another state, and the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.features.rooms import rooms_of
from conversehost.xmpp import ns
from tests.features.rooms.visits import ROOM, Seen, administer, clear, configure, enter, found, seen
from tests.stage import Client, Stage, condition


def test_another_nick(owner: Client, viola: Client):
    """Section 7.6."""
    viola.available(to=f"{ROOM}/Cesario")
    assert seen(owner) == [
        Seen("Viola", "unavailable", "none", "participant", viola.jid, (303,), "Cesario"),
        Seen("Cesario", None, "none", "participant", viola.jid),
    ]
    assert seen(viola) == [
        Seen("Viola", "unavailable", "none", "participant", viola.jid, (110, 303), "Cesario"),
        Seen("Cesario", None, "none", "participant", viola.jid, (110,)),
    ]
    viola.leave()
    assert [(each.nick, each.type) for each in seen(owner)] == [("Cesario", "unavailable")]


def test_a_nick_that_somebody_has(owner: Client, viola: Client):
    """Section 7.6."""
    viola.available(to=f"{ROOM}/Olivia")
    assert condition(viola.only()) == "conflict"
    assert not owner.take()


def test_a_nick_that_is_reserved(owner: Client, viola: Client):
    """Section 7.6."""
    administer(owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
    viola.available(to=f"{ROOM}/Fool")
    assert condition(viola.only("presence")) == "conflict"


def test_the_only_owner_changes_nick_and_the_room_stays(owner: Client):
    owner.available(to=f"{ROOM}/Countess")
    clear(owner)
    owner.say(ROOM, "still here", type="groupchat")
    assert owner.heard() == ["still here"]


def test_one_of_two_clients_takes_another_nick(stage: Stage, owner: Client, viola: Client):
    """Section 7.6: the other one keeps the old, and both are there."""
    second = stage.login("viola", "ship")
    enter(second, "Viola")
    clear(owner, viola, second)
    second.available(to=f"{ROOM}/Cesario")
    assert [(each.nick, each.type) for each in seen(owner)] == [("Viola", None), ("Cesario", None)]
    assert {(each.nick, each.type, each.codes) for each in seen(second)} == {
        ("Viola", "unavailable", (110, 303)),
        ("Viola", None, ()),
        ("Olivia", None, ()),
        ("Cesario", None, (110,)),
    }
    second.available(to=f"{ROOM}/Viola")
    clear(owner, viola, second)
    owner.say(f"{ROOM}/Viola", "both?")
    assert viola.heard() == second.heard() == ["both?"]


def test_where_nicks_are_locked_a_member_has_the_reserved_one(owner: Client, viola: Client, feste: Client):
    """Sections 7.2.2, 7.6 and 7.10."""
    administer(owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
    configure(owner, {"x-muc#roomconfig_reservednick": "1"})
    clear(feste, viola)
    assert enter(feste, "Feste")[-1] == Seen("Fool", None, "member", "participant", feste.jid, (110, 210))
    feste.available(to=f"{ROOM}/Feste")
    assert condition(feste.only("presence")) == "not-acceptable"
    assert enter(feste, "Feste")[-1].codes == (110, 210)
    viola.available(to=f"{ROOM}/Cesario")
    assert seen(viola)[-1].nick == "Cesario"


def test_another_state(owner: Client, viola: Client):
    """Section 7.7."""
    viola.write(f"<presence to='{ROOM}/Viola' id='p1'><show>away</show></presence>")
    presence = owner.only("presence")
    assert (presence.get("from"), presence.text_of("show")) == (f"{ROOM}/Viola", "away")
    own = viola.only("presence")
    assert (own.id, own.text_of("show")) == ("p1", "away")


def test_who_comes_later_sees_the_last_state(owner: Client, viola: Client, feste: Client):
    viola.write(f"<presence to='{ROOM}/Viola'><status>lost</status></presence>")
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert [each.text_of("status") for each in feste.take("presence")] == ["", "lost", ""]


def test_presence_of_some_roles_only(owner: Client, viola: Client, feste: Client):
    """Section 10.2, `presencebroadcast`: others are as if they weren't there, and come when they are somebody."""
    configure(owner, {"presencebroadcast": ["moderator"]})
    assert [(each.nick, each.type) for each in seen(owner)] == [("Viola", "unavailable")]
    clear(viola)
    assert [each.nick for each in enter(feste, "Feste")] == ["Olivia", "Feste"]
    assert not seen(viola)
    assert not seen(owner)
    administer(owner, "nick='Viola' role='moderator'")
    assert [(each.nick, each.role) for each in seen(feste)] == [("Viola", "moderator")]
    administer(owner, "nick='Viola' role='participant'")
    assert [(each.nick, each.type) for each in seen(feste)] == [("Viola", "unavailable")]
    configure(owner, {"presencebroadcast": ["moderator", "participant", "visitor"]})
    assert {each.nick for each in seen(owner)} == {"Viola", "Feste"} | {"Viola"}


def test_leaving(owner: Client, viola: Client):
    """Section 7.14."""
    viola.write(f"<presence type='unavailable' to='{ROOM}/Viola'><status>farewell</status></presence>")
    own = viola.only("presence")
    assert own.text_of("status") == "farewell"
    seen_by_her = owner.only("presence")
    assert seen_by_her.text_of("status") == "farewell"
    assert seen_by_her.has(ns.OCCUPANT_ID, "occupant-id")
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "not-acceptable"


def test_what_others_see_of_it(owner: Client, viola: Client):
    """Section 7.14: the role is none."""
    viola.presence("unavailable", to=f"{ROOM}/Viola")
    assert seen(owner) == [Seen("Viola", "unavailable", "none", "none", viola.jid)]
    assert seen(viola) == [Seen("Viola", "unavailable", "none", "none", viola.jid, (110,))]


ENDS: dict[str, Callable[[Client], None]] = {
    "goodbye": Client.leave,
    "broken": Client.drop,
    "unavailable": lambda client: client.presence("unavailable"),
    "replaced": lambda client: client.stage.connect("viola", "shore") and None,
    "deleted": lambda client: client.stage.host.delete_account(client.session.account) and None,
}


@pytest.mark.parametrize("end", ENDS)
def test_no_ghost_stays(owner: Client, viola: Client, end: str):
    """Section 18.1.2: whichever way a client goes, it leaves its rooms."""
    ENDS[end](viola)
    assert [(each.nick, each.type) for each in seen(owner)] == [("Viola", "unavailable")]


def test_who_may_come_back_is_no_ghost_until_it_is_too_late(stage: Stage, owner: Client, viola: Client):
    """XEP-0198: a connection that breaks isn't the session's end, if the client has asked for it."""
    viola.write(f"<enable xmlns='{ns.SM}' resume='true'/>")
    viola.drop()
    assert seen(owner) == []
    stage.clock.advance(100_000)
    stage.turn.end()
    assert [(each.nick, each.type) for each in seen(owner)] == [("Viola", "unavailable")]


def test_a_temporary_room_ends_with_its_last_occupant(stage: Stage, owner: Client, viola: Client):
    """Section 7.14; and nothing of it is kept."""
    owner.say(ROOM, "hello", type="groupchat")
    for client in (viola, owner):
        client.leave()
    service = rooms_of(stage.host)
    assert service is not None
    assert list(service) == []
    assert not [name for name in stage.store._collections if name.startswith("room") and stage.store.owners(name)]


def test_a_persistent_room_stays(owner: Client, feste: Client):
    """Section 4.2: with its owner, its subject and what was said."""
    configure(owner, {"persistentroom": "1"})
    owner.write(f"<message to='{ROOM}' type='groupchat'><subject>Music</subject></message>")
    owner.say(ROOM, "if music be the food of love", type="groupchat")
    owner.leave()
    assert enter(feste, "Feste") == [Seen("Feste", None, "none", "participant", feste.jid, (110,))]
    said, subject = feste.take("message")
    assert (said.text_of("body"), subject.text_of("subject")) == ("if music be the food of love", "Music")


def test_a_room_that_nobody_has_finished_ends_with_its_owner(stage: Stage, feste: Client):
    """Section 10.1.3."""
    enter(feste, "Feste")
    feste.presence("unavailable", to=f"{ROOM}/Feste")
    service = rooms_of(stage.host)
    assert service is not None
    assert list(service) == []


def test_all_leave_when_the_server_ends(stage: Stage, owner: Client, viola: Client):
    """Section 11.2."""
    for closing in stage.host.hooks.closing:
        closing()
    stage.turn.end()
    assert [(each.nick, each.codes) for each in seen(viola)] == [("Viola", (110, 332))]
    assert [(each.nick, each.codes) for each in seen(owner)] == [("Olivia", (110, 332))]


def test_an_occupant_of_several_rooms(stage: Stage, owner: Client, viola: Client):
    found(viola, "ship@conference.localhost")
    viola.drop()
    assert [each.nick for each in seen(owner)] == ["Viola"]
    service = rooms_of(stage.host)
    assert service is not None
    assert [each.jid.bare for each in service] == [ROOM]
