"""The body of an HTTP answer to us, as a whole, where it isn't too large."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

LARGEST = 262_144
"""Bytes."""


class NotCollectedError(ValueError):
    """It is too large, or not all of it."""


class Body(Protocol):
    """Collects one, up to a size."""

    def __init__(self, done: Deferred[bytes], largest: int) -> None:
        self._done = done
        self._largest = largest
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._largest:
            self.abort()

    def abort(self) -> None:
        """At once. What Twisted's HTTP client shows of its connection can only close it, and TLS then waits for the
        other side.
        """
        connection: Any = getattr(self.transport, "_producer", self.transport)
        if connection is not None:
            connection.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._done.called:
            return
        if len(self._data) <= self._largest and reason.check(ResponseDone, PotentialDataLoss):
            self._done.callback(self._data)
        else:
            self._done.errback(NotCollectedError(f"the answer breaks off, or has more than {self._largest} bytes"))


def collected(response: IResponse, largest: int = LARGEST) -> Deferred[bytes]:
    """Its body; NotCollectedError where that breaks off or has more bytes. Who gives up waiting cancels it."""
    collecting: Body
    done: Deferred[bytes] = Deferred(lambda _: collecting.abort())
    collecting = Body(done, largest)
    response.deliverBody(collecting)
    return done
