"""Deadlines fire in order of time, once, and cost nothing when cancelled."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.clock import Clock


def test_nothing_happens_before_its_time():
    clock, fired = Clock(), []
    clock.after(10, lambda: fired.append(clock.now()))
    clock.advance(9.99)
    assert fired == []
    clock.advance(0.01)
    assert fired == [10]
    clock.advance(100)
    assert fired == [10]


def test_each_sees_the_time_that_it_was_due_at():
    clock, fired = Clock(now=100), []
    for when in (103, 101, 102):
        clock.at(when, lambda: fired.append(clock.now()))
    clock.advance(50)
    assert fired == [101, 102, 103]
    assert clock.now() == 150


def test_deadlines_of_one_time_fire_in_the_order_in_which_they_were_set():
    clock, fired = Clock(), []
    for name in "abc":
        clock.at(5, lambda name=name: fired.append(name))
    clock.advance(5)
    assert fired == ["a", "b", "c"]


def test_a_deadline_in_the_past_fires_at_the_next_occasion():
    clock, fired = Clock(now=10), []
    clock.at(3, lambda: fired.append(clock.now()))
    clock.fire()
    assert fired == [10]


def test_a_deadline_may_set_another():
    clock, fired = Clock(), []

    def again() -> None:
        fired.append(clock.now())
        if len(fired) < 5:
            clock.after(1, again)

    clock.after(1, again)
    clock.advance(3)
    assert fired == [1, 2, 3]
    clock.advance(10)
    assert fired == [1, 2, 3, 4, 5]


def test_cancelling():
    clock, fired = Clock(), []
    first = clock.after(1, lambda: fired.append("first"))
    second = clock.after(1, lambda: fired.append("second"))
    first.cancel()
    first.cancel()
    clock.advance(1)
    second.cancel()  # too late, and no harm
    assert fired == ["second"]
    assert clock.next() is None


def test_a_deadline_may_cancel_one_that_is_due_too():
    clock, fired = Clock(), []
    clock.after(1, lambda: victim.cancel())
    victim = clock.after(1, lambda: fired.append("victim"))
    clock.advance(1)
    assert fired == []


def test_civil_time_goes_with_the_clock():
    clock = Clock(utc=1_000_000)
    clock.advance(25)
    assert clock.utc() == 1_000_025


def test_cancelled_deadlines_do_not_pile_up():
    clock = Clock()
    clock.after(10**6, lambda: None)
    for _ in range(50_000):
        clock.after(1000, lambda: None).cancel()
    assert len(clock._heap) < 3000
    assert clock.next() == 10**6


def test_the_driver_hears_when_something_is_due_sooner():
    heard = []

    class Driven(Clock):
        def earlier(self, when: float) -> None:
            heard.append(when)

    clock = Driven()
    for when in (10, 20, 5, 7):
        clock.at(when, lambda: None)
    assert heard == [10, 5]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40), st.lists(st.integers(0, 20), max_size=10))
def test_all_that_is_due_fires_in_order_and_nothing_else(deadlines, steps):
    clock, fired = Clock(), []
    for number, (when, kept) in enumerate(deadlines):
        deadline = clock.at(when, lambda when=when, number=number: fired.append((when, number)))
        if not kept:
            deadline.cancel()
    for step in steps:
        clock.advance(step)
    if steps:
        expected = [(when, n) for n, (when, kept) in enumerate(deadlines) if kept and when <= clock.now()]
        assert fired == sorted(expected)
