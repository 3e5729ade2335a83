"""WebSocket through `--proxy`, on a whole server."""

from __future__ import annotations

import hashlib
import select

import pytest

from tests.test_launch import SOON
from tests.web.proxied import HANDSHAKE, bed, raw, rest, until, upstream

__all__ = ["bed", "upstream"]


def test_a_websocket_of_the_sites(bed):
    with raw(bed, HANDSHAKE % b"/socket") as client:
        said = until(client, b"early")
        head = said.partition(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 101 ")
        assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head
        assert b"sec-websocket-protocol: vite-hmr" in head
        assert head.count(b"upgrade: websocket") == head.count(b"connection: upgrade") == 1
        client.sendall(b"\x81\x00 bytes as they are")
        assert until(client, b"are") == b"\x81\x00 bytes as they are"
        client.sendall(b"bye")
        assert rest(client) == b"goodbye"


def test_a_websocket_whose_client_leaves(bed, upstream):
    upstream.left.clear()
    with raw(bed, HANDSHAKE % b"/socket") as client:
        until(client, b"early")
    assert upstream.left.wait(SOON)


def test_much_through_a_websocket(bed):
    """More than any buffer holds, both ways at once."""
    data = bytes(range(256)) * 40_000
    with raw(bed, HANDSHAKE % b"/socket") as client:
        until(client, b"early")
        digest, size = hashlib.sha256(), 0
        view = memoryview(data)
        client.setblocking(False)
        while size < len(data):
            readable, writable, _ = select.select([client], [client] if view else [], [], SOON)
            assert readable or writable
            if writable:
                view = view[client.send(view) :]
            if readable:
                part = client.recv(65_536)
                assert part
                digest.update(part)
                size += len(part)
    assert digest.digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("path", "code", "text"), [(b"/no-socket", 426, b"not here"), (b"/no-socket-until-close", 403, b"no socket")]
)
def test_a_websocket_that_the_site_refuses(bed, path, code, text):
    with raw(bed, HANDSHAKE % path) as client:
        said = rest(client)
    assert said.startswith(b"HTTP/1.1 %d " % code)
    assert said.endswith(b"\r\n\r\n" + text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Connection: keep-alive, Upgrade\r\n", b""),
        (b"Upgrade: websocket", b"Upgrade: other"),
        (b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\nbody"),
    ],
)
def test_what_is_no_handshake_is_an_ordinary_request(bed, old, new):
    """RFC 9110 section 7.8 and RFC 6455 section 4.1."""
    with raw(bed, (HANDSHAKE % b"/?").replace(old, new)) as client:
        said = until(client, b"}").lower()
    assert said.startswith(b"http/1.1 200 ")
    assert b'"upgrade"' not in said


def test_our_own_websocket_stays_ours(bed):
    with raw(bed, (HANDSHAKE % b"/xmpp-websocket").replace(b"vite-hmr", b"xmpp")) as client:
        assert b"sec-websocket-protocol: xmpp" in until(client, b"\r\n\r\n").lower()
