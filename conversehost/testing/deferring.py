"""Calls by programs on Twisted: each verb gives a Deferred. Nothing imports this unasked: it chooses a reactor."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from conversehost.testing.calls import Call, Door, Steps, T, take

reactor: Any = _reactor


class Deferring:
    """What has verbs, each of which gives a Deferred; coroutines under pytest-twisted await it."""

    _door: Door

    def _do(self, steps: Steps[T]) -> Deferred[T]:
        return Deferred.fromCoroutine(take(steps, self._ask))

    async def _ask(self, call: Call) -> Any:
        return await ask(self._door, call)


async def ask(door: Door, call: Call) -> Any:
    """Make that call. Raises TestBedError."""
    exchange = _Exchange(door.request(call))
    try:
        await _endpoint(door).connect(Factory.forProtocol(lambda: exchange))
        data = await exchange.done.addTimeout(call.timeout, reactor)
    except (ConnectError, TimeoutError) as error:
        exchange.abort()
        raise door.lost(call, error) from None
    return door.answer(call, data)


def _endpoint(door: Door) -> IStreamClientEndpoint:
    endpoint = HostnameEndpoint(reactor, door.host, door.port)
    if not door.secure:
        return endpoint
    from twisted.internet.ssl import optionsForClientTLS

    return wrapClientTLS(optionsForClientTLS(door.host), endpoint)


class _Exchange(Protocol):
    """One request; `done` has all that came back, once nothing is left of the connection."""

    def __init__(self, request: bytes) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._request = request
        self._data = bytearray()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.callback(bytes(self._data))

    def abort(self) -> None:
        """Nobody waits any more."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
