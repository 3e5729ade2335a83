"""Which rids may come, and the answers that may be asked for again (XEP-0124 sections 9 and 14).

The one rule of delivery: **an answer is received when the client says so, or else when it was handed completely to an
open socket; until then it can be had again, and what was in it isn't delivered twice.** In detail:

- A repeated rid gets the identical answer, as long as it is kept: the last `requests` answers and one more, and in a
  session with acknowledgements all that the client hasn't acknowledged.
- An `ack` says that an answer, and all before it, were received, whatever the socket's fate.
- When the connection ended before all of an answer was handed over, and the client goes on with the next rid instead
  of repeating (a page was loaded again), the stanzas in it go out once more, before all else; should the client ask
  for the old rid after all, that answer is empty now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from conversehost.bosh.body import EMPTY, build
from conversehost.bosh.stream import BoshStream

UNACKNOWLEDGED = 30
"""How many answers are kept for a client that says it hasn't got them."""


Arrival = Literal["next", "ahead", "repeat", "outside"]
"""What a rid is at this moment."""


class Answer:
    """What a request was answered with, when, and whom: `copies` are those that got it, save where it didn't get out.
    `stanzas`: what of it belongs to `stream`.
    """

    __slots__ = ("_body", "copies", "sent", "stanzas", "stream")

    def __init__(
        self,
        body: bytes | None,
        sent: float = 0.0,
        stanzas: Sequence[bytes] = (),
        stream: BoshStream | None = None,
        exchange: object = None,
    ) -> None:
        """`body`: None where it is the stanzas and no more, so that it isn't kept beside them."""
        self._body = body
        self.sent = sent
        self.stanzas = stanzas
        self.stream = stream
        self.copies = [] if exchange is None else [exchange]

    @property
    def body(self) -> bytes:
        """For those who ask again."""
        return build(None, self.stanzas) if self._body is None else self._body

    def received(self) -> None:
        """What was in it is delivered."""
        self._body, self.stanzas = self.body, ()

    def lost(self) -> None:
        """What was in it goes out otherwise: whoever asks for it gets nothing."""
        self._body, self.stanzas = EMPTY, ()


class RidWindow:
    """`last`: the highest rid taken in order. `size` (the session's `requests`) more may come, in any order.
    `answered`: the highest rid that has its answer. `any_lost`: `take_lost` may give something.
    """

    __slots__ = ("_acked", "_kept", "answered", "any_lost", "last", "size")

    def __init__(self, first: int, size: int, *, acks: bool = False) -> None:
        self.last = self.answered = first - 1
        self.size = size
        self._kept: dict[int, Answer] = {}
        self.any_lost = False
        self._acked = first - 1 if acks else None  # None: nothing is acknowledged in this session

    def judge(self, rid: int) -> Arrival:
        """Whether it may come. "repeat": taken before; if its answer is no longer kept it is outside all the same."""
        if rid == self.last + 1:
            return "next"
        if rid <= self.last:
            return "repeat"
        return "ahead" if rid <= self.last + self.size else "outside"

    def take(self, rid: int) -> None:
        """The next one is processed."""
        assert rid == self.last + 1
        self.last = rid

    def keep(self, rid: int, answer: Answer) -> None:
        """For repeats; one more than `size` because an answer to a pause doesn't count."""
        if rid > self.answered:
            self.answered = rid
        self._kept[rid] = answer
        if len(self._kept) > self.size + 1:
            self._prune()

    def kept(self, rid: int) -> Answer | None:
        """The answer that the rid got, while it is kept."""
        return self._kept.get(rid)

    def acknowledge(self, ack: int | None) -> None:
        """The client has the answers up to `ack`; None: all that were given (section 9.2).

        What is known to have got lost isn't acknowledged by saying nothing.
        """
        self._acked = self.answered if ack is None else min(ack, self.answered)
        for rid, answer in self._kept.items():
            if rid <= self._acked and (answer.copies or ack is not None):
                answer.received()
        self._prune()

    def lose(self, exchange: object) -> None:
        """The answer that went to `exchange` couldn't be handed completely to an open socket."""
        for answer in self._kept.values():
            if exchange in answer.copies:
                answer.copies.remove(exchange)
                self.any_lost = True

    def take_lost(self) -> Iterator[tuple[BoshStream, list[bytes]]]:
        """The stanzas of answers of which no copy got out, by stream; they count as unsent from now on.

        Should the client ask after all, the answer is empty: what was in it goes out once.
        """
        if not self.any_lost:
            return
        self.any_lost = False
        found: dict[BoshStream, list[bytes]] = {}
        for answer in self._kept.values():
            if not answer.copies:
                if answer.stanzas and answer.stream is not None:
                    found.setdefault(answer.stream, []).extend(answer.stanzas)
                answer.lost()
        yield from found.items()

    def _prune(self) -> None:
        while len(self._kept) > self.size + 1:
            oldest = min(self._kept)  # not the one answered first: connections that break do so in any order
            if self._acked is not None and oldest > self._acked and len(self._kept) <= UNACKNOWLEDGED:
                return
            del self._kept[oldest]
