"""Sessions whose connection stops, and goes on later."""

from __future__ import annotations

from typing import Protocol

from conversehost.net.exchange import Direct, HttpExchange


class Held(Protocol):
    """A stream that can be held."""

    def hold(self) -> None:
        """Nothing comes in, nothing goes out."""

    def release(self) -> None:
        """It goes on: first with what has waited."""


class Hold:
    """One session: its stream, and the requests over HTTP that wait with it, each with who would answer it."""

    def __init__(self, stream: Held) -> None:
        self.requests: list[tuple[Direct, HttpExchange]] = []
        self._stream = stream
        stream.hold()

    def release(self) -> None:
        """It goes on."""
        self._stream.release()
        requests, self.requests = self.requests, []
        for front, exchange in requests:
            exchange.context = None
            front.handle(exchange)
