"""People who mean no good, in a room with others (XEP-0045 section 14.6)."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.entry import LONGEST_PRESENCE
from conversehost.xmpp import ns
from tests.features.rooms.visits import (
    ROOM,
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

MASKS = {
    "a space behind": "Viola ",
    "a space nobody sees": "Viola\u00a0",
    "wide letters": "\uff36iola",
    "a letter of another form": "\U0001d415iola",
    "a letter that is a space": "Viola\u2800",
}


@pytest.mark.parametrize("mask", MASKS)
def test_nobody_passes_for_somebody_else(owner: Client, viola: Client, feste: Client, mask: str):
    """Coming in, changing the nick, or reserving one."""
    nick = MASKS[mask]
    feste.write(f"<presence to='{ROOM}/{nick}'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "conflict"
    enter(feste, "Feste")
    clear(feste)
    feste.available(to=f"{ROOM}/{nick}")
    assert condition(feste.only()) == "conflict"
    form = f"<x xmlns='{ns.DATA}' type='submit'><field var='muc#register_roomnick'><value>{nick}</value></field></x>"
    assert condition(feste.ask("set", f"<query xmlns='{ns.REGISTER}'>{form}</query>", ROOM)) == "conflict"
    assert not viola.take("message")


def test_a_nick_is_as_it_is_seen(owner: Client, feste: Client):
    """Section 7.2.2, the status code 210; and section 7.6."""
    feste.write(f"<presence to='{ROOM}/The  \uff26ool'><x xmlns='{ns.MUC}'/></presence>")
    assert feste.take("presence")[-1].get("from") == f"{ROOM}/The Fool"
    clear(feste)
    feste.available(to=f"{ROOM}/Feste ")
    gone, come = seen(feste)
    assert (gone.new_nick, gone.codes) == ("Feste", (110, 303))
    assert (come.nick, come.codes) == ("Feste", (110, 210))


def test_a_nick_that_nobody_sees(owner: Client, feste: Client):
    """Section 17.1."""
    feste.write(f"<presence to='{ROOM}/\u2800'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(feste.only()) == "jid-malformed"


def test_who_locks_nicks_is_obeyed_also_by_who_is_inside(owner: Client, viola: Client):
    """Sections 7.6 and 7.10: the nick isn't the one that was asked for, and the client is told so."""
    administer(owner, "jid='viola@localhost' affiliation='member' nick='Cesario'")
    configure(owner, {"x-muc#roomconfig_reservednick": "1"})
    clear(viola)
    viola.available(to=f"{ROOM}/Orsino")
    assert [(each.nick, each.codes) for each in seen(viola)] == [("Viola", (110, 303)), ("Cesario", (110, 210))]


def test_presence_has_a_limit(owner: Client, viola: Client, feste: Client):
    """Everybody would get it from everybody."""
    more = f"<x xmlns='urn:example'>{'x' * LONGEST_PRESENCE}</x>"
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/>{more}</presence>")
    assert condition(feste.only()) == "policy-violation"
    viola.write(f"<presence to='{ROOM}/Viola'>{more}</presence>")
    assert condition(viola.only()) == "policy-violation"
    assert not owner.take()
    viola.write(f"<presence type='unavailable' to='{ROOM}/Viola'>{more}</presence>")
    assert seen(owner) == [Seen("Viola", "unavailable", "none", "none", viola.jid)]


def test_a_full_room_is_full_for_who_is_inside_twice(stage: Stage, owner: Client, viola: Client):
    """Section 7.2.9: two clients under one nick don't become two occupants."""
    second = stage.login("viola", "ship")
    enter(second, "Viola")
    configure(owner, {"maxusers": "2"})
    clear(owner, viola, second)
    second.available(to=f"{ROOM}/Cesario")
    assert condition(second.only()) == "service-unavailable"
    assert not owner.take()
    second.presence("unavailable", to=f"{ROOM}/Viola")
    clear(owner, viola, second)
    viola.available(to=f"{ROOM}/Cesario")
    assert [each.nick for each in seen(owner)] == ["Viola", "Cesario"]


def test_no_nick_is_reserved_twice(owner: Client):
    both = (f"jid='{each}@localhost' affiliation='member' nick='Fool'" for each in ("feste", "viola"))
    assert condition(administer(owner, *both)) == "conflict"
    assert listed(owner, "affiliation='member'") == []


LIMITED = "conversehost.features.rooms.record.AFFILIATED"


def test_affiliations_have_a_limit_whichever_way_they_come(
    stage: Stage, owner: Client, viola: Client, monkeypatch: pytest.MonkeyPatch
):
    """By several items at once, by the room's form, by invitations."""
    monkeypatch.setattr(LIMITED, 2)
    stage.account("feste")
    both = (f"jid='{each}@localhost' affiliation='member'" for each in ("feste", "viola"))
    assert condition(administer(owner, *both)) == "resource-constraint"
    assert condition(configure(owner, {"roomadmins": ["feste@localhost", "viola@localhost"]})) == "resource-constraint"
    affiliate(owner, "viola", "member")
    configure(owner, {"membersonly": "1"})
    clear(owner)
    owner.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'><invite to='feste@localhost'/></x></message>")
    assert condition(owner.only()) == "resource-constraint"


def test_no_domain_owns_a_room(owner: Client):
    assert condition(configure(owner, {"roomowners": ["olivia@localhost", "localhost"]})) == "not-acceptable"
    assert condition(configure(owner, {"roomadmins": ["localhost"]})) == "not-acceptable"


def test_questions_of_one_make_nobody_elses_lapse(
    owner: Client, viola: Client, feste: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("conversehost.features.rooms.relay.ASKED", 2)
    enter(feste, "Feste")
    clear(owner, viola, feste)

    def ask(client: Client, id: str) -> None:
        client.write(f"<iq type='get' id='{id}' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")

    ask(feste, "f")
    for number in range(5):
        ask(viola, f"v{number}")
    for asked in owner.take("iq"):
        owner.write(f"<iq type='result' id='{asked.id}' to='{asked.get('from')}'/>")
    assert [each.id for each in feste.take("iq")] == ["f"]
    assert [each.id for each in viola.take("iq")] == ["v3", "v4"]


def test_nobody_but_an_owner_says_when_something_was_said(owner: Client, viola: Client, feste: Client):
    """Section 7.9: history keeps the times of a chat that became this room."""
    forged = f"<delay xmlns='{ns.DELAY}' from='olivia@localhost' stamp='2004-09-29T01:54:37Z'/>"
    for client, text in ((owner, "hers"), (viola, "his")):
        client.write(f"<message to='{ROOM}' type='groupchat'><body>{text}</body>{forged}</message>")
    enter(feste, "Feste")
    told = {
        each.text_of("body"): [delay.get("from") for delay in each.iter(f"{{{ns.DELAY}}}delay")]
        for each in feste.take("message")
        if each.text_of("body")
    }
    assert told == {"hers": ["olivia@localhost"], "his": [ROOM]}


def test_a_long_message_in_several_languages_is_long(owner: Client, viola: Client):
    configure(owner, {"x-muc#roomconfig_longestmessage": "10"})
    clear(owner, viola)
    viola.write(f"<message to='{ROOM}' type='groupchat'><body>hi</body><body xml:lang='de'>{'x' * 9}</body></message>")
    assert condition(viola.only()) == "policy-violation"
    assert not owner.take()


def test_spoofed_statuses_do_not_pass(owner: Client, viola: Client, feste: Client):
    """Section 17.3: what only a room says is the room's, in all that an occupant sends."""
    enter(feste, "Feste")
    clear(owner, viola, feste)
    forged = f"<x xmlns='{ns.MUC_USER}'><item affiliation='owner' role='none' jid='x@y'/><status code='307'/></x>"
    forged += f"<hats xmlns='{ns.HATS}'><hat uri='x' title='King'/></hats>"
    forged += f"<occupant-id xmlns='{ns.OCCUPANT_ID}' id='x'/>"
    feste.write(f"<presence to='{ROOM}/Feste'>{forged}</presence>")
    feste.write(f"<message type='groupchat' to='{ROOM}'><body>x</body>{forged}</message>")
    feste.write(f"<message type='chat' to='{ROOM}/Viola'><body>x</body>{forged}</message>")
    feste.write(f"<presence type='unavailable' to='{ROOM}/Feste'>{forged}</presence>")
    told = viola.take()
    assert len(told) == 4
    for stanza in told:
        assert not stanza.has(ns.HATS, "hats")
        assert [each.get("id") != "x" for each in stanza.iterchildren(f"{{{ns.OCCUPANT_ID}}}occupant-id")] == [True]
        for x in stanza.iter(f"{{{ns.MUC_USER}}}x"):
            assert codes_in(x) == ()
            assert [each.get("affiliation") for each in x] in ([], ["none"])


def test_a_room_that_was_never_set_up_says_that_it_ends(feste: Client):
    """Section 10.1.3: its owner leaves before he has said how it shall be."""
    enter(feste, "Feste", room="ship@conference.localhost")
    clear(feste)
    feste.presence("unavailable", to="ship@conference.localhost/Feste")
    told = feste.only("presence")
    assert told.find(f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}destroy") is not None
    assert told.has(ns.OCCUPANT_ID, "occupant-id")
