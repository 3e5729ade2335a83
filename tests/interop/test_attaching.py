"""What strophe.js and stanza can do with a BOSH session beyond logging in: attach to one, restore it, pause it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import CLIENT, BoshClient

from .people import Node, Person, juliet_on_bosh

NASTY = "<b>&\"' é 漢 🎉"


@pytest.fixture
def person(request: pytest.FixtureRequest, testbed: TestBed) -> Iterator[Person]:
    """Romeo, at a client of this name."""
    with Node(request.param) as node:
        yield Person(node, "romeo", testbed.bosh)


@pytest.fixture
def strophe(testbed: TestBed) -> Iterator[Person]:
    """Romeo at Strophe; a page, and its sessionStorage, of his own."""
    with Node("strophe") as node:
        yield Person(node, "romeo", testbed.bosh)


@pytest.fixture
def juliet(testbed: TestBed) -> BoshClient:
    return juliet_on_bosh(testbed)


def prebind(bed: TestBed, name: str) -> dict[str, Any]:
    """Log in to the site, and ask for a session: jid, sid and rid."""
    site = http.client.HTTPConnection(urlsplit(bed.site).netloc, timeout=30)
    form = urlencode({"username": name, "password": "secret"})
    site.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = site.getresponse()
    answer.read()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    site.request("GET", urlsplit(bed.prebind).path, headers={"Cookie": cookie})
    return json.loads(site.getresponse().read())


def says(juliet: BoshClient, to: str, body: str) -> None:
    juliet.send(f"<message xmlns='jabber:client' type='chat' to='{to}'><body>{body}</body></message>")


def is_heard_by(juliet: BoshClient, *bodies: str) -> None:
    """These are the next messages."""
    for body in bodies:
        assert juliet.wait_for("message").findtext(f"{{{CLIENT}}}body") == body


@pytest.mark.parametrize("person", ["strophe", "stanza"], indirect=True)
def test_it_attaches_to_a_session_that_the_site_made(person, juliet, testbed):
    bound = prebind(testbed, "romeo")
    person.does("attach", service=testbed.bosh, **bound)
    assert person.comes_online() == bound["jid"]
    person.appears()
    assert [session.jid for session in testbed.sessions("romeo")] == [bound["jid"]]
    person.does("say", to="juliet@localhost", body=NASTY)
    is_heard_by(juliet, NASTY)
    says(juliet, bound["jid"], "hello")
    person.hears("hello")


def test_strophe_is_told_at_once_that_there_is_no_such_session(strophe, testbed):
    strophe.does("attach", service=testbed.bosh, jid="romeo@localhost/gone", sid="gone", rid=1)
    strophe.is_told("ATTACHED")
    strophe.does("present")
    strophe.is_told("CONNFAIL item-not-found")


def test_strophe_restores_its_session_after_a_page_load(strophe, juliet, testbed):
    jid = strophe.logs_in(keepalive=True)
    strophe.appears()
    for number in range(2):
        strophe.does("unload")
        strophe.does("restore", service=testbed.bosh, jid=jid, keepalive=True)
        assert strophe.comes_online() == jid
        says(juliet, jid, f"hello {number}")
        strophe.hears(f"hello {number}")
        strophe.does("say", to="juliet@localhost", body=str(number))
        is_heard_by(juliet, str(number))
    assert [session.jid for session in testbed.sessions("romeo")] == [jid]


def test_strophe_hears_after_a_page_load_what_was_said_meanwhile(strophe, juliet, testbed):
    jid = strophe.logs_in(keepalive=True)
    strophe.appears()
    strophe.does("unload")
    strophe.next("unloaded")
    says(juliet, jid, "are you there?")
    strophe.does("restore", service=testbed.bosh, jid=jid, keepalive=True)
    strophe.hears("are you there?")


def test_strophe_has_nothing_to_restore_after_leaving(strophe, testbed):
    jid = strophe.logs_in(keepalive=True)
    strophe.does("leave")
    strophe.is_told("DISCONNECTED")
    strophe.does("restore", service=testbed.bosh, jid=jid, keepalive=True)
    strophe.is_told("StropheSessionError")


def test_strophe_sends_in_one_body_what_it_held_back(strophe, juliet):
    strophe.logs_in()
    bodies = [f"{number} {NASTY}" for number in range(10)]
    strophe.does("sayTogether", to="juliet@localhost", bodies=bodies)
    strophe.next("sent", stanzas=10)
    is_heard_by(juliet, *bodies)


def test_strophe_pauses_and_hears_afterwards_what_was_said(strophe, juliet, testbed):
    """XEP-0124 section 10: all its requests are answered, and the session waits."""
    jid = strophe.logs_in()
    strophe.appears()
    strophe.does("pause", seconds=60)
    strophe.next("paused")
    says(juliet, jid, "are you there?")
    assert [session.jid for session in testbed.sessions("romeo")] == [jid]
    strophe.does("resume")
    strophe.hears("are you there?")
