"""When a place whose answers come too late is asked."""

from __future__ import annotations

import pytest

from conversehost.auth.rest import PAUSE, TOO_LATE, Rest


@pytest.fixture
def rest() -> Rest:
    """Too late for as often as counts, at 100."""
    rest = Rest()
    for _ in range(TOO_LATE):
        assert rest.asks(99)
        rest.late(100)
    return rest


def test_nobody_asks_for_a_while_and_then_one(rest: Rest):
    assert not rest.asks(100 + PAUSE - 0.1)
    assert rest.asks(100 + PAUSE)
    assert not rest.asks(100 + PAUSE)


def test_too_late_once_more(rest: Rest):
    assert rest.asks(120)
    rest.late(125)
    assert not rest.asks(125 + PAUSE - 0.1)
    assert rest.asks(125 + PAUSE)


def test_after_an_answer_everybody_asks(rest: Rest):
    rest.answered()
    assert all(rest.asks(100) for _ in range(10))
    rest.late(100)
    assert rest.asks(100)


def test_only_what_is_late_in_a_row_counts():
    rest = Rest()
    for _ in range(TOO_LATE * 2):
        rest.late(0)
        rest.answered()
    assert rest.asks(0)
