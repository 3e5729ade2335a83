"""The page on which anybody makes an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from conversehost.server.policy import Policy
from conversehost.server.registration import PER_MINUTE
from conversehost.web.site import Parts, site
from conversehost.xmpp.jid import parse
from tests.stage import Stage
from tests.web.conftest import Browser, Chat

JULIET = parse("juliet@localhost")
FORM = {"username": " Juliet ", "password": "p&<w>"}


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage(registration=True, policy=Policy(admins=frozenset({parse("admin@localhost")})))


@pytest.fixture
def build(parts: Parts, stage: Stage) -> Callable[..., Browser]:
    def make(**changes: Any) -> Browser:
        ours = {"domains": stage.router.hosts, "store": stage.store, "clock": stage.clock, "chat": Chat(stage.accounts)}
        return Browser(site(attrs.evolve(parts, **({"registration": True} | ours | changes))))

    return make


@pytest.fixture
def browser(build: Callable[..., Browser]) -> Browser:
    return build()


def test_whoever_makes_an_account_is_logged_in(browser: Browser, stage: Stage):
    assert 'action="/register"' in browser.get("/register").text
    answer = browser.post("/register", FORM)
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert dict(stage.accounts.of("localhost"))[JULIET] == "p&<w>"
    assert "juliet@localhost" in browser.get("/").text
    assert browser.get("/register").code == 303


@pytest.mark.parametrize(
    ("form", "code", "says"),
    [
        ({"username": "juliet"}, 400, "A name and a password are needed."),
        ({"password": "x"}, 400, "A name and a password are needed."),
        ({"username": "a@b", "password": "x"}, 400, "</p>"),
        ({"username": "admin", "password": "x"}, 409, "That name is taken."),
    ],
)
def test_what_makes_none(browser: Browser, stage: Stage, form: dict[str, str], code: int, says: str):
    answer = browser.post("/register", form)
    assert answer.code == code
    assert says in answer.text
    assert 'role="alert"' in answer.text
    assert list(stage.accounts.of("localhost")) == []
    assert browser.cookies == {}


def test_a_name_that_is_taken_stays_its_owners(browser: Browser, stage: Stage):
    browser.post("/register", FORM)
    answer = browser.another().post("/register", {**FORM, "password": "other"})
    assert answer.code == 409
    assert 'value="Juliet"' in answer.text
    assert dict(stage.accounts.of("localhost"))[JULIET] == "p&<w>"


def test_not_more_than_some_a_minute_from_one_address(browser: Browser, stage: Stage):
    codes = [browser.post("/register", {"username": f"u{n}", "password": "x"}).code for n in range(PER_MINUTE + 1)]
    assert codes == [303] * PER_MINUTE + [429]
    stage.clock.advance(60)
    assert browser.post("/register", FORM).code == 303


@pytest.mark.parametrize("fields", [{"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}])
def test_no_page_elsewhere_makes_accounts(browser: Browser, stage: Stage, fields: dict[str, str]):
    assert browser.post("/register", FORM, **fields).code == 403
    assert list(stage.accounts.of("localhost")) == []


def test_it_is_there_where_registration_is_open(build: Callable[..., Browser], stage: Stage):
    assert "/register" in build().get("/").text
    closed = build(registration=False)
    assert "/register" not in closed.get("/").text
    assert (closed.get("/register").code, closed.post("/register", FORM).code) == (404, 404)
