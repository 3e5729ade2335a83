"""The life of a single session: somebody is logged in to a site of the operator's, and so is his chat."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from conversehost.web.login import LIFETIME
from tests.browser.conftest import VERSIONS, Visitor, converse_folder

SECRET = "a-secret-of-site-and-chat"
SHARED = "a back end wants alice@localhost/web while another page has it: tabs that share a resource end each other"
DOCS = Path(__file__).parents[2] / "docs" / "single-sessions.md"
PLUGIN = re.compile(r"converse\.plugins\.add\('external'.*?\n}\);", re.DOTALL)
"""What readers copy from there."""
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>A site</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">
PLUGIN
converse.initialize(SETTINGS);
</script>
"""
COMMON: dict[str, Any] = {
    "auto_login": True,
    "keepalive": True,
    "discover_connection_methods": False,
    "assets_path": "ASSETS",
    "i18n": "en",
    "view_mode": "overlayed",
    "show_controlbox_by_default": True,
    "allow_logout": False,
}
CREDENTIALS = {"authentication": "login", "credentials_url": "/credentials"}
EXTERNAL = {"authentication": "external", "jid": "alice@localhost", "whitelisted_plugins": ["external"]}
WAYS: dict[str, dict[str, Any]] = {
    "prebind": {"authentication": "prebind", "prebind_url": "/prebind", "bosh_service_url": "/http-bind"},
    "bosh": {**CREDENTIALS, "bosh_service_url": "/http-bind"},
    "websocket": {**CREDENTIALS, "websocket_url": "WEBSOCKET"},
    "external-bosh": {**EXTERNAL, "bosh_service_url": "/http-bind"},
    "external-websocket": {**EXTERNAL, "websocket_url": "WEBSOCKET"},
}


def start(folder: Path, version: str, port: int = 0) -> TestBed:
    """A server that a proxy tells who is logged in; the browser plays that proxy."""
    return TestBed.start(
        *("--port", str(port), "--site", str(folder), "--converse", str(converse_folder(version))),
        *("--auth", "token,accounts", "--prebind-trust-header", "X-Remote-User", "--prebind-secret", SECRET),
        "--external-cookie",
    )


def write_pages(folder: Path, version: str, websocket: str = "") -> None:
    plugin = PLUGIN.search(DOCS.read_text())
    assert plugin is not None
    page = PAGE.replace("PLUGIN", plugin[0])
    assets = "/dist/" if version.startswith("7.") else "/dist"
    for name, way in WAYS.items():
        settings = json.dumps(COMMON | way).replace("WEBSOCKET", websocket).replace("ASSETS", assets)
        (folder / f"{name}.html").write_text(page.replace("SETTINGS", settings))


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    running: dict[str, TestBed] = {}

    def house(version: str) -> TestBed:
        if version not in running:
            folder = tmp_path_factory.mktemp("www")
            running[version] = start(folder, version)
            write_pages(folder, version, running[version].websocket)
        return running[version]

    yield house
    for each in running.values():
        each.stop()


@pytest.fixture
def bed(houses: Any, version: str) -> TestBed:
    bed: TestBed = houses(version)
    bed.reset()
    return bed


def arrive(visitor: Visitor, way: str) -> None:
    """Who is logged in to the site already opens a page of it."""
    visitor.page.context.set_extra_http_headers({"X-Remote-User": visitor.name})
    visitor.page.goto(f"{visitor.site}{way}.html")
    visitor.is_in_chat()


def log_out(bed: TestBed, name: str) -> dict[str, Any]:
    """What the site's back end does."""
    return call(bed, "DELETE", user=name)


def made_for(name: str, bed: TestBed, **wish: str) -> dict[str, Any]:
    """A session, by the site's back end."""
    return call(bed, "POST", user=name, **wish)


def call(bed: TestBed, method: str, **said: str) -> dict[str, Any]:
    fields = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    request = urllib.request.Request(bed.prebind, json.dumps(said).encode(), fields, method=method)
    with urllib.request.urlopen(request) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


@pytest.mark.parametrize("way", ["prebind", "bosh", "websocket"])
def test_chat_is_on_every_page_and_stays(visitor, bed, way):
    alice = visitor("alice")
    arrive(alice, way)
    (session,) = bed.sessions("alice@localhost")
    assert session.transport == ("websocket" if way == "websocket" else "bosh")
    alice.open_chat("Echo")
    alice.say("hello")
    expect(alice.page.locator(".chat-msg__text")).to_have_count(2)
    for load in (alice.page.reload, lambda: alice.page.goto(f"{bed.site}{way}.html?another=page")):
        load()
        alice.is_in_chat()
        (before,) = bed.sessions("alice@localhost")
    assert alice.complaints == []
    with alice.page.expect_response(bed.prebind if way == "prebind" else bed.credentials):
        bed.kill_session(before)
    alice.is_in_chat()
    alice.open_chat("Echo")
    alice.say("hello again")
    expect(alice.page.locator(".chat-msg__text").get_by_text("hello again")).to_have_count(2)
    assert before.jid not in {each.jid for each in bed.sessions("alice@localhost")}
    alice.complaints.clear()  # of what it was asking for when its session ended


def test_tabs_have_sessions_of_their_own_until_the_site_logs_out(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    arrive(bob, "prebind")
    arrive(alice, "prebind")
    other = alice.page.context.new_page()
    other.goto(f"{bed.site}bosh.html")
    expect(other.get_by_text("Echo", exact=True).first).to_be_visible()
    assert len({each.jid for each in bed.sessions("alice@localhost")}) == 2
    alice.page.context.set_extra_http_headers({})
    with alice.page.expect_response(lambda answer: answer.url == bed.prebind and answer.status == 401):
        assert log_out(bed, "alice") == {"ended": 2}
    assert bed.sessions("alice@localhost") == []
    assert len(bed.sessions("bob@localhost")) == 1
    alice.page.goto("about:blank")
    other.close()
    alice.complaints.clear()  # both tabs heard that nobody is logged in any more


@pytest.mark.parametrize("way", ["prebind", "websocket"])
def test_after_a_new_password_the_site_has_all_pages_begin_anew(visitor, bed, way):
    """Whoever is logged in still is in chat again; whoever came in by the old password isn't."""
    alice = visitor("alice")
    arrive(alice, way)
    bed.wait_for("presence[not(@type)]", account="alice", direction="in", timeout=30)
    (before,) = bed.sessions("alice@localhost")
    with alice.page.expect_response(lambda answer: answer.url in (bed.prebind, bed.credentials) and answer.ok):
        assert log_out(bed, "alice") == {"ended": 1}
    alice.is_in_chat()
    alice.open_chat("Echo")
    alice.say("hello")
    expect(alice.page.locator(".chat-msg__text")).to_have_count(2)
    assert before.jid not in {each.jid for each in bed.sessions("alice@localhost")}
    alice.complaints.clear()  # its session had ended


def test_what_expires_is_renewed(visitor, bed):
    """A token is good for a minute. The session goes on, and when it breaks another token is fetched."""
    alice = visitor("alice")
    arrive(alice, "websocket")
    (before,) = bed.sessions("alice@localhost")
    bed.advance(3600)
    assert [each.jid for each in bed.sessions("alice@localhost")] == [before.jid]
    with alice.page.expect_response(bed.credentials):
        bed.kill_session(before)
    alice.is_in_chat()
    assert before.jid not in {each.jid for each in bed.sessions("alice@localhost")}
    alice.complaints.clear()  # its session had ended


def test_a_login_that_expires_ends_chat_as_well(visitor, bed):
    alice = visitor("alice")
    assert alice.page.context.request.post(f"{bed.site}login", form={"username": "alice", "password": "secret"}).ok
    alice.page.goto(f"{bed.site}external-websocket.html")
    alice.is_in_chat()
    bed.advance(LIFETIME)
    assert bed.sessions("alice@localhost") == []
    alice.page.goto("about:blank")
    alice.complaints.clear()  # its session had ended


def test_a_resource_that_two_tabs_share_is_explained(visitor, bed):
    """A site whose back end names one: the tabs end each other, and the log says why."""
    alice = visitor("alice")
    alice.page.context.route("**/prebind", lambda route: route.fulfill(json=made_for("alice", bed, resource="web")))
    alice.page.goto(f"{bed.site}prebind.html")
    alice.is_in_chat()
    assert SHARED not in bed.log
    other = alice.page.context.new_page()
    other.goto(f"{bed.site}prebind.html")
    expect(other.get_by_text("Echo", exact=True).first).to_be_visible()
    assert SHARED in bed.log
    other.close()
    alice.page.goto("about:blank")
    alice.complaints.clear()  # its session had ended


def test_whoever_makes_an_account_on_the_site_is_in_chat(visitor):
    zoe = visitor("zoe")
    with TestBed.start("--registration", "--converse", str(converse_folder(VERSIONS[0]))) as own:
        zoe.bed = own
        zoe.page.goto(own.site)
        zoe.page.get_by_role("link", name="Make an account").click()
        zoe.page.fill("input[name=username]", zoe.name)
        zoe.page.fill("input[name=password]", "p&<w>")
        with zoe.becomes_available():
            zoe.page.get_by_role("button", name="Make the account").click()
        zoe.is_in_chat()
        assert own.accounts["zoe@localhost"] == "p&<w>"
        assert len(own.sessions("zoe@localhost")) == 1
        zoe.page.goto("about:blank")


@pytest.mark.parametrize("transport", ["bosh", "websocket"])
def test_the_sites_cookie_is_a_login(visitor, bed, transport):
    alice = visitor("alice")
    asks = alice.page.context.request
    assert asks.post(f"{bed.site}login", form={"username": "alice", "password": "secret"}).ok
    for load in (lambda: alice.page.goto(f"{bed.site}external-{transport}.html"), alice.page.reload):
        load()
        alice.is_in_chat()
        alice.keeps_contacts()
        (session,) = bed.sessions("alice@localhost")
        assert session.transport == transport
    assert alice.complaints == []
    assert asks.post(f"{bed.site}logout").ok
    assert bed.sessions("alice@localhost") == []
    alice.page.goto("about:blank")
    alice.complaints.clear()  # its session had ended


@pytest.mark.parametrize("way", ["prebind", "websocket"])
def test_after_a_restart_converse_asks_anew(visitor, tmp_path, way):
    """By itself with credentials; a prebind_url that it can't reach meanwhile it asks again when the page is loaded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_pages(tmp_path, VERSIONS[0], f"ws://localhost:{port}/xmpp-websocket")
    before = start(tmp_path, VERSIONS[0], port)
    alice = visitor("alice")
    alice.bed = before
    arrive(alice, way)
    before.stop()
    if way == "prebind":  # who loads a page anew while it just logs in again isn't available: that is Converse.js
        alice.page.goto("about:blank")
    after = alice.bed = start(tmp_path, VERSIONS[0], port)
    try:
        if way == "prebind":
            alice.page.goto(f"{after.page}prebind.html")
        after.wait_for("presence[not(@type)]", account="alice", direction="in", timeout=30)
        alice.is_in_chat()
        assert after.sessions("alice@localhost")
    finally:
        alice.page.goto("about:blank")
        alice.complaints.clear()  # there was no server for a while
        after.stop()
