"""`/sessions/ID/hold` and `/release`: a connection that stops, and goes on."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.xmpp import ns
from tests.stage import xml
from tests.testbed.conftest import House, quoted
from tests.testbed.test_ends import Tcp, WebSocket

HI = f"<message xmlns='{ns.CLIENT}' to='bob@localhost' type='chat' id='m1'><body>%s</body></message>"
AVAILABLE = f"<presence xmlns='{ns.CLIENT}'/>"


class Bob:
    """Over BOSH and the real front, each request on a connection of its own."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.bound = house.prebound("bob")
        self._rid = self.bound.rid
        self.jid = quoted(self.bound.jid)

    def ask(self, payload: str = "") -> StringTransport:
        peer = IPv4Address("TCP", "127.0.0.1", 50_002)
        connection = self._house.server.http.buildProtocol(peer)
        transport = StringTransport(peerAddress=peer)
        connection.makeConnection(transport)
        body = f"<body xmlns='{ns.HTTPBIND}' sid='{self.bound.sid}' rid='{self._rid}'>{payload}</body>"
        self._rid += 1
        head = f"POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.dataReceived((head + body).encode())
        self.connection = connection
        return transport


@pytest.fixture
def bob(house: House) -> Bob:
    bob = Bob(house)
    bob.ask(AVAILABLE)
    bob.ask()
    return bob


def say(api, body: str) -> None:
    assert api("POST", "/messages", {"from": "alice", "to": "bob", "body": body}).status == 200


def test_nothing_comes_in_and_nothing_goes_out_until_it_is_released(house, api, bob):
    assert api("POST", f"/sessions/{bob.jid}/hold").status == 204
    say(api, "one")
    held = bob.ask(HI % "from bob")
    assert held.value() == b""
    assert api("GET", "/traffic?text=from%20bob").json["records"] == []
    say(api, "two")
    assert api("GET", "/traffic?direction=out&kind=message").json["records"] == []
    assert api("POST", f"/sessions/{bob.jid}/release").status == 204
    bodies = [each["xml"].partition("<body>")[2][:3] for each in api("GET", "/traffic?direction=out").json["records"]]
    assert [each for each in bodies if each in ("one", "two")] == ["one", "two"]
    assert len(api("GET", "/traffic?text=from%20bob&direction=in").json["records"]) == 1


@pytest.mark.parametrize("transport", [Tcp, WebSocket])
def test_the_same_on_a_connection_that_stays(house, api, transport):
    alice = transport(house)
    wire, jid = alice.protocol.transport, quoted(alice.jid)
    wire.clear()
    assert api("POST", f"/sessions/{jid}/hold").status == 204
    assert wire.producerState == "paused"  # what she says stays in her socket
    for each in ("one", "two"):
        api("POST", "/messages", {"from": "bob", "to": "alice", "body": each})
    assert wire.value() == b""
    assert api("POST", f"/sessions/{jid}/release").status == 204
    said = wire.value()
    assert 0 < said.index(b">one<") < said.index(b">two<")
    assert wire.producerState == "producing"
    alice.say(HI % "from alice")
    assert len(api("GET", "/traffic?text=from%20alice&direction=in").json["records"]) == 1


def test_a_client_that_hangs_up_meanwhile(api, bob):
    api("POST", f"/sessions/{bob.jid}/hold")
    bob.ask(HI % "gone")
    bob.connection.connectionLost(Failure(ConnectionResetError()))
    api("POST", f"/sessions/{bob.jid}/release")
    assert api("GET", "/traffic?text=gone").json["records"] == []


def test_what_waits_is_not_lost_when_the_session_ends(house, api, bob):
    api("POST", f"/sessions/{bob.jid}/hold")
    say(api, "for later")
    assert api("DELETE", f"/sessions/{bob.jid}").status == 204
    assert house.server.faults.held == {}
    again = house.person("bob")
    again.client.say(xml("<presence/>"))
    house.server.turn.end()
    assert [each.text_of("body") for each in again.got if each.kind == "message"] == ["for later"]


def test_mistakes(api, bob):
    assert api("POST", f"/sessions/{bob.jid}/release").error[:2] == (409, "conflict")
    assert api("POST", "/sessions/nobody/hold").error[:2] == (404, "not-found")
    assert api("POST", f"/sessions/{bob.jid}/hold").status == api("POST", f"/sessions/{bob.jid}/hold").status == 204
