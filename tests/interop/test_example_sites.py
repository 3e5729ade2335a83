"""The example sites of fixtures/sites, with the real Converse.js in Chromium."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from conversehost.testing import TestBed
from tests.bench.servers import PROGRAMS, SERVERS
from tests.browser.conftest import PATIENCE, converse_folder
from tests.client.prebind_suite import Place

from .fronts import free_port
from .test_prebind_elsewhere import SECRET as JWT_KEY
from .test_prebind_elsewhere import ejabberd
from .test_site_proxied import started
from .tools import program

SITES = Path(__file__).parents[2] / "fixtures" / "sites"
CONVERSE = "**/converse.min.js"
KEY = "a-secret-that-the-site-and-the-chat-share"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@contextmanager
def site_by(framework: str, monkeypatch: pytest.MonkeyPatch, folder: Path, **environment: str) -> Iterator[str]:
    """The site's address."""
    said = environment | {"CONVERSE": str(converse_folder("14.0.0") / "dist"), "PYTHONUNBUFFERED": "1"}
    for name, value in (said | {"PYTHONPATH": str(SITES.parents[1])}).items():
        monkeypatch.setenv(name, value)
    port = free_port()
    file = str(SITES / f"{framework}_site.py")
    commands = {
        "django": ([file, "runserver", "--noreload", str(port)], "Quit the server"),
        "twisted": ([file, str(port)], f"http://localhost:{port}/"),
        "flask": (["-m", "flask", "--app", file, "run", "--port", str(port)], "Running on"),
    }
    arguments, sign = commands[framework]
    with started([sys.executable, *arguments], folder, sign):
        yield f"http://localhost:{port}/"


def enter(page: Page, site: str, name: str, query: str = "") -> None:
    """Log in to the site, and be in chat on a page of it, not yet on the one that comes first: who leaves a page while
    it logs in isn't available on the next.
    """
    page.route(CONVERSE, lambda route: route.abort())
    page.goto(site)
    page.fill("input[name=username]", name)
    page.click("button")
    expect(page.get_by_text(f"Hello, {name}.")).to_be_visible()
    page.unroute(CONVERSE)
    with page.expect_request(lambda request: "<presence" in (request.post_data or "")):
        page.goto(f"{site}{query}")


@pytest.mark.parametrize(("framework", "way"), [("django", ""), ("django", "?by=credentials"), ("flask", "")])
def test_with_tokens(page: Page, framework: str, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    bed = TestBed.start("--auth", "token", "--token-key", f"1:{KEY}")
    with bed, site_by(framework, monkeypatch, tmp_path, CHAT_BOSH=bed.bosh, CHAT_KEY=KEY) as site:
        enter(page, site, "alice", way)
        expect(page.locator(".roster-contacts, converse-roster").first.get_by_text("Echo").first).to_be_visible()
        bed.wait_for("presence", account="alice", direction="in", timeout=30)  # the page has sent it
        assert [each.available for each in bed.sessions("alice@localhost") if each.available] == [True]


def test_the_same_django_with_prosody(page: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    program(PROGRAMS["prosody"], "prosody")
    with SERVERS["prosody"]() as running:
        bosh = f"http://localhost:{running.target.http}{running.target.bosh}"
        with site_by("django", monkeypatch, tmp_path, CHAT_BOSH=bosh, CHAT_PASSWORD="pw") as site:
            enter(page, site, "u1")


@pytest.fixture(scope="module")
def at_ejabberd() -> Iterator[Place]:
    with ejabberd() as place:
        yield place


@pytest.mark.parametrize(
    ("proof", "way"),
    [("password", ""), ("jwt", ""), ("jwt", "?by=credentials")],
    ids=["password", "jwt", "credentials"],
)
def test_the_same_django_with_ejabberd(
    page: Page, at_ejabberd: Place, proof: str, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    said = {"CHAT_PASSWORD": "secret"} if proof == "password" else {"CHAT_JWT_KEY": JWT_KEY}
    domain = "localhost" if proof == "password" else at_ejabberd.token
    with site_by("django", monkeypatch, tmp_path, CHAT_BOSH=at_ejabberd.http, CHAT_DOMAIN=domain, **said) as site:
        enter(page, site, "alice", way)


def test_one_by_twisted_in_the_same_process(page: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with site_by("twisted", monkeypatch, tmp_path) as site:
        enter(page, site, "alice")
        expect(page.locator(".roster-contacts, converse-roster").first.get_by_text("Echo").first).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("input[name=username]")).to_be_visible()
        enter(page, site, "zoe")


def test_static_pages_with_guests(page: Page):
    folder, options = SITES / "guests", ("--converse", str(converse_folder("14.0.0")), "--prebind-anonymous")
    with TestBed.start("--site", str(folder), *options) as bed:
        for file in ("", "prebind.html"):
            with page.expect_request(lambda request: "<presence" in (request.post_data or "")):
                page.goto(f"{bed.site}{file}")
            (guest,) = [each for each in bed.sessions() if "@anon.localhost/" in each.jid and each.transport == "bosh"]
            page.goto("about:blank")
            bed.kill_session(guest)
