"""Converse.js over WebSocket."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import VERSIONS, Visitor
from tests.browser.test_demo_site import fill_form


def begin_to_talk(bed: TestBed, alice: Visitor, bob: Visitor) -> None:
    """Both over WebSocket, each with the other's chat open."""
    for each in (alice, bob):
        each.page.goto(f"{bed.site}form?transport=websocket")
        fill_form(each, "secret")
        each.is_in_chat()
    alice.open_chat("Bob")
    bob.open_chat("Alice")


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[2]])
def test_two_people_talk_over_websocket(visitor, bed, version):
    alice, bob = visitor("alice"), visitor("bob")
    for each in (alice, bob):
        each.page.goto(f"{bed.site}form?transport=websocket")
        fill_form(each, "secret")
        each.is_in_chat()
    assert {each.transport for each in bed.sessions()} == {"websocket"}
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    alice.say("""<b>&"' é 漢 🎉""")
    bob.sees("""<b>&"' é 漢 🎉""")
    bob.say("over and out")
    alice.sees("over and out")


def test_a_session_that_dies_comes_again(visitor, bed):
    alice = visitor("alice")
    alice.page.goto(f"{bed.site}form?transport=websocket")
    fill_form(alice, "secret")
    alice.is_in_chat()
    alice.open_chat("Echo")
    alice.say("hello")
    expect(alice.page.locator(".chat-msg__text")).to_have_count(2)
    said = bed.traffic()[-1]
    bed.kill_session("alice@localhost")
    bed.wait_for("presence[not(@type)]", account="alice", direction="in", after=said, timeout=30)
    alice.say("again")
    expect(alice.page.locator(".chat-msg__text")).to_have_count(4)


REMEMBER = """
    window.sockets = [];
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
        constructor(...given) { super(...given); window.sockets.push(this); }
    };
"""
"""For a test that closes what the page has opened."""
BROKEN = "console: Websocket closed unexpectedly"
TOO_LATE = "console: WebSocket is already in CLOSING or CLOSED state."
"""Converse.js has said something on a socket that the test had just closed, before it heard of that."""


def since(bed: TestBed) -> list[datetime]:
    """When alice's sessions began: a session that was resumed is an old one."""
    return [each.since for each in bed.sessions() if each.account == "alice@localhost"]


def test_a_reload_resumes_the_session(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    begin_to_talk(bed, alice, bob)
    bob.say("before")
    alice.sees("before")
    begun = since(bed)
    alice.page.reload()
    bob.say("meanwhile")
    alice.is_in_chat()
    alice.sees("meanwhile")
    alice.say("and after")
    bob.sees("and after")
    assert since(bed) == begun
    assert alice.texts() == ["before", "meanwhile", "and after"]


def test_a_websocket_that_breaks_is_resumed_and_nothing_is_missing_or_doubled(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.page.add_init_script(REMEMBER)
    begin_to_talk(bed, alice, bob)
    bob.say("before")
    alice.sees("before")
    begun, said = since(bed), ["before"]
    for number in range(3):
        alice.page.evaluate("sockets.at(-1).close()")
        said.append(f"meanwhile {number}")
        bob.say(said[-1])
        alice.sees(said[-1])
        if number == 0:  # the next time Converse.js binds its resource anew: what waited for it there must not get lost
            assert since(bed) == begun
    alice.say("and after")
    bob.sees("and after")
    assert alice.texts() == [*said, "and after"]
    assert bob.texts() == [*said, "and after"]
    assert [each for each in alice.complaints if each != TOO_LATE] == [BROKEN] * 3
    alice.complaints.clear()
