"""What happened, laid down in a row: records as bytes, each with the objects that it is about.

Objects that are kept for a while have left the processor's caches by the time they go, and so has the memory in which
new ones are made then. Kept as a dozen objects, a request cost more for that than for all that was noted of it. A piece
of tape goes as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple

PIECE = 1 << 15
"""Bytes on a piece, about."""
PIECES = 16
"""At least so many, however little is kept: what goes at once is no more than a part of it."""


class Piece(NamedTuple):
    """Records, one behind the other. `about`: as many objects for each; `last`: the number of the last one."""

    data: bytes
    about: list[Any]
    records: int
    last: int


class Tape:
    """The latest records, the oldest first."""

    __slots__ = (
        "_about",
        "_bytes",
        "_count",
        "_full",
        "_head",
        "_kept",
        "_kept_bytes",
        "_last",
        "_many",
        "_parts",
        "_pieces",
        "_records",
        "_size",
        "forgotten",
    )

    def __init__(self, head: Struct, records: int, size: int) -> None:
        """What a record begins with is packed by `head`: how many bytes follow, its number, and more. `records` are
        kept at least, where they have fewer than `size` bytes together.
        """
        self.forgotten = 0
        """The number of the newest record that went because there were too many."""
        self._head = head
        self._records = records
        self._size = size
        self._pieces: deque[Piece] = deque()
        self._kept = self._kept_bytes = 0  # on all pieces
        self._full = min(PIECE, size // PIECES)
        self._many = max(1, records // PIECES)
        self._start()

    def _start(self) -> None:
        self._parts: list[bytes] = []
        self._about: list[Any] = []
        self._count = self._bytes = self._last = 0

    def add(self, number: int, size: int, parts: tuple[bytes, ...], about: tuple[Any, ...]) -> None:
        """One more, in parts of which the first is its head; `size`: bytes of all others."""
        self._parts += parts
        self._about += about
        self._last = number
        self._count = count = self._count + 1
        self._bytes = size = self._bytes + size
        if size > self._full or count >= self._many:
            self._cut()

    def _cut(self) -> None:
        """What was added last becomes a piece; the oldest go."""
        piece = self._piece()
        self._start()
        self._pieces.append(piece)
        self._kept += piece.records
        self._kept_bytes += len(piece.data)
        while self._kept - self._pieces[0].records >= self._records or self._kept_bytes > self._size:
            oldest = self._pieces.popleft()
            self._kept -= oldest.records
            self._kept_bytes -= len(oldest.data)
            self.forgotten = oldest.last
            if not self._pieces:
                return

    def _piece(self) -> Piece:
        return Piece(b"".join(self._parts), self._about, self._count, self._last)

    def since(self, number: int = 0) -> Iterator[tuple[tuple[Any, ...], bytes, list[Any]]]:
        """All that came after that one: what is in their heads, what follows there, and what they are about."""
        head = self._head
        for data, about, count, last in (*self._pieces, self._piece()):
            if last <= number:
                continue
            at, each, width = 0, 0, len(about) // count
            while at < len(data):
                fields = head.unpack_from(data, at)
                start = at + head.size
                at = start + fields[0]
                if fields[1] > number:
                    yield fields, data[start:at], about[each : each + width]
                each += width

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self._kept = self._kept_bytes = 0
        self._start()
