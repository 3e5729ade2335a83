"""The clock, driven by a reactor: one scheduled call, however many deadlines wait."""

from __future__ import annotations

import time

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from conversehost.clock import Clock
from conversehost.turn import Turn


class ReactorClock(Clock):
    """Real time, plus what it was advanced by hand; or no time at all, while it is frozen."""

    def __init__(self, reactor: IReactorTime, turn: Turn) -> None:
        super().__init__()
        self._reactor = reactor
        self._turn = turn
        self._offset = 0.0
        self._utc_offset = 0.0
        self._stood: tuple[float, float] | None = None  # `now` and `utc` when it was frozen
        self._wake: IDelayedCall | None = None

    def now(self) -> float:
        return (self._reactor.seconds() if self._stood is None else self._stood[0]) + self._offset

    def utc(self) -> float:
        return (time.time() if self._stood is None else self._stood[1]) + self._utc_offset

    def moment(self) -> float:
        """`utc`, the same for all that belongs to a turn which gathers several inputs. Who needs it often looks at the
        turn's `when` himself.
        """
        turn = self._turn
        if turn.when:
            return turn.when
        now = self.utc()
        if turn.gathers:
            turn.when = now
        return now

    @property
    def offset(self) -> float:
        """Seconds that its time stamps are away from the real time."""
        return self.utc() - time.time()

    @property
    def frozen(self) -> bool:
        """Only `advance` moves it."""
        return self._stood is not None

    def freeze(self) -> None:
        """Stand still: nothing falls due by itself."""
        if self._stood is None:
            self._stood = (self._reactor.seconds(), time.time())
            self._turn.when = 0.0
            self._sleep()

    def thaw(self) -> None:
        """Go on from where it stands."""
        if self._stood is not None:
            now, utc = self.now(), self.utc()
            self._stood = None
            self._offset, self._utc_offset = now - self._reactor.seconds(), utc - time.time()
            self._turn.when = 0.0
            self._schedule()

    def reset(self) -> None:
        """Tell the real time again. What waits for something has no less to wait than before."""
        self.thaw()
        self._utc_offset = 0.0
        self._turn.when = 0.0

    def earlier(self, when: float) -> None:
        if self._stood is not None:
            return
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
                self._turn_by(max(0.0, when - self.now()))
                self._fire()
            self._turn_by(max(0.0, target - self.now()))
        finally:
            self._schedule()

    def _turn_by(self, seconds: float) -> None:
        self._offset += seconds
        self._utc_offset += seconds
        self._turn.when = 0.0

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

    def _sleep(self) -> None:
        if self._wake is not None and self._wake.active():
            self._wake.cancel()
