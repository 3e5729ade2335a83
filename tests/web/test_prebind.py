"""`GET /prebind`: what Converse.js gets, and who gets nothing."""

from __future__ import annotations

import pytest

from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import parse


@pytest.fixture
def alice(browser):
    browser.log_in("alice")
    return browser


def test_whoever_is_logged_in_gets_a_session(alice, chat):
    answer = alice.get("/prebind", accept="application/json, text/javascript")
    assert answer.code == 200
    assert answer.json == {"jid": "alice@localhost/resource-1", "sid": "sid-1", "rid": 1001}
    assert isinstance(answer.json["rid"], int)
    ((account, owner),) = chat.live.values()
    assert account.full == "alice@localhost"
    assert owner == alice.cookies["conversehost_session"]


def test_every_call_makes_a_session(alice):
    assert alice.get("/prebind").json["sid"] != alice.get("/prebind").json["sid"]


def test_nobody_keeps_the_answer_or_takes_it_for_something_else(alice):
    for answer in (alice.get("/prebind"), alice.get("/prebind", host="evil.example")):
        assert answer.fields["cache-control"] == "no-store"
        assert answer.fields["content-type"] == "application/json"
        assert answer.fields["x-content-type-options"] == "nosniff"


def test_no_other_origin_may_read_it(alice):
    answer = alice.get("/prebind", origin="http://localhost:5280")
    assert answer.code == 200
    assert not [name for name in answer.fields if name.lower().startswith("access-control")]


def test_without_a_login_the_reason_is_told(browser, chat):
    answer = browser.get("/prebind")
    assert answer.code == 401
    assert answer.json["error"]
    assert chat.live == {}


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1:5280", "xlocalhost", "[::2]"])
def test_a_host_that_is_not_ours_is_refused(alice, chat, host):
    answer = alice.get("/prebind", host=host)
    assert (answer.code, answer.reason) == (421, "Misdirected Request")
    assert "--allowed-host" in answer.json["error"]
    assert chat.live == {}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:1",
        "LOCALHOST.:80",
        "t1.localhost:5280",
        "127.0.0.1:5280",
        "127.8.8.8",
        "[::1]:5280",
        "verona.example",
        "Verona.Example:443",
        "xn--bcher-kva.example",
    ],
)
def test_a_host_that_is_ours_is_served(alice, host):
    assert alice.get("/prebind", host=host).code == 200


@pytest.mark.parametrize(
    "fields", [{"sec_fetch_site": "cross-site"}, {"origin": "http://evil.example"}, {"origin": "http://localhost:3000"}]
)
def test_a_page_of_another_site_is_refused(alice, chat, fields):
    answer = alice.get("/prebind", **fields)
    assert answer.code == 403
    assert answer.json["error"]
    assert chat.live == {}


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_other_pages_may_ask(alice, site):
    assert alice.get("/prebind", sec_fetch_site=site).code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_there_is_no_other_method(alice, chat, method):
    answer = alice.get("/prebind", method)
    assert answer.code == 405
    assert answer.fields["allow"] == "GET, HEAD"
    assert answer.json["error"]
    assert chat.live == {}


def test_head_makes_no_session(alice, chat):
    answer = alice.head("/prebind")
    assert (answer.code, answer.body) == (200, b"")
    assert answer.fields["content-length"] is None  # it would have to be that of GET
    assert chat.live == {}


def test_there_is_nothing_below(alice, chat):
    answer = alice.get("/prebind/x")
    assert answer.code == 404
    assert answer.json["error"]
    assert chat.live == {}


@pytest.mark.parametrize("text", ["too many sessions", ""])
def test_too_many_sessions_are_told(alice, chat, text):
    chat.error = StanzaError("resource-constraint", text)
    answer = alice.get("/prebind")
    assert answer.code == 503
    assert answer.json["error"] == (text or "resource-constraint")


def test_an_account_that_was_deleted_is_logged_in_no_longer(alice, accounts, chat):
    accounts.delete(parse("alice@localhost"))
    assert alice.get("/prebind").code == 401
    assert chat.live == {}
    assert 'action="/login"' in alice.get("/").text


@pytest.mark.parametrize("cookie", ["a=b; {0}", "{0};a=b", "a; {0}; =", "conversehost_session=old; {0}", 'x="{0}; {0}'])
def test_the_cookie_is_found_among_others(alice, cookie):
    session = f"conversehost_session={alice.cookies.pop('conversehost_session')}"
    assert alice.get("/prebind", cookie=cookie.format(session)).code == 200


@pytest.mark.parametrize("cookie", ["x{0}", "{0}; conversehost_session=new", "a={0}", "conversehost_session"])
def test_a_cookie_that_is_another_is_none(alice, cookie):
    session = f"conversehost_session={alice.cookies.pop('conversehost_session')}"
    assert alice.get("/prebind", cookie=cookie.format(session)).code == 401
