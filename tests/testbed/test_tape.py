"""What is kept of the latest records, whatever their sizes."""

from __future__ import annotations

from struct import Struct

from hypothesis import given
from hypothesis import strategies as st

from conversehost.testbed.tape import PIECES, Tape

HEAD = Struct("<IQB")


def written(tape: Tape, number: int, size: int) -> tuple[int, bytes, str]:
    """One more, that tells its number in all its parts."""
    data = b"%d" % number * size
    tape.add(len(data), (HEAD.pack(len(data), number, number % 7), data), (f"about {number}",))
    return number, data, f"about {number}"


def read(tape: Tape, since: int = 0) -> list[tuple[int, bytes, str]]:
    found = list(tape.since(since))
    assert [rest for (_, number, rest), _, _ in found] == [number % 7 for (_, number, _), _, _ in found]
    return [(number, data, about) for (_, number, _), data, (about,) in found]


@given(
    sizes=st.lists(st.integers(0, 40)),
    records=st.integers(1, 30),
    size=st.integers(16, 2_000),
    since=st.integers(0, 60),
)
def test_the_latest_are_kept_and_the_oldest_go(sizes, records, size, since):
    tape = Tape(HEAD, records, size)
    model = [written(tape, number, each) for number, each in enumerate(sizes, 1)]
    kept = read(tape)
    assert kept == model[len(model) - len(kept) :]
    assert read(tape, since) == [each for each in kept if each[0] > since]
    assert tape.forgotten == (len(model) - len(kept))
    assert len(kept) < records + 2 * max(1, records // PIECES)
    longest = max((len(data) + HEAD.size for _, data, _ in model), default=0)
    bytes_kept = sum(len(data) + HEAD.size for _, data, _ in kept)
    assert bytes_kept <= size + HEAD.size * max(1, records // PIECES) + size // PIECES + longest
    if bytes_kept + size // PIECES + longest + HEAD.size * records < size:  # not for their bytes
        assert len(kept) >= min(records, len(model))


@given(sizes=st.lists(st.integers(0, 40), min_size=1))
def test_what_was_forgotten_on_purpose(sizes):
    tape = Tape(HEAD, 10, 1_000)
    for number, size in enumerate(sizes, 1):
        written(tape, number, size)
    tape.clear()
    assert read(tape) == []
    assert [written(tape, len(sizes) + 1, 3)] == read(tape)


def test_who_reads_is_not_disturbed_by_what_comes_meanwhile():
    tape = Tape(HEAD, 100, 10_000)
    before = [written(tape, number, 5) for number in range(1, 20)]
    reader = tape.since()
    first = next(reader)
    for number in range(20, 200):
        written(tape, number, 5)
    assert [first[1], *(data for _, data, _ in reader)] == [data for _, data, _ in before]
