"""A page on one origin and BOSH on another: a page of ours at 127.0.0.1, the chat of another server at localhost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from conversehost.testing import TestBed

from .conftest import PATIENCE, VERSIONS, converse_folder

PAGE = """<!doctype html>
<meta charset="utf-8">
<link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">
  converse.initialize({{
    authentication: "login",
    auto_login: true,
    jid: "alice@localhost",
    password: "secret",
    bosh_service_url: "{bosh}",
    connection_options: {{ withCredentials: {credentials} }},
    discover_connection_methods: false,
    assets_path: "/dist",
    view_mode: "overlayed",
    show_controlbox_by_default: true,
    play_sounds: false,
    i18n: "en",
  }});
</script>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def page_server(folder: Path) -> Iterator[TestBed]:
    """Serves the page, and Converse.js."""
    with TestBed.start("--site", str(folder), "--converse", str(converse_folder(VERSIONS[0]))) as bed:
        yield bed


@pytest.fixture
def origin(page_server: TestBed) -> str:
    return page_server.site.replace("localhost", "127.0.0.1").rstrip("/")


@pytest.fixture
def chat_server() -> Iterator[Callable[..., TestBed]]:
    """Starts the other server."""
    running: list[TestBed] = []

    def start(*options: str) -> TestBed:
        running.append(TestBed.start(*options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def visit(browser: Browser, folder: Path, origin: str) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """Opens a page that uses a server's BOSH; also what the browser's console has to complain of."""
    contexts = []

    def open_page(chat: TestBed, *, credentials: str = "false") -> tuple[Page, list[str]]:
        (folder / "index.html").write_text(PAGE.format(bosh=chat.bosh, credentials=credentials))
        contexts.append(browser.new_context())
        contexts[-1].set_default_timeout(PATIENCE)
        page, complaints = contexts[-1].new_page(), []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{origin}/")
        return page, complaints

    yield open_page
    for context in contexts:
        context.close()


def is_in_chat(page: Page) -> None:
    expect(page.get_by_text("Echo", exact=True).first).to_be_visible()


def hear(page: Page, complaints: list[str], text: str) -> None:
    """Wait for the browser to complain."""
    while not any(text in each for each in complaints):
        page.wait_for_event("console", lambda message: message.type == "error")


def test_any_page_by_default(visit, chat_server):
    chat = chat_server()
    page, complaints = visit(chat)
    is_in_chat(page)
    assert [each.transport for each in chat.sessions("alice@localhost")] == ["bosh"]
    assert complaints == []


def test_a_page_that_is_named_also_with_cookies(visit, chat_server, origin):
    chat = chat_server("--allow-origin", origin)
    page, complaints = visit(chat, credentials="true")
    is_in_chat(page)
    assert complaints == []


def test_a_page_that_is_not_named_is_refused_and_the_log_says_what_to_do(visit, chat_server, origin):
    chat = chat_server("--allow-origin", "https://www.example")
    page, complaints = visit(chat)
    hear(page, complaints, "CORS policy")
    assert chat.sessions("alice@localhost") == []
    assert f"--allow-origin {origin} would let it in" in chat.log


def test_cookies_need_a_page_that_is_named(visit, chat_server):
    chat = chat_server()
    page, complaints = visit(chat, credentials="true")
    hear(page, complaints, "must not be the wildcard")
    assert chat.sessions("alice@localhost") == []
