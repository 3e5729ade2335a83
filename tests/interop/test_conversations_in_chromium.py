"""What becomes of messages between two people at Converse.js, whom they block, and what they see of the server."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from conversehost.testing import TestBed
from tests.browser.conftest import Visitor

People = Callable[[str], Visitor]


def meet(visitor: People) -> tuple[Visitor, Visitor]:
    """Alice and Bob, each with the other's chat open."""
    alice, bob = visitor("alice"), visitor("bob")
    for each in (alice, bob):
        each.log_in()
    bob.open_chat("Alice")
    alice.open_chat("Bob")
    return alice, bob


def act(message: Locator, action: str) -> None:
    """Something in the menu of a message."""
    message.hover()
    message.locator(".dropdown-toggle").last.click()
    message.locator(f".chat-msg__action-{action}").click()


def confirm(visitor: Visitor) -> None:
    modal = visitor.is_shown(visitor.page.locator("converse-confirm-modal").last)
    modal.locator("[type=submit], .btn-primary").first.click()
    expect(modal).to_be_hidden()


def test_messages_are_seen_corrected_liked_and_taken_back(visitor: People, bed: TestBed):
    alice, bob = meet(visitor)
    alice.say("a mistkae")
    bob.sees("a mistkae")
    expect(alice.page.locator(".chat-msg__receipt").last).to_be_visible()

    box = alice.page.locator("textarea.chat-textarea").last
    box.press("ArrowUp")
    box.fill("a mistake")
    box.press("Enter")
    for each in (alice, bob):
        each.sees("a mistake")
        assert each.texts() == ["a mistake"]

    act(bob.page.locator(".chat-msg").last, "reaction")
    bob.page.locator("button.reaction-item").first.click()
    for each in (alice, bob):
        expect(each.page.locator("converse-reactions button, .chat-msg__reactions button").first).to_be_visible()

    act(alice.page.locator(".chat-msg").last, "retract")
    confirm(alice)
    for each in (alice, bob):
        expect(each.page.get_by_text("a mistake")).to_have_count(0)
        expect(each.page.locator(".chat-msg--retracted, .retraction").last).to_be_visible()


def test_a_client_that_wants_to_know_is_told_that_a_message_was_seen(visitor: People, bed: TestBed):
    """Converse.js tells it (XEP-0333), and doesn't ask for it itself."""
    bob = visitor("bob")
    bob.log_in()
    bob.open_chat("Alice")
    markable = "<body>look</body><markable xmlns='urn:xmpp:chat-markers:0'/>"
    bed.stanza("alice", f"<message to='bob@localhost' type='chat' id='m1'>{markable}</message>")
    bob.sees("look")
    seen = bed.wait_for(
        "message/*[namespace-uri()='urn:xmpp:chat-markers:0'][local-name()='displayed'][@id='m1']",
        account="bob",
        direction="in",
        timeout=30,
    )
    assert 'to="alice@localhost' in seen.xml


def test_somebody_is_blocked_and_unblocked(visitor: People, bed: TestBed):
    alice, bob = meet(visitor)
    bob.say("one")
    alice.sees("one")
    alice.page.locator("converse-chat-heading .chatbox-btn.dropdown-toggle, .chat-head .dropdown-toggle").last.click()
    alice.page.locator("a.block-user").last.click()
    confirm(alice)
    bed.wait_for("iq/*[namespace-uri()='urn:xmpp:blocking'][local-name()='block']", account="alice", direction="in")
    bob.say("two")
    expect(bob.page.locator(".chat-msg__error").last).to_be_visible()

    alice.page.locator("converse-roster .dropdown-toggle, #converse-roster .dropdown-toggle").first.click()
    alice.page.get_by_text("Show block list").click()
    modal = alice.is_shown(alice.page.locator("converse-blocklist-modal"))
    modal.get_by_text("bob@localhost").click()
    modal.get_by_text("Unblock selected users").click()
    bed.wait_for("iq/*[namespace-uri()='urn:xmpp:blocking'][local-name()='unblock']", account="alice", direction="in")
    bob.say("three")
    bed.wait_for("message[body='three']", account="alice", direction="out")
    assert not bed.traffic("message[body='two']", account="alice", direction="out")


def test_the_service_browser_shows_what_the_server_has(visitor: People, bed: TestBed):
    alice = visitor("alice")
    alice.log_in()
    alice.page.locator(".show-client-info").first.click()
    alice.page.locator("#server-tab").click()
    panel = alice.page.locator("#server-tabpanel")
    for feature in ("urn:xmpp:carbons:2", "urn:xmpp:blocking", "http://jabber.org/protocol/commands"):
        expect(panel.locator(".features li").get_by_text(feature, exact=True)).to_be_visible()
    for item in ("conference", "pubsub", "upload"):
        expect(panel.locator(".disco-items")).to_contain_text(f"{item}.localhost")
    panel.locator(".disco-items a").filter(has_text="upload.localhost").click()
    expect(panel.locator(".features")).to_contain_text("urn:xmpp:http:upload:0")
    expect(panel.locator(".identities")).to_contain_text("store")
