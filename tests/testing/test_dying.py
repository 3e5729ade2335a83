"""In how many ways a session can die, as its client sees it over real sockets."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator

import pytest

from conversehost.testing import TestBed, TestBedError
from tests.clients.bosh import BoshClient

SOON = 20.0
BIND = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
PLAIN = base64.b64encode(b"\0alice\0secret").decode()


class Wire:
    """Alice over TCP; `until` reads until something came, or everything until the end."""

    def __init__(self, bed: TestBed) -> None:
        host, _, port = bed.c2s.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), SOON)
        self.got = b""
        self.header()
        self.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{PLAIN}</auth>", b"<success")
        self.header()
        self.say(BIND, b"</iq>")

    def header(self) -> None:
        self.say(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'"
            " version='1.0'>",
            b"</stream:features>",
        )

    def say(self, text: str, answer: bytes) -> bytes:
        self.got = b""
        self.socket.sendall(text.encode())
        return self.until(answer)

    def until(self, answer: bytes = b"\0") -> bytes:
        while answer not in self.got:
            data = self.socket.recv(65_536)
            if not data:
                break
            self.got += data
        return self.got


@pytest.fixture
def alice(bed: TestBed) -> Iterator[Wire]:
    wire = Wire(bed)
    yield wire
    wire.socket.close()


def test_closed(bed: TestBed, alice: Wire):
    bed.kill_session("alice")
    assert alice.until().endswith(b"</stream:stream>")
    assert b"stream:error" not in alice.got
    assert bed.sessions() == []


def test_by_an_error(bed: TestBed, alice: Wire):
    bed.kill_session("alice", "policy-violation")
    assert b"<policy-violation" in alice.until()


def test_the_connection_breaks(bed: TestBed, alice: Wire):
    bed.kill_session("alice", how="reset")
    with contextlib.suppress(ConnectionResetError):
        assert b"</stream:stream>" not in alice.until()
    assert bed.sessions() == []


def test_the_connection_breaks_and_the_session_waits_until_it_is_told_not_to(bed: TestBed, alice: Wire):
    alice.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>", b"/>")
    bed.kill_session("alice", how="reset")
    with contextlib.suppress(ConnectionResetError):
        alice.until()
    (session,) = bed.sessions()
    bed.kill_session(session, how="expire")
    assert bed.sessions() == []
    with pytest.raises(TestBedError, match="there is no session"):
        bed.kill_session(session, how="expire")


def test_terminated(bed: TestBed):
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in("alice", "secret")
    bed.kill_session("alice", "host-gone", how="terminate")
    with pytest.raises(AssertionError, match='type="terminate" condition="host-gone"'):  # the client wants none
        client.send()
    assert bed.sessions() == []


def test_a_bosh_session_survives_a_broken_connection(bed: TestBed):
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in("alice", "secret")
    bed.kill_session("alice", how="reset")
    assert len(bed.sessions()) == 1
    assert client.send().get("type") is None


@pytest.mark.parametrize(
    ("how", "condition", "code", "message"),
    [
        ("die", None, None, "how must be one of close, error, reset, terminate, code, expire"),
        ("reset", "conflict", None, "condition makes no sense with reset"),
        ("terminate", "conflict", None, "condition must be one of bad-request, host-gone,"),
        ("terminate", None, None, "isn't there over BOSH"),
        ("code", None, 1001, "isn't there over WebSocket"),
        ("code", None, 1006, "code must be one of a WebSocket close frame"),
        ("expire", None, None, "doesn't wait to be resumed"),
    ],
)
def test_what_can_not_be(bed: TestBed, alice: Wire, how: str, condition: str | None, code: int | None, message: str):
    with pytest.raises(TestBedError, match=message):
        bed.kill_session("alice", condition, how=how, code=code)
    assert len(bed.sessions()) == 1
