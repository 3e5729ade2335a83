"""Back ends that take their time, or fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.jid import parse as parse_jid
from tests.server.test_sasl import failure, succeeded
from tests.stage import Client, Stage, encoded


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Attempt, Callable[[Outcome], None]]] = []

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        self.asked.append((attempt, done))

    def admit(self, account: JID) -> bool:
        return True

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        return b"0123456789abcdef", 4096

    def scram_check(self, account: JID, mechanism: str, proves: Callable[[bytes], bool]) -> bytes | None:
        return None

    def answer(self, outcome: Outcome) -> None:
        self.asked.pop(0)[1](outcome)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def waiting(make_stage: Callable[..., Stage], slow: Slow) -> Client:
    """Has sent a password, and hears nothing yet."""
    client = make_stage(authenticator=slow).open()
    client.take()
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(chr(0) + 'romeo' + chr(0) + 'secret')}</auth>")
    assert client.take() == []
    return client


def test_an_answer_that_comes_later(waiting: Client, slow: Slow):
    attempt = slow.asked[0][0]
    assert (str(attempt.account), attempt.password) == ("romeo@localhost", "secret")
    slow.answer(Accepted(attempt.account))
    waiting.stage.turn.end()
    assert succeeded(waiting.only())


def test_a_back_end_may_say_who_it_really_is(waiting: Client, slow: Slow):
    slow.answer(Accepted(parse_jid("montague@localhost")))
    waiting.stage.turn.end()
    waiting.take()
    answer = waiting.ask("set", f"<bind xmlns='{ns.BIND}'><resource>x</resource></bind>")
    assert answer.findtext(f".//{{{ns.BIND}}}jid") == "montague@localhost/x"


def test_a_refusal_that_comes_later(waiting: Client, slow: Slow):
    slow.answer(Refused("temporary-auth-failure", "the directory doesn't answer"))
    waiting.stage.turn.end()
    answer = waiting.only()
    assert failure(answer) == "temporary-auth-failure"
    assert answer.findtext(f"{{{ns.SASL}}}text") == "the directory doesn't answer"


def test_the_third_refusal_may_come_later_too(waiting: Client, slow: Slow):
    slow.answer(Refused())
    for _ in range(2):
        waiting.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(chr(0) + 'romeo' + chr(0) + 'x')}</auth>")
        slow.answer(Refused())
    assert waiting.error is not None
    assert waiting.error.condition == "policy-violation"


def test_who_gives_up_meanwhile_is_not_logged_in_later(waiting: Client, slow: Slow):
    waiting.write(f"<abort xmlns='{ns.SASL}'/>")
    assert failure(waiting.only()) == "aborted"
    slow.answer(Accepted(parse_jid("romeo@localhost")))
    waiting.stage.turn.end()
    assert waiting.take() == []


def test_a_new_attempt_takes_the_place_of_the_one_before(waiting: Client, slow: Slow):
    waiting.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(chr(0) + 'juliet' + chr(0) + 'x')}</auth>")
    slow.answer(Accepted(parse_jid("romeo@localhost")))
    waiting.stage.turn.end()
    assert waiting.take() == []
    slow.answer(Accepted(parse_jid("juliet@localhost")))
    waiting.stage.turn.end()
    assert succeeded(waiting.only())


def test_who_has_left_meanwhile_is_not_missed(waiting: Client, slow: Slow):
    waiting.drop()
    slow.answer(Accepted(parse_jid("romeo@localhost")))
    waiting.stage.turn.end()
    assert waiting.restarts == 0


class Broken(Slow):
    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        raise RuntimeError("out of order")

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        raise RuntimeError("out of order")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1"])
def test_a_back_end_that_fails(make_stage: Callable[..., Stage], mechanism: str):
    stage = make_stage(authenticator=Broken())
    client = stage.open()
    message = "\0romeo\0secret" if mechanism == "PLAIN" else "n,,n=romeo,r=abc"
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{encoded(message)}</auth>")
    assert client.error is not None
    assert client.error.condition == "internal-server-error"
    error, shown = stage.unexpected.pop()
    assert isinstance(error, RuntimeError)
    assert shown == f'<auth xmlns="{ns.SASL}"/>'.encode()  # not the password
