"""A call of the control API that is answered once something is so."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from conversehost.clock import Clock, Deadline
from conversehost.testbed.fields import Seconds
from conversehost.testbed.noun import ApiError, Reply

LONGEST = 600
"""Seconds of one wait."""
PAUSE = 0.01
"""Seconds between two looks: what is waited for has many causes, and who waits isn't in a hurry."""
TIMEOUT = Seconds("timeout", "seconds of real time to wait at most", low=0, high=LONGEST, example=0.1)


class Patience:
    """Looks again and again. Cancel its `answer` when nobody wants it any more."""

    def __init__(
        self, clock: Clock, timeout: float, look: Callable[[], Reply | None], too_late: Callable[[], ApiError | Reply]
    ) -> None:
        """`look` returns None while it isn't so, and may raise ApiError; `clock` tells real time. `too_late`: what is
        said at the end of it.
        """
        self._clock = clock
        self._end = clock.now() + timeout
        self._look = look
        self._too_late = too_late
        self._deadline: Deadline | None = None
        self.answer: Deferred[Reply] = Deferred(lambda _: self._stop())
        self._again()

    def _again(self) -> None:
        self._deadline = None
        try:
            reply = self._look()
            if reply is None and self._clock.now() >= self._end:
                reply = self._last_word()
        except ApiError as error:
            self.answer.errback(error)
            return
        if reply is not None:
            self.answer.callback(reply)
        else:
            self._deadline = self._clock.after(min(PAUSE, max(0.0, self._end - self._clock.now())), self._again)

    def _last_word(self) -> Reply:
        said = self._too_late()
        if isinstance(said, ApiError):
            raise said
        return said

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
