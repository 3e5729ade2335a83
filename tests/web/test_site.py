"""The pages: what they say, what they carry, and how they refuse."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from conversehost.web import site as site_module
from conversehost.web.converse import ConverseDist

PAGES = Path(site_module.__file__).parent / "pages"


def carried(text: str) -> tuple[str, dict]:
    """What a page carries for its script: the account, and the settings for Converse.js."""
    found = re.search(
        r'<script type="application/json" id="converse-config" data-account="(.*?)">(.*?)</script>', text, re.DOTALL
    )
    return found[1], json.loads(found[2])


def config_of(text: str) -> dict:
    return carried(text)[1]


def demo_page(browser) -> str:
    browser.log_in("alice")
    return browser.get("/").text


def test_the_front_page_is_a_login_form_with_the_demo_accounts(browser):
    text = browser.get("/").text
    assert 'action="/login"' in text
    assert 'data-name="alice" data-password="secret"' in text
    assert "converse.min.js" not in text


def test_the_form_offers_no_more_accounts_than_fit(build):
    crowd = tuple((f"user{number}", "secret") for number in range(1000))
    assert build(demo=crowd).get("/").text.count("data-name=") == 12


def test_without_demo_accounts_there_are_no_buttons(build):
    assert "data-name=" not in build(demo=()).get("/").text


def test_the_demo_page_starts_the_chat_by_prebind(browser):
    config = config_of(demo_page(browser))
    assert config["authentication"] == "prebind"
    assert config["prebind_url"] == "/prebind"
    assert config["bosh_service_url"] == "/http-bind"
    assert config["auto_login"] is config["keepalive"] is True
    assert config["view_mode"] == "overlayed"
    assert "websocket_url" not in config  # it would win over BOSH, and prebind needs BOSH


def test_the_page_says_whose_chat_it_is(browser):
    assert carried(demo_page(browser))[0] == "alice@localhost"
    assert carried(browser.get("/form").text)[0] == ""


def test_the_demo_page_says_what_is_going_on(browser):
    text = html.unescape(demo_page(browser))
    assert "http://localhost:5280/prebind" in text
    assert "http://localhost:5280/http-bind" in text
    assert "14.0.0" in text
    assert 'action="/logout"' in text
    assert "authentication: 'prebind'" in text


def test_the_other_page_has_the_chats_own_form(browser):
    config = config_of(browser.get("/form").text)
    assert config["authentication"] == "login"
    assert config["locked_domain"] == "localhost"
    assert "prebind_url" not in config
    assert "auto_login" not in config


@pytest.mark.parametrize("registration", [True, False])
def test_the_chats_form_offers_to_register_where_that_works(build, registration):
    config = config_of(build(registration=registration).get("/form").text)
    assert config["allow_registration"] is registration


@pytest.mark.parametrize("page", ["/", "/form", "/login"])
def test_where_accounts_are_elsewhere_every_form_is_the_chats(build, page):
    text = build(domain="chat.example", elsewhere=("chat.example",), demo=()).get(page).text
    assert config_of(text)["locked_domain"] == "chat.example"
    assert "Accounts are those of <strong>chat.example</strong>" in text
    assert "password" not in re.findall('type="([a-z]+)"', text)
    assert "Log in to the site" not in text


def test_where_every_form_is_the_chats_a_missing_page_names_one(build):
    assert "own login form" in build().get("/nothing").text
    text = build(domain="chat.example", elsewhere=("chat.example",), demo=()).get("/nothing").text
    assert 'Here is the <a href="/">front page</a>.</p>' in text


@pytest.mark.parametrize(
    ("elsewhere", "says"),
    [
        (
            ("a.example", "b.example"),
            "Accounts are those of <strong>a.example</strong>, <strong>b.example</strong>: write",
        ),
        (("*",), "Accounts are those of any server that is found by its name: write the whole address"),
        (("a.example", "*"), "Accounts are those of <strong>a.example</strong> and of any server that is found by its"),
    ],
)
def test_where_they_are_of_several_domains_whole_addresses_are_written(build, elsewhere, says):
    text = build(domain="a.example", elsewhere=elsewhere, demo=()).get("/").text
    assert says in re.sub(r"\s+", " ", text)
    assert not {"locked_domain", "muc_domain"} & config_of(text).keys()


def test_nothing_is_asked_of_other_hosts(browser):
    for text in (browser.get("/").text, browser.get("/form").text, demo_page(browser)):
        assert not re.findall(r'(?:src|href|action)="(?!/)', text)
    config = config_of(text)
    assert config["discover_connection_methods"] is False
    assert config["xmpp_providers_url"] == config["autocomplete_providers_url"] == ""
    assert config["assets_path"] == "/dist"


def test_every_file_that_a_page_names_is_there(browser):
    for text in (browser.get("/").text, browser.get("/form").text, demo_page(browser), browser.get("/nothing").text):
        for path in re.findall(r'(?:src|href)="(/(?:static|dist)/[^"]*)"', text):
            assert browser.get(path).code == 200


@pytest.mark.parametrize("page", ["/", "/form"])
def test_a_module_is_loaded_as_a_module(build, dist, page):
    browser = build(converse=ConverseDist(dist, "14.0.0"))
    browser.log_in()
    scripts = re.findall("<script[^>]* src=[^>]*>", browser.get(page).text)
    assert len(scripts) == 2
    assert all('type="module"' in each for each in scripts)


@pytest.mark.parametrize("page", ["/", "/form"])
def test_an_older_converse_is_a_classic_script(build, dist, page):
    browser = build(converse=ConverseDist(dist, "12.0.0"))
    browser.log_in()
    assert 'type="module"' not in browser.get(page).text
    assert '<script src="/dist/converse.min.js">' in browser.get(page).text


@pytest.mark.parametrize(("version", "path"), [("7.0.6", "/dist/"), ("14.0.0", "/dist")])
def test_where_converse_loads_the_rest_of_itself_from(build, dist, version, path):
    browser = build(converse=ConverseDist(dist, version))
    text = demo_page(browser)
    assert config_of(text)["assets_path"] == path
    assert f"assets_path: '{path}'" in text


@pytest.mark.parametrize("page", ["/", "/form"])
def test_without_converse_the_page_says_what_to_do(build, page):
    browser = build(converse=None)
    browser.log_in()
    answer = browser.get(page)
    assert answer.code == 200
    assert "make run" in answer.text
    assert "--converse" in answer.text
    assert "<script" not in answer.text
    assert browser.get("/dist/converse.min.js").code == 404


def test_the_policy_lets_converse_work_and_nothing_else(browser):
    policy = dict(each.strip().split(" ", 1) for each in browser.get("/").fields["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    for name, sources in policy.items():
        assert "http" not in sources
        assert "*" not in sources
        assert "unsafe-inline" not in sources or name == "style-src"


def test_every_page_has_its_headers(browser):
    pages = [browser.get("/"), browser.get("/form"), browser.get("/nothing"), browser.get("/", host="evil.example")]
    pages += [browser.log_in("alice", "wrong"), browser.get("/", "PUT"), browser.log_in(origin="http://evil.example")]
    assert [page.code for page in pages] == [200, 200, 404, 421, 401, 405, 403]
    for page in pages:
        assert page.fields["content-type"] == "text/html; charset=utf-8"
        assert page.fields["content-security-policy"]
        assert page.fields["x-content-type-options"] == "nosniff"
        assert page.fields["referrer-policy"] == "same-origin"
        assert page.fields["permissions-policy"] == "camera=(), geolocation=(), payment=(), usb=()"
        assert "cross-origin-opener-policy" not in page.fields
        assert page.fields["cache-control"] == "no-store"
        assert page.text.startswith("<!doctype html>")


def test_no_page_has_script_in_it(browser):
    for text in (browser.get("/").text, browser.get("/form").text, demo_page(browser)):
        for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
            assert "src=" in attributes or "application/json" in attributes
            assert bool(content) == ("application/json" in attributes)
        assert not re.search(r"<[^>]*\son\w+=", text)


@pytest.mark.parametrize("path", ["/", "/form", "/nothing", "/static/site.css", "/dist/emoji.json", "/favicon.ico"])
def test_head_works_wherever_get_does(browser, path):
    whole, head = browser.get(path), browser.head(path)
    assert (head.code, head.body) == (whole.code, b"")
    assert head.fields["content-length"] == str(len(whole.body))
    assert head.fields["content-type"] == whole.fields["content-type"]


@pytest.mark.parametrize("path", ["/nothing", "/form/x", "/form/", "/login/x", "//", "/favicon.ico/x", "/%2e%2e/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_there_is_told_in_our_own_words(browser, path, method):
    answer = browser.get(path, method)
    assert answer.code == 404
    assert 'href="/"' in answer.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/", "GET, HEAD"), ("/form", "GET, HEAD"), ("/login", "GET, HEAD, POST"), ("/logout", "GET, HEAD, POST")],
)
def test_another_method_is_refused(browser, path, allowed):
    answer = browser.get(path, "DELETE")
    assert answer.code == 405
    assert answer.fields["allow"] == allowed


@pytest.mark.parametrize("path", ["/", "/form", "/login", "/logout"])
def test_pages_about_people_are_only_under_our_own_names(browser, path):
    method = "POST" if path.startswith("/log") else "GET"
    answer = browser.get(path, method, host="evil.example:5280")
    assert (answer.code, answer.reason) == (421, "Misdirected Request")
    assert "--allowed-host evil.example<" in answer.text
    assert "secret" not in answer.text
    assert browser.get("/", host="verona.example").code == 200


def test_nothing_of_a_request_reaches_a_page_unescaped(browser):
    evil = "<script>alert(1)</script>"
    for answer in (browser.get("/", host=evil), browser.get(f"/{evil}"), browser.get(f"/?x={evil}")):
        assert "<script>alert" not in answer.text


def test_the_icon_of_old_is_found(browser):
    answer = browser.get("/favicon.ico")
    assert (answer.code, answer.fields["location"]) == (303, "/static/icon.svg")


def test_templates_need_no_other_host():
    for path in PAGES.rglob("*.*"):
        text = path.read_text()
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), path
