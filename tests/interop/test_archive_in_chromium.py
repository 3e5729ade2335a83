"""Converse.js 14 and what was said: history in a fresh browser, scrolling back, nothing twice."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import Visitor
from tests.clients.bosh import BoshClient

People = Callable[[str], Visitor]
LONG = 1_000

EARLIER = """(known) => {
    const messages = document.querySelector('.chat-content__messages');
    messages.scrollTop = -messages.scrollHeight;
    const texts = [...messages.querySelectorAll('.chat-msg__text')].map((each) => each.textContent.trim());
    return texts.some((each) => !known.includes(each)) && texts;
}"""
"""Scrolled to the top: what is on the page, once something is that wasn't before."""


def history(bed: TestBed, account: str, *entries: str) -> None:
    """What an account has said with others, a minute between each; on top of all that there is."""
    state = tomllib.loads(bed.state())
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=len(entries) + 5)
    said = [{"at": begin + timedelta(minutes=number), "message": each} for number, each in enumerate(entries)]
    (person,) = [each for each in state["account"] if each["name"] in (account, f"{account}@localhost")]
    person["archive"] = said
    bed.load(state)


def line(sender: str, to: str, body: str, more: str = "", id: str = "") -> str:
    addresses = f"from='{sender}@localhost/x' to='{to}@localhost' id='{id or body}'"
    return f"<message xmlns='jabber:client' type='chat' {addresses}><body>{body}</body>{more}</message>"


def test_history_is_there_in_a_fresh_browser(visitor: People, bed: TestBed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    alice.say("Do you know the shop in Mill Street?")
    bob.sees("Do you know the shop in Mill Street?")
    bob.say("I do. <b>&'")
    alice.sees("I do. <b>&'")
    for name, other in (("alice", "Bob"), ("bob", "Alice")):
        fresh = visitor(name)
        fresh.log_in()
        fresh.open_chat(other)
        fresh.sees("I do. <b>&'")
        assert fresh.texts() == ["Do you know the shop in Mill Street?", "I do. <b>&'"]


def test_scrolling_back_shows_a_thousand_messages_once(visitor: People, bed: TestBed):
    people = ("alice", "bob")
    history(
        bed, "alice", *(line(people[number % 2], people[1 - number % 2], f"line {number}") for number in range(LONG))
    )
    alice = visitor("alice")
    alice.log_in()
    alice.open_chat("Bob")
    alice.sees(f"line {LONG - 1}")
    seen: list[str] = []
    while len(seen) < LONG:
        texts = alice.page.wait_for_function(EARLIER, arg=seen, polling=300).json_value()
        assert len(texts) == len(set(texts))
        seen += [each for each in texts if each not in seen]
    assert sorted(seen) == sorted(f"line {number}" for number in range(LONG))


def test_what_waited_for_somebody_is_shown_once(visitor: People, bed: TestBed):
    """It is in the archive as well, and Converse.js asks for both. All of it may have come in one request."""
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    alice.open_chat("Bob")
    for text in ("one", "two", "three"):
        alice.say(text)
    bob.log_in()
    bob.open_chat("Alice")
    bob.sees("three")
    bob.say("four")
    alice.sees("four")
    assert bob.texts() == alice.texts() == ["one", "two", "three", "four"]


def test_two_browsers_of_one_account_show_the_same(visitor: People, bed: TestBed):
    """By carbon copies, and by the archive for the one that comes later."""
    alice, other, bob = visitor("alice"), visitor("alice"), visitor("bob")
    for each, contact in ((alice, "Bob"), (other, "Bob"), (bob, "Alice")):
        each.log_in()
        each.open_chat(contact)
    alice.say("from one")
    other.sees("from one")
    bob.sees("from one")
    other.say("from the other")
    alice.sees("from the other")
    bob.say("to both")
    for each in (alice, other):
        each.sees("to both")
    later = visitor("alice")
    later.log_in()
    later.open_chat("Bob")
    later.sees("to both")
    for each in (alice, other, bob, later):
        assert each.texts() == ["from one", "from the other", "to both"]


def test_what_became_of_messages_is_in_the_archive_too(visitor: People, bed: TestBed):
    """Corrected, taken back, with a reaction: so they are in a fresh browser."""
    store = "<store xmlns='urn:xmpp:hints'/>"
    message = "<message xmlns='jabber:client' to='{}@localhost' type='chat' id='{}'>{}" + store + "</message>"
    alice = BoshClient(bed.bosh, "localhost")  # a correction comes from the same client
    alice.log_in("alice", "secret")
    for number, content in enumerate(
        (
            "<body>a mistkae</body>",
            "<body>a secret</body>",
            "<body>a joke</body>",
            "<body>a mistake</body><replace xmlns='urn:xmpp:message-correct:0' id='m0'/>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>",
        )
    ):
        alice.send(message.format("bob", f"m{number}", content))
    reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='m2'><reaction>\U0001f600</reaction></reactions>"
    bed.stanza("bob@localhost", message.format("alice", "m5", reaction))
    for name, contact in (("alice", "Bob"), ("bob", "Alice")):
        fresh = visitor(name)
        fresh.log_in()
        fresh.open_chat(contact)
        expect(fresh.page.locator(".chat-msg__text").get_by_text("a joke")).to_be_visible()
        expect(fresh.page.get_by_text("\U0001f600").first).to_be_visible()
        texts = " ".join(fresh.page.locator(".chat-msg").all_inner_texts())
        assert "a mistake" in texts
        assert "a mistkae" not in texts
        assert "a secret" not in texts
        assert "removed" in texts
