"""Converse.js 14 and what was said: history in a fresh browser, scrolling back, nothing twice."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import PATIENCE, Visitor

People = Callable[[str], Visitor]
LONG = 1_000

SCROLL_BACK = """async () => {
    const seen = {};
    for (let still = 0; still < 50 && !('line 0' in seen); still++) {
        const messages = document.querySelector('.chat-content__messages');
        const texts = [...messages.querySelectorAll('.chat-msg__text')].map((each) => each.textContent.trim());
        for (const text of new Set(texts)) {
            if (!(text in seen)) still = 0;
            seen[text] = Math.max(seen[text] || 0, texts.filter((each) => each === text).length);
        }
        messages.scrollTop = -messages.scrollHeight;
        await new Promise((done) => setTimeout(done, 200));
    }
    return seen;
}"""
"""Up to the first line, or until nothing new comes; how often each was on the page at once, at most."""


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
    seen = alice.page.evaluate(SCROLL_BACK)
    assert set(seen) == {f"line {number}" for number in range(LONG)}
    assert set(seen.values()) == {1}


def test_what_waited_for_somebody_is_shown_once(visitor: People, bed: TestBed):
    """It is in the archive as well, and Converse.js asks for both."""
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
    """Corrected, taken back, with a reaction: in a fresh browser it looks as it did in the old one."""
    alice, bob = visitor("alice"), visitor("bob")
    for each, contact in ((alice, "Bob"), (bob, "Alice")):
        each.log_in()
        each.open_chat(contact)
    for text in ("a mistkae", "a secret", "a joke"):
        alice.say(text)
        bob.sees(text)
    ids = [bed.messages(body=text)[0].xml for text in ("a mistkae", "a secret", "a joke")]
    wrong, secret, joke = (re.search(r"""\bid=["']([^"']+)""", each)[1] for each in ids)  # type: ignore[index]
    replace = f"<replace xmlns='urn:xmpp:message-correct:0' id='{wrong}'/>"
    store = "<store xmlns='urn:xmpp:hints'/>"
    said = "<message xmlns='jabber:client' to='bob@localhost' type='chat' id='{}'>{}" + store + "</message>"
    bed.stanza("alice@localhost", said.format("c1", f"<body>a mistake</body>{replace}"))
    bed.stanza("alice@localhost", said.format("r1", f"<retract xmlns='urn:xmpp:message-retract:1' id='{secret}'/>"))
    reaction = f"<reactions xmlns='urn:xmpp:reactions:0' id='{joke}'><reaction>😀</reaction></reactions>"
    bed.stanza("bob@localhost", said.format("e1", reaction).replace("to='bob@", "to='alice@"))
    for name, contact in (("alice", "Bob"), ("bob", "Alice")):
        fresh = visitor(name)
        fresh.log_in()
        fresh.open_chat(contact)
        fresh.sees("a joke")
        expect(fresh.page.get_by_text("😀").first).to_be_visible(timeout=PATIENCE)
        texts = " ".join(fresh.page.locator(".chat-msg").all_inner_texts())
        assert "a mistake" in texts and "a mistkae" not in texts
        assert "a secret" not in texts and "removed" in texts
