"""Somebody logs in to the web site, and is logged in to chat: with the real Converse.js."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

NASTY = "<b>&\"' é 漢 🎉"


def test_a_login_to_the_site_is_a_login_to_chat(visitor, bed):
    alice = visitor("alice")
    alice.log_in()
    assert alice.prebinds() == 1
    (session,) = bed.sessions("alice@localhost")
    assert session.transport == "bosh"
    alice.open_chat("Echo")
    alice.say(NASTY)
    expect(alice.page.locator(".chat-msg__text")).to_have_count(2)
    assert alice.texts() == [NASTY, NASTY]


def test_two_people_exchange_messages_both_ways(visitor):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    alice.open_chat("Bob")
    bob.open_chat("Alice")
    alice.say(NASTY)
    bob.sees(NASTY)
    bob.say(f"{NASTY} too")
    alice.sees(f"{NASTY} too")
    for number in range(5):
        alice.say(f"alice {number}")
        bob.sees(f"alice {number}")
        bob.say(f"bob {number}")
        alice.sees(f"bob {number}")
    said = [NASTY, f"{NASTY} too", *(f"{who} {number}" for number in range(5) for who in ("alice", "bob"))]
    assert alice.texts() == bob.texts() == said


def test_a_reload_keeps_the_session(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    bob.open_chat("Alice")
    before = bed.sessions("alice@localhost")
    for number in range(3):
        alice.page.reload()
        alice.is_in_chat()
        alice.open_chat("Bob")
        alice.say(f"ping {number}")
        bob.sees(f"ping {number}")
        bob.say(f"pong {number}")
        alice.sees(f"pong {number}")
    assert alice.prebinds() == 1
    assert [each.jid for each in bed.sessions("alice@localhost")] == [each.jid for each in before]


def test_a_session_that_dies_on_the_server_is_replaced(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    bob.open_chat("Alice")
    (before,) = bed.sessions("alice@localhost")
    with alice.page.expect_response(f"{bed.site}prebind"), alice.becomes_available():
        bed.kill_session(before)
    alice.is_in_chat()
    alice.open_chat("Bob")
    alice.say("still here")
    bob.sees("still here")
    bob.say("so am I")
    alice.sees("so am I")
    assert alice.prebinds() == 2
    (after,) = bed.sessions("alice@localhost")
    assert after.jid != before.jid


def test_logging_out_ends_both_and_the_next_one_is_somebody_else(visitor, bed):
    alice = visitor("alice")
    alice.log_in()
    alice.page.click("#logout button")
    expect(alice.page.locator("input[name=username]")).to_be_visible()
    assert bed.sessions("alice@localhost") == []
    alice.name = "bob"
    alice.log_in()
    assert bed.sessions("alice@localhost") == []
    (session,) = bed.sessions("bob@localhost")
    assert session.jid.startswith("bob@localhost/")


def test_a_wrong_password_on_the_site_says_so(visitor, bed):
    alice = visitor("alice")
    alice.page.goto(bed.site)
    alice.page.fill("input[name=username]", "alice")
    alice.page.fill("input[name=password]", "wrong")
    alice.page.click("button[type=submit]")
    expect(alice.page.get_by_role("alert")).to_be_visible()
    assert alice.page.input_value("input[name=username]") == "alice"
    # Chromium reports any answer of 401 to a navigation as an error of the page.
    assert [each for each in alice.complaints if "401" not in each] == []
    alice.complaints.clear()
    alice.log_in()


def test_a_login_by_the_form_of_the_chat(visitor, bed):
    alice = visitor("alice")
    alice.page.goto(f"{bed.site}form")
    fill_form(alice, "wrong")
    expect(alice.page.locator("#converse-login, converse-controlbox").get_by_text("incorrect").first).to_be_visible()
    assert bed.sessions("alice@localhost") == []
    fill_form(alice, "secret")
    alice.is_in_chat()
    alice.open_chat("Echo")
    alice.say(NASTY)
    expect(alice.page.locator(".chat-msg__text")).to_have_count(2)
    assert alice.prebinds() == 0


def fill_form(visitor, password):
    form = visitor.page.locator("#converse-login")
    form.locator("input[name=jid]").fill(visitor.name)
    form.locator("input[name=password]").fill(password)
    form.locator("input[type=submit], button[type=submit]").first.click()


def test_one_click_on_a_demo_account_is_enough(visitor, bed):
    juliet = visitor("juliet")
    juliet.page.goto(bed.site)
    juliet.page.click("button[data-name=juliet]")
    juliet.is_in_chat()


def test_a_second_tab_has_a_session_of_its_own(visitor, bed):
    alice = visitor("alice")
    alice.log_in()
    other = alice.page.context.new_page()
    other.goto(bed.site)
    expect(other.get_by_text("Echo", exact=True).first).to_be_visible()
    assert len({each.jid for each in bed.sessions("alice@localhost")}) == 2


def test_somebody_new_is_made_over_http_and_logs_in(visitor, bed):
    zoe = bed.add_user("zoe", password="secret", friends=["alice@localhost"])
    assert zoe.jid == "zoe@localhost"
    page = visitor("zoe").page
    page.goto(bed.site)
    page.fill("input[name=username]", "zoe")
    page.fill("input[name=password]", "secret")
    page.click("button[type=submit]")
    expect(page.get_by_text("Alice", exact=True).first).to_be_visible()


def test_nobody_gets_a_session_without_a_login(bed):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(bed.prebind)
    assert refused.value.code == 401
    assert json.load(refused.value)["error"]


def test_a_tab_shows_whoever_is_logged_in_to_the_site_now(visitor, bed):
    alice = visitor("alice")
    alice.log_in()
    page = alice.page.context.new_page()
    page.goto(bed.site)
    expect(page.get_by_text("Echo", exact=True).first).to_be_visible()
    page.click("#logout button")
    page.click("button[data-name=bob]")
    expect(page.locator(".site-user")).to_have_text("bob")
    expect(page.get_by_text("Echo", exact=True).first).to_be_visible()
    alice.complaints.clear()  # its tab heard that nobody was logged in any more
    alice.page.reload()
    expect(alice.page.locator(".site-user")).to_have_text("bob")
    alice.is_in_chat()
    assert bed.sessions("alice@localhost") == []
    assert len(bed.sessions("bob@localhost")) == 2
