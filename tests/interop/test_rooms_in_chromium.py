"""Converse.js in rooms: what people do there, and what the others see."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visitor

ARCHIVE = "iq[@type='result'][contains(@from, '@conference.')]/*[local-name()='fin']"
STUMBLES = "Cannot read properties of undefined (reading 'querySelector')"


class Guest:
    """Somebody in a room, by its window in their page."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.room = self.page.locator(".chatroom")

    def menu(self, name: str) -> None:
        """Of the list of rooms. Converse.js closes a menu whenever it draws what is around it anew, as it does several
        times for who has just come; so this doesn't wait until the menu is open.
        """
        self.page.locator(f".show-{name}-modal").dispatch_event("click")

    def modal(self, selector: str) -> Locator:
        return self.visitor.is_shown(self.page.locator(selector).last)

    def room_menu(self, name: str) -> None:
        """Of the room itself, in the same way."""
        self.room.locator(f".{name}").dispatch_event("click")

    def ask_for(self, room: str) -> None:
        """By its name. The names of rooms that are there may come up over the button."""
        self.menu("add-muc")
        modal = self.modal(".modal:has(input[name=chatroom])")
        modal.locator("input[name=chatroom]").fill(room)
        modal.locator("[type=submit]").dispatch_event("click")
        expect(modal).to_be_hidden()

    def configure(self, *switches: str, **texts: str) -> None:
        """Fill in the room's form: what is switched on, and what is written."""
        self.room_menu("configure-chatroom-button")
        form = self.page.locator("converse-muc-config-form, converse-muc-config-modal").first
        for each in switches:
            form.locator(f"input[name='muc#roomconfig_{each}']").check()
        for name, text in texts.items():
            form.locator(f"input[name='muc#roomconfig_{name}']").fill(text)
        form.locator("[type=submit]").first.click()
        expect(form).to_be_hidden()

    def enter(self, room: str, *, password: str = "") -> None:
        """Make it, or come in."""
        self.ask_for(room)
        if password:
            self.room.locator("input[name=password]").fill(password)
            self.room.locator("input[name=password]").press("Enter")
        expect(self.box).to_be_visible()

    def arrive(self, room: str) -> None:
        """The same, until Converse.js 14 has all that it asks for by itself, the archive last: who is shown out before
        that is refused it, and the page may not tell him why.
        """
        bed, before = self.visitor.bed, self.visitor.bed.last
        self.enter(room)
        if self.visitor.makes_keys:  # that is version 14
            bed.wait_for(ARCHIVE, account=self.visitor.name, direction="out", after=before, timeout=30)

    @property
    def box(self) -> Locator:
        return self.room.locator(".chat-area textarea.chat-textarea")

    def say(self, text: str) -> None:
        """Or give a command, such as /kick."""
        self.box.fill(text)
        self.box.press("Enter")

    def hears(self, *texts: str) -> None:
        """Everything that was said to all, in order."""
        heard = self.room.locator(".chat-area .chat-msg__text")
        expect(heard, f"what {self.visitor.name} hears").to_have_text(list(texts), use_inner_text=True)

    def is_told(self, text: str) -> None:
        """By the room itself, below what was said or in place of it."""
        expect(self.room.get_by_text(re.compile(text)).last).to_be_visible()

    @property
    def aside(self) -> Locator:
        """What is said in private with one of the others."""
        return self.room.locator("converse-muc-occupant")

    def turn_to(self, nick: str) -> None:
        """Somebody in the list of who is there."""
        if self.aside.count():
            self.aside.locator(".back-button").click()
        self.room.locator("converse-muc-occupant-list-item", has_text=nick).locator("a").first.click()
        expect(self.aside.get_by_text(nick, exact=True).first).to_be_visible()

    def whisper(self, text: str) -> None:
        """To whom one has turned. Converse.js 14 sends it, and then stumbles in its view mode "overlayed": it looks for
        the window of a chat with an occupant, whose address it may not know, and who has none.
        """
        box = self.aside.locator("textarea.chat-textarea")
        box.fill(text)
        with self.page.expect_event("pageerror") as stumbled:
            box.press("Enter")
        assert str(stumbled.value) == STUMBLES
        self.visitor.complaints.remove(f"exception: {STUMBLES}")

    def hears_aside(self, *texts: str) -> None:
        """Everything that was said in private, in order."""
        expect(self.aside.locator(".chat-msg__text")).to_have_text(list(texts), use_inner_text=True)

    def sees(self, *nicks: str) -> None:
        """Who is there."""
        expect(self.room.locator(".occupant-nick")).to_have_text(list(nicks), use_inner_text=True)


@pytest.fixture
def guest(visitor):
    """Makes people who are logged in."""

    def make(name: str) -> Guest:
        made = visitor(name)
        made.log_in()
        return Guest(made)

    return make


def together(guest, room: str, *names: str) -> list[Guest]:
    """They come into a room, one after the other."""
    guests = []
    for name in names:
        guests.append(guest(name))
        guests[-1].arrive(room)
    return guests


def test_three_people_talk(guest):
    alice, bob, jane = together(guest, "tavern", "alice", "bob", "jane")
    alice.sees("Alice", "Bob", "Jane")
    alice.say("hello")
    bob.hears("hello")
    bob.say("<b>&\"' é 漢 🎉")
    jane.hears("hello", "<b>&\"' é 漢 🎉")
    jane.say("good night")
    for each in (alice, bob, jane):
        each.hears("hello", "<b>&\"' é 漢 🎉", "good night")


def test_who_comes_later_hears_what_was_said(guest):
    (alice,) = together(guest, "tavern", "alice")
    for number in range(3):
        alice.say(f"line {number}")
    alice.hears("line 0", "line 1", "line 2")
    (bob,) = together(guest, "tavern", "bob")
    bob.hears("line 0", "line 1", "line 2")


def test_after_a_reload_one_is_still_there(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.say("before")
    bob.hears("before")
    bob.visitor.keeps("before")
    bob.page.reload()
    bob.visitor.is_in_chat()
    bob.hears("before")
    alice.say("after")
    bob.hears("before", "after")
    bob.say("me too")
    alice.hears("before", "after", "me too")


def test_a_kick(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.sees("Alice", "Bob")
    alice.say("/kick Bob too loud")
    bob.is_told("kicked")
    bob.is_told("too loud")
    alice.is_told("Bob has been kicked out")


def test_a_ban(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.sees("Alice", "Bob")
    alice.say("/ban Bob")
    bob.is_told("banned")
    alice.is_told("Bob has been banned")
    bob.visitor.complaints.clear()  # Converse.js asks for more of the room, and says that it may not


def test_the_subject(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.say("/topic Music")
    bob.is_told("Music")


def test_the_configuration(guest):
    (alice,) = together(guest, "tavern", "alice")
    alice.room_menu("configure-chatroom-button")
    form = alice.page.locator("converse-muc-config-form, converse-muc-config-modal").first
    name = form.locator("input[name='muc#roomconfig_roomname']")
    expect(name).to_be_visible()
    name.fill("The Elephant")
    form.locator("[type=submit]").first.click()
    expect(alice.room.get_by_text("The Elephant").first).to_be_visible()


def test_a_moderator_takes_back_what_was_said(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    bob.say("buy this")
    alice.hears("buy this")
    alice.page.once("dialog", lambda dialog: dialog.accept())
    message = alice.room.locator(".chat-msg").last
    message.hover()
    message.locator(".dropdown-toggle").last.click()
    message.locator(".chat-msg__action-retract").click()
    alice.modal("converse-confirm-modal, .modal.show").locator("[type=submit], .btn-primary").first.click()
    for each in (alice, bob):
        expect(each.room.get_by_text("buy this")).to_have_count(0)
        each.is_told("removed|retracted")


def test_a_private_message(guest):
    """Also from who doesn't know the other one's address."""
    alice, bob, jane = together(guest, "tavern", "alice", "bob", "jane")
    bob.turn_to("Alice")
    bob.whisper("psst")
    alice.turn_to("Bob")
    alice.hears_aside("psst")
    alice.whisper("what is it?")
    bob.hears_aside("psst", "what is it?")
    bob.turn_to("Alice")
    bob.whisper("nothing")
    alice.hears_aside("psst", "what is it?", "nothing")
    jane.say("you two are quiet")
    for each in (alice, bob, jane):
        each.hears("you two are quiet")


def test_the_rooms_are_listed_and_echo_is_in_one(guest):
    alice = guest("alice")
    alice.menu("list-muc")
    modal = alice.modal("converse-muc-list-modal")
    modal.locator("input[name=server]").fill("conference.localhost")
    modal.locator("input[name=server]").press("Enter")
    modal.get_by_text("The lobby").click()
    expect(alice.box).to_be_visible()
    alice.say("Echo: hello")
    alice.hears("Echo: hello", "hello")
