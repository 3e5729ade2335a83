"""`TestBed` for programs on Twisted. Nothing imports this unasked: it chooses a reactor."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread

from conversehost.testing.addresses import Addresses, about, door_of
from conversehost.testing.calls import take
from conversehost.testing.deferring import Deferring, ask
from conversehost.testing.process import START, launch
from conversehost.testing.verbs.all import Verbs
from conversehost.testing.verbs.expectations import ExpectationHandle
from conversehost.testing.verbs.faults import FaultHandle


class DeferredFault(Deferring, FaultHandle):
    """A fault that has been set: `async with await bed.fault("lost-response", account="alice") as fault:`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.remove()


class DeferredExpectation(Deferring, ExpectationHandle):
    """What shall be said: `async with await bed.expecting("message[body='hi']", to="bob"):`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end(well=error is None)


class DeferredTestBed(Deferring, Verbs[DeferredFault, DeferredExpectation], Addresses):
    """What `TestBed` is, with Deferreds: `yield bed.message("alice", "bob", "hi")`, or `await` in a coroutine.

    `DeferredTestBed.of(bed)` is the same server as that of another flavour, such as the fixture `conversehost`.
    """

    __test__ = False  # pytest: it only sounds like a test
    _fault = DeferredFault
    _expectation = DeferredExpectation

    @classmethod
    def start(cls, *args: str, timeout: float = START, **options: object) -> Deferred[DeferredTestBed]:
        """As `TestBed.start`: `async with await DeferredTestBed.start() as bed:`."""
        return deferToThread(launch, args, options, timeout).addCallback(lambda started: cls(*started))

    @classmethod
    def connect(cls, url: str, token: str | None = None) -> Deferred[DeferredTestBed]:
        """As `TestBed.connect`."""

        async def connect() -> DeferredTestBed:
            door = door_of(url, token)
            return cls(await take(about(door), lambda call: ask(door, call)), token=token)

        return Deferred.fromCoroutine(connect())

    def stop(self) -> Deferred[None]:
        """Stop the server, if `start` started it; twice is no mistake."""
        return succeed(None) if self._process is None else deferToThread(self._process.stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_tenant:
            await self.close()
        await self.stop()
