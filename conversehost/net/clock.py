"""The clock, driven by a reactor: one scheduled call, however many deadlines wait."""

from __future__ import annotations

import time

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from conversehost.clock import Clock
from conversehost.turn import Turn


class ReactorClock(Clock):
    """Real time, plus what it was advanced by hand."""

    def __init__(self, reactor: IReactorTime, turn: Turn) -> None:
        super().__init__(utc=time.time() - reactor.seconds())
        self._reactor = reactor
        self._turn = turn
        self._offset = 0.0
        self._wake: IDelayedCall | None = None

    def now(self) -> float:
        return self._reactor.seconds() + self._offset

    def utc(self) -> float:
        return time.time() + self._offset

    def earlier(self, when: float) -> None:
        delay = max(0.0, when - self.now())
        if self._wake is not None and self._wake.active():
            self._wake.reset(delay)
        else:
            self._wake = self._reactor.callLater(delay, self._woken)

    def advance(self, seconds: float) -> None:
        """Turn the clock forward: deadlines that fall due fire one by one, each seeing the time it was due at."""
        target = self.now() + seconds
        try:
            while (when := self.next()) is not None and when <= target:
                self._offset += max(0.0, when - self.now())
                self._fire()
            self._offset += max(0.0, target - self.now())
        finally:
            self._schedule()

    def _woken(self) -> None:
        try:
            self._fire()
        finally:  # one call that fails must not stop the clock
            self._schedule()

    def _fire(self) -> None:
        try:
            self.fire()
        finally:
            self._turn.end()

    def _schedule(self) -> None:
        when = self.next()
        if when is not None:
            self.earlier(when)
