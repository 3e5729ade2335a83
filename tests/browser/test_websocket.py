"""Converse.js over WebSocket."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from playwright.sync_api import WebSocketRoute, expect

from conversehost.testing import TestBed
from tests.browser.conftest import VERSIONS, Visitor
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


def lines(visitor: Visitor) -> list[WebSocketRoute]:
    """The page's WebSockets, each by way of us, so that we can cut them."""
    made: list[WebSocketRoute] = []

    def passed_on(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(server.send)
        server.on_message(route.send)
        made.extend((route, server))

    visitor.page.route_web_socket(re.compile("xmpp-websocket"), passed_on)
    return made


def since(bed: TestBed) -> list[datetime]:
    """When alice's sessions began: a session that was resumed is an old one."""
    return [each.since for each in bed.sessions() if each.account == "alice@localhost"]


def test_a_reload_resumes_the_session(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    for each in (alice, bob):
        each.page.goto(f"{bed.site}form?transport=websocket")
        fill_form(each, "secret")
        each.is_in_chat()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
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
    cut = lines(alice)
    for each in (alice, bob):
        each.page.goto(f"{bed.site}form?transport=websocket")
        fill_form(each, "secret")
        each.is_in_chat()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    bob.say("before")
    alice.sees("before")
    begun, said = since(bed), ["before"]
    for number in range(3):
        for each in cut:
            each.close()
        cut.clear()
        said.append(f"meanwhile {number}")
        bob.say(said[-1])
        alice.sees(said[-1])
    alice.say("and after")
    bob.sees("and after")
    assert since(bed) == begun
    assert alice.texts() == [*said, "and after"]
    assert bob.texts() == [*said, "and after"]
