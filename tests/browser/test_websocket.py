"""Converse.js over WebSocket."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import VERSIONS
from tests.browser.test_demo_site import fill_form


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
    with alice.page.expect_websocket():
        bed.kill_session("alice@localhost")
    alice.say("again")
    expect(alice.page.locator(".chat-msg__text")).to_have_count(4)
