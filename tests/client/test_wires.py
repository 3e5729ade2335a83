"""Connections over the network: to a server, and to what is none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conversehost.client.bosh import BoshWire
from conversehost.client.tcp import TcpWire
from conversehost.client.websocket import WebSocketWire
from conversehost.client.wire import Manners, SilenceError, StreamEndedError, UnreachableError, Wire
from conversehost.testing import TestBed
from conversehost.xmpp import ns

HASTY = Manners(patience=0.05)
CLOSED = "127.0.0.1:1"


@pytest.fixture(scope="module")
def secured(tmp_path_factory) -> Iterator[TestBed]:
    """With a certificate of an authority of its own."""
    with TestBed.start("--tls", "--state-dir", str(tmp_path_factory.mktemp("state"))) as bed:
        yield bed


@pytest.fixture
def mute() -> Iterator[str]:
    """Takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def tcp(address: str, manners: Manners | None = None) -> Wire:
    host, _, port = address.rpartition(":")
    return TcpWire(host, int(port), manners or Manners())


def bosh(address: str, manners: Manners | None = None) -> Wire:
    return BoshWire(f"http://{address}/http-bind", manners or Manners())


def websocket(address: str, manners: Manners | None = None) -> Wire:
    return WebSocketWire(f"ws://{address}/xmpp-websocket", manners or Manners())


ALL = pytest.mark.parametrize("make", [tcp, bosh, websocket])


def place(bed: TestBed, make: Callable[..., Wire]) -> str:
    return bed.c2s if make is tcp else bed.site.split("/")[2]


SECURED = pytest.mark.parametrize("make", [BoshWire, WebSocketWire])


def address(bed: TestBed, make: type[BoshWire | WebSocketWire]) -> str:
    if make is BoshWire:
        return f"{bed.https}http-bind"
    return f"{bed.https}xmpp-websocket".replace("https:", "wss:")


@ALL
def test_the_features_come_first(testbed, make):
    wire = make(place(testbed, make))
    assert wire.open("localhost").tag == f"{{{ns.STREAM}}}features"
    wire.close()


@ALL
def test_a_domain_that_is_not_served_ends_the_stream(testbed, make):
    with pytest.raises(StreamEndedError) as ended:
        make(place(testbed, make)).open("verona.example")
    assert ended.value.condition == "host-unknown"


@ALL
def test_nobody_listens(make):
    with pytest.raises(UnreachableError, match="Connection refused"):
        make(CLOSED).open("localhost")


@ALL
def test_somebody_listens_and_says_nothing(mute, make):
    with pytest.raises(SilenceError):
        make(mute, HASTY).open("localhost")


@ALL
def test_leaving_before_arriving_is_no_mistake(make):
    wire = make(CLOSED)
    wire.drop()
    wire.drop()


@ALL
def test_an_end_has_a_reason_and_stays(testbed, make):
    wire = make(place(testbed, make))
    wire.open("localhost")
    wire.send(b"<presence xmlns='jabber:client'/>")
    with pytest.raises(StreamEndedError) as ended:
        wire.receive()
    assert ended.value.condition == "not-authorized"
    with pytest.raises(StreamEndedError):
        wire.receive()


def test_a_page_is_not_bosh(testbed):
    with pytest.raises(StreamEndedError, match="BOSH: HTTP 404"):
        BoshWire(f"{testbed.site}nowhere", Manners()).open("localhost")


def test_a_page_is_no_websocket(testbed):
    with pytest.raises(UnreachableError, match="HTTP 404, and no WebSocket"):
        WebSocketWire(testbed.site.replace("http:", "ws:") + "nowhere", Manners()).open("localhost")


@SECURED
def test_over_tls(secured, make):
    wire = make(address(secured, make), Manners(ca=secured.ca))
    assert wire.open("localhost").tag == f"{{{ns.STREAM}}}features"
    wire.close()


def test_a_connection_that_never_came_about_is_closed_in_peace():
    wire = tcp(CLOSED)
    with pytest.raises(UnreachableError):
        wire.open("localhost")
    wire.close()


@SECURED
def test_on_this_machine_certificates_may_be_anybodys(secured, make):
    wire = make(address(secured, make), Manners())
    assert wire.open("localhost").tag == f"{{{ns.STREAM}}}features"
    wire.close()


@SECURED
def test_an_authority_that_is_named_counts(secured, make, tmp_path_factory):
    with TestBed.start("--tls", "--state-dir", str(tmp_path_factory.mktemp("other"))) as other:
        assert Path(other.ca).read_bytes() != Path(secured.ca).read_bytes()
        wire = make(address(secured, make), Manners(ca=other.ca))
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            wire.open("localhost")


@pytest.mark.parametrize("direct", [False, True])
def test_a_server_that_stops_says_so_over_tls_too(tmp_path, direct):
    with TestBed.start("--state-dir", str(tmp_path)) as bed:
        host, _, port = (bed.c2s_tls if direct else bed.c2s).rpartition(":")
        wire = TcpWire(host, int(port), Manners(ca=bed.ca), direct_tls=direct)
        wire.open("localhost")
        bed.stop()
        with pytest.raises(StreamEndedError) as ended:
            wire.receive()
        assert ended.value.condition == "system-shutdown"
