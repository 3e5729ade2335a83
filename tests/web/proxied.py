"""A site behind `--proxy`, and who asks for it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from conversehost.testing import TestBed
from tests.test_launch import SOON
from tests.web.upstream import Upstream, running

HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: vite-hmr\r\n\r\n"
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with running() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def bed(upstream: Upstream) -> Iterator[TestBed]:
    with TestBed.start("--proxy", upstream.url) as bed:
        yield bed


@pytest.fixture
def site(bed: TestBed, upstream: Upstream) -> Iterator[Client]:
    upstream.told.clear()
    upstream.asked.clear()
    upstream.left.clear()
    client = Client(bed.site)
    yield client
    client.close()


class Client(http.client.HTTPConnection):
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "", parts.port, timeout=SOON)

    def ask(self, method: str, target: str, body: Any = None, **fields: str) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        self.request(method, target, body, headers, encode_chunked=True)
        response = self.getresponse()
        return response, response.read()

    def told(self, method: str, target: str, body: Any = None, **fields: str) -> dict[str, Any]:
        """What the site says that it was told."""
        response, said = self.ask(method, target, body, **fields)
        assert response.status == 200
        told: dict[str, Any] = json.loads(said)
        return told


def raw(bed: TestBed, data: bytes) -> socket.socket:
    parts = urlsplit(bed.site)
    client = socket.create_connection((parts.hostname, parts.port), SOON)
    client.sendall(data)
    return client


def until(client: socket.socket, end: bytes) -> bytes:
    said = b""
    while end not in said:
        part = client.recv(65_536)
        assert part, f"closed after {said!r}"
        said += part
    return said


def rest(client: socket.socket) -> bytes:
    """All until the end; a reset is an end as well."""
    said = b""
    try:
        while part := client.recv(65_536):
            said += part
    except ConnectionResetError:
        pass
    return said
