"""Real browsers on a real server. Whatever else a test looks at, no page may complain, or talk to another host."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from conversehost.testing import TestBed
from conversehost.testing.reporting import Used, show

HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VERSIONS = ("14.0.0", "12.0.0", "10.1.2", "7.0.6")
PATIENCE = 30_000

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], TestBed]]:
    """A server for each version of Converse.js, started when it is first asked for."""
    running: dict[str, TestBed] = {}

    def server(version: str) -> TestBed:
        if version not in running:
            running[version] = TestBed.start("--converse", str(converse_folder(version)))
        return running[version]

    yield server
    for each in running.values():
        each.stop()


def converse_folder(version: str) -> Path:
    if version == VERSIONS[0]:
        return HERE.parents[1] / "fixtures" / "converse" / "node_modules" / "converse.js"
    return HERE / "converse" / "node_modules" / f"converse-{version.partition('.')[0]}"


@pytest.fixture
def version() -> str:
    """Of Converse.js; parametrise to override."""
    return VERSIONS[0]


BED: pytest.StashKey[TestBed] = pytest.StashKey()


@pytest.fixture
def bed(servers: Callable[[str], TestBed], version: str, request: pytest.FixtureRequest) -> TestBed:
    """The server, as right after its start."""
    bed = servers(version)
    bed.reset()
    request.node.stash[BED] = bed
    return bed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its pages and the server said to each other."""
    report = yield
    bed = item.stash.get(BED, None)
    if bed is not None and report.failed and call.when == "call":
        show([Used(bed, bed._do)], report)
    return report


DEVICES = "iq//*[local-name()='publish'][@node='urn:xmpp:omemo:2:devices']"
"""What Converse.js 14 publishes last, once it has made its keys."""

STORED = """async ([text, patience, name]) => {
    const done = request => new Promise(then => request.onsuccess = () => then(request.result));
    const contacts = new RegExp(`^converse\\.contacts-${name}@[^-]*$`);
    const isThere = kept => text
        ? Object.values(kept).some(each => each?.message === text || each?.body === text)
        : Object.keys(kept).some(key => contacts.test(key) && kept[key].every(each => each in kept));
    const look = async () => {
        const database = await done(indexedDB.open("converse-persistent"));
        try {
            const kept = {};
            for (const name of database.objectStoreNames) {
                const store = database.transaction(name).objectStore(name);
                const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
                keys.forEach((key, number) => kept[key] = values[number]);
            }
            return isThere(kept);
        } finally { database.close(); }
    };
    const begun = Date.now();
    while (!await look()) {
        if (Date.now() - begun > patience) return false;
        await new Promise(then => setTimeout(then, 20));
    }
    return true;
}"""
"""Whether Converse.js has stored a message, or for "" all contacts, as soon as it has."""


@dataclass
class Visitor:
    """Somebody at a browser of their own: what they do, and what their page asked for."""

    page: Page
    name: str
    bed: TestBed
    makes_keys: bool = True
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def site(self) -> str:
        return self.bed.page

    def watch(self) -> None:
        page = self.page
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))

    def _asked(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((self.site, "data:", "blob:", self.site.replace("http", "ws", 1))):
            self.complaints.append(f"asked another host: {url}")

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.complaints.append(f"console: {text}")

    def prebinds(self) -> int:
        """How often the page asked for a session."""
        return self.requests.count(f"{self.site}prebind")

    def log_in(self) -> None:
        """By the site's form, as a person does; then Converse.js has done all that it does by itself."""
        self.page.goto(self.site)
        before = self.bed.last
        self.page.fill("input[name=username]", self.name)
        self.page.fill("input[name=password]", "secret")
        with self.becomes_available():
            self.page.click("button[type=submit]")
        self.is_in_chat()
        if self.makes_keys:
            self._publishes_keys(before)
            self.keeps_contacts()

    def _publishes_keys(self, after: int) -> None:
        """Converse.js complains in the console when its session ends before it has."""
        published = self.bed.wait_for(DEVICES, account=self.name, direction="in", after=after, timeout=30)
        answer = f"iq[@type='result'][@id='{ElementTree.fromstring(published.xml).get('id')}']"
        self.bed.wait_for(answer, account=self.name, direction="out", after=after, timeout=30)

    @contextmanager
    def becomes_available(self) -> Iterator[None]:
        """What is done within has Converse.js send its first presence; a reload before that would keep it from it."""
        with self.page.expect_request(lambda request: "<presence" in (request.post_data or "")):
            yield

    def is_in_chat(self) -> None:
        """The roster is there, with somebody who is online: the session lives."""
        expect(self.contact("Echo")).to_be_visible()
        expect(self.page.locator("#converse-login, form.converse-form#converse-login")).to_have_count(0)

    def is_shown(self, modal: Locator) -> Locator:
        """All of it: one that is told to go while it still comes stays, and takes the focus from all that is typed
        below (as Bootstrap makes them). Older versions of Converse.js don't say when it is.
        """
        expect(modal).to_be_visible()
        if self.makes_keys:
            expect(modal).to_have_attribute("aria-hidden", "false")
        return modal

    def contact(self, name: str) -> Locator:
        roster = self.page.locator(".roster-contacts, converse-roster, #converse-roster").first
        return roster.get_by_text(re.compile(rf"^\s*{re.escape(name)}\s*$")).first

    def open_chat(self, name: str) -> None:
        """Do so before the other one writes: Converse.js may not draw a message that comes while the chat opens."""
        self.contact(name).click()
        expect(self.page.locator(".chatbox-title", has_text=name).first).to_be_visible()
        expect(self.page.locator("textarea.chat-textarea").last).to_be_visible()

    def say(self, text: str) -> None:
        box = self.page.locator("textarea.chat-textarea").last
        box.fill(text)
        box.press("Enter")
        self.sees(text)

    def sees(self, text: str) -> None:
        """The newest message is exactly that."""
        newest = self.page.locator(".chat-msg__text").last
        expect(newest).to_have_text(text, use_inner_text=True)

    def keeps(self, text: str) -> None:
        """Converse.js has stored that message: what comes right before a reload is lost to it."""
        assert self.page.evaluate(STORED, [text, PATIENCE, self.name]), f"{text!r} was never stored"

    def keeps_contacts(self) -> None:
        """The same of the roster: a page that resumes its session right away has nobody in it."""
        assert self.page.evaluate(STORED, ["", PATIENCE, self.name]), "the contacts were never stored"

    def texts(self) -> list[str]:
        return self.page.locator(".chat-msg__text").all_inner_texts()


@pytest.fixture
def visitor(
    browser: Browser, bed: TestBed, version: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Visitor]]:
    """Makes visitors, each with a browser context; takes their pictures, and asks that no page complained."""
    visitors: list[Visitor] = []
    contexts: list[BrowserContext] = []

    def make(name: str) -> Visitor:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        made = Visitor(context.new_page(), name, bed, makes_keys=version == VERSIONS[0])
        made.watch()
        visitors.append(made)
        return made

    yield make
    SCREENSHOTS.mkdir(exist_ok=True)
    for each in visitors:
        picture = re.sub(r"[^\w.-]+", "-", f"{request.node.name}-{each.name}.png")
        each.page.screenshot(path=SCREENSHOTS / picture)
    complaints = {each.name: each.complaints for each in visitors if each.complaints}
    for context in contexts:
        context.close()
    assert not complaints
