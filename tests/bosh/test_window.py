"""Which rids may come, and what is remembered of those that came."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.bosh.body import EMPTY, build
from conversehost.bosh.stream import BoshStream
from conversehost.bosh.window import Answer, RidWindow

STREAM: BoshStream = object()  # type: ignore[assignment]
SIZES = st.integers(1, 12)
FIRST = st.integers(1, 2**53 - 100)


def window(first: int, size: int, taken: int) -> RidWindow:
    made = RidWindow(first, size)
    for rid in range(first, first + taken):
        made.take(rid)
    return made


@settings(deadline=None)
@given(FIRST, SIZES, st.integers(0, 30), st.integers(-40, 40))
def test_every_rid_is_one_of_four(first, size, taken, distance):
    made = window(first, size, taken)
    expected = "repeat" if distance <= 0 else "next" if distance == 1 else "ahead" if distance <= size else "outside"
    assert made.judge(made.last + distance) is expected


@settings(deadline=None)
@given(SIZES, st.integers(1, 40))
def test_the_last_answers_are_kept_and_no_more(size, count):
    made = window(1, size, count)
    for rid in range(1, count + 1):
        made.keep(rid, Answer(b"%d" % rid))
    kept = [rid for rid in range(count + 2) if made.kept(rid)]
    assert kept == list(range(max(1, count - size), count + 1))
    assert all(made.kept(rid).body == b"%d" % rid for rid in kept)


def test_stanzas_are_kept_once_and_make_the_same_answer_again():
    """Also when they are received, and nobody needs them any more."""
    stanzas = [b"<message xmlns='jabber:client'/>", b"<stream:features/>"]
    answer = Answer(None, stanzas=stanzas, stream=STREAM)
    assert answer.body == build(None, stanzas)
    answer.received()
    assert (answer.body, answer.stanzas) == (build(None, stanzas), ())
    answer.lost()
    assert answer.body == EMPTY


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=6))
def test_what_got_lost_is_taken_once_and_in_order(answers):
    """(copies, copies lost) of each answer."""
    made = window(1, 10, len(answers))
    expected = []
    for rid, (copies, lost) in enumerate(answers, 1):
        exchanges = [object() for _ in range(copies)]
        answer = Answer(b"body", stanzas=[b"%d" % rid], stream=STREAM)
        answer.copies += exchanges
        made.keep(rid, answer)
        for exchange in exchanges[:lost]:
            made.lose(exchange)
            made.lose(exchange)
        if copies <= lost:
            expected.append(rid)
    found = [b"%d" % rid for rid in expected]
    assert list(made.take_lost()) == ([(STREAM, found)] if found else [])
    assert list(made.take_lost()) == []
    assert [rid for rid in expected if made.kept(rid).body == EMPTY] == expected
