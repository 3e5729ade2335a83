"""What may be used once only, for as long as it would be taken."""

from __future__ import annotations

import heapq

from conversehost.auth import TokenError

ROOM = 100_000
"""Remembered at most. Only what is signed gets here, so nobody else fills it."""


class Nonces:
    """Remembers what was used until it is worthless anyway."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used: set[str] = set()
        self._ends: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._used)

    def use(self, nonce: str, until: float, now: float) -> None:
        """From now on it is known, until a time (seconds since 1970). Raises TokenError."""
        while self._ends and self._ends[0][0] <= now:
            self._used.discard(heapq.heappop(self._ends)[1])
        if nonce in self._used:
            raise TokenError("it was used before: each one is for one login")
        if len(self._used) >= self._room:
            raise TokenError("too many tokens were used lately to remember one more", "temporary-auth-failure")
        self._used.add(nonce)
        heapq.heappush(self._ends, (until, nonce))
