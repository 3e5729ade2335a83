"""The site's own login: form, cookie, session."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from conversehost.auth import DISABLED, Accepted, Attempt, Refused
from conversehost.web import site
from conversehost.web.login import LIFETIME

from .conftest import Browser


def is_logged_in(browser: Browser) -> bool:
    return "Log out" in browser.get("/").text


def test_a_login_leads_to_the_front_page_with_a_cookie(browser):
    assert not is_logged_in(browser)
    answer = browser.log_in()
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert is_logged_in(browser)
    assert "alice@localhost" in browser.get("/").text


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser):
    browser.log_in()
    name, _, value = browser.set_cookie.partition(";")[0].partition("=")
    attributes = {each.strip().lower() for each in browser.set_cookie.split(";")[1:]}
    assert name == "conversehost_session"
    assert len(value) >= 32  # 192 bits in base64
    assert {"httponly", "samesite=lax", "path=/", f"max-age={int(LIFETIME)}"} == attributes


@pytest.mark.parametrize("username", ["alice", "alice@localhost", "Alice", " alice ", "alice@localhost/phone"])
def test_a_name_may_be_spelt_in_several_ways(browser, username):
    browser.log_in(username)
    assert "<code>alice@localhost</code>" in browser.get("/").text


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", "secret"),
        ("alice@elsewhere", "secret"),
        ("", "secret"),
        ("a b@", "x"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_form(browser, username, password):
    answer = browser.log_in(username, password)
    assert answer.code == 401
    assert "go together" in answer.text
    assert 'action="/login"' in answer.text
    assert not browser.cookies


def test_a_refusal_tells_nothing_about_who_exists(browser):
    wrong = browser.log_in("alice", "wrong").text.replace("alice", "x")
    unknown = browser.log_in("nobody", "wrong").text.replace("alice", "x").replace("nobody", "x")
    assert wrong == unknown


def test_the_form_keeps_the_name_but_escapes_it(browser):
    text = browser.log_in('"><script>alert(1)</script>', "wrong").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_form_without_fields_is_refused(browser):
    assert browser.post("/login").code == 401


def test_every_login_has_a_new_id(browser):
    seen = set()
    for _ in range(3):
        browser.log_in()
        seen.add(browser.cookies["conversehost_session"])
    assert len(seen) == 3


def test_an_id_that_the_browser_came_with_is_never_taken_over(browser):
    browser.cookies["conversehost_session"] = "planted"
    browser.log_in()
    assert browser.cookies["conversehost_session"] != "planted"


def test_a_login_ends_the_earlier_one_of_the_same_browser(browser, chat):
    browser.log_in("alice")
    earlier = dict(browser.cookies)
    browser.get("/prebind")
    browser.log_in("bob")
    assert chat.live == {}
    assert not is_logged_in(browser.another(earlier))


def test_two_browsers_have_a_session_each(browser):
    other = browser.another()
    browser.log_in("alice")
    other.log_in("bob")
    assert "alice@localhost" in browser.get("/").text
    assert "bob@localhost" in other.get("/").text


def test_a_site_session_ends_after_its_time(browser, clock):
    browser.log_in()
    clock.advance(LIFETIME - 1)
    assert is_logged_in(browser)
    clock.advance(1)
    assert not is_logged_in(browser)
    assert browser.get("/prebind").code == 401


def test_its_chat_ends_with_it(browser, chat, clock):
    browser.log_in()
    browser.get("/prebind")
    clock.advance(1)
    other = browser.another()
    other.log_in("bob")
    other.get("/prebind")
    clock.advance(LIFETIME - 1)
    assert [account.full for account, _ in chat.live.values()] == ["bob@localhost"]


def test_expired_sessions_do_not_pile_up(browser, clock, store):
    browser.log_in("alice")
    clock.advance(LIFETIME + 1)
    browser.another().log_in("bob")
    assert len(list(store.owners("site_sessions"))) == 1


def test_sessions_are_user_data_so_a_reset_ends_them(browser, store):
    before = store.snapshot()
    browser.log_in()
    store.restore(before)
    assert not is_logged_in(browser)


@pytest.mark.parametrize("cookie", ["", "unknown", "\x00", "é", "a" * 4000])
def test_a_cookie_that_means_nothing_means_nobody(browser, cookie):
    browser.cookies["conversehost_session"] = cookie
    assert browser.get("/prebind").code in (400, 401)


def test_logging_out_ends_the_session_and_its_chat(browser, chat):
    other = browser.another()
    other.log_in("alice")
    other.get("/prebind")
    browser.log_in("alice")
    browser.get("/prebind")
    browser.get("/prebind")
    kept = dict(browser.cookies)
    answer = browser.post("/logout")
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert not browser.cookies
    assert list(chat.live) == ["sid-1"]  # the other browser's
    assert not is_logged_in(browser.another(kept))
    assert is_logged_in(other)


def test_logging_out_without_being_logged_in_is_fine(browser):
    assert browser.post("/logout").code == 303


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_mere_link_changes_nothing(browser, path):
    browser.log_in()
    answer = browser.get(path)
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert is_logged_in(browser)


@pytest.mark.parametrize(
    "fields",
    [
        {"sec_fetch_site": "cross-site"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:8000"},
        {"origin": "null"},
    ],
)
def test_another_sites_page_logs_nobody_in_or_out(browser, chat, fields):
    assert browser.log_in(**fields).code == 403
    assert not browser.cookies
    browser.log_in()
    browser.get("/prebind")
    assert browser.post("/logout", **fields).code == 403
    assert is_logged_in(browser)
    assert chat.live


def test_our_own_page_may(browser):
    assert browser.log_in(origin="http://localhost:5280", sec_fetch_site="same-origin").code == 303


class Slow:
    """An authenticator that answers when it is told to."""

    def check(self, attempt: Attempt, done) -> None:
        self.attempt, self.done = attempt, done


@pytest.fixture
def slow() -> Slow:
    return Slow()


def begin(browser: Browser):
    body = b"username=alice&password=secret"
    return browser.open("POST", "/login", body, {"content_type": "application/x-www-form-urlencoded"})


def test_an_answer_may_come_later(build, slow):
    browser = build(authenticator=slow)
    transport = begin(browser)
    assert transport.value() == b""
    slow.done(Accepted(slow.attempt.account))
    assert browser.read(transport).code == 303
    assert is_logged_in(browser)


def test_a_refusal_may_come_later(build, slow):
    browser = build(authenticator=slow)
    transport = begin(browser)
    slow.done(Refused())
    answer = browser.read(transport)
    assert answer.code == 401
    assert "go together" in answer.text


def test_a_page_that_fails_later_is_answered_all_the_same(build, slow, monkeypatch: pytest.MonkeyPatch):
    browser = build(authenticator=slow)
    transport = begin(browser)
    monkeypatch.setattr(site, "templates", lambda: 1 / 0)
    with capturedLogs() as logs:
        slow.done(Refused())
    assert browser.read(transport).code == 500
    assert [each["log_failure"].type for each in logs if "log_failure" in each] == [ZeroDivisionError]


def test_who_knows_the_password_reads_that_the_account_is_disabled(build, slow):
    browser = build(authenticator=slow)
    transport = begin(browser)
    slow.done(DISABLED)
    answer = browser.read(transport)
    assert answer.code == 401
    assert "This account is disabled." in answer.text


def test_who_left_before_the_answer_is_not_logged_in(build, slow, store):
    browser = build(authenticator=slow)
    transport = begin(browser)
    transport.connection.connectionLost(Failure(ConnectionDone()))
    slow.done(Accepted(slow.attempt.account))
    assert list(store.owners("site_sessions")) == []
