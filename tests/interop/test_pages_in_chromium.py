"""Our own pages in Chromium: on a phone, in the dark, and in front of another server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from conversehost.testing import TestBed
from conversehost.web.site import unreachable
from tests.browser.conftest import VERSIONS, converse_folder

PATHS = ("", "form", "login", "http-bind", "register", "nothing", "_conversehost/api/v1")
WIDTH = 390
LOOK = """() => {
    document.querySelectorAll("details").forEach((each) => each.open = true);
    const light = (colour) => Math.max(...colour.match(/\\d+/g).slice(0, 3)) > 127;
    return [document.documentElement.scrollWidth, light(getComputedStyle(document.querySelector("h1")).color)];
}"""
"""How wide the page is, and whether its letters are light."""


@pytest.fixture(scope="module")
def home() -> Iterator[TestBed]:
    with TestBed.start("--registration", "--converse", str(converse_folder(VERSIONS[0]))) as bed:
        yield bed


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """Of somebody who likes it dark."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 780}, color_scheme="dark")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_phone_and_is_dark_there(home: TestBed, phone: Page, path: str):
    phone.goto(f"{home.site}{path}")
    assert phone.evaluate(LOOK) == [WIDTH, True]


def test_so_does_what_is_told_of_a_site_that_is_not_there(phone: Page):
    phone.set_content(unreachable(502, "The site isn't there", "nothing answers at http://localhost:8000").decode())
    assert phone.evaluate(LOOK) == [WIDTH, True]


def test_in_front_of_another_server_its_people_log_in_at_the_front_page(home: TestBed, browser: Browser):
    port = home.c2s.rpartition(":")[2]
    options = ("--upstream", f"localhost=xmpp://127.0.0.1:{port}", "--upstream-insecure")
    context = browser.new_context()
    with TestBed.start(*options, "--converse", str(converse_folder(VERSIONS[0]))) as front:
        page = context.new_page()
        page.goto(front.site)
        expect(page.locator("main")).to_contain_text("Accounts are those of localhost")
        page.locator("input[name=jid]").fill("alice")
        page.locator("input[name=password]").fill("secret")
        page.locator("[type=submit]").click()
        expect(page.locator("converse-app, #conversejs")).to_contain_text("I am online")
        assert [each.transport for each in home.sessions("alice")] == ["tcp"]
    context.close()
