"""Converse.js for those who have no account: they register in it, or come as guests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import VERSIONS, converse_folder

GUESTS = """<!doctype html>
<meta charset="utf-8">
<title>For guests</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">converse.initialize(SETTINGS)</script>
"""
SETTINGS = {
    "authentication": "anonymous",
    "jid": "anon.localhost",
    "bosh_service_url": "/http-bind",
    "auto_login": True,
    "auto_join_private_chats": ["echo@localhost"],
    "discover_connection_methods": False,
    "assets_path": "/dist",
    "i18n": "en",
    "view_mode": "overlayed",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBed]:
    folder: Path = tmp_path_factory.mktemp("www")
    (folder / "index.html").write_text(GUESTS.replace("SETTINGS", json.dumps(SETTINGS)))
    options = ["--registration", "--welcome", "Be my guest.", "--site", str(folder)]
    with TestBed.start(*options, "--converse", str(converse_folder(VERSIONS[0]))) as bed:
        yield bed


@pytest.fixture
def bed(house: TestBed) -> TestBed:
    house.reset()
    return house


def test_somebody_registers_and_is_welcome(visitor, bed):
    zoe = visitor("zoe")
    zoe.page.goto(f"{bed.site}form")
    zoe.page.locator(".register-account").first.click()
    form = zoe.page.locator("#converse-register")
    form.locator("input[name=username]").fill("zoe")
    form.locator("input[name=password]").fill("p&<w>")
    form.locator("input[type=submit], button[type=submit]").first.click()
    zoe.is_in_chat()
    expect(zoe.page.get_by_text("Be my guest.").first).to_be_visible()
    assert bed.accounts["zoe@localhost"] == "p&<w>"


def test_a_guest_talks(visitor, bed):
    guest = visitor("guest")
    guest.page.goto(bed.site)
    expect(guest.page.locator("textarea.chat-textarea").last).to_be_visible()
    guest.page.locator("textarea.chat-textarea").last.fill("anybody there?")
    guest.page.locator("textarea.chat-textarea").last.press("Enter")
    expect(guest.page.locator(".chat-msg__text")).to_have_count(2)
    guest.sees("anybody there?")
    (session,) = bed.sessions()
    assert session.account.endswith("@anon.localhost")
