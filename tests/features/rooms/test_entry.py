"""XEP-0045 section 7.2: entering a room."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.config import CROWDED
from conversehost.xmpp import ns
from tests.features.rooms.visits import (
    ROOM,
    SERVICE,
    Seen,
    administer,
    affiliate,
    clear,
    configure,
    enter,
    found,
    seen,
    unlock,
)
from tests.stage import Client, Stage, condition


def test_who_comes_first_makes_the_room_and_owns_it(feste: Client):
    """Section 10.1.1."""
    assert enter(feste, "Feste") == [Seen("Feste", None, "owner", "moderator", feste.jid, (110, 201))]


def test_until_it_is_set_up_nobody_else_comes_in(stage: Stage, feste: Client):
    """Section 7.2.10."""
    enter(feste, "Feste")
    viola = stage.login("viola")
    viola.write(f"<presence to='{ROOM}/Viola' id='p1'><x xmlns='{ns.MUC}'/></presence>")
    refused = viola.only()
    assert (condition(refused), refused.get("from"), refused.id) == ("item-not-found", f"{ROOM}/Viola", "p1")
    assert refused.find(f"{{{ns.MUC}}}x") is not None
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "item-not-found"
    unlock(feste)
    assert enter(viola, "Viola")[-1].codes == (110,)


def test_the_others_then_oneself_then_history_then_the_subject(owner: Client, feste: Client):
    """Sections 7.1 and 7.2.2."""
    owner.say(ROOM, "hello", type="groupchat")
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    came = [(each.kind, each.get("from"), each.text_of("body")) for each in feste.take()]
    assert came == [
        ("presence", f"{ROOM}/Olivia", ""),
        ("presence", f"{ROOM}/Feste", ""),
        ("message", f"{ROOM}/Olivia", "hello"),
        ("message", ROOM, ""),
    ]


def test_moderators_see_real_addresses_others_do_not(owner: Client, viola: Client, feste: Client):
    """Section 7.2.4: semi-anonymous, as rooms are."""
    assert enter(feste, "Feste") == [
        Seen("Olivia", None, "owner", "moderator"),
        Seen("Viola", None, "none", "participant"),
        Seen("Feste", None, "none", "participant", feste.jid, (110,)),
    ]
    assert seen(owner) == [Seen("Feste", None, "none", "participant", feste.jid)]
    assert seen(viola) == [Seen("Feste", None, "none", "participant")]


def test_in_a_non_anonymous_room_all_see_them_and_are_warned(owner: Client, viola: Client, feste: Client):
    """Section 7.2.3."""
    configure(owner, {"whois": "anyone"})
    clear(viola)
    assert enter(feste, "Feste")[0].jid == owner.jid
    assert seen(viola) == [Seen("Feste", None, "none", "participant", feste.jid)]
    assert enter(owner.stage.login("maria"), "Maria")[-1].codes == (100, 110)


def test_in_an_anonymous_room_nobody_does(owner: Client, feste: Client):
    configure(owner, {"whois": "none"})
    clear(owner)
    enter(feste, "Feste")
    assert seen(owner) == [Seen("Feste", None, "none", "participant")]


def test_who_enters_a_logged_room_is_warned(owner: Client, feste: Client):
    """Section 7.2.12."""
    configure(owner, {"enablelogging": "1"})
    assert enter(feste, "Feste")[-1].codes == (110, 170)


def test_a_nick_is_needed(owner: Client, feste: Client):
    """Section 7.2.1."""
    feste.write(f"<presence to='{ROOM}'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "jid-malformed"


def test_a_nick_of_spaces_is_none(owner: Client, feste: Client):
    """Section 17.1."""
    feste.write(f"<presence to='{ROOM}/ '><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "jid-malformed"


def test_somebody_elses_nick(owner: Client, feste: Client):
    """Section 7.2.8."""
    feste.write(f"<presence to='{ROOM}/Olivia'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "conflict"
    assert not owner.take()


def test_a_nick_that_is_kept_for_somebody_else(owner: Client, feste: Client):
    """Section 7.2.8."""
    administer(owner, "jid='viola@localhost' affiliation='member' nick='Cesario'")
    feste.write(f"<presence to='{ROOM}/Cesario'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "conflict"


def test_a_second_client_shares_the_nick(stage: Stage, owner: Client, viola: Client):
    """Section 7.2.8: both hear all, and both may speak."""
    second = stage.login("viola", "ship")
    assert enter(second, "Viola") == [
        Seen("Olivia", None, "owner", "moderator"),
        Seen("Viola", None, "none", "participant", second.jid, (110,)),
    ]
    clear(viola, second, owner)
    owner.say(ROOM, "hey", type="groupchat")
    assert viola.heard() == second.heard() == ["hey"]
    second.say(ROOM, "ho", type="groupchat")
    assert (owner.take("message")[-1].get("from"), viola.heard()) == (f"{ROOM}/Viola", ["ho"])


def test_one_of_two_clients_leaves(stage: Stage, owner: Client, viola: Client):
    """The nick stays; the others see the presence of the one that is left."""
    second = stage.login("viola", "ship")
    enter(second, "Viola", presence="<show>away</show>")
    clear(owner, viola)
    second.presence("unavailable", to=f"{ROOM}/Viola")
    assert seen(second) == [Seen("Viola", "unavailable", "none", "none", second.jid, (110,))]
    assert seen(owner) == [Seen("Viola", None, "none", "participant", viola.jid)]
    viola.leave()
    assert [each.type for each in seen(owner)] == ["unavailable"]


@pytest.mark.parametrize("given", ["", "<password>ducdame</password>"])
def test_without_the_password_nobody_comes_in(owner: Client, feste: Client, given: str):
    """Section 7.2.6."""
    configure(owner, {"passwordprotectedroom": "1", "roomsecret": "cauldron"})
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'>{given}</x></presence>")
    assert condition(feste.only()) == "not-authorized"
    assert enter(feste, "Feste", "<password>cauldron</password>")[-1].codes == (110,)


def test_a_room_for_members(owner: Client, feste: Client):
    """Section 7.2.7."""
    configure(owner, {"membersonly": "1"})
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "registration-required"
    affiliate(owner, "feste", "member")
    clear(feste)
    assert enter(feste, "Feste")[-1] == Seen("Feste", None, "member", "participant", feste.jid, (110,))


def test_who_is_banned_stays_out(owner: Client, feste: Client):
    """Section 7.2.8 of those who are banned."""
    affiliate(owner, "feste", "outcast")
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "forbidden"


def test_a_banned_domain_stays_out(make_stage):
    """Section 9.2: the account's own affiliation first, then that of its domain."""
    stage = make_stage("localhost", "elsewhere.example")
    owner, stranger = stage.login("olivia"), stage.login("orsino@elsewhere.example")
    found(owner)
    assert administer(owner, "jid='elsewhere.example' affiliation='outcast'").type == "result"
    stranger.write(f"<presence to='{ROOM}/Orsino'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(stranger.only()) == "forbidden"
    affiliate(owner, "orsino@elsewhere.example", "member")
    assert enter(stranger, "Orsino")[-1].affiliation == "member"


def test_a_full_room_has_a_place_for_admins(stage: Stage, owner: Client, viola: Client):
    """Section 7.2.9."""
    for number in range(8):
        enter(stage.login(f"guest{number}"), f"Guest {number}")
    configure(owner, {"maxusers": "10"})
    late = stage.login("late")
    late.write(f"<presence to='{ROOM}/Late'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(late.only()) == "service-unavailable"
    affiliate(owner, "late", "admin")
    clear(late)
    assert enter(late, "Late")[-1].role == "moderator"


def test_no_room_is_without_a_limit(stage: Stage, owner: Client, monkeypatch: pytest.MonkeyPatch):
    assert CROWDED == 1_000
    monkeypatch.setattr("conversehost.features.rooms.entry.CROWDED", 1)
    late = stage.login("late")
    late.write(f"<presence to='{ROOM}/Late'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(late.only()) == "service-unavailable"


def test_rooms_have_a_limit(stage: Stage, owner: Client, feste: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.service.ROOMS", 1)
    feste.write(f"<presence to='other@{SERVICE}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "not-allowed"


def test_who_has_lost_track_gets_all_of_it_again(owner: Client, viola: Client):
    """Sections 7.2.1 and 17.3: as if just joined; nobody else is bothered when nothing is new."""
    owner.say(ROOM, "hello", type="groupchat")
    clear(viola, owner)
    assert enter(viola, "Viola") == [
        Seen("Olivia", None, "owner", "moderator"),
        Seen("Viola", None, "none", "participant", viola.jid, (110,)),
    ]
    assert [each.text_of("body") for each in viola.take("message")] == ["hello", ""]
    assert not owner.take()
    enter(viola, "Viola", presence="<show>away</show>")
    assert [each.nick for each in seen(owner)] == ["Viola"]


def test_who_never_came_in_is_told_so(owner: Client, feste: Client):
    """Section 7.2.18: presence without <x/> from somebody who isn't in the room."""
    feste.available(to=f"{ROOM}/Feste")
    assert seen(feste) == [Seen("Feste", "unavailable", "none", "none", None, (110, 307, 333))]
    assert not owner.take()


@pytest.mark.parametrize("type", ["subscribe", "probe", "unavailable", "error"])
def test_no_other_presence_is_a_way_in(owner: Client, feste: Client, type: str):
    """Section 17.3."""
    feste.write(f"<presence type='{type}' to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert not [each for each in feste.take("presence") if each.type is None]
    assert not owner.take("presence")


def test_nobody_forges_what_the_room_says(owner: Client, feste: Client):
    """Section 17.3."""
    forged = f"<x xmlns='{ns.MUC_USER}'><item affiliation='owner' role='moderator'/></x>"
    forged += f"<occupant-id xmlns='{ns.OCCUPANT_ID}' id='1'/>"
    feste.write(f"<presence to='{ROOM}/Feste'>{forged}<x xmlns='{ns.MUC}'/></presence>")
    presence = owner.only("presence")
    assert [each.get("affiliation") for each in presence.iter(f"{{{ns.MUC_USER}}}item")] == ["none"]
    ids = [each.get("id") for each in presence.iter(f"{{{ns.OCCUPANT_ID}}}occupant-id")]
    assert len(ids) == 1
    assert ids != ["1"]


def test_what_a_client_says_of_itself_goes_through(owner: Client, feste: Client):
    """Section 17.3."""
    enter(feste, "Feste", presence=f"<show>dnd</show><status>singing</status><c xmlns='{ns.CAPS}'/>")
    presence = owner.only("presence")
    assert (presence.text_of("show"), presence.text_of("status"), presence.has(ns.CAPS, "c")) == (
        "dnd",
        "singing",
        True,
    )
