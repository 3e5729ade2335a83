"""Converse.js in Chromium, through conversehost, at Debian's Prosody and ejabberd."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from lxml.etree import fromstring
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import VERSIONS, Visitor, converse_folder

from .elsewhere import PASSWORD, PEOPLE, Ejabberd, Prosody, ejabberd, prosody
from .test_rooms_in_chromium import Guest

SECRET = "a-secret-of-site-and-chat"
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>A site</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">converse.initialize(SETTINGS)</script>
"""
COMMON: dict[str, Any] = {
    "auto_login": True,
    "keepalive": True,
    "discover_connection_methods": False,
    "assets_path": "/dist",
    "i18n": "en",
    "view_mode": "overlayed",
    "show_controlbox_by_default": True,
    "muc_domain": "conference.localhost",
    "muc_nickname_from_jid": True,
    "xmpp_providers_url": "",
    "autocomplete_providers_url": "",
}


class There(NamedTuple):
    """A server elsewhere, and what is in front of it: with a page for everybody and each way, in `folder`."""

    server: Prosody | Ejabberd
    bed: TestBed
    folder: Path

    def prepare(self, name: str) -> None:
        """A page attaches to a session that its site makes now, with a password that it knows."""
        body = json.dumps({"jid": f"{name}@localhost", "password": PASSWORD}).encode()
        fields = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.bed.prebind, body, fields), timeout=30) as answer:
            (self.folder / f"{name}.json").write_bytes(answer.read())


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder, site = (tmp_path_factory.mktemp(each) for each in ("server", "site"))
    with ExitStack() as stack:
        trust: tuple[str, ...] = ()
        server: Prosody | Ejabberd
        if request.param == "prosody":
            authority = trustme.CA()
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
            server = stack.enter_context(prosody(folder, authority))
            trust = ("--upstream-ca", str(folder / "ca.pem"))
        else:
            (server,) = stack.enter_context(ejabberd("one"))
        bed = stack.enter_context(
            TestBed.start(
                *("--domain", "here.example", "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", *trust),
                *("--prebind-secret", SECRET),
                *("--site", str(site), "--converse", str(converse_folder(VERSIONS[0]))),
            )
        )
        for name in PEOPLE:
            login = {"authentication": "login", "jid": f"{name}@localhost", "password": PASSWORD}
            ways: dict[str, dict[str, str]] = {
                "bosh": {**login, "bosh_service_url": "/http-bind"},
                "websocket": {**login, "websocket_url": bed.websocket},
                "prebind": {
                    "authentication": "prebind",
                    "prebind_url": f"/{name}.json",
                    "bosh_service_url": "/http-bind",
                },
            }
            for way, settings in ways.items():
                (site / f"{name}-{way}.html").write_text(PAGE.replace("SETTINGS", json.dumps(COMMON | settings)))
        yield There(server, bed, site)


@pytest.fixture
def bed(there: There) -> TestBed:
    """Nobody is there from the test before."""
    there.bed.reset()
    return there.bed


Arrive = Callable[[str, str], list[Visitor]]


@pytest.fixture
def arrive(visitor: Callable[[str], Visitor], there: There) -> Iterator[Arrive]:
    """Alice and Bob come to their pages, each in a way, and see one another."""
    made: list[Visitor] = []

    def arrive(*ways: str) -> list[Visitor]:
        for name, way in zip(PEOPLE, ways, strict=True):
            if way == "prebind":
                there.prepare(name)
            made.append(visitor(name))
            made[-1].page.goto(f"{there.bed.site}{name}-{way}.html")
        for each, other in zip(made, reversed(made), strict=True):
            sees(each, other)
        return made

    yield arrive
    for each in made:  # what Converse.js misses at those servers isn't about us
        each.page.goto("about:blank")
        each.complaints[:] = [text for text in each.complaints if not text.startswith("console: ") or "Policy" in text]


def sees(one: Visitor, other: Visitor) -> None:
    """In the roster."""
    expect(one.contact(other.name.title())).to_be_visible()


def talk(one: Visitor, other: Visitor, text: str) -> None:
    one.say(text)
    other.sees(text)


def test_two_people_talk_in_private_and_in_a_room_and_load_their_pages_again(arrive, bed):
    alice, bob = arrive("bosh", "websocket")
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    talk(alice, bob, "<b>&\"' é 漢 🎉")
    talk(bob, alice, "me too")
    for each, other in ((alice, bob), (bob, alice)):
        each.keeps("me too")
        each.page.reload()
        sees(each, other)
        each.open_chat(other.name.title())  # Converse.js may have been left before it stored that it is open
        expect(each.page.get_by_text("me too").first).to_be_visible()
    talk(bob, alice, "still there?")
    talk(alice, bob, "of course")
    guests = [Guest(each) for each in (alice, bob)]
    guests[0].enter("lobby")
    form = bed.wait_for("iq[@type='set']/muc-owner:query", direction="in", timeout=30)
    bed.wait_for(f"iq[@type='result'][@id='{fromstring(form.xml).get('id')}']", timeout=30)  # till then it is locked
    guests[1].enter("lobby")
    for each in guests:
        each.say(f"{each.visitor.name} is here")
        for other in guests:
            expect(other.room.get_by_text(f"{each.visitor.name} is here")).to_be_visible()


def test_a_page_attaches_to_the_session_that_its_site_made(arrive, there):
    alice, bob = arrive("prebind", "prebind")
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    talk(alice, bob, "hello")
    (before,) = there.bed.sessions("alice@localhost")
    alice.page.reload()
    sees(alice, bob)
    talk(bob, alice, "hello again")
    (after,) = there.bed.sessions("alice@localhost")
    assert after.jid == before.jid


@pytest.mark.parametrize("there", ["prosody"], indirect=True)
def test_the_server_is_started_anew_in_the_middle_of_a_chat_and_then_dies(arrive, there):
    alice, bob = arrive("bosh", "websocket")
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    talk(alice, bob, "hello")
    there.server.stop()
    for each, other in ((alice, bob), (bob, alice)):
        expect(each.contact(other.name.title())).to_have_count(0)
    there.server.start()
    for each, other in ((alice, bob), (bob, alice)):
        sees(each, other)
        each.open_chat(other.name.title())
    talk(alice, bob, "here again")
    talk(bob, alice, "so am I")
    there.server.kill()
    expect(alice.page.get_by_text("remote-connection-failed").first).to_be_visible()
    expect(bob.contact("Alice")).to_have_count(0)
    there.server.start()
    alice.page.reload()  # over BOSH it takes that for final; over WebSocket it comes back by itself
    sees(alice, bob)
    sees(bob, alice)
    alice.open_chat("Bob")
    talk(alice, bob, "I am back")
    talk(bob, alice, "me too")
