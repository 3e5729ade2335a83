"""Which rids may come, and the answers that may be asked for again (XEP-0124 section 14)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto

from conversehost.bosh.body import EMPTY


class Arrival(Enum):
    """What a rid is at this moment."""

    NEXT = auto()
    AHEAD = auto()
    REPEAT = auto()
    OUTSIDE = auto()


class Answer:
    """What a request was answered with, and whom: `copies` are those that got it, save where it didn't get out."""

    __slots__ = ("body", "copies", "stanzas")

    def __init__(self, body: bytes, stanzas: Sequence[bytes], *copies: object) -> None:
        self.body = body
        self.stanzas = stanzas
        self.copies = list(copies)


class RidWindow:
    """`last`: the highest rid taken in order. `size` (the session's `requests`) more may come, in any order."""

    __slots__ = ("_any_lost", "_kept", "last", "size")

    def __init__(self, first: int, size: int) -> None:
        self.last = first - 1
        self.size = size
        self._kept: OrderedDict[int, Answer] = OrderedDict()
        self._any_lost = False

    def judge(self, rid: int) -> Arrival:
        """Whether it may come. REPEAT: taken before; if its answer is no longer kept it is outside all the same."""
        if rid == self.last + 1:
            return Arrival.NEXT
        if rid <= self.last:
            return Arrival.REPEAT
        return Arrival.AHEAD if rid <= self.last + self.size else Arrival.OUTSIDE

    def take(self, rid: int) -> None:
        """The next one is processed."""
        assert rid == self.last + 1
        self.last = rid

    def keep(self, rid: int, answer: Answer) -> None:
        """For repeats: the last `size` answers, and one more because an answer to a pause doesn't count."""
        self._kept[rid] = answer
        if len(self._kept) > self.size + 1:
            self._kept.popitem(last=False)

    def kept(self, rid: int) -> Answer | None:
        """The answer that the rid got, while it is kept."""
        return self._kept.get(rid)

    def lose(self, exchange: object) -> None:
        """The answer that went to `exchange` couldn't be handed completely to an open socket."""
        for answer in self._kept.values():
            if exchange in answer.copies:
                answer.copies.remove(exchange)
                self._any_lost = True

    def take_lost(self) -> list[bytes]:
        """The stanzas of answers of which no copy got out; they count as unsent from now on.

        Should the client ask after all, the answer is empty: what was in it goes out once.
        """
        found: list[bytes] = []
        if not self._any_lost:
            return found
        self._any_lost = False
        for answer in self._kept.values():
            if not answer.copies:
                found.extend(answer.stanzas)
                answer.body, answer.stanzas = EMPTY, ()
        return found
