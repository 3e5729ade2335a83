"""Pages with Converse.js, logged in, for browser tests."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conversehost.testing.calls import TestBedError
from conversehost.testing.testbed import TestBed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
SLOW = 30.0
"""Seconds that a page may take to log in."""
NO_PLAYWRIGHT = "converse_page needs Playwright: pip install playwright && playwright install chromium"
NO_BROWSER = "converse_page needs a browser: playwright install chromium, or your system's chromium"
NO_CONVERSE = (
    "converse_page needs Converse.js: npm install converse.js@14.0.0 in this folder, or say where it is by "
    "--conversehost-args='--converse FOLDER'"
)


class Parking:
    """Playwright's loop counts as running from its start to its end, which would keep asyncio from tests that need no
    browser. So it counts only while a test uses the browser. There is one such loop in a thread.
    """

    loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def park(cls) -> None:
        """It doesn't count from now on."""
        cls.loop = asyncio.events._get_running_loop()
        asyncio.events._set_running_loop(None)

    @classmethod
    @contextmanager
    def leave(cls) -> Iterator[None]:
        """It counts meanwhile. Where somebody else has started Playwright nothing is parked, and nothing happens."""
        before = asyncio.events._get_running_loop()
        asyncio.events._set_running_loop(before or cls.loop)
        try:
            yield
        finally:
            asyncio.events._set_running_loop(before)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the whole run. Raises TestBedError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise TestBedError(NO_PLAYWRIGHT) from None
    playwright = sync_playwright().start()
    try:
        browser = _launch(playwright)
        Parking.park()
        yield browser
        with Parking.leave():
            browser.close()
    finally:
        with Parking.leave():
            playwright.stop()
        Parking.loop = None


class Pages:
    """`pages("bob")` is a page on which Bob is logged in to chat, in a browser context of its own."""

    def __init__(self, bed: TestBed, browser: Browser) -> None:
        self._bed = bed
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(self, name: str | None = None, transport: str = "bosh") -> Page:
        """`name` is an account, the first one unless given.

        Over BOSH they log in to the site, and are in the chat by prebind; over WebSocket by Converse.js's own form.
        Raises TestBedError.
        """
        accounts = self._bed.accounts
        jid = self._bed.user(name).jid if name else next(iter(accounts))
        context = self._browser.new_context()
        self._contexts.append(context)
        page = context.new_page()
        before = self._bed.last
        if transport == "bosh":
            _log_in_to_site(page, self._bed.page, jid, accounts[jid])
        else:
            _log_in_to_chat(page, f"{self._bed.page}form?transport={transport}", jid, accounts[jid])
        self._bed.wait_for("presence[not(@type)]", account=jid, direction="in", after=before, timeout=SLOW)
        return page

    def close(self) -> None:
        """All of them."""
        while self._contexts:
            self._contexts.pop().close()


def _launch(playwright: Playwright) -> Browser:
    """Playwright's own Chromium, else the system's. Raises TestBedError."""
    from playwright.sync_api import Error

    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # as root it doesn't start otherwise
    try:
        return playwright.chromium.launch(args=arguments)
    except Error as error:
        if "Executable doesn't exist" not in error.message:
            raise
    path = next(filter(None, map(shutil.which, SYSTEM)), None)
    if path is None:
        raise TestBedError(NO_BROWSER)
    return playwright.chromium.launch(executable_path=path, args=arguments)


def _log_in_to_site(page: Page, url: str, jid: str, password: str) -> None:
    page.goto(url)
    page.locator("input[name=username]").fill(jid)
    page.locator("input[name=password]").fill(password)
    with page.expect_navigation():
        page.locator("#login [type=submit]").click()
    _has_converse(page)


def _log_in_to_chat(page: Page, url: str, jid: str, password: str) -> None:
    page.goto(url)
    _has_converse(page)
    form = page.locator("#converse-login")
    form.locator("input[name=jid]").fill(jid)
    form.locator("input[name=password]").fill(password)
    form.locator("input[type=submit], button[type=submit]").first.click()


def _has_converse(page: Page) -> None:
    if page.locator("#converse-config").count() == 0:
        raise TestBedError(NO_CONVERSE)
