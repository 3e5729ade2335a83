"""Which domains may be named by whom, on a whole server: what `--allow-domain` and `--deny-domain` do."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, Message, Request, TextMessage

from conversehost.testing import TestBed
from tests.bosh.stage import HTTPBIND
from tests.test_launch import SOON

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"


@pytest.fixture(scope="module")
def bed() -> Iterator[TestBed]:
    names = ["--domain", "a.example", "--domain", "b.example", "--deny-domain", "b.example", "--bosh-path", "my/bosh"]
    with TestBed.start(*names) as bed:
        yield bed


def over_bosh(bed: TestBed, domain: str, path: str = "/http-bind") -> str:
    body = f"<body {HTTPBIND} rid='1' to='{domain}' wait='1' hold='1' ver='1.6'/>"
    request = urllib.request.Request(bed.site.rstrip("/") + path, body.encode(), {"Content-Type": "text/xml"})
    with urllib.request.urlopen(request, timeout=SOON) as response:
        return response.read().decode()


def over_websocket(bed: TestBed, domain: str) -> str:
    """All that is said until the stream is open or refused."""
    import socket

    assert bed.websocket is not None
    url = urlsplit(bed.websocket)
    line = WSConnection(ConnectionType.CLIENT)
    said = ""
    with socket.create_connection((url.hostname, url.port), SOON) as client:

        def send(event: Event) -> None:
            client.sendall(line.send(event))

        send(Request(host=url.netloc, target=url.path, subprotocols=["xmpp"]))
        while "<stream:" not in said:
            line.receive_data(client.recv(65536) or None)
            for event in line.events():
                if isinstance(event, AcceptConnection):
                    send(Message(data=f"<open xmlns='{FRAMING}' to='{domain}' version='1.0'/>"))
                elif isinstance(event, TextMessage):
                    said += event.data
    return said


def test_one_that_is_allowed(bed):
    assert "sid=" in over_bosh(bed, "a.example")
    assert "<stream:features" in over_websocket(bed, "a.example")


def test_guests_have_one_of_their_own(bed):
    assert "sid=" in over_bosh(bed, "anon.a.example")
    features = over_websocket(bed, "anon.a.example")
    assert ">ANONYMOUS<" in features
    assert ">PLAIN<" not in features


def test_one_that_is_denied(bed):
    assert 'condition="host-unknown"' in over_bosh(bed, "b.example")
    assert "host-unknown" in over_websocket(bed, "b.example")


@pytest.mark.parametrize("path", ["/my/bosh", "/my/bosh/"])
def test_a_path_of_ones_own(bed, path):
    assert "sid=" in over_bosh(bed, "a.example", path)
