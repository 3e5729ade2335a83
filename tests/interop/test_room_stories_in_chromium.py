"""Converse.js in rooms that aren't open to everybody, and by another nick."""

from __future__ import annotations

from playwright.sync_api import expect

from conversehost.xmpp import ns
from tests.clients.bosh import CLIENT, BoshClient

from .test_rooms_in_chromium import Guest, guest, together

__all__ = ["guest"]


def test_another_nick(guest):
    alice, bob, jane = together(guest, "tavern", "alice", "bob", "jane")
    bob.room_menu("open-nickname-modal")
    modal = bob.modal("converse-muc-nickname-modal")
    modal.locator("input[name=nick]").fill("Robert")
    modal.locator("[type=submit]").click()
    expect(modal).to_be_hidden()
    bob.is_told("Your nickname has been changed to Robert")
    alice.sees("Alice", "Jane", "Robert")
    bob.say("still me")
    jane.hears("still me")


def test_members_only(guest):
    (alice,) = together(guest, "tavern", "alice")
    alice.configure("membersonly")
    bob, jane = guest("bob"), guest("jane")
    jane.ask_for("tavern")
    jane.is_told("You are not on the member list of this groupchat")
    alice.say("/member bob@localhost")
    alice.sees("Alice", "bob@localhost")
    bob.arrive("tavern")
    bob.say("at last")
    alice.hears("at last")
    alice.say("/revoke Bob")
    bob.is_told("You have been removed from this groupchat")
    bob.visitor.complaints.clear()  # Converse.js asks for more of the room, and says that it may not


def test_a_password(guest):
    (alice,) = together(guest, "tavern", "alice")
    bob = guest("bob")
    alice.configure("passwordprotectedroom", roomsecret="rose")
    bob.ask_for("tavern")
    bob.is_told("This groupchat requires a password")
    field = bob.room.locator("input[name=password]")
    field.fill("thorn")
    field.press("Enter")
    bob.is_told("it is another one")
    field.fill("rose")
    field.press("Enter")
    alice.sees("Alice", "Bob")
    bob.say("at last")
    alice.hears("at last")


def invite(host: Guest, jid: str, reason: str) -> None:
    """By the room's menu."""
    host.room_menu("open-invite-modal")
    modal = host.modal("converse-muc-invite-modal")
    modal.locator("input[name=invitee_jids]").fill(jid)
    modal.locator("textarea[name=reason]").fill(reason)
    modal.locator("[type=submit]").click()
    expect(modal).to_be_hidden()


def accept(invited: Guest, words: str) -> None:
    """The invitation that says so, though another one may lie on it."""
    modal = invited.visitor.is_shown(invited.page.locator(".modal.show", has_text=words))
    modal.locator("[type=submit]").dispatch_event("click")
    expect(modal).to_be_hidden()


def test_an_invitation(guest):
    """Converse.js invites directly (XEP-0249)."""
    (alice,) = together(guest, "tavern", "alice")
    bob = guest("bob")
    invite(alice, "bob@localhost", "come in")
    accept(bob, "come in")
    expect(bob.box).to_be_visible()
    alice.sees("Alice", "Bob")


def test_an_invitation_to_members(guest):
    """Converse.js makes whom it invites a member first, of which the room tells him by an invitation of its own. A
    member whom it knows by his address stays in its list, beside the occupant.
    """
    (alice,) = together(guest, "tavern", "alice")
    alice.configure("membersonly")
    bob = guest("bob")
    invite(alice, "bob@localhost", "come in")
    expect(bob.page.locator(".modal.show")).to_have_count(2)
    accept(bob, "come in")
    expect(bob.box).to_be_visible()
    alice.sees("Alice", "Bob", "bob@localhost")


def test_an_invitation_by_the_room(guest, bed):
    """As others send it (section 7.8.2), with the password that its room has."""
    bed.make_room("cellar", owner="jane", password="rose")
    jane = BoshClient(bed.bosh, "localhost")
    jane.log_in("jane", "secret")
    room, password = "cellar@conference.localhost", "<password>rose</password>"
    jane.send(f"<presence xmlns='{CLIENT}' to='{room}/Jane'><x xmlns='{ns.MUC}'>{password}</x></presence>")
    bob = guest("bob")
    reason = "<invite to='bob@localhost'><reason>come down</reason></invite>"
    jane.send(f"<message xmlns='{CLIENT}' to='{room}'><x xmlns='{ns.MUC_USER}'>{reason}</x></message>")
    accept(bob, "come down")
    expect(bob.box).to_be_visible()
    bob.sees("Jane", "Bob")
    jane.log_out()


def test_a_room_is_entered_in_every_browser(guest):
    """Converse.js 14 bookmarks a room that somebody enters, and enters what is bookmarked, by the same nick."""
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.say("who is there?")
    bob.hears("who is there?")
    again = guest("bob")
    expect(again.box).to_be_visible()
    again.hears("who is there?")
    again.say("me, twice")
    for each in (alice, bob, again):
        each.hears("who is there?", "me, twice")
    alice.sees("Alice", "Bob")


def test_who_may_speak_is_up_to_who_moderates(guest):
    (alice,) = together(guest, "tavern", "alice")
    alice.configure("moderatedroom")
    bob, jane = guest("bob"), guest("jane")
    for each in (bob, jane):
        each.ask_for("tavern")
        each.is_told("You're not allowed to send messages in this room")
    alice.sees("Alice", "Bob", "Jane")
    alice.say("/voice Bob")
    bob.say("thank you")
    jane.hears("thank you")
    alice.say("/mute Bob")
    bob.is_told("You're not allowed to send messages in this room")
    alice.say("/op Bob")
    jane.is_told("Bob is now a moderator")
    bob.say("/kick Jane in her turn")
    jane.is_told("in her turn")
    alice.sees("Alice", "Bob")
