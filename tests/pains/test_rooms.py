"""Rooms: nicknames that somebody's ghost has, and history that comes twice."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from conversehost.testing import TestBed
from tests.pains.pages import Page

ROOM = "lounge@conference.localhost"
CLIENT = "{jabber:client}"
STABLE = "{urn:xmpp:sid:0}stanza-id"


def enter(page: Page, nick: str, history: int = 0) -> list[ET.Element]:
    """What the page is told, up to its own presence and all of the history that it wants."""
    before = len(page.got)
    x = f"<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='{history}'/></x>"
    page.post(f"<presence xmlns='jabber:client' id='enter' to='{ROOM}/{nick}'>{x}</presence>")
    for number in range(10):
        page.ping(f"entered-{number}")
        if any(each.get("id") == f"entered-{number}" for each in page.got):
            return page.got[before:]
    raise AssertionError("it doesn't end")


def conflict(told: list[ET.Element]) -> bool:
    """The nickname is somebody else's."""
    errors = (each.find(f"{CLIENT}error") for each in told if each.get("type") == "error")
    return any(
        each is not None and each.find("{urn:ietf:params:xml:ns:xmpp-stanzas}conflict") is not None for each in errors
    )


def test_ones_own_ghost_does_not_have_ones_nickname(bed: TestBed):
    """The page is loaded again and gets another session, while the old one is there for a minute still."""
    bed.make_room("lounge")
    for _ in range(2):
        page = Page(bed)
        page.enter()
        assert not conflict(enter(page, "Ann"))
    assert {each.nick for each in bed.occupants("lounge")} == {"Ann"}


def test_a_guests_ghost_has_the_nickname_until_it_is_gone(bed: TestBed):
    """With an address that is new at each visit, the old nickname is still in the room."""
    bed.make_room("lounge")
    ghost, page = Page(bed), Page(bed, "bob")
    ghost.enter()
    enter(ghost, "Guest")
    bed.advance(50)
    page.enter()
    assert conflict(enter(page, "Guest"))
    bed.advance(20)
    assert not conflict(enter(page, "Guest"))


def test_a_page_is_in_its_rooms_again_after_its_session_died(bed: TestBed):
    """A new session is in no room: the page has to enter again, and then hears what is said."""
    bed.make_room("lounge")
    page = Page(bed)
    page.enter()
    enter(page, "Ann")
    bed.kill_session("alice")
    assert bed.occupants("lounge") == []
    page.enter()
    enter(page, "Ann")
    assert [each.nick for each in bed.occupants("lounge")] == ["Ann"]


def test_history_and_archive_say_the_same_of_a_message(bed: TestBed):
    """What comes by both is told to be one message by its stanza-id, else it stands there twice."""
    bed.make_room("lounge", owner="bob")
    bed.enter_room("lounge", "bob", "Bob")
    for body in ("one", "two"):
        bed.say_in_room("lounge", body, nick="Bob")
    page = Page(bed)
    page.enter()
    told = [each for each in enter(page, "Ann", history=20) if each.find(f"{CLIENT}body") is not None]
    stable = [each.find(STABLE) for each in told]
    assert [each.findtext(f"{CLIENT}body") for each in told] == ["one", "two"]
    assert [None if each is None else each.get("id") for each in stable] == [
        each.id for each in bed.room_messages("lounge")
    ]
