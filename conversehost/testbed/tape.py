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
EACH = 32
"""Bytes that a head counts for."""


class Piece(NamedTuple):
    """Records, one behind the other. `about`: as many objects for each; `last`: the number of the last one."""

    data: bytes
    about: list[Any]
    records: int
    last: int


class Tape:
    """The latest records, the oldest first."""

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
        self._full = min(PIECE, size // PIECES, records // PIECES * EACH)
        self._start()

    def _start(self) -> None:
        self._parts: list[bytes] = []
        self._about: list[Any] = []
        self._room = self._full

    def add(self, size: int, parts: tuple[bytes, ...], about: tuple[Any, ...]) -> None:
        """One more, in as many parts as the others, of which the first is its head; `size`: bytes of the rest."""
        self._parts += parts
        self._about += about
        self._room = room = self._room - size - EACH
        if room <= 0:
            self._cut(len(parts), len(about))

    def _cut(self, parts: int, width: int) -> None:
        """What was added last becomes a piece; the oldest go."""
        last = self._head.unpack(self._parts[-parts])[1]
        piece = Piece(b"".join(self._parts), self._about, len(self._about) // width, last)
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

    def since(self, number: int = 0) -> Iterator[tuple[tuple[Any, ...], bytes, list[Any]]]:
        """All that came after that one: what is in their heads, what follows there, and what they are about."""
        pieces = [(each.data, each.about) for each in self._pieces if each.last > number]
        for data, about in (*pieces, (b"".join(self._parts), self._about[:])):
            yield from self._read(data, about, number)

    def _read(self, data: bytes, about: list[Any], number: int) -> Iterator[tuple[tuple[Any, ...], bytes, list[Any]]]:
        heads, at = [], 0
        while at < len(data):
            fields = self._head.unpack_from(data, at)
            start = at + self._head.size
            at = start + fields[0]
            heads.append((fields, start, at))
        width = len(about) // max(1, len(heads))
        for each, (fields, start, end) in enumerate(heads):
            if fields[1] > number:
                yield fields, data[start:end], about[each * width : (each + 1) * width]

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self._kept = self._kept_bytes = 0
        self._start()
