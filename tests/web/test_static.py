"""Files: types, validators, ranges, compression; and nothing outside the folder."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from twisted.logger import formatEvent, globalLogPublisher
from twisted.web.http import datetimeToString

from conversehost.web import static
from conversehost.web.converse import ConverseDist

SCRIPT = "/dist/converse.min.js"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (SCRIPT, "text/javascript; charset=utf-8"),
        ("/dist/converse.min.css", "text/css; charset=utf-8"),
        ("/dist/emoji.json", "application/json; charset=utf-8"),
        ("/dist/curve25519_compiled.wasm", "application/wasm"),
        ("/dist/font.woff2", "font/woff2"),
        ("/dist/locales/de.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/static/site.css", "text/css; charset=utf-8"),
    ],
)
def test_a_file_has_its_type(browser, path, kind):
    answer = browser.get(path)
    assert answer.code == 200
    assert answer.fields["content-type"] == kind
    assert answer.fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.MAP", "application/json; charset=utf-8"),
        ("a.ttf", "font/ttf"),
        ("a.ogg", "audio/ogg"),
        ("a.mp3", "audio/mpeg"),
        ("a.png", "image/png"),
        ("a.unknown", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
        ("é.txt", "text/plain; charset=utf-8"),
    ],
)
def test_types_by_name(browser, dist, name, kind):
    (dist / name).write_bytes(b"x")
    target = "/dist/" + "".join(f"%{byte:02x}" for byte in name.encode())
    answer = browser.get(target)
    assert (answer.code, answer.fields["content-type"], answer.body) == (200, kind, b"x")


def test_an_empty_file(browser, dist):
    (dist / "empty.js").touch()
    assert browser.get("/dist/empty.js").body == b""
    assert gzip.decompress(browser.get("/dist/empty.js", accept_encoding="gzip").body) == b""


def test_browsers_keep_converse_but_ask_again_for_what_is_ours(browser):
    assert browser.get(SCRIPT).fields["cache-control"] == "public, max-age=86400"
    assert browser.get("/static/chat.js").fields["cache-control"] == "no-cache"


def test_text_is_compressed_for_who_takes_it(browser, dist):
    plain, packed = browser.get(SCRIPT), browser.get(SCRIPT, accept_encoding="gzip, deflate, br, zstd")
    assert plain.body == (dist / "converse.min.js").read_bytes()
    assert packed.fields["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 5
    assert packed.fields["etag"] != plain.fields["etag"]
    for answer in (plain, packed):
        assert answer.fields["vary"] == "Accept-Encoding"
        assert answer.fields["content-length"] == str(len(answer.body))
        assert not answer.fields["etag"].startswith("W/")


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br", False),
        ("", False),
        ("identity", False),
    ],
)
def test_who_takes_gzip(browser, accepted, packed):
    assert (browser.get(SCRIPT, accept_encoding=accepted).fields["content-encoding"] == "gzip") is packed


def test_what_is_packed_already_is_sent_as_it_is(browser):
    answer = browser.get("/dist/font.woff2", accept_encoding="gzip")
    assert answer.fields["content-encoding"] is None
    assert answer.fields["vary"] is None


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_a_file_is_read_and_compressed_once(browser, monkeypatch, accepted):
    first = browser.get(SCRIPT, accept_encoding=accepted).body
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"read again: {path}"))
    assert browser.get(SCRIPT, accept_encoding=accepted).body == first
    assert browser.head(SCRIPT, accept_encoding=accepted).code == 200


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_a_changed_file_is_a_new_one(browser, dist, accepted):
    before = browser.get(SCRIPT, accept_encoding=accepted)
    (dist / "converse.min.js").write_text("new")
    answer = browser.get(SCRIPT, accept_encoding=accepted, if_none_match=before.fields["etag"])
    assert answer.code == 200
    assert answer.body != before.body
    assert answer.fields["etag"] != before.fields["etag"]


def test_what_is_kept_in_memory_is_bounded(browser, dist, monkeypatch):
    monkeypatch.setattr(static, "CACHE", 100)
    folder = browser.root.children[b"dist"]
    for number in range(5):
        (dist / f"{number}.txt").write_bytes(b"%d" % number * 40)
        browser.get(f"/dist/{number}.txt")
        assert folder._size <= 100
    assert [file.path[-5:] for file, _ in folder._kept] == ["3.txt", "4.txt"]
    assert browser.get("/dist/0.txt").body == b"0" * 40


def test_what_was_not_asked_for_longest_goes_first(browser, dist, monkeypatch):
    monkeypatch.setattr(static, "CACHE", 100)
    for name in "abac":
        path = dist / f"{name}.txt"
        if not path.exists():
            path.write_bytes(b"x" * 40)
        browser.get(f"/dist/{name}.txt")
    assert [file.path[-5:] for file, _ in browser.root.children[b"dist"]._kept] == ["a.txt", "c.txt"]


def test_a_file_too_large_for_memory_is_streamed(browser, dist, monkeypatch):
    monkeypatch.setattr(static, "LARGEST", 1000)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("read whole"))
    answer = browser.get("/dist/font.woff2")
    assert answer.body == bytes(range(256)) * 400
    assert answer.fields["content-length"] == "102400"
    assert browser.head("/dist/font.woff2").fields["content-length"] == "102400"
    assert browser.get(SCRIPT, accept_encoding="gzip").fields["content-encoding"] is None


# Conditional requests


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("spelling", ["{}", "W/{}", '"other", {}', '"a",{}', "*"])
def test_who_has_it_already_is_told_so(browser, accepted, spelling):
    first = browser.get(SCRIPT, accept_encoding=accepted)
    condition = spelling.format(first.fields["etag"])
    for method in ("GET", "HEAD"):
        answer = browser.get(SCRIPT, method, accept_encoding=accepted, if_none_match=condition)
        assert (answer.code, answer.body) == (304, b"")
        for name in ("etag", "cache-control", "vary", "last-modified"):
            assert answer.fields[name] == first.fields[name]
        assert answer.fields["content-length"] is None


def test_the_two_encodings_are_not_taken_for_each_other(browser):
    plain = browser.get(SCRIPT).fields["etag"]
    assert browser.get(SCRIPT, accept_encoding="gzip", if_none_match=plain).code == 200


def modified(path: Path, offset: int = 0) -> str:
    return datetimeToString(path.stat().st_mtime + 1 + offset).decode()


def test_by_date(browser, dist):
    path = dist / "converse.min.js"
    told = browser.get(SCRIPT).fields["last-modified"]
    assert browser.get(SCRIPT, if_modified_since=told).code == 304
    assert browser.get(SCRIPT, if_modified_since=modified(path, 3600)).code == 304
    assert browser.get(SCRIPT, if_modified_since=modified(path, -3600)).code == 200
    assert browser.get(SCRIPT, if_modified_since="yesterday").code == 200


@pytest.mark.parametrize("path", [SCRIPT, "/dist/font.woff2"])
@pytest.mark.parametrize("largest", [0, 10_000_000])
def test_the_tag_counts_more_than_the_date(browser, monkeypatch, path, largest):
    monkeypatch.setattr(static, "LARGEST", largest)
    told = browser.get(path).fields["last-modified"]
    assert browser.get(path, if_none_match='"older"', if_modified_since=told).code == 200


# Ranges


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=102390-", 102390, 102399), ("bytes=-5", 102395, 102399)],
)
def test_a_part(browser, asked, first, last):
    answer = browser.get("/dist/font.woff2", range=asked)
    assert answer.code == 206
    assert answer.fields["content-range"] == f"bytes {first}-{last}/102400"
    assert answer.body == (bytes(range(256)) * 400)[first : last + 1]


def test_files_say_that_they_come_in_parts(browser):
    assert browser.get(SCRIPT).fields["accept-ranges"] == "bytes"


def test_a_large_part(browser):
    answer = browser.get("/dist/font.woff2", range="bytes=1-")
    assert answer.body == (bytes(range(256)) * 400)[1:]


def test_the_log_is_not_told_of_each(browser):
    told: list[str] = []

    def observe(event: dict) -> None:
        told.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    answer = browser.get("/dist/font.woff2", range="bytes=1-")
    globalLogPublisher.removeObserver(observe)
    assert told == []
    assert answer.fields["last-modified"] == browser.get("/dist/font.woff2").fields["last-modified"]


def test_several_parts(browser):
    answer = browser.get("/dist/font.woff2", range="bytes=0-1,5-6")
    assert answer.code == 206
    assert answer.fields["content-type"].startswith("multipart/byteranges")
    assert answer.body.lower().count(b"content-range: bytes ") == 2


def test_nobody_gets_it_a_hundred_times_for_one_request(browser):
    answer = browser.get("/dist/font.woff2", range="bytes=" + ",".join(["0-"] * 100))
    assert (answer.code, len(answer.body)) == (200, 102_400)


def test_a_part_that_is_not_there(browser):
    answer = browser.get("/dist/font.woff2", range="bytes=200000-")
    assert answer.code == 416
    assert answer.fields["content-range"] == "bytes */102400"


def test_no_part_of_what_is_compressed(browser, dist):
    answer = browser.get(SCRIPT, range="bytes=0-9", accept_encoding="gzip")
    assert answer.fields["content-encoding"] is None
    assert answer.body == (dist / "converse.min.js").read_bytes()[:10]
    assert answer.fields["etag"] == browser.get(SCRIPT).fields["etag"]


def test_a_part_only_of_the_version_that_is_meant(browser):
    plain = browser.get(SCRIPT)
    tag, date = plain.fields["etag"], plain.fields["last-modified"]
    assert browser.get(SCRIPT, range="bytes=0-9", if_range=tag).code == 206
    assert browser.get(SCRIPT, range="bytes=0-9", if_range=date).code == 206
    for other in ('"other"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        answer = browser.get(SCRIPT, range="bytes=0-9", if_range=other)
        assert (answer.code, answer.body) == (200, plain.body)


# HEAD, other methods


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_head_tells_all_but_the_content(browser, accepted):
    whole, head = browser.get(SCRIPT, accept_encoding=accepted), browser.head(SCRIPT, accept_encoding=accepted)
    assert (head.code, head.body) == (200, b"")
    dropped = {"date"}
    assert {name: head.fields[name] for name in head.fields if name.lower() not in dropped} == {
        name: whole.fields[name] for name in whole.fields if name.lower() not in dropped
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(browser, method):
    answer = browser.get(SCRIPT, method)
    assert answer.code == 405
    assert answer.fields["allow"] == "GET, HEAD"


# Nothing else


@pytest.fixture
def outside(dist: Path) -> Path:
    """A file beside the folder, and ways to it."""
    target = dist.parent / "outside.txt"
    target.write_text("outside")
    (dist / "link.txt").symlink_to(target)
    (dist / "parent").symlink_to(dist.parent)
    sibling = dist.parent / "dist-private"
    sibling.mkdir()
    (sibling / "key.txt").write_text("outside")
    (dist / "sibling").symlink_to(sibling)
    return target


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "%2e%2e/outside.txt",
        "%2E./outside.txt",
        "%252e%252e/outside.txt",
        "%u002e%u002e/outside.txt",
        "..%2foutside.txt",
        "..%5coutside.txt",
        "..\\outside.txt",
        "locales/../../outside.txt",
        "locales/..%2f..%2foutside.txt",
        "./emoji.json",
        "emoji.json%00.txt",
        "%00",
        "emoji.json%0a",
        "c:%5cwindows",
        "link.txt",
        "parent/outside.txt",
        "parent/package.json",
        "sibling/key.txt",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "%ff%fe",
        "%c0%ae%c0%ae/outside.txt",
    ],
)
def test_no_way_out(browser, outside, path):
    answer = browser.get(f"/dist/{path}")
    assert answer.code in (400, 404)
    assert "outside" not in answer.text


@pytest.mark.parametrize("path", ["%2e%2e/x", "%252e/x", "..%5cx", "x%00", "x%0a", "c:x", "./x"])
def test_an_odd_spelling_is_a_bad_request(browser, path):
    assert browser.get(f"/dist/{path}").code == 400


@pytest.mark.parametrize(
    "path",
    ["", "locales", "locales/", ".secret", "%2esecret", "locales/.", "nothing.js", "emoji.json/", "emoji.json/x"],
)
def test_no_listing_no_dot_file_nothing_below_a_file(browser, path):
    answer = browser.get(f"/dist/{path}")
    assert answer.code in (400, 404)
    assert "hidden" not in answer.text
    assert "no-store" in answer.fields["cache-control"]


def test_a_link_that_stays_inside_is_followed(browser, dist):
    (dist / "same.json").symlink_to(dist / "emoji.json")
    assert browser.get("/dist/same.json").body == b"{}"


def test_the_folder_itself_may_be_a_link(build, dist, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(dist)
    assert build(converse=ConverseDist(link, "14.0.0")).get("/dist/emoji.json").body == b"{}"


def test_no_pipe_that_nobody_writes_to(browser, dist):
    os.mkfifo(dist / "pipe.js")
    assert browser.get("/dist/pipe.js").code == 404


def test_files_are_for_any_host(browser):
    assert browser.get(SCRIPT, host="chat.example").code == 200
    assert browser.get("/static/site.css", host="chat.example").code == 200
