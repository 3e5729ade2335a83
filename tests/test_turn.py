"""What an input causes leaves at the end of its turn, together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.turn import Turn


class Link:
    """Says when it is flushed; does more then, if told to."""

    def __init__(self, said: list[str], name: str, then: Callable[[], None] = lambda: None) -> None:
        self.said, self.name, self.then = said, name, then

    def flush(self) -> None:
        self.said.append(self.name)
        self.then()


class BrokenLinkError(Exception):
    pass


def broken() -> None:
    raise BrokenLinkError


def test_links_are_flushed_once_and_in_order():
    turn, said = Turn(), []
    for name in "abc":
        turn.add(Link(said, name))
    assert said == []
    turn.end()
    turn.end()
    assert said == ["a", "b", "c"]


def test_what_a_flush_causes_belongs_to_the_turn():
    turn, said = Turn(), []
    echo = Link(said, "echo")
    turn.add(Link(said, "a", lambda: turn.add(echo)))
    turn.add(Link(said, "b"))
    turn.end()
    assert said == ["a", "b", "echo"]


def test_inputs_that_are_there_at_once_are_one_turn():
    turn, said = Turn(), []
    turn.begin()
    for name in "ab":
        turn.add(Link(said, name))
        turn.taken()
    assert said == []
    turn.finish()
    assert said == ["a", "b"]
    turn.add(Link(said, "c"))
    turn.taken()
    assert said[-1] == "c"


def test_who_needs_it_out_ends_the_turn_whoever_comes_after():
    turn, said = Turn(), []
    turn.begin()
    turn.add(Link(said, "a"))
    turn.end()
    assert said == ["a"]


def test_one_that_fails_stops_no_other():
    turn, said = Turn(), []
    turn.add(Link(said, "a", broken))
    turn.add(Link(said, "b", lambda: turn.add(Link(said, "c"))))
    with pytest.raises(BrokenLinkError):
        turn.end()
    assert said == ["a", "b", "c"]
    turn.add(Link(said, "d"))
    turn.end()
    assert said[-1] == "d"


def test_who_wants_to_know_is_told_of_failures():
    failures: list[Exception] = []
    turn, said = Turn(failures.append), []
    for name in "ab":
        turn.add(Link(said, name, broken))
    turn.add(Link(said, "c"))
    turn.end()
    assert said == ["a", "b", "c"]
    assert [type(failure) for failure in failures] == [BrokenLinkError, BrokenLinkError]
