"""What happened, laid down in a row: records, of which many together are kept as one string of bytes.

Objects that are kept for a while have left the processor's caches by the time they go, and so has the memory in which
new ones are made then. Kept as a dozen objects, a request cost more for that than for all that was noted of it. A piece
of tape goes as one; and to note something is to add a tuple to a list.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

FULL = 64
"""Records on a piece, at most."""
LARGE = 8_192
"""Bytes of a record that makes a piece full."""
PIECES = 16
"""At least so many, however little is kept: what goes at once is no more than a part of it."""


class Piece(NamedTuple):
    """Records, as `marshal` writes them; whose each of them is; the number of the last one."""

    data: bytes
    owners: list[Any]
    last: int


class Tape:
    """The latest records, the oldest first. One is a tuple of numbers and strings (of just those classes), of bytes or
    what else is a buffer, which comes back as bytes, and of lists of such. It begins with its number, higher than that
    of the one before, and ends with its bytes, or most of them. Beside it there is an object that says whose it is: as
    that belongs to many, it is kept as it is.
    """

    def __init__(self, records: int, size: int) -> None:
        """`records` are kept at least, where they have fewer than `size` bytes together."""
        self.latest: list[tuple[Any, ...]] = []
        """What isn't on a piece yet. Who adds often does it by hand, as `add` would: the call is a part of the cost."""
        self.owners: list[Any] = []
        """Whose they are."""
        self.full = min(FULL, max(1, records // PIECES))
        self.forgotten = 0
        """The number of the newest record that went because there were too many."""
        self._records = records
        self._size = size
        self._pieces: deque[Piece] = deque()
        self._kept = self._kept_bytes = 0  # on all pieces

    def add(self, owner: object, *record: Any) -> None:
        """One more."""
        self.latest.append(record)
        self.owners.append(owner)
        if len(self.latest) >= self.full or len(record[-1]) > LARGE:
            self.cut()

    def cut(self) -> None:
        """What was added last becomes a piece; the oldest go."""
        latest, owners = self.latest, self.owners
        self.latest, self.owners = [], []
        piece = Piece(marshal.dumps(latest), owners, latest[-1][0])
        self._pieces.append(piece)
        self._kept += len(piece.owners)
        self._kept_bytes += len(piece.data)
        while self._kept - len(self._pieces[0].owners) >= self._records or self._kept_bytes > self._size:
            oldest = self._pieces.popleft()
            self._kept -= len(oldest.owners)
            self._kept_bytes -= len(oldest.data)
            self.forgotten = oldest.last
            if not self._pieces:
                return

    def since(self, number: int = 0) -> Iterator[tuple[Any, ...]]:
        """All that came after that one: whose, and what was added."""
        pieces = [each for each in self._pieces if each.last > number]
        latest = list(zip(self.owners, self.latest, strict=True))
        for piece in pieces:
            for owner, record in zip(piece.owners, marshal.loads(piece.data), strict=True):
                if record[0] > number:
                    yield owner, *record
        for owner, record in latest:
            if record[0] > number:
                yield owner, *record

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self._kept = self._kept_bytes = 0
        self.latest, self.owners = [], []
