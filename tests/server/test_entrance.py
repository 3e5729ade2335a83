"""Clients that aren't logged in: for how long, how many, and how often they may guess; and what a restart may say."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.server.entrance import LOCAL_SHARE, REMEMBERED, Entrance, Throttle
from conversehost.xmpp import ns
from tests.server.test_sasl import auth, failure, plain, succeeded
from tests.stage import Client, Stage, encoded

REMOTE = "192.0.2.1"


def rushed(make_stage, **limits) -> Stage:
    """A stage with another entrance."""
    stage = make_stage()
    stage.entrance = Entrance(stage.clock, **limits)
    stage.account("romeo")
    return stage


def arrive(stage: Stage, address: str = "") -> Client:
    client = stage.open(address=address)
    client.take()
    return client


def ended(client: Client) -> str | None:
    return None if client.error is None else client.error.condition


def bind(client: Client) -> None:
    client.restart()
    assert client.ask("set", f"<bind xmlns='{ns.BIND}'/>").type == "result"


# Time


def test_whoever_does_not_log_in_must_go(stage):
    client = arrive(stage)
    stage.clock.advance(119)
    assert ended(client) is None
    stage.clock.advance(1)
    assert ended(client) == "connection-timeout"
    assert client.error.text == "not logged in within 120 seconds"


def test_a_login_that_is_never_finished_counts_for_nothing(make_stage):
    stage = rushed(make_stage)
    client = arrive(stage)
    assert succeeded(plain(client))
    client.restart()
    stage.clock.advance(120)
    assert ended(client) == "connection-timeout"


def test_whoever_is_in_has_all_the_time(make_stage):
    stage = rushed(make_stage, seconds=5)
    client = arrive(stage)
    assert succeeded(plain(client))
    bind(client)
    stage.clock.advance(1000)
    assert ended(client) is None
    assert stage.clock.next() is None


def test_whoever_is_gone_is_forgotten(make_stage):
    stage = rushed(make_stage, room=1)
    arrive(stage).drop()
    assert stage.clock.next() is None
    assert ended(arrive(stage)) is None


# Room


def test_only_so_many_may_be_at_it(make_stage):
    stage = rushed(make_stage, room=3)
    clients = [arrive(stage) for _ in range(3)]
    assert ended(arrive(stage)) == "resource-constraint"
    assert succeeded(plain(clients[0]))
    bind(clients[0])
    assert ended(arrive(stage)) is None
    assert ended(arrive(stage)) == "resource-constraint"


def test_only_a_part_of_them_from_one_address(make_stage):
    stage = rushed(make_stage, room=20)
    assert [ended(arrive(stage, f"2001:db8::{n}")) for n in range(3)] == [None, None, "resource-constraint"]
    assert ended(arrive(stage, REMOTE)) is None
    assert [ended(arrive(stage, "127.0.0.1")) for n in range(10)] == [None] * 10


# Guessing


def test_a_guesser_has_to_wait_and_his_neighbours_have_not(make_stage):
    stage = rushed(make_stage, failures=2)
    for _ in range(2):
        assert failure(auth(arrive(stage, REMOTE), "SCRAM-SHA-1", "bixuPXgsYj1h")) == "malformed-request"
    for _ in range(2):
        guess(arrive(stage, REMOTE))
    assert failure(auth(arrive(stage, REMOTE), "SCRAM-SHA-1", "=")) == "temporary-auth-failure"
    assert failure(auth(arrive(stage, "192.0.2.2"), "SCRAM-SHA-1", "=")) == "malformed-request"
    stage.clock.advance(30)
    assert failure(auth(arrive(stage, REMOTE), "SCRAM-SHA-1", "=")) == "malformed-request"


def guess(client: Client) -> None:
    """A name that nobody can have."""
    assert failure(auth(client, "SCRAM-SHA-1", "biwsbj1hIGIscj1hYmM=")) == "not-authorized"


def test_the_right_password_is_not_looked_at_either(make_stage):
    stage = rushed(make_stage, failures=1)
    guess(arrive(stage, REMOTE))
    assert failure(auth(arrive(stage, REMOTE), "SCRAM-SHA-256", "=")) == "temporary-auth-failure"


def test_attempts_that_began_together_count_too(make_stage):
    stage = rushed(make_stage, failures=1)
    early, late = arrive(stage, REMOTE), arrive(stage, REMOTE)
    first = encoded("n,,n=romeo,r=abc")
    stage.account("romeo")
    assert auth(late, "SCRAM-SHA-1", first).tag.endswith("}challenge")
    guess(early)
    late.write(f"<response xmlns='{ns.SASL}'>{encoded('c=biws,r=x,p=AAAA')}</response>")
    assert failure(late.take()[-1]) == "temporary-auth-failure"


def test_this_machine_may_fail_more_often():
    throttle = Throttle(Clock(), 3)
    for _ in range(3 * LOCAL_SHARE):
        assert not throttle.blocks("127.0.0.1")
        throttle.failed("::1")
    assert throttle.blocks("127.0.0.1")
    assert not throttle.blocks(REMOTE)


def test_what_is_remembered_has_an_end():
    clock = Clock()
    throttle = Throttle(clock, 3)
    for number in range(REMEMBERED):
        throttle.failed(f"10.0.{number // 256}.{number % 256}")
    clock.advance(60)
    throttle.failed(REMOTE)
    assert len(throttle._levels) == 1


# Restarts


def restart(client: Client, **known: str) -> None:
    client.stream.restart(client.opening._replace(**known))
    client.stage.turn.end()


def test_a_stream_stays_with_its_domain(make_stage):
    stage = make_stage("localhost", "elsewhere.example")
    client = stage.open()
    restart(client, to="elsewhere.example")
    assert ended(client) == "host-unknown"


def test_over_bosh_a_restart_may_leave_out_the_domain(stage):
    client = arrive(stage)
    restart(client, to="")
    assert client.only().tag == f"{{{ns.STREAM}}}features"


@pytest.mark.parametrize("sender", ["romeo@localhost", "ROMEO@localhost/x", "localhost", ""])
def test_a_restart_may_say_who_it_is(make_stage, sender):
    client = arrive(rushed(make_stage))
    plain(client)
    restart(client, sender=sender)
    assert ended(client) is None


@pytest.mark.parametrize("sender", ["juliet@localhost", "romeo@elsewhere", "@", "elsewhere"])
def test_and_nothing_else(make_stage, sender):
    client = arrive(rushed(make_stage))
    plain(client)
    restart(client, sender=sender)
    assert ended(client) == "invalid-from"
