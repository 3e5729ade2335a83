"""What is said of those whom somebody waited for in vain."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.testbed.conftest import House, Waiter

AVAILABLE = f"<presence xmlns='{ns.CLIENT}'/>"


def gives_up(house: House, **fields: object) -> str:
    """What is said at the end."""
    waiter = Waiter(house, "POST", "/traffic/wait", {"xpath": "message[body='hi']", "timeout": 1, **fields})
    house.server.reactor.advance(1)
    assert waiter.answer is not None
    message: str = waiter.answer[1]["error"]["message"]
    return message


def enters(house: House, name: str) -> str:
    """Somebody is there, and available; the full JID."""
    bound = house.prebound(name)
    house.poll(bound, 0, AVAILABLE)
    return bound.jid


@pytest.mark.parametrize("fields", [{"to": "bob"}, {"account": "bob"}, {"session": "bob@localhost/x"}])
def test_nobody_there_can_hear_it(house, fields):
    enters(house, "alice")
    assert gives_up(house, **fields).endswith("; bob@localhost isn't logged in; alice@localhost is")


def test_so_is_told_of_an_expectation_that_is_not_met(house, api):
    for name in ("alice", "bob"):
        api("POST", "/expectations", {"xpath": "message[body='hi']", "to": name})
    enters(house, "alice")
    waiter = Waiter(house, "GET", "/expectations/verify?timeout=1")
    house.server.reactor.advance(1)
    assert waiter.answer is not None
    message = waiter.answer[1]["error"]["message"]
    assert message.endswith("; bob@localhost isn't logged in; alice@localhost is")
    assert message.count("logged in") == 1


def test_nobody_is_there_at_all(house):
    assert gives_up(house, to="bob").endswith("; bob@localhost isn't logged in; nobody is but bots")


def test_there_is_no_such_account(house):
    assert gives_up(house, to="bobb").endswith("; there is no account bobb@localhost: did you mean bob?")


def test_another_resource_is_there(house):
    jid = enters(house, "bob")
    assert gives_up(house, to="bob@localhost/x").endswith(f"; bob@localhost/x isn't logged in, but {jid} is")


def test_who_is_not_available_hears_nothing_that_goes_to_the_account(house):
    bound = house.prebound("bob")
    assert "; bob@localhost is logged in, but not available: messages to" in gives_up(house, to="bob")
    assert "isn't logged in" not in gives_up(house, session=bound.jid)


def test_nothing_is_said_of_who_is_there_or_need_not_be(house):
    enters(house, "bob")
    for fields in ({"to": "bob"}, {"to": "alice", "direction": "in"}, {"to": "far.example"}, {"to": "me@far.example"}):
        told = gives_up(house, **fields)
        assert "logged in" not in told
        assert "no account" not in told
