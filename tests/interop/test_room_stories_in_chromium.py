"""Converse.js in rooms that aren't open to everybody, and by another nick."""

from __future__ import annotations

from playwright.sync_api import expect

from .test_rooms_in_chromium import guest, together

__all__ = ["guest"]


def test_another_nick(guest):
    alice, bob, jane = together(guest, "tavern", "alice", "bob", "jane")
    bob.room_menu("open-nickname-modal")
    modal = bob.page.locator("converse-muc-nickname-modal")
    modal.locator("input[name=nick]").fill("Robert")
    modal.locator("[type=submit]").click()
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
    bob.enter("tavern")
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


def test_an_invitation(guest):
    (alice,) = together(guest, "tavern", "alice")
    bob = guest("bob")
    alice.room_menu("open-invite-modal")
    modal = alice.page.locator("converse-muc-invite-modal")
    modal.locator("input[name=invitee_jids]").fill("bob@localhost")
    modal.locator("textarea[name=reason]").fill("come in")
    modal.locator("[type=submit]").click()
    invitation = bob.page.locator(".modal.show")
    expect(invitation.get_by_text("come in")).to_be_visible()
    invitation.locator("[type=submit]").click()
    expect(bob.box).to_be_visible()
    alice.sees("Alice", "Bob")
