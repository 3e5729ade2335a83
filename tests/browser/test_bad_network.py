"""Converse.js over a network that isn't good: what was said comes, once and in order."""

from __future__ import annotations

from playwright.sync_api import expect

EXPECTED = ("Failed to load resource: net::ERR", "error 0 happened")
"""What browsers, and Strophe.js, say of a connection that breaks; no page can keep them from it."""
SEED = 1151
"""With it, no two answers in a row get lost for a while."""
LONG = 100_000
"""Milliseconds: Strophe.js repeats a request once at once, then after 8 seconds, then after 27."""


def test_answers_get_lost_and_no_message_does(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    faults = [bed.fault("lost-response", account=each.name, probability=0.3, seed=SEED) for each in (alice, bob)]
    said = [f"{each.name} {number}" for number in range(10) for each in (alice, bob)]
    for number, text in enumerate(said):
        writer, reader = (bob, alice) if number % 2 else (alice, bob)
        writer.say(text)
        expect(reader.page.locator(".chat-msg__text").last).to_have_text(text, use_inner_text=True, timeout=LONG)
    for each in faults:
        assert each.strikes >= 5
        each.remove()
    for each in (alice, bob):
        assert each.texts() == said
        assert each.prebinds() == 1  # the session lived on
        each.complaints[:] = [text for text in each.complaints if not any(known in text for known in EXPECTED)]
