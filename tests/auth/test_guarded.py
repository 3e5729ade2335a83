"""Back ends that are slow, dead, or asked too often."""

from __future__ import annotations

import pytest

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.guarded import KEPT, NOT_NOW, WAITING, Guarded, Source, Trouble
from conversehost.auth.rest import PAUSE, TOO_LATE
from conversehost.clock import Clock
from conversehost.voice import Voice
from conversehost.xmpp.jid import JID, parse
from tests.auth.places import Slow, Steady

ROMEO, JULIET = parse("romeo@localhost"), parse("juliet@localhost")


class Case:
    """A guarded source, and what came of it."""

    def __init__(self, source: Source) -> None:
        self.clock = Clock()
        self.notes: list[str] = []
        self.outcomes: list[Outcome] = []
        self.found: list[bool | None] = []
        self.guarded = Guarded(source, "the place", clock=self.clock, voice=Voice(self.notes.append, self.notes.append))

    def check(self, account: JID = ROMEO, password: str = "secret") -> None:
        self.guarded.check(Attempt(account, password), self.outcomes.append)

    def find(self, account: JID = ROMEO) -> None:
        self.guarded.find(account, self.found.append)


def test_yes_and_no():
    source = Steady(True)
    case = Case(source)
    case.check()
    source.answer = False
    case.check(JULIET)
    assert case.outcomes == [Accepted(ROMEO), Refused()]
    assert case.notes == []


def test_a_late_answer_comes_in_a_turn_of_its_own():
    slow = Slow()
    case = Case(slow)
    case.check()
    slow.done[0](True)
    assert case.outcomes == []
    case.clock.advance(0)
    assert case.outcomes == [Accepted(ROMEO)]


def test_no_answer():
    slow = Slow()
    case = Case(slow)
    case.check()
    case.find()
    case.clock.advance(4.9)
    assert case.outcomes == case.found == []
    case.clock.advance(0.1)
    assert (case.outcomes, case.found) == ([NOT_NOW], [None])
    assert case.notes == ["the place gives no answers: nothing for 5 seconds"]


@pytest.mark.parametrize("late", [0, 10])
def test_an_answer_counts_once_and_not_too_late(late):
    slow = Slow()
    case = Case(slow)
    case.check()
    case.clock.advance(late)
    slow.done[0](True)
    slow.done[0](False)
    case.clock.advance(10)
    assert case.outcomes == ([NOT_NOW] if late else [Accepted(ROMEO)])


def test_trouble_is_told_the_operator_once_and_never_the_client():
    source = Steady(Trouble("no route to 10.0.0.7"))
    case = Case(source)
    case.check()
    case.check(password="other")
    source.answer = True
    case.check()
    assert case.outcomes == [NOT_NOW, NOT_NOW, Accepted(ROMEO)]
    assert "10.0.0.7" not in NOT_NOW.text
    assert case.notes == ["the place gives no answers: no route to 10.0.0.7", "the place gives answers again"]


def test_a_source_that_fails_has_no_answer():
    case = Case(Steady(None))
    case.check()
    case.find()
    assert (case.outcomes, case.found) == ([NOT_NOW], [None])
    assert case.notes == ["the place gives no answers: RuntimeError"]


def test_a_wrong_password_is_wrong_for_some_seconds_without_asking():
    source = Steady(False)
    case = Case(source)
    for _ in range(3):
        case.check(password="wrong")
    assert source.asked == 1
    source.answer = True
    case.check(password="right")
    case.clock.advance(10)
    case.check(password="wrong")
    assert source.asked == 3
    assert case.outcomes == [Refused()] * 3 + [Accepted(ROMEO)] * 2


def test_a_right_password_is_asked_for_every_time():
    source = Steady(True)
    case = Case(source)
    case.check()
    source.answer = False
    case.check()
    assert case.outcomes == [Accepted(ROMEO), Refused()]


def test_what_is_remembered_is_bounded():
    source = Steady(False)
    case = Case(source)
    for number in range(KEPT + 200):
        case.check(password=str(number))
        case.find(JID(f"guess{number}", "localhost"))
    assert len(case.guarded.wrong) == len(case.guarded.found) == KEPT
    case.check(password="0")
    assert source.asked == 2 * (KEPT + 200) + 1


def test_who_is_there_is_remembered_for_some_seconds():
    source = Steady(False)
    case = Case(source)
    case.find()
    case.find()
    assert (case.found, source.asked) == ([False, False], 1)
    case.clock.advance(10)
    source.answer = True
    case.find()
    assert case.found[-1] is True


def test_not_too_many_wait():
    slow = Slow()
    case = Case(slow)
    for _ in range(WAITING + 1):
        case.check()
    assert len(slow.done) == WAITING
    assert case.outcomes == [NOT_NOW]
    assert case.notes == [f"the place gives no answers: {WAITING} logins wait for an answer already"]
    case.clock.advance(5 + PAUSE)
    case.check()
    assert len(slow.done) == WAITING + 1


def test_who_is_too_late_again_and_again_is_left_alone_for_a_while():
    slow = Slow()
    case = Case(slow)
    for _ in range(TOO_LATE):
        case.check()
        case.clock.advance(5)
    case.check()
    case.find()
    assert len(slow.done) == TOO_LATE
    assert case.outcomes == [NOT_NOW] * (TOO_LATE + 1)
    assert case.found == [None]
    case.clock.advance(PAUSE)
    case.check()
    case.check()
    slow.done[-1](True)
    case.clock.advance(0)
    assert case.outcomes[-2:] == [NOT_NOW, Accepted(ROMEO)]
    case.check()
    case.check()
    assert len(slow.done) == TOO_LATE + 3
    assert case.notes == ["the place gives no answers: nothing for 5 seconds", "the place gives answers again"]


def test_who_says_at_once_that_it_cannot_tell_is_asked_all_the_same():
    source = Steady(Trouble("no route"))
    case = Case(source)
    for _ in range(10):
        case.check()
    assert source.asked == 10


@pytest.mark.parametrize("password", ["half a \ud83d", "a\0b"])
def test_what_is_no_password_is_wrong_without_asking(password):
    source = Steady(True)
    case = Case(source)
    case.check(password=password)
    assert (case.outcomes, source.asked) == ([Refused()], 0)


def test_no_password_is_kept():
    case = Case(Steady(False))
    case.check(password="hunter2")
    assert "hunter2" not in repr(vars(case.guarded.wrong))
