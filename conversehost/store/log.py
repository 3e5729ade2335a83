"""A long table in order of time, such as an archive of messages: quick to add to, to page through, to forget from."""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import urandom
from typing import overload

_TIE_BITS, _FIRST_BITS, _STEP_BITS = 48, 47, 24
"""Of what comes in one millisecond the first gets a random number, each further one a random step more."""

LATEST = (1 << 48) - 2
"""Milliseconds since 1970 that still fit into a key: about the year 10,889."""

_KEY = re.compile("[0-9a-f]{24}")
"""12 digits of the time, 12 of the tie."""

_DEAD = 64
"""Entries that were dropped leave memory in bulk, at least that many and an eighth of the log at a time."""


def _dice() -> Iterator[int]:
    """64 random bits at a time; asking the kernel costs as much as all else here, so it is asked for many."""
    while True:
        yield from struct.unpack("512Q", urandom(4096))


_numbers = _dice()


def _draw(bits: int) -> int:
    return next(_numbers) >> (64 - bits)


class Log(Mapping[str, bytes]):
    """Values by key, in order of their keys; all but the latest ones are rarely looked at.

    A key is the time (milliseconds since 1970) and random digits: it says nothing else, nobody can guess it, and it is
    never used twice. So what is sorted by key is sorted by time, and by arrival within a millisecond. Each entry has
    labels as well, by which those that belong together are found: whatever the question, the answer is a `Span` of
    keys, found by bisection.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: list[bytes] = []
        self._dropped = 0  # so many at the beginning aren't there any more
        self._labelled: dict[str, list[str]] = {}  # keys by label; those of dropped entries may still be there
        self.bytes = 0
        """Of all values together."""

    def __getitem__(self, key: str) -> bytes:
        return self._values[self._at(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys[self._dropped :])

    def __len__(self) -> int:
        return len(self._keys) - self._dropped

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def select(self, label: str | None = None, first: str = "", end: str | None = None) -> Span:
        """The keys of all entries, or of those with the label; from `first` on, up to `end` and without it.

        The two need be no keys, just texts to compare with, such as `moment` makes. The span is of this moment: look
        at it before the log changes.
        """
        keys = self._keys if label is None else self._labelled.get(label, [])
        if not len(self):
            return Span(keys, 0, 0)
        start = bisect_left(keys, max(first, self._keys[self._dropped]))
        return Span(keys, start, max(start, len(keys) if end is None else bisect_left(keys, end)))

    def pairs(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Keys that are there, in order, each with its value: quicker than one by one where they stand together."""
        place, all_keys = self._dropped, self._keys
        for key in keys:
            if all_keys[place] != key:
                place = bisect_left(all_keys, key, place)
            yield key, self._values[place]
            place = min(place + 1, len(all_keys) - 1)

    def key_for(self, milliseconds: int) -> str:
        """A new key: after those of all entries of that time or before, and before those of all later ones.

        `milliseconds`: since 1970, from 0 to `LATEST`.
        """
        now = f"{milliseconds:012x}"
        keys = self._keys
        last = keys[-1] if keys else ""
        if last[:12] > now:
            place = bisect_left(keys, moment(milliseconds + 1))
            last = keys[place - 1] if place else ""
        if last < now:
            return f"{now}{_draw(_FIRST_BITS):012x}"
        tie = int(last[12:], 16) + 1 + _draw(_STEP_BITS)
        return self.key_for(milliseconds + 1) if tie >> _TIE_BITS else f"{now}{tie:012x}"

    def add(self, key: str, value: bytes, labels: Iterable[str]) -> None:
        """One more entry; mostly the last one. Raises ValueError when the key is taken, or is none."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key: {key}")
        if not self._keys or key > self._keys[-1]:
            self._keys.append(key)
            self._values.append(value)
        else:
            self._insert(key, value)
        self.bytes += len(value)
        for label in labels:
            keys = self._labelled.get(label)
            if keys is None:
                self._labelled[label] = [key]
            elif key > keys[-1]:
                keys.append(key)
            else:
                insort(keys, key)

    def __setitem__(self, key: str, value: bytes) -> None:
        """Another value, in the same place and with the same labels. Raises KeyError when there is no such entry."""
        place = self._at(key)
        self.bytes += len(value) - len(self._values[place])
        self._values[place] = value

    def drop_first(self) -> None:
        """Forget the oldest entry. Raises IndexError when there is none."""
        self.bytes -= len(self._values[self._dropped])
        self._values[self._dropped] = b""
        self._dropped += 1
        if self._dropped >= max(_DEAD, len(self._keys) // 8):
            self._sweep()

    def __delitem__(self, key: str) -> None:
        """Forget one entry, wherever it stands, which takes a while. Raises KeyError."""
        place = self._at(key)
        self.bytes -= len(self._values[place])
        del self._keys[place], self._values[place]
        for keys in self._labelled.values():
            there = bisect_left(keys, key)
            if keys[there : there + 1] == [key]:
                del keys[there]
        self._sweep()

    def labels(self) -> dict[str, list[str]]:
        """All keys by label, which takes a while: for who writes the log down."""
        return {label: list(found) for label in self._labelled if (found := self.select(label))}

    def copy(self) -> Log:
        """The same entries; what happens to one log doesn't show in the other."""
        made = Log()
        made._keys, made._values = self._keys.copy(), self._values.copy()
        made._labelled = {label: keys.copy() for label, keys in self._labelled.items()}
        made._dropped, made.bytes = self._dropped, self.bytes
        return made

    def _insert(self, key: str, value: bytes) -> None:
        if key in self:
            raise ValueError(f"that key is taken: {key}")
        self._sweep()
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._values.insert(place, value)

    def _find(self, key: str) -> int | None:
        place = bisect_left(self._keys, key, self._dropped)
        return place if self._keys[place : place + 1] == [key] else None

    def _at(self, key: str) -> int:
        place = self._find(key)
        if place is None:
            raise KeyError(key)
        return place

    def _sweep(self) -> None:
        del self._keys[: self._dropped], self._values[: self._dropped]
        self._dropped = 0
        oldest = self._keys[0] if self._keys else None
        for label, keys in list(self._labelled.items()):
            del keys[: len(keys) if oldest is None else bisect_left(keys, oldest)]
            if not keys:
                del self._labelled[label]


class Span(Sequence[str]):
    """Some keys that stand together, in order, without a copy of them."""

    __slots__ = ("_keys", "_start", "_stop")

    def __init__(self, keys: Sequence[str], start: int, stop: int) -> None:
        self._keys = keys
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            places = range(self._start, self._stop)[index]
            return [self._keys[each] for each in places]
        return self._keys[range(self._start, self._stop)[index]]


def place_of(key: str, keys: Sequence[str]) -> tuple[int, int]:
    """In a sorted sequence: how many keys come before it, and how many with it, if it is one of them."""
    return bisect_left(keys, key), bisect_right(keys, key)


def moment(milliseconds: int) -> str:
    """Not after the key of anything of that time (since 1970), and after all keys of earlier ones."""
    return f"{min(max(milliseconds, 0), LATEST + 1):012x}"


def time_of(key: str) -> int:
    """Milliseconds since 1970."""
    return int(key[:12], 16)
