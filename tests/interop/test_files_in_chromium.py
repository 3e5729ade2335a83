"""Files and pictures that people share, in the real Converse.js."""

from __future__ import annotations

import struct
import zlib

from playwright.sync_api import expect


def png(side: int = 24) -> bytes:
    """A red square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xd0\x20\x30" * side for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def share(visitor, name: str, kind: str, data: bytes) -> None:
    """The button with the paperclip is there once Converse.js has found where files can go."""
    expect(visitor.page.locator(".fa-paperclip").last).to_be_visible()
    visitor.page.set_input_files("input.fileupload", {"name": name, "mimeType": kind, "buffer": data})


def test_a_picture_is_shown_to_both(visitor):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    bob.open_chat("Alice")
    alice.open_chat("Bob")
    share(alice, "rot & schön.png", "image/png", png())
    for each in (alice, bob):
        picture = each.page.locator(".chat-msg img.chat-image__img, .chat-msg img.chat-image").last
        expect(picture).to_be_visible()
        assert picture.evaluate("each => each.complete && each.naturalWidth") == 24
        assert "/upload/" in (picture.get_attribute("src") or "")


def test_a_file_is_a_link_to_it(visitor):
    alice, bob = visitor("alice"), visitor("bob")
    alice.log_in()
    bob.log_in()
    bob.open_chat("Alice")
    alice.open_chat("Bob")
    share(alice, "report.pdf", "application/pdf", b"%PDF-1.4 nothing in it")
    link = bob.page.locator(".chat-msg a[href*='/upload/']").last
    expect(link).to_be_visible()
    with bob.page.expect_download() as loading:
        link.evaluate("each => { each.removeAttribute('target'); each.click() }")
    assert loading.value.suggested_filename == "report.pdf"
    assert loading.value.path().read_bytes() == b"%PDF-1.4 nothing in it"
