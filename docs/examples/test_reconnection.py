"""Does Converse.js come back when its connection dies, with all that was said meanwhile, and none of it twice?

No virtual machine, no DNS, no certificate: `pip install conversehost playwright pytest`, `npm install converse.js`, and

    pytest test_reconnection.py
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from conversehost.testing import TestBed

ROOM = "lounge@conference.localhost"
SLOW = 30_000
"""Milliseconds."""

WAYS_TO_DIE = [
    ("bosh", "terminate"),  # the session is gone: a new one by prebind
    ("bosh", "reset"),  # connections break: the session goes on
    ("websocket", "reset"),  # the connection breaks: the stream is resumed
    ("websocket", "close"),  # the server hangs up: a new session
]


class Chats:
    """Somebody's page: a talk with one person, and a room."""

    def __init__(self, page: Page, friend: str) -> None:
        self.page = page
        page.set_default_timeout(SLOW)
        page.get_by_text(friend, exact=True).first.click()
        self.talk = page.locator("converse-chat")
        self.talk.locator("textarea").wait_for()
        page.evaluate("room => { location.hash = `converse/room?jid=${room}`; }", ROOM)
        self.room = page.locator("converse-muc")
        self.room.locator("textarea").wait_for()

    def show(self, talk: list[str], room: list[str]) -> None:
        """Exactly that was said, in this order: nothing is missing, and nothing doubled."""
        for chat, texts in ((self.talk, talk), (self.room, room)):
            expect(chat.locator(".chat-msg__text")).to_have_text(texts, timeout=SLOW)


@contextmanager
def unreachable(bed: TestBed, name: str, how: str) -> Iterator[None]:
    """Somebody's connection dies, and can't be had again meanwhile: what their page asks for waits, by a clock that
    stands still. Then it catches up with the browser's, which messages are sorted by.
    """
    bed.freeze()
    about = ({"account": name}, {"transport": "site"}, {"transport": "websocket"})
    waits = [bed.fault("latency", seconds=0.01, **each) for each in about]
    bed.kill(name, how)
    yield
    for each in waits:
        each.remove()
    bed.advance((datetime.now(UTC) - bed.now).total_seconds())
    bed.thaw()


@pytest.mark.parametrize(("transport", "how"), WAYS_TO_DIE)
def test_nothing_is_missing_and_nothing_doubled(conversehost, converse_pages, transport, how):
    bob = Chats(converse_pages("bob", transport="websocket"), "Alice")
    alice = Chats(converse_pages("alice", transport=transport), "Bob")
    (client,) = conversehost.sessions("bob")
    talk: list[str] = []
    room: list[str] = []

    def bob_says(text: str) -> None:
        conversehost.message(client.jid, "alice", text)
        conversehost.stanza(client.jid, f"<message to='{ROOM}' type='groupchat'><body>{text}</body></message>")
        talk.append(text)
        room.append(text)

    bob_says("before")
    alice.show(talk, room)
    with unreachable(conversehost, "alice", how):
        for number in range(3):
            bob_says(f"meanwhile {number}")
    alice.show(talk, room)

    bob_says("and after")
    alice.show(talk, room)
    for chat, said in ((alice.talk, talk), (alice.room, room)):
        chat.locator("textarea").fill("I'm back")
        chat.locator("textarea").press("Enter")
        said.append("I'm back")
    alice.show(talk, room)
    expect(bob.room.locator(".chat-msg__text")).to_have_text(room, timeout=SLOW)
    conversehost.settled()
    alice.show(talk, room)
