"""What a connection manager sees of an HTTP request."""

from __future__ import annotations

from typing import Protocol

from conversehost.bosh.body import Body, BodyError
from conversehost.bosh.terms import Manner


class Exchange(Protocol):
    """One HTTP request that waits for its answer."""

    def answer(self, body: bytes, manner: Manner, why: BodyError | None = None) -> None:
        """Answer it; called at most once. `why`: what went wrong, where the body tells of an error."""

    def hang_up(self) -> None:
        """No answer: it came by a way that its session doesn't go."""


class Waiting:
    """A request that waits: for its answer, or for those that it follows. `came`: when."""

    __slots__ = ("body", "came", "exchange")

    def __init__(self, body: Body, exchange: Exchange, came: float) -> None:
        self.body = body
        self.exchange = exchange
        self.came = came

    def processed(self) -> None:
        """It may be held for long now: what it said isn't kept."""
        self.body = _PROCESSED


_PROCESSED = Body({})
