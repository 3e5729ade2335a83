"""`/settled`: whether something is still on its way."""

from __future__ import annotations

import base64

import pytest

from conversehost.testbed import settling
from conversehost.xmpp import ns
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import element
from tests.stage import xml
from tests.testbed.conftest import House, Waiter
from tests.testbed.test_questions import Client

HI = f"<message xmlns='{ns.CLIENT}' to='bob@localhost' type='chat' id='m1'><body>hi</body></message>"


class Settling(Waiter):
    """Somebody waits for it."""

    def __init__(self, house: House, timeout: float = 5) -> None:
        super().__init__(house, "GET", f"/settled?timeout={timeout}")
        self._house = house

    def after(self, seconds: float = 0.5) -> tuple[int, object] | None:
        """The answer by then."""
        for _ in range(10):
            self._house.server.reactor.advance(seconds / 10)
        return self.answer

    def reason(self, seconds: float = 6) -> str:
        """What it is that goes on for too long."""
        self.after(seconds)
        status, code, text = self.error
        assert (status, code) == (408, "request-timeout")
        return text.removeprefix("not settled: ")


SETTLED = 200, {"settled": True}


@pytest.fixture
def alice(house) -> Client:
    return Client(house, "alice")


def test_it_is_when_nothing_happens_and_held_polls_are_nothing(house, alice):
    assert Settling(house).after() == SETTLED


def test_not_while_stanzas_wait_for_a_client(house, alice):
    bob = Client(house, "bob")
    alice.say(HI)
    waiter = Settling(house)
    assert waiter.after() is None  # the answer to bob's first request was the welcome; his next one isn't there
    bob.say("")
    assert waiter.after() == SETTLED
    alice.say(HI)
    alice.say(HI)
    assert Settling(house).reason() == f"{bob.jid} hasn't taken what waits for it"


def test_not_while_something_is_delayed_by_a_fault(house, api, alice):
    bob = Client(house, "bob")
    api("POST", "/faults", {"fault": "delay", "kind": "message", "seconds": 30})
    alice.say(HI)
    assert Settling(house, timeout=1).reason() == "1 delayed on purpose, by faults or stubs"
    waiter = Settling(house)
    api("POST", "/clock", {"advance": 30})
    assert waiter.after() is None  # on its way out it is delayed once more
    api("POST", "/clock", {"advance": 30})
    bob.say("")
    assert waiter.after() == SETTLED


def test_not_while_a_stub_takes_its_time(house, api, alice):
    api("POST", "/stubs", {"kind": "message", "seconds": 3, "refuse": "not-allowed"})
    alice.say(HI)
    waiter = Settling(house)
    assert waiter.after() is None
    api("POST", "/clock", {"advance": 3})
    alice.say("")
    assert waiter.after() == SETTLED


def test_not_while_a_contact_follows_its_script(house, api, alice):
    script = [{"message": "*", "do": [{"typing": 3}, {"say": "hello"}]}]
    assert api("POST", "/bots", {"name": "carla", "on": script}).status == 201
    alice.say("")
    alice.say(HI.replace("bob", "carla"))
    alice.say("")
    waiter = Settling(house)
    assert waiter.after() is None
    api("POST", "/clock", {"advance": 3})
    alice.say("")
    assert waiter.after() == SETTLED
    alice.say(HI.replace("bob", "carla"))
    alice.say("")
    assert Settling(house, timeout=1).reason() == "1 scripts of contacts are between two steps"


def test_not_while_a_client_owes_the_server_an_answer(house, alice):
    queries = house.server.domains.hosts["localhost"].queries
    session = next(iter(house.server.domains.hosts["localhost"].sessions("alice")))
    queries.ask(session, element(ns.PING, "ping"), lambda answer: None)
    house.server.turn.end()
    alice.say("")
    assert Settling(house).reason() == f"{alice.jid} hasn't answered what the server asked"


def test_not_while_somebody_waits_for_an_answer(house, alice):
    bob = Client(house, "bob")
    alice.ask("1", to=bob.jid)
    bob.say("")
    waiter = Settling(house)
    assert waiter.after() is None
    bob.answer("1", alice.jid)
    alice.say("")
    assert waiter.after() == SETTLED
    alice.ask("2", to=bob.jid)
    bob.say("")
    assert (
        Settling(house).reason().startswith(f"{alice.jid} has no answer to <iq xmlns='jabber:client' type='get' id='2'")
    )


def test_not_while_a_login_takes_its_time(house, api):
    api("POST", "/faults", {"fault": "slow-login", "seconds": 30})
    stream = house.server.stream()
    link = Link()
    stream.open(StreamOpen("localhost", "tcp", "127.0.0.1", secure=True), link)
    secret = base64.b64encode(b"\0alice\0secret").decode()
    stream.receive(xml(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{secret}</auth>"))
    reason = Settling(house, timeout=1).reason()
    assert reason == ("1 delayed on purpose, by faults or stubs; a client over tcp from 127.0.0.1 is logging in")
    waiter = Settling(house)
    api("POST", "/clock", {"advance": 30})
    assert waiter.after() == SETTLED
    stream.close()


class Link:
    """What nobody reads."""

    def send(self, stanza: bytes) -> None: ...
    def flush(self) -> None: ...
    def restarting(self) -> None: ...
    def trusted(self) -> None: ...
    def close(self, error: object = None) -> None: ...


def test_not_while_clients_go_on_talking(house, alice):
    waiter = Settling(house, timeout=1)
    for _ in range(12):
        alice.say("<presence xmlns='jabber:client'/>")
        house.server.reactor.advance(0.1)
    assert waiter.error[2] == "not settled: clients go on saying something"


def test_there_may_be_more_reasons_than_one_wants_to_read(house, monkeypatch, alice):
    monkeypatch.setattr(settling, "MOST", 1)
    bob = Client(house, "bob")
    alice.ask("1", to=bob.jid)
    assert Settling(house).reason().endswith("; and 1 more")
