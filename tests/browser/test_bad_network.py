"""Converse.js over a network that isn't good: what was said comes, once and in order."""

from __future__ import annotations

from playwright.sync_api import expect

LOST = "Failed to load resource: net::ERR"
"""What browsers say of a connection that breaks; no page can keep them from it."""


def test_answers_get_lost_and_no_message_does(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    said = [f"{name} {number}" for number in range(10) for name in ("alice", "bob")]
    with bed.fault("lost-response", transport="bosh", probability=0.3, seed=5) as fault:
        for number in range(10):
            alice.say(f"alice {number}")
            bob.sees(f"alice {number}")
            bob.say(f"bob {number}")
            alice.sees(f"bob {number}")
    assert fault.strikes >= 5
    for each in (alice, bob):
        expect(each.page.locator(".chat-msg__text")).to_have_count(len(said))
        assert each.texts() == said
        assert each.prebinds() == 1  # the session lived on
        each.complaints[:] = [text for text in each.complaints if LOST not in text]
