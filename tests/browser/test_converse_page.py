"""The fixtures `converse_page` and `converse_pages`, in pytest runs of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conversehost.testing import TestBedError
from conversehost.testing.browsing import _has_converse
from tests.browser.conftest import VERSIONS, converse_folder
from tests.testing import conftest

pytest_plugins = ["pytester"]

run = conftest.run

PAGES = """
    import asyncio

    import pytest
    from conversehost.testing import AsyncTestBed
    from playwright.sync_api import expect

    def open_chat(page, name):
        page.locator("converse-roster, .roster-contacts").first.get_by_text(name, exact=True).first.click()
        page.locator("textarea.chat-textarea").last.wait_for()

    def test_alice(conversehost, converse_page):
        assert [(each.account, each.transport) for each in conversehost.sessions()] == [("alice@localhost", "bosh")]
        open_chat(converse_page, "Bob")
        conversehost.message("bob", "alice", "are you there?")
        expect(converse_page.locator(".chat-msg__text").last).to_have_text("are you there?")

    def test_asyncio_has_its_turn_between_browsers(conversehost):
        async def main():
            return await AsyncTestBed.of(conversehost).sessions()
        assert asyncio.run(main()) == []

    def test_two_people(conversehost, converse_pages):
        alice, bob = converse_pages("alice"), converse_pages("bob", transport="websocket")
        transports = {each.account: each.transport for each in conversehost.sessions()}
        assert transports == {"alice@localhost": "bosh", "bob@localhost": "websocket"}
        open_chat(alice, "Bob")
        open_chat(bob, "Alice")
        box = alice.locator("textarea.chat-textarea").last
        box.fill("hi")
        box.press("Enter")
        expect(bob.locator(".chat-msg__text").last).to_have_text("hi")
"""


@pytest.fixture
def converse() -> str:
    return f"--conversehost-args=--converse {converse_folder(VERSIONS[0])}"


def test_pages_on_which_somebody_is_logged_in(run, converse):
    run(PAGES, converse, "-p", "no:asyncio").assert_outcomes(passed=3)


OTHERS = """
    import pytest

    class Fake:
        def new_context(self):
            raise ZeroDivisionError

    @pytest.fixture(scope="session")
    def converse_browser():
        return Fake()

    def test_another_browser(converse_pages):
        with pytest.raises(ZeroDivisionError):
            converse_pages()
"""


def test_a_suite_has_a_browser_of_its_own(run):
    run(OTHERS).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("sys.modules['playwright'] = None", "converse_page needs Playwright: pip install playwright && *"),
        ("os.environ['PATH'] = ''", "converse_page needs a browser: playwright install chromium, or your system's *"),
    ],
)
def test_what_is_missing_is_told(run, monkeypatch, tmp_path, before, said):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    program = f"import os, sys\n{before}\ndef test_it(converse_page):\n    pass"
    result = run(program)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_a_page_without_converse_tells_how_to_get_it(browser):
    page = browser.new_page()
    page.set_content("<p>Converse.js isn't here yet</p>")
    with pytest.raises(TestBedError, match=r"^converse_page needs Converse\.js: npm install converse\.js@14"):
        _has_converse(page)
    page.close()


ROOT = Path(__file__).parents[2]
IMPORTS = "from playwright.sync_api import expect\n\n"


@pytest.mark.parametrize("page", ["README.md", "docs/pytest.md"])
def test_the_examples_on_paper_run(run, converse, page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "converse_page" in block]
    run(IMPORTS + example, converse, "-p", "no:asyncio").assert_outcomes(passed=1)
