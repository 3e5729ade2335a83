"""`--site`: a folder of the operator's at /, beside what is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import Browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small site."""
    folder = tmp_path / "www"
    (folder / "docs").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "index.html").write_text("<h1>mine</h1>")
    (folder / "about.html").write_text("<script>inline()</script>")
    (folder / "docs" / "index.html").write_text("docs")
    (folder / "docs" / "a b.txt").write_text("text")
    (folder / ".env").write_text("SECRET=1")
    return folder


@pytest.fixture
def browser(build, folder) -> Browser:
    return build(folder=folder)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "<h1>mine</h1>"),
        ("/?query", "<h1>mine</h1>"),
        ("/index.html", "<h1>mine</h1>"),
        ("/about.html", "<script>inline()</script>"),
        ("/docs/", "docs"),
        ("/docs/index.html", "docs"),
        ("/docs/a%20b.txt", "text"),
    ],
)
def test_its_files(browser, path, text):
    answer = browser.get(path)
    assert (answer.code, answer.text) == (200, text)
    assert browser.head(path).fields["content-length"] == str(len(text))


def test_a_change_is_seen_at_the_next_request(browser, folder):
    assert browser.get("/").fields["cache-control"] == "no-cache"
    (folder / "index.html").write_text("<h1>changed</h1>")
    assert browser.get("/").text == "<h1>changed</h1>"
    (folder / "new.js").write_text("1")
    assert browser.get("/new.js").text == "1"


def test_its_pages_may_contain_what_they_like(browser):
    answer = browser.get("/about.html")
    assert "content-security-policy" not in answer.fields
    assert answer.fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "location"), [("/docs", "docs/"), ("/docs?a=b", "docs/?a=b")])
def test_a_folder_gets_its_slash(browser, path, location):
    answer = browser.get(path)
    assert (answer.code, answer.fields["location"]) == (301, location)


@pytest.mark.parametrize("path", ["/nothing", "/empty", "/empty/", "/docs//", "//", "/docs/index.html/", "/.env"])
def test_what_is_not_there_is_404(browser, path):
    assert browser.get(path).code == 404


@pytest.mark.parametrize(
    "path", ["/../secret", "/docs/../../secret", "/%2e%2e/secret", "/..%2fsecret", "/docs/..%5c..%5csecret", "/a%00b"]
)
def test_nothing_outside_of_it(browser, folder, path):
    (folder.parent / "secret").write_text("secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    assert browser.get(path).code in (400, 404)
    assert browser.get("/link").code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(browser, method):
    assert browser.get("/index.html", method).code == 405
    assert browser.get("/", method).code == 405


def test_the_login_has_a_page_of_its_own_then(browser):
    form = browser.get("/login")
    assert form.code == 200
    assert 'action="/login"' in form.text
    answer = browser.log_in()
    assert (answer.code, answer.fields["location"]) == (303, "/")
    assert browser.get("/login").code == 303


def test_a_page_of_the_folder_gets_its_chat_from_the_site_s_login(browser):
    assert browser.get("/prebind").code == 401
    browser.log_in()
    assert browser.get("/").text == "<h1>mine</h1>"
    assert browser.get("/prebind").json["jid"].startswith("alice@localhost/")
    browser.post("/logout")
    assert browser.get("/prebind").code == 401


@pytest.mark.parametrize(
    "path",
    ["/login", "/prebind", "/static/site.css", "/dist/emoji.json", "/health", "/ready", "/.well-known/host-meta"],
)
def test_names_that_stay_ours(browser, folder, path):
    mine = folder / path.removeprefix("/")
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    browser.log_in()
    answer = browser.get(path)
    assert answer.code in (200, 303)
    assert answer.text != "mine"


@pytest.mark.parametrize(("path", "file"), [("/", "index.html"), ("/form", "form"), ("/favicon.ico", "favicon.ico")])
def test_pages_of_ours_give_way_to_a_file(browser, folder, path, file):
    (folder / file).write_text("mine")
    assert browser.get(path).text == "mine"
    (folder / file).unlink()
    ours = browser.get(path)
    assert ours.code in (200, 303)
    assert ours.text != "mine"


def test_without_a_folder_nothing_of_that(build):
    browser = build()
    assert 'action="/login"' in browser.get("/").text
    assert browser.get("/about.html").code == 404
