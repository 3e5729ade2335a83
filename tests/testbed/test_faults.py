"""Rules of what goes wrong: which they strike, how often, and always in the same way."""

from __future__ import annotations

import base64

import pytest

from conversehost.clock import Clock
from conversehost.testbed.faults import KINDS, Fault, Faults, HttpRequest
from conversehost.testbed.faulty_stream import claimed
from conversehost.testbed.traffic import Filter, Record, Stream
from conversehost.xmpp import ns
from conversehost.xmpp.xml import child, element

ALICE = HttpRequest("bosh", "/http-bind", "alice@localhost/x", b"<body>hi</body>")
MESSAGE = b'<message xmlns="jabber:client" to="bob@localhost" type="chat"><body>hi</body></message>'


def record(
    data: bytes = MESSAGE, direction: str = "in", jid: str = "alice@localhost/x", transport: str = "tcp"
) -> Record:
    return Record(0, 0, direction, Stream(0, transport, ""), jid, data)


def struck(fault: Fault, times: int = 100) -> list[int]:
    return [number for number in range(times) if fault.strikes_request(ALICE)]


def test_the_same_seed_strikes_the_same():
    first, same, other = (
        struck(Fault("x", "lost-request", probability=0.3, seed=seed, jitter=1.0)) for seed in (7, 7, 8)
    )
    assert first == same != other
    assert 15 < len(first) < 45


def test_count_ends_it_and_skip_lets_the_first_ones_by():
    fault = Fault("x", "lost-request", count=2, skip=3)
    assert struck(fault) == [3, 4]
    assert (fault.matches, fault.strikes) == (100, 2)


def test_a_count_of_none_at_all_never_strikes():
    assert struck(Fault("x", "lost-request", count=0)) == []


@pytest.mark.parametrize(
    ("fields", "strikes"),
    [
        ({"transport": "bosh"}, True),
        ({"transport": "websocket"}, False),
        ({"path": "/http-bind"}, True),
        ({"path": "/bosh"}, False),
        ({"wanted": Filter(account="alice@localhost")}, True),
        ({"wanted": Filter(account="bob@localhost")}, False),
        ({"wanted": Filter(session="alice@localhost/x")}, True),
        ({"wanted": Filter(session="alice@localhost/y")}, False),
        ({"wanted": Filter(text="hi")}, True),
        ({"wanted": Filter(text="ho")}, False),
    ],
)
def test_requests_by_transport_path_person_and_text(fields, strikes):
    assert Fault("x", "status", **fields).strikes_request(ALICE) is strikes


@pytest.mark.parametrize(
    ("fields", "strikes"),
    [
        ({"transport": "tcp"}, True),
        ({"transport": "bosh"}, False),
        ({"wanted": Filter(direction="in")}, True),
        ({"wanted": Filter(direction="out")}, False),
        ({"wanted": Filter(kind="message", type="chat", to="bob@localhost")}, True),
        ({"wanted": Filter(kind="iq")}, False),
        ({"wanted": Filter(xpath="message[body='hi']")}, True),
        ({"wanted": Filter(xpath="message[body='ho']")}, False),
        ({"wanted": Filter(account="bob@localhost")}, False),
    ],
)
def test_stanzas_by_transport_and_by_what_traffic_is_found_by(fields, strikes):
    assert Fault("x", "drop", **fields).strikes_stanza(record()) is strikes


def test_without_a_kind_only_stanzas_are_struck():
    ack = record(b'<r xmlns="urn:xmpp:sm:3"/>')
    assert not Fault("x", "drop").strikes_stanza(ack)
    assert Fault("x", "drop", Filter(kind="r")).strikes_stanza(ack)


@pytest.mark.parametrize(("type", "strikes"), [("get", True), ("set", True), ("result", False), ("error", False)])
def test_an_iq_that_is_not_answered_is_one_that_asks(type, strikes):
    iq = record(f'<iq xmlns="jabber:client" type="{type}" id="1"/>'.encode())
    assert Fault("x", "unanswered-iq", Filter(kind="iq")).strikes_stanza(iq) is strikes


def test_over_bosh_requests_hang_and_not_streams():
    fault = Fault("x", "hang")
    assert fault.strikes_stanza(record())
    assert not fault.strikes_stanza(record(transport="bosh"))
    assert fault.strikes_request(ALICE)


def test_jitter_is_on_both_sides_and_never_before_now():
    fault = Fault("x", "latency", seconds=0.1, jitter=0.5)
    waits = [fault.wait for _ in range(100)]
    assert min(waits) == 0.0
    assert 0.4 < max(waits) <= 0.6


def test_any_number_of_mild_faults_and_one_that_decides():
    faults = Faults(Clock())
    for name in ("latency", "lost-request", "status", "bandwidth"):
        faults.add(Fault(name, name))
    assert [each.name for each in faults.of_request(ALICE)] == ["latency", "lost-request", "bandwidth"]
    assert faults.by_name["status"].matches == 0


def test_where_no_fault_is_there_is_nothing_to_ask():
    faults = Faults(Clock())
    for kind in KINDS:
        faults.add(Fault(kind, kind))
    assert faults.requests and faults.stanzas and faults.logins and faults.resumptions
    faults.clear()
    assert (faults.requests, faults.stanzas, faults.logins, faults.resumptions) == ((), (), (), ())


@pytest.mark.parametrize(
    ("mechanism", "message", "account"),
    [
        ("PLAIN", "\0Alice\0secret", "alice@localhost"),
        ("PLAIN", "alice@localhost\0alice\0secret", "alice@localhost"),
        ("SCRAM-SHA-256", "n,,n=alice,r=abc", "alice@localhost"),
        ("SCRAM-SHA-1-PLUS", "p=tls-exporter,a=x@localhost,n=al=2Cice,r=abc", "al,ice@localhost"),
        ("HT-SHA-256-NONE", "alice\0hash", "alice@localhost"),
        ("OAUTHBEARER", "n,,\1auth=Bearer token\1\1", ""),
        ("EXTERNAL", "", ""),
    ],
)
def test_whom_a_login_is_for_is_seen_before_it_is_judged(mechanism, message, account):
    told = base64.b64encode(message.encode()).decode()
    classic = element(ns.SASL, "auth", {"mechanism": mechanism}, text=told)
    assert claimed(classic, "localhost") == account
    newer = element(ns.SASL2, "authenticate", {"mechanism": mechanism})
    child(newer, ns.SASL2, "initial-response").text = told
    assert claimed(newer, "localhost") == account
