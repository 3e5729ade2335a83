"""What happened, laid down in a row: records of the same form, of which many together are kept column by column.

Objects that are kept for a while have left the processor's caches by the time they go, and so has the memory in which
new ones are made then. Kept as a dozen objects, a request cost more for that than for all that was noted of it. A piece
of tape goes as one; and to note something is to add a tuple to a list.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

FULL = 64
"""Records on a piece, at most."""
LARGE = 8_192
"""Bytes of a record that makes a piece full."""
PIECES = 16
"""At least so many, however little is kept: what goes at once is no more than a part of it."""


class Column(Protocol):
    """The same of all records on a piece, the oldest first."""

    def __iter__(self) -> Iterator[Any]: ...


class Numbers:
    """Of one kind, which is a letter of `struct`."""

    __slots__ = ("_data", "_form")

    def __init__(self, kind: str, values: Sequence[float]) -> None:
        self._form = f"{len(values)}{kind}"
        self._data = struct.pack(self._form, *values)

    def __iter__(self) -> Iterator[float]:
        return iter(struct.unpack(self._form, self._data))


class Strings:
    """Bytes, one behind the other."""

    __slots__ = ("_sizes", "data")

    def __init__(self, strings: Sequence[bytes]) -> None:
        self.data = b"".join(strings)
        self._sizes = Numbers("I", tuple(map(len, strings)))

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        for size in self._sizes:
            yield self.data[at : (at := at + int(size))]


class Piece(NamedTuple):
    """Records by their columns. `size`: bytes in them; `last`: the number of the last one."""

    columns: tuple[Column, ...]
    records: int
    size: int
    last: int


Columns = Callable[[list[Any]], Sequence[Sequence[Any]]]


def columns_of(records: list[tuple[Any, ...]]) -> Sequence[Sequence[Any]]:
    """All the first that they consist of, all the second..."""
    return tuple(zip(*records, strict=True))


class Tape:
    """The latest records, the oldest first."""

    def __init__(self, kinds: str, records: int, size: int, columns: Columns = columns_of) -> None:
        """What a record consists of has a letter each: one of `struct`, "s" for bytes, "o" for an object. The first is
        its number, higher than that of the one before. `records` are kept at least, where they have fewer than `size`
        bytes together. `columns` makes them of what was added, of which all but the number may have waited for it.
        """
        self.latest: list[tuple[Any, ...]] = []
        """What isn't on a piece yet. Who adds often does it by hand, as `add` would: the call is a part of the cost."""
        self.full = min(FULL, max(1, records // PIECES))
        self.forgotten = 0
        """The number of the newest record that went because there were too many."""
        self._kinds = kinds
        self._columns = columns
        self._records = records
        self._size = size
        self._pieces: deque[Piece] = deque()
        self._kept = self._kept_bytes = 0  # on all pieces

    def add(self, *record: Any) -> None:
        """One more. The last that it consists of are its bytes, or most of them."""
        self.latest.append(record)
        if len(self.latest) >= self.full or len(record[-1]) > LARGE:
            self.cut()

    def cut(self) -> None:
        """What was added last becomes a piece; the oldest go."""
        latest, self.latest = self.latest, []
        columns = tuple(map(_column, self._kinds, self._columns(latest)))
        size = sum(len(each.data) for each in columns if isinstance(each, Strings))
        self._pieces.append(Piece(columns, len(latest), size, latest[-1][0]))
        self._kept += len(latest)
        self._kept_bytes += size
        while self._kept - self._pieces[0].records >= self._records or self._kept_bytes > self._size:
            oldest = self._pieces.popleft()
            self._kept -= oldest.records
            self._kept_bytes -= oldest.size
            self.forgotten = oldest.last
            if not self._pieces:
                return

    def since(self, number: int = 0) -> Iterator[tuple[Any, ...]]:
        """All that came after that one, as they were added."""
        pieces: list[Sequence[Column]] = [each.columns for each in self._pieces if each.last > number]
        if self.latest:
            pieces.append(self._columns(self.latest))
        for columns in pieces:
            yield from (record for record in zip(*columns, strict=True) if record[0] > number)

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self._kept = self._kept_bytes = 0
        self.latest = []


def _column(kind: str, values: Sequence[Any]) -> Column:
    if kind == "o":
        return values
    return Strings(values) if kind == "s" else Numbers(kind, values)
