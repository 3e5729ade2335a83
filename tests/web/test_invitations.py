"""The page that somebody opens who was invited."""

from __future__ import annotations

import re

import attrs
import pytest

from conversehost.server.invitations import WEEK, Invitation, Invitations
from conversehost.web.site import Parts, site
from conversehost.xmpp.jid import parse
from tests.stage import Stage
from tests.web.conftest import Browser, Chat

FRIAR = parse("friar@localhost")


@pytest.fixture
def browser(parts: Parts, stage: Stage) -> Browser:
    """At the site of that stage."""
    chat = Chat(stage.accounts)
    return Browser(
        site(attrs.evolve(parts, domains=stage.router.hosts, store=stage.store, clock=stage.clock, chat=chat))
    )


def invite(stage: Stage, *, newcomer: bool = True, contact: bool = True, username: str = "") -> Invitation:
    return Invitations(stage.host).make(stage.account("friar"), newcomer=newcomer, contact=contact, username=username)


def page(invitation: Invitation) -> str:
    return f"/invite/{invitation.token}"


def test_it_says_who_invites_and_offers_the_uri(browser: Browser, stage: Stage):
    invitation = invite(stage)
    text = browser.get(page(invitation)).text
    assert "friar invites you to chat" in text
    assert f'href="{invitation.uri}"' in text
    assert 'name="username" value=""' in text


def test_a_contact_makes_no_account(browser: Browser, stage: Stage):
    invitation = invite(stage, newcomer=False)
    text = browser.get(page(invitation)).text
    assert "<form" not in text
    assert f'href="{invitation.uri}"' in text
    assert browser.post(page(invitation), {"username": "juliet", "password": "x"}).code == 405
    assert not stage.accounts.exists(parse("juliet@localhost"))


def test_whoever_makes_an_account_is_logged_in_and_has_a_contact(browser: Browser, stage: Stage):
    friar = stage.login("friar")
    invitation = invite(stage)
    answer = browser.post(page(invitation), {"username": " Juliet ", "password": "secret"})
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert "juliet@localhost" in browser.get("/").text
    stage.turn.end()
    assert [each["jid"] for each in friar.pushes()] == ["juliet@localhost"]
    assert browser.get(page(invitation)).code == 410


def test_the_name_that_was_promised(browser: Browser, stage: Stage):
    invitation = invite(stage, username="juliet")
    assert re.search(r'value="juliet"[^>]* readonly', browser.get(page(invitation)).text)
    answer = browser.post(page(invitation), {"username": "romeo", "password": "x"})
    assert answer.code == 400
    assert "The invitation is for juliet." in answer.text


@pytest.mark.parametrize(
    ("username", "password", "message"),
    [
        ("friar", "x", "That name is taken."),
        ("", "x", "A name and a password are needed."),
        ("juliet", "", "A name and a password are needed."),
    ],
)
def test_what_is_refused_can_be_tried_again(browser: Browser, stage: Stage, username: str, password: str, message: str):
    invitation = invite(stage)
    answer = browser.post(page(invitation), {"username": username, "password": password})
    assert answer.code == 400
    assert message in answer.text
    assert f'value="{username}"' in answer.text
    assert browser.get(page(invitation)).code == 200


def test_what_is_typed_is_text(browser: Browser, stage: Stage):
    answer = browser.post(page(invite(stage)), {"username": "<b>'\"", "password": "x"})
    assert answer.code == 400
    assert "<b>'" not in answer.text


def test_another_sites_page_makes_no_account(browser: Browser, stage: Stage):
    invitation = invite(stage)
    form = {"username": "juliet", "password": "x"}
    assert browser.post(page(invitation), form, origin="https://evil.example").code == 403
    assert not stage.accounts.exists(parse("juliet@localhost"))


@pytest.mark.parametrize("token", ["none", "%ff", "a/b"])
def test_an_invitation_that_there_is_not(browser: Browser, token: str):
    answer = browser.get(f"/invite/{token}")
    assert answer.code == 410
    assert "That invitation is over" in answer.text


def test_an_invitation_that_is_over(browser: Browser, stage: Stage):
    invitation = invite(stage)
    stage.clock.advance(WEEK)
    assert browser.get(page(invitation)).code == 410


def test_nobody_sees_them_all(browser: Browser, stage: Stage):
    invite(stage)
    assert browser.get("/invite").code == 404
