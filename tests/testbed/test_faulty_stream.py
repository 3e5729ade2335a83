"""Faults on streams, in memory: what can't be seen so well from outside."""

from __future__ import annotations

import base64

import pytest

from conversehost.xmpp import ns
from tests.testbed.conftest import House
from tests.testbed.test_ends import HEADER, Tcp, WebSocket

PING = f"<iq xmlns='{ns.CLIENT}' type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"


def fault(house, **fields) -> None:
    assert house.api("POST", "/faults", fields).status == 201


def strikes(house, name: str = "1") -> int:
    return house.api("GET", f"/faults/{name}").json["strikes"]


@pytest.mark.parametrize("client", [Tcp, WebSocket])
def test_a_dead_socket_is_not_even_read(house, client):
    alice = client(house)
    transport = alice.protocol.transport
    transport.clear()
    fault(house, fault="hang", account="alice")
    alice.say(PING)
    alice.say(PING)
    assert transport.producerState == "paused"
    assert transport.value() == b""
    assert strikes(house) == 1
    assert [each["jid"] for each in house.sessions()] == [alice.jid]


@pytest.mark.parametrize("client", [Tcp, WebSocket])
def test_a_dead_socket_can_still_be_closed_by_the_server(house, client):
    alice = client(house)
    fault(house, fault="hang", account="alice")
    alice.say(PING)
    house.server.reset()
    assert house.sessions() == []


def test_a_login_by_sasl2_fails_in_its_own_words(house):
    fault(house, fault="fail-login", account="alice")
    alice = Tcp.__new__(Tcp)
    alice.house = house
    alice.protocol = alice.connect()
    alice.say(HEADER)
    told = base64.b64encode(b"\0alice\0secret").decode()
    alice.say(
        f"<authenticate xmlns='{ns.SASL2}' mechanism='PLAIN'><initial-response>{told}</initial-response></authenticate>"
    )
    said = alice.protocol.transport.value().decode()
    assert "temporary-auth-failure" in said.partition(f'<failure xmlns="{ns.SASL2}">')[2]
    assert strikes(house) == 1
    assert house.sessions() == []


def test_without_a_record_of_traffic_faults_strike_as_well():
    house = House("--no-traffic")
    alice = Tcp(house)
    fault(house, fault="drop", kind="iq", direction="in")
    alice.protocol.transport.clear()
    alice.say(PING)
    assert alice.protocol.transport.value() == b""
    house.server.close_sessions("system-shutdown")


def test_what_is_late_for_a_stream_that_has_ended_is_no_trouble(house):
    alice = Tcp(house)
    fault(house, fault="delay", kind="iq", seconds=5)
    alice.say(PING)
    alice.goodbye()
    house.server.clock.advance(5)
    assert house.sessions() == []
