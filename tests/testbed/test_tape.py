"""What is kept of the latest records, whatever their sizes."""

from __future__ import annotations

import marshal
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.server.delivery import Copies
from conversehost.testbed import tape as tape_module
from conversehost.testbed.tape import PIECES, Tape

SMALLEST = 16
"""A record has no fewer bytes than that, here."""


def written(tape: Tape, number: int, size: int) -> tuple[object, ...]:
    """One more, that tells its number in all its parts."""
    data = b"%d" % number * size
    record = (number, number / 2, f"about {number}", [data[: len(data) // 2]], data + b"." * SMALLEST)
    tape.add(owner := object(), *record)
    return owner, *record


def size_of(records: list[tuple[object, ...]]) -> int:
    """As they are kept; whose they are is no part of it."""
    return sum(len(marshal.dumps(record[1:])) for record in records)


@given(
    sizes=st.lists(st.integers(0, 40)),
    records=st.integers(1, 30),
    size=st.integers(16, 2_000),
    since=st.integers(0, 60),
)
def test_the_latest_are_kept_and_the_oldest_go(sizes, records, size, since):
    tape = Tape(records, size)
    model = [written(tape, number, each) for number, each in enumerate(sizes, 1)]
    kept = list(tape.since())
    assert kept == model[len(model) - len(kept) :]
    assert list(tape.since(since)) == [each for each in kept if each[1] > since]
    assert tape.forgotten == (len(model) - len(kept))
    piece = max(1, records // PIECES)
    assert len(kept) < records + 2 * piece
    longest = max((size_of([record]) for record in model), default=0)
    assert size_of(kept) <= size + piece * longest
    if size_of(kept) + 2 * piece * longest < size:  # not for their bytes
        assert len(kept) >= min(records, len(model))


@given(sizes=st.lists(st.integers(0, 40), min_size=1))
def test_what_was_forgotten_on_purpose(sizes):
    tape = Tape(10, 1_000)
    for number, size in enumerate(sizes, 1):
        written(tape, number, size)
    tape.clear()
    assert list(tape.since()) == []
    assert [written(tape, len(sizes) + 1, 3)] == list(tape.since())


def test_who_reads_is_not_disturbed_by_what_comes_meanwhile():
    tape = Tape(100, 10_000)
    before = [written(tape, number, 5) for number in range(1, 20)]
    reader = tape.since()
    first = next(reader)
    for number in range(20, 200):
        written(tape, number, 5)
    assert [first, *reader] == before


def test_what_is_long_is_on_a_piece_at_once(monkeypatch):
    """Else many of them would wait for one another, beside all that the tape may keep."""
    monkeypatch.setattr(tape_module, "LARGE", 50)
    tape = Tape(1_000, 200)
    kept = [written(tape, number, 60) for number in range(1, 10)]
    assert list(tape.since()) == kept[-1:]


def test_bytes_of_any_kind_come_back_as_bytes():
    tape = Tape(32, 1_000)
    tape.add("one", 1, memoryview(b"x"), Copies(b"y", []))
    tape.cut()
    assert list(tape.since()) == [("one", 1, b"x", b"y")]


def test_what_cannot_be_laid_down_does_not_stop_what_follows():
    tape = Tape(32, 1_000)
    tape.add("one", 1, HTTPStatus.OK, b"x")
    with pytest.raises(ValueError, match="unmarshallable"):
        tape.cut()
    tape.add("two", 2, 200, b"x")
    tape.cut()
    assert list(tape.since()) == [("two", 2, 200, b"x")]
