"""One wake-up for all deadlines, real time, and time turned by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock as Reactor

from conversehost.net import clock as clock_module
from conversehost.net.clock import ReactorClock
from conversehost.turn import Turn


class Stopwatch:
    """A clock on a reactor that is advanced by hand, and what fired when."""

    def __init__(self) -> None:
        self.reactor, self.turn = Reactor(), Turn()
        self.clock = ReactorClock(self.reactor, self.turn)
        self.fired: list[float] = []
        self.flushed = 0

    def set(self, seconds: float):
        return self.clock.after(seconds, lambda: self.fired.append(self.clock.now()))

    def flush(self) -> None:
        self.flushed += 1


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def seconds(monkeypatch) -> Iterator[int]:
    """A second passes each time that somebody asks for it."""
    passing = itertools.count(1)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(time=lambda: float(next(passing))))
    return passing


def test_a_turn_that_gathers_inputs_is_one_moment(watch, seconds):
    assert [watch.clock.moment(), watch.turn.when, watch.clock.moment(), watch.turn.when] == [1, 0, 2, 0]
    watch.turn.begin()
    assert [watch.turn.when, watch.clock.moment(), watch.turn.when, watch.clock.moment()] == [0, 3, 3, 3]
    watch.turn.add(SimpleNamespace(flush=lambda: watch.fired.append(watch.clock.moment())))
    watch.turn.finish()
    assert [*watch.fired, watch.turn.when] == [3, 0]
    watch.turn.begin()
    assert [watch.turn.when, watch.clock.moment()] == [0, 4]


def test_a_moment_ends_with_a_turn_that_fails(watch, seconds):
    watch.turn.begin()
    watch.clock.moment()
    watch.turn.add(SimpleNamespace(flush=lambda: 1 // 0))
    with pytest.raises(ZeroDivisionError):
        watch.turn.finish()
    assert watch.turn.when == 0


@pytest.mark.parametrize(
    "turned",
    [
        lambda clock: clock.advance(70),
        lambda clock: clock.freeze(),
        lambda clock: (clock.freeze(), clock.moment(), clock.thaw()),
        lambda clock: clock.reset(),
    ],
)
def test_who_turns_the_clock_in_a_turn_begins_another_moment(watch, seconds, turned):
    watch.turn.begin()
    watch.clock.moment()
    turned(watch.clock)
    assert watch.turn.when == 0


def test_deadlines_that_are_turned_to_each_see_their_own_moment(watch, seconds):
    watch.clock.freeze()
    start = watch.clock.utc()
    moments: list[float] = []
    for wait in (10, 30):
        watch.clock.after(wait, lambda: moments.append(watch.turn.when or watch.clock.moment()))
    watch.turn.begin()
    watch.clock.moment()
    watch.clock.advance(40)
    assert [each - start for each in moments] == [10, 30]
    assert (watch.turn.when or watch.clock.moment()) - start == 40


def test_many_deadlines_one_call(watch):
    for seconds in (30, 10, 20):
        watch.set(seconds)
    (call,) = watch.reactor.getDelayedCalls()
    assert call.getTime() == 10
    watch.reactor.pump([1] * 40)
    assert watch.fired == [10, 20, 30]
    assert watch.reactor.getDelayedCalls() == []


def test_nothing_to_wait_for_is_no_call(watch):
    deadline = watch.set(10)
    deadline.cancel()
    watch.reactor.advance(10)
    assert watch.fired == []
    assert watch.reactor.getDelayedCalls() == []


def test_a_sooner_deadline_moves_the_call(watch):
    watch.set(50)
    watch.reactor.advance(1)
    watch.set(4)
    (call,) = watch.reactor.getDelayedCalls()
    assert call.getTime() == 5


def test_turned_by_hand(watch):
    for seconds in (30, 10, 20):
        watch.set(seconds)
    watch.clock.advance(25)
    assert watch.fired == [10, 20]
    assert watch.clock.now() == 25
    watch.reactor.advance(5)
    assert watch.fired == [10, 20, 30]


def test_civil_time_is_turned_with_it(watch):
    before = watch.clock.utc()
    watch.clock.advance(3600)
    assert 3600 <= watch.clock.utc() - before < 3700


def test_what_a_deadline_causes_leaves_with_it(watch):
    watch.clock.after(1, lambda: watch.turn.add(watch))
    watch.clock.after(2, lambda: watch.turn.add(watch))
    watch.reactor.advance(1)
    assert watch.flushed == 1
    watch.clock.advance(1)
    assert watch.flushed == 2


class BrokenDeadlineError(Exception):
    pass


def test_a_call_that_fails_does_not_stop_the_clock(watch):
    def fails() -> None:
        watch.turn.add(watch)
        raise BrokenDeadlineError

    watch.clock.after(1, fails)
    watch.set(1)
    watch.set(2)
    with pytest.raises(BrokenDeadlineError):
        watch.reactor.advance(1)
    assert watch.flushed == 1
    watch.reactor.advance(0)
    assert watch.fired == [1]
    watch.reactor.advance(1)
    assert watch.fired == [1, 2]


def test_nor_when_it_is_turned_by_hand(watch):
    def fails() -> None:
        raise BrokenDeadlineError

    watch.clock.after(1, fails)
    watch.set(2)
    with pytest.raises(BrokenDeadlineError):
        watch.clock.advance(10)
    watch.reactor.advance(1)
    assert watch.fired == [2]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=30))
def test_every_deadline_fires_at_its_time_whoever_turns_the_clock(steps):
    """(by hand?, seconds): and a deadline is set before each step."""
    watch, expected = Stopwatch(), []
    for by_hand, seconds in steps:
        expected.append(watch.clock.now() + 7)
        watch.set(7)
        if by_hand:
            watch.clock.advance(seconds)
        else:
            watch.reactor.pump([1] * seconds)
    assert watch.fired == [when for when in expected if when <= watch.clock.now()]


def test_frozen_nothing_falls_due_by_itself(watch):
    watch.set(10)
    watch.clock.freeze()
    assert watch.clock.frozen
    stood = watch.clock.utc()
    watch.reactor.advance(60)
    watch.set(5)
    assert (watch.fired, watch.clock.now(), watch.clock.utc()) == ([], 0, stood)
    assert watch.reactor.getDelayedCalls() == []
    watch.clock.advance(5)
    assert (watch.fired, watch.clock.now(), watch.clock.utc()) == ([5], 5, stood + 5)
    watch.clock.freeze()
    assert watch.clock.now() == 5


def test_thawed_it_goes_on_from_there(watch):
    watch.set(10)
    watch.clock.freeze()
    watch.reactor.advance(60)
    watch.clock.thaw()
    watch.clock.thaw()
    assert watch.clock.now() == 0
    watch.reactor.advance(10)
    assert watch.fired == [10]


def test_reset_it_tells_the_real_time_and_waits_go_on(watch):
    watch.set(100)
    watch.clock.advance(40)
    watch.clock.freeze()
    assert 39 < watch.clock.offset < 41
    watch.clock.reset()
    assert abs(watch.clock.offset) < 1
    assert not watch.clock.frozen
    watch.reactor.advance(59)
    assert watch.fired == []
    watch.reactor.advance(1)
    assert watch.fired == [100]
