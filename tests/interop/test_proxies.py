"""Converse.js through nginx, Apache and Caddy, with the configurations that we hand out."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import converse_folder
from tests.browser.test_demo_site import fill_form

from .fronts import SERVERS, check, in_front

OPTIONS = ("--bosh-wait", "3")
BODY = "<body xmlns='http://jabber.org/protocol/httpbind' {}/>"


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def behind(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBed]:
    """A conversehost whose site is what the web server shows of it."""
    folder = tmp_path_factory.mktemp(server)
    converse = str(converse_folder("14.0.0"))
    with TestBed.start("--converse", converse, *OPTIONS) as bed, in_front(server, bed, folder, *OPTIONS) as site:
        bed.site = bed.page = site
        yield bed


@pytest.fixture
def bed(behind: TestBed) -> TestBed:
    behind.reset()
    return behind


@pytest.mark.parametrize("arguments", [(), ("--domain", "a.example", "--domain", "b.example", "--interface", "::1")])
def test_the_web_server_finds_no_fault_in_it(server, tmp_path, arguments):
    check(server, tmp_path, *arguments)


def test_a_login_to_the_site_is_a_login_to_chat(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    assert alice.prebinds() == 1
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    for number in range(3):
        alice.say(f"alice {number} <&> é 漢")
        bob.sees(f"alice {number} <&> é 漢")
        bob.say(f"bob {number}")
        alice.sees(f"bob {number}")
    alice.open_chat("Echo")
    alice.say("echo?")
    expect(alice.page.locator(".chat-msg__text", has_text="echo?")).to_have_count(2)


def test_a_reload_keeps_the_session(visitor, bed, server):
    """Apache doesn't tell that a visitor has left: there a reload at once is taken for haste (`--bosh-polling`), and
    the page gets a session anew."""
    alice = visitor("alice")
    alice.log_in()
    (before,) = bed.sessions("alice@localhost")
    alice.page.reload()
    alice.is_in_chat()
    (after,) = bed.sessions("alice@localhost")
    if server != "apache":
        assert alice.prebinds() == 1
        assert after.jid == before.jid
    alice.open_chat("Echo")
    alice.say("still here")
    expect(alice.page.locator(".chat-msg__text", has_text="still here")).to_have_count(2)


def test_two_people_talk_over_websocket(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    for each in (alice, bob):
        each.page.goto(f"{bed.site}form?transport=websocket")
        fill_form(each, "secret")
        each.is_in_chat()
    assert {each.transport for each in bed.sessions()} == {"websocket"}
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    alice.say("<&> é 漢")
    bob.sees("<&> é 漢")
    bob.say("over and out")
    alice.sees("over and out")


def test_who_asked_is_known_beyond_the_web_server(visitor, bed):
    """The cookie is for the site that the visitor sees, and the control API stays closed."""
    alice = visitor("alice")
    alice.log_in()
    assert ask(bed, "GET", "/_conversehost/api/v1").status == 401


def test_a_held_request_isnt_cut(bed):
    """The server answers it, empty, after the three seconds of its `wait`."""
    created = ask(bed, "POST", "/http-bind", BODY.format("rid='10' to='localhost' wait='3' hold='1' ver='1.6'"))
    answer = created.read().decode()
    assert "wait='3'" in answer or 'wait="3"' in answer
    sid = re.search(r"sid=['\"]([^'\"]+)", answer)[1]
    held = ask(bed, "POST", "/http-bind/", BODY.format(f"rid='11' sid='{sid}'"))
    assert held.status == 200
    assert "terminate" not in held.read().decode()


def test_a_stanza_as_large_as_bosh_takes_passes(bed):
    """Nothing in between says 413; that no such session exists is conversehost's answer."""
    stanza = "<message xmlns='jabber:client'><body>" + "x" * 260_000 + "</body></message>"
    body = f"<body xmlns='http://jabber.org/protocol/httpbind' sid='none' rid='1'>{stanza}</body>"
    answer = ask(bed, "POST", "/http-bind", body)
    assert answer.status in (200, 404)
    assert b"item-not-found" in answer.read()


def test_a_large_file_reaches_us(bed):
    """That there is no slot for it is conversehost's answer."""
    answer = ask(bed, "PUT", "/upload/none/a.bin", "x" * 2_000_000)
    assert answer.status == 404


def test_addresses_are_those_of_the_web_server(bed):
    text = ask(bed, "GET", "/.well-known/host-meta").read().decode()
    assert f"http://{urlsplit(bed.site).netloc}/http-bind" in text


def ask(bed: TestBed, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(bed.site).netloc, timeout=30)
    connection.request(method, path, body.encode() or None)
    return connection.getresponse()
