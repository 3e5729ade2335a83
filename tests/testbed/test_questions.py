"""`/traffic/unanswered`: what was asked, and never answered."""

from __future__ import annotations

import pytest

from conversehost.net.prebind import Prebound
from conversehost.server.delivery import Later
from conversehost.testbed.questions import Iq, iq_of
from conversehost.xmpp import ns
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from tests.testbed.conftest import House, Waiter

AVAILABLE = f"<presence xmlns='{ns.CLIENT}'/>"


class Client:
    """Over BOSH; says one thing after the other."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._said = 0
        self._bound: Prebound = house.prebound(name)
        self.jid = self._bound.jid
        self.say(AVAILABLE)

    def say(self, payload: str) -> None:
        self._house.poll(self._bound, self._said, payload)
        self._said += 1

    def ask(self, id: str, to: str = "", payload: str = f"<ping xmlns='{ns.PING}'/>") -> None:
        addressed = f"to='{to}'" if to else ""
        self.say(f"<iq xmlns='{ns.CLIENT}' type='get' id='{id}' {addressed}>{payload}</iq>")

    def answer(self, id: str, to: str, type: str = "result") -> None:
        self.say(f"<iq xmlns='{ns.CLIENT}' type='{type}' id='{id}' to='{to}'/>")


@pytest.fixture
def alice(house, api) -> Client:
    """Nothing has been said before, and nothing was asked."""
    client = Client(house, "alice")
    api("DELETE", "/traffic")
    return client


@pytest.fixture
def bob(house, api) -> Client:
    client = Client(house, "bob")
    api("DELETE", "/traffic")
    return client


@pytest.fixture
def busy(house) -> list[Stanza]:
    """The server keeps what is asked in `slow`, and answers later."""
    asked: list[Stanza] = []

    def keep(iq: Stanza) -> Later:
        asked.append(iq)
        return Later.LATER

    house.server.domains.hosts["localhost"].on_iq("get", "slow", "query", keep, at="host")
    return asked


def left(api, query: str = "") -> list[tuple[str, str]]:
    """Direction, and whose stream it is on."""
    found = api("GET", f"/traffic/unanswered{query}").json["unanswered"]
    return [(each["direction"], each["session"].partition("@")[0]) for each in found]


def test_what_the_server_answers_is_answered(api, alice):
    alice.ask("1")
    alice.ask("2", payload="<nonsense xmlns='x'/>")  # by an error
    assert left(api) == []


def test_what_the_server_has_not_answered_yet(house, api, alice, busy):
    alice.ask("1", to="localhost", payload="<query xmlns='slow'/>")
    assert left(api) == [("in", "alice")]
    waiter = Waiter(house, "GET", "/traffic/unanswered?timeout=5")
    alice.answer("1", "bob@localhost")  # the same id the other way round is nothing
    house.server.reactor.advance(1)
    assert waiter.answer is None
    host = house.server.domains.hosts["localhost"]
    host.router.send(result(busy[0]))
    house.server.reactor.advance(1)
    assert waiter.answer == (200, {"unanswered": []})
    assert left(api) == []


def test_what_another_client_has_not_answered(api, alice, bob):
    alice.ask("1", to=bob.jid)
    assert left(api) == [("in", "alice"), ("out", "bob")]
    assert left(api, "?direction=in") == [("in", "alice")]
    assert left(api, "?account=bob") == [("out", "bob")]
    bob.answer("1", alice.jid)
    assert left(api) == []


def test_who_waits_is_told_what_is_left(house, api, alice, bob):
    alice.ask("1", to=bob.jid)
    waiter = Waiter(house, "GET", "/traffic/unanswered?timeout=1&direction=out")
    house.server.reactor.advance(1)
    assert waiter.answer is not None
    status, told = waiter.answer
    assert (status, [each["kind"] for each in told["unanswered"]]) == (200, ["iq"])


def test_what_a_closing_session_leaves_behind_does_not_count(api, alice, bob, busy):
    alice.ask("1", to="localhost", payload="<query xmlns='slow'/>")
    api("DELETE", "/sessions?account=alice")
    assert left(api) == []


def test_what_was_asked_of_a_client_that_has_gone_does_not_count(api, alice, bob):
    alice.ask("1", to=bob.jid)
    api("DELETE", "/sessions?account=bob")
    assert left(api) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "unanswered-iq", "account": "alice"},
        {"fault": "drop", "kind": "iq", "account": "alice", "direction": "in"},
        {"fault": "drop", "kind": "iq", "account": "alice", "direction": "out"},
    ],
)
def test_what_a_fault_swallows_on_the_way_to_the_server_or_back(api, alice, fault):
    api("POST", "/faults", fault)
    alice.ask("1")
    assert [each["kind"] for each in api("GET", "/traffic?direction=out").json["records"]] == []
    assert left(api) == []


@pytest.mark.parametrize("direction", ["in", "out"])
def test_what_a_fault_swallows_at_the_other_client(api, alice, bob, direction):
    api("POST", "/faults", {"fault": "drop", "kind": "iq", "account": "bob", "direction": direction})
    alice.ask("1", to=bob.jid)
    if direction == "in":
        bob.answer("1", alice.jid)
    assert left(api) == []


def test_what_is_delayed_is_still_unanswered(api, alice):
    api("POST", "/faults", {"fault": "delay", "kind": "iq", "account": "alice", "direction": "out", "seconds": 5})
    alice.ask("1")
    assert left(api) == [("in", "alice")]
    api("POST", "/clock", {"advance": 5})
    assert left(api) == []


@pytest.mark.parametrize(
    ("data", "iq"),
    [
        (b'<iq xmlns="jabber:client" type="get" id="1" to="b@h"><q id="2"/></iq>', Iq(b"get", b"1", b"", b"b@h")),
        (b"<iq type='set' from='a@h/x' id='x'/>", Iq(b"set", b"x", b"a@h/x", b"")),
        (b"<iq type = 'set'\n id ='x'/>", Iq(b"set", b"x", b"", b"")),
        (b"<iqs type='set' id='x'/>", None),
        (b"<message type='get' id='x'/>", None),
    ],
)
def test_the_head_of_an_iq(data, iq):
    assert iq_of(data) == iq
