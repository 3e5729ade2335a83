"""However a client leaves, over whatever transport: its contacts see it go, once (RFC 6121 section 4.5)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from wsproto.frame_protocol import FrameProtocol

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from tests.net.websockets import CLOSE, OPEN, handshake
from tests.testbed.conftest import Exchange, House, Person, quoted

HEADER = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost' version='1.0'>"
LOGIN = base64.b64encode(b"\0alice\0secret").decode()
AUTH = f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{LOGIN}</auth>"
BIND = f"<iq xmlns='{ns.CLIENT}' type='set' id='b'><bind xmlns='{ns.BIND}'><resource>desk</resource></bind></iq>"
PRESENCE = f"<presence xmlns='{ns.CLIENT}'/>"
JID = "alice@localhost/desk"


class Tcp:
    """Alice's client, over TCP."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.protocol = self.connect()
        for each in (HEADER, AUTH, HEADER, BIND, PRESENCE):
            self.say(each)
        self.jid = JID

    def connect(self):
        peer = IPv4Address("TCP", "127.0.0.1", 50_000)
        protocol = self.house.server.c2s.buildProtocol(peer)
        protocol.makeConnection(StringTransport(peerAddress=peer))
        return protocol

    def say(self, text: str) -> None:
        self.protocol.dataReceived(text.encode())

    def goodbye(self) -> None:
        self.say("</stream:stream>")
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def drop(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionLost()))


class WebSocket(Tcp):
    """The same over WebSocket."""

    def __init__(self, house: House) -> None:
        self.frames = FrameProtocol(client=True, extensions=[])
        super().__init__(house)

    def connect(self):
        peer = IPv4Address("TCP", "127.0.0.1", 50_000)
        protocol = self.house.server.http.buildProtocol(peer)
        protocol.makeConnection(StringTransport(peerAddress=peer))
        protocol.dataReceived(handshake())
        return protocol

    def say(self, text: str) -> None:
        self.protocol.dataReceived(bytes(self.frames.send_data(OPEN if text == HEADER else text)))

    def goodbye(self) -> None:
        self.say(CLOSE)
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Bosh:
    """The same over BOSH, where the site has logged her in."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bound = house.prebound("alice")
        house.poll(self.bound, payload=PRESENCE)
        self.jid = self.bound.jid

    def goodbye(self) -> None:
        start = f"<body xmlns='{ns.HTTPBIND}' sid='{self.bound.sid}' rid='{self.bound.rid + 1}' type='terminate'/>"
        server = self.house.server
        server.manager.request(start.encode(), Exchange(), SimpleNamespace(address="", secure=False, origin=""))
        server.turn.end()

    def drop(self) -> None:
        """She asks no more."""
        self.house.server.clock.advance(200)


class InMemory(Person):
    """The same without a transport."""

    def __init__(self, house: House) -> None:
        self.house = house
        super().__init__(house.server, "alice", "desk")
        self.says(stanza("presence", {}))
        self.jid = JID  # type: ignore[assignment]

    def goodbye(self) -> None:
        self.client.leave()
        self.house.server.turn.end()


@pytest.fixture
def bob(house: House) -> Person:
    """A friend of hers."""
    bob = house.person("bob", "phone")
    bob.says(stanza("presence", {}))
    bob.got.clear()
    return bob


def seen(bob: Person, of: str) -> list[str | None]:
    found = [each.type for each in bob.got if each.kind == "presence" and each.get("from") == of]
    bob.got.clear()
    return found


TRANSPORTS = pytest.mark.parametrize("transport", [Tcp, WebSocket, Bosh, InMemory])


@TRANSPORTS
def test_a_client_that_says_goodbye(house: House, bob: Person, transport: Callable[[House], Tcp]):
    alice = transport(house)
    assert seen(bob, alice.jid) == [None]
    alice.goodbye()
    assert seen(bob, alice.jid) == ["unavailable"]


@pytest.mark.parametrize("transport", [Tcp, WebSocket, Bosh])
def test_a_client_that_vanishes(house: House, bob: Person, transport: Callable[[House], Tcp]):
    alice = transport(house)
    assert seen(bob, alice.jid) == [None]
    alice.drop()
    assert seen(bob, alice.jid) == ["unavailable"]


@TRANSPORTS
@pytest.mark.parametrize("path", ["/sessions/{jid}", "/accounts/alice"])
def test_a_client_that_is_thrown_out(house: House, bob: Person, transport: Callable[[House], Tcp], path: str):
    """By itself, or with its account."""
    alice = transport(house)
    assert seen(bob, alice.jid) == [None]
    assert house.api("DELETE", path.format(jid=quoted(str(alice.jid)))).status == 204
    assert seen(bob, alice.jid) == ["unavailable"]
    house.server.clock.advance(200)
    assert seen(bob, alice.jid) == []


@pytest.mark.parametrize("transport", [Tcp, WebSocket])
def test_a_client_that_could_come_back_and_does_not(house: House, bob: Person, transport: Callable[[House], Tcp]):
    """XEP-0198: until then it is there."""
    alice = transport(house)
    alice.say(f"<enable xmlns='{ns.SM}' resume='true'/>")
    alice.drop()
    assert seen(bob, alice.jid) == [None]
    house.server.clock.advance(house.server.domains.policy.resume_time + 1)
    assert seen(bob, alice.jid) == ["unavailable"]


@pytest.mark.parametrize("transport", [Tcp, WebSocket])
def test_a_client_that_says_goodbye_does_not_come_back(house: House, bob: Person, transport: Callable[[House], Tcp]):
    alice = transport(house)
    alice.say(f"<enable xmlns='{ns.SM}' resume='true'/>")
    alice.goodbye()
    assert seen(bob, alice.jid) == [None, "unavailable"]
