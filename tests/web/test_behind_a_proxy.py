"""The site behind a reverse proxy: addresses, cookies and origins are those that the visitor sees."""

from __future__ import annotations

import re

import pytest

from conversehost.net.forwarded import Proxies
from tests.web.conftest import Browser

TOLD = {"x_forwarded_for": "192.0.2.43", "x_forwarded_proto": "https", "x_forwarded_host": "chat.example"}


@pytest.fixture
def visitor(browser: Browser) -> Browser:
    """Comes through a proxy that the site trusts."""
    browser.proxies = Proxies(["192.168.1.1"])
    return browser


def test_pages_show_the_addresses_that_the_visitor_can_use(visitor):
    visitor.log_in(**TOLD)
    page = visitor.get("/", **TOLD).text
    assert "https://chat.example/http-bind" in page
    assert "https://chat.example/prebind" in page


def test_and_our_own_when_the_proxy_says_nothing(visitor):
    visitor.log_in()
    assert "http://localhost:5280/http-bind" in visitor.get("/").text


def test_pages_do_not_show_what_anybody_says(browser):
    browser.log_in(**TOLD)
    page = browser.get("/", **TOLD).text
    assert "http://localhost:5280/http-bind" in page
    assert "chat.example" not in page


@pytest.mark.parametrize("host", ['localhost:"><script>', "localhost:5280/x", "localhost:x"])
def test_a_host_that_is_none_is_not_shown(browser, host):
    browser.log_in()
    page = browser.get("/", host=host).text
    assert re.search(r"<code>http://localhost:\d+/http-bind</code>", page)
    assert host not in page


def test_the_cookie_stays_on_https(visitor):
    visitor.log_in(**TOLD)
    assert "secure" in visitor.set_cookie.lower()
    visitor.log_in(**TOLD | {"x_forwarded_proto": "http"})
    assert "secure" not in visitor.set_cookie.lower()


def test_over_https_no_page_elsewhere_keeps_hold_of_ours(visitor):
    assert visitor.get("/", **TOLD).fields["cross-origin-opener-policy"] == "same-origin"
    assert "cross-origin-opener-policy" not in visitor.get("/").fields


def test_nobody_else_can_ask_for_that(browser):
    browser.log_in(**TOLD)
    assert "secure" not in browser.set_cookie.lower()


def test_a_page_of_the_visitor_s_own_origin_may_log_in(visitor):
    assert visitor.log_in(**TOLD, origin="https://chat.example").code == 303
    assert visitor.log_in(**TOLD, origin="https://evil.example").code == 403
    assert visitor.log_in(**TOLD, origin="http://localhost:5280").code == 403


def test_the_word_of_a_proxy_is_no_way_around_the_names_that_are_ours(visitor):
    """A page that plays DNS can send any field but Host."""
    assert visitor.get("/prebind", **TOLD | {"x_forwarded_host": "localhost"}, host="evil.example").code == 421


def test_the_word_of_a_stranger_is_no_way_around_the_origin(browser):
    assert browser.log_in(x_forwarded_host="evil.example", origin="http://evil.example").code == 403
