"""What only a browser can show of the things that people struggle with (tests/pains): with the real Converse.js."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from conversehost.testing import TestBed
from tests.browser.conftest import PATIENCE, VERSIONS, Visitor, converse_folder

DISCOVERY = "https://localhost/.well-known/host-meta"
GONE = (
    "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"
    "<Link rel='urn:xmpp:alt-connections:xbosh' href='https://localhost:1/gone'/>"
    "</XRD>"
)
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">converse.initialize({{
  authentication: "login", auto_login: true, jid: "alice@localhost", password: "secret", assets_path: "/dist",
  view_mode: "overlayed", show_controlbox_by_default: true, play_sounds: false, i18n: "en", {more}
}});</script>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the site's pages."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[TestBed]:
    """Over HTTPS, by an authority that no browser knows."""
    converse = str(converse_folder(VERSIONS[0]))
    with TestBed.start("--tls", "--https-port", "0", "--site", str(folder), "--converse", converse) as bed:
        yield bed


@pytest.fixture
def write(folder: Path) -> Callable[[str], None]:
    """The page, with more of a configuration."""

    def write(more: str) -> None:
        (folder / "index.html").write_text(PAGE.format(more=more))

    return write


@pytest.fixture(autouse=True)
def as_started(secure: TestBed) -> None:
    secure.reset()


@contextmanager
def context_of(browser: Browser, **options: bool) -> Iterator[BrowserContext]:
    made = browser.new_context(**options)  # type: ignore[arg-type]
    made.set_default_timeout(PATIENCE)
    try:
        yield made
    finally:
        made.close()


def is_in_chat(page: Page) -> None:
    expect(page.get_by_text("Echo", exact=True).first).to_be_visible()


def test_a_page_whose_session_dies_asks_for_another_once(bed: TestBed, visitor: Callable[[str], Visitor]) -> None:
    """A loop of requests after prebind: as many sessions are asked for as have died, and requests wait."""
    alice = visitor("alice")
    alice.log_in()
    for deaths in (1, 2):
        with alice.becomes_available():
            bed.kill_session("alice")
        alice.is_in_chat()
        assert alice.prebinds() == 1 + deaths
    bed.settled()
    asked = bed.exchanges(path="/http-bind", account="alice")
    assert sum(each["status"] is None for each in asked) <= 2
    assert len(bed.exchanges(path="/prebind")) == 3


@contextmanager
def chat_page(browser: Browser, bed: TestBed, host_meta: str) -> Iterator[Page]:
    """On https, of a site whose domain says that of its chat."""
    with context_of(browser, ignore_https_errors=True) as context:
        page = context.new_page()
        readable = {"Access-Control-Allow-Origin": "*"}
        page.route(DISCOVERY, lambda route: route.fulfill(body=host_meta, headers=readable))
        page.goto(str(bed.https))
        yield page


def test_a_page_that_knows_the_domain_alone_finds_its_chat(
    secure: TestBed, browser: Browser, write: Callable[[str], None]
) -> None:
    """By the XML form of host-meta, the only one that Converse.js reads, and of which it takes https and wss alone."""
    trusted = ssl.create_default_context(cafile=secure.ca)
    with urllib.request.urlopen(f"{secure.https}.well-known/host-meta", context=trusted) as answer:
        host_meta = answer.read().decode()
    write("")
    with chat_page(browser, secure, host_meta) as page:
        is_in_chat(page)
        (session,) = secure.sessions("alice")
        assert session.transport == "websocket"


def test_what_a_domain_says_overrides_what_the_page_was_told(
    secure: TestBed, browser: Browser, write: Callable[[str], None]
) -> None:
    """A host-meta of long ago, and a page that is configured well: it must not ask."""
    write("bosh_service_url: '/http-bind', discover_connection_methods: true")
    with chat_page(browser, secure, GONE) as page, page.expect_request("https://localhost:1/gone"):
        page.reload()
    assert secure.sessions("alice") == []
    write("bosh_service_url: '/http-bind', discover_connection_methods: false")
    with chat_page(browser, secure, GONE) as page:
        is_in_chat(page)


def test_a_certificate_that_nobody_trusts_and_a_socket_without_one(
    secure: TestBed, browser: Browser, folder: Path
) -> None:
    """ "Self-signed", and mixed content: a browser says what the page can't."""
    (folder / "index.html").write_text("<!doctype html><title>nothing</title>")
    with context_of(browser) as context, pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        context.new_page().goto(str(secure.https))
    with context_of(browser, ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(str(secure.https))
        opens = "url => { try { new WebSocket(url, 'xmpp').close(); return ''; } catch (error) { return error.name; } }"
        assert page.evaluate(opens, "ws://chat.example/xmpp-websocket") == "SecurityError"
        assert page.evaluate(opens, f"{secure.https}xmpp-websocket".replace("https:", "wss:")) == ""
