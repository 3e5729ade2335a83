"""`TestBed` for coroutines under asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from conversehost.testing.addresses import Addresses, about, door_of
from conversehost.testing.awaiting import Awaiting, Pending, ask
from conversehost.testing.calls import take
from conversehost.testing.process import START, launch
from conversehost.testing.verbs.all import Verbs
from conversehost.testing.verbs.expectations import ExpectationHandle
from conversehost.testing.verbs.faults import FaultHandle


class AsyncFault(Awaiting, FaultHandle):
    """A fault that has been set: `async with bed.fault("lost-response", account="alice") as fault:`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.remove()


class AsyncExpectation(Awaiting, ExpectationHandle):
    """What shall be said: `async with bed.expecting("message[body='hi']", to="bob"):`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end(well=error is None)


class AsyncTestBed(Awaiting, Verbs[AsyncFault, AsyncExpectation], Addresses):
    """What `TestBed` is, with coroutines: `await bed.message("alice", "bob", "hi")`, `await bed.accounts`.

    `AsyncTestBed.of(bed)` is the same server as that of another flavour, such as the fixture `conversehost`.
    """

    __test__ = False  # pytest: it only sounds like a test
    _fault = AsyncFault
    _expectation = AsyncExpectation

    @classmethod
    def start(cls, *args: str, timeout: float = START, **options: object) -> Pending[AsyncTestBed]:
        """As `TestBed.start`: `async with AsyncTestBed.start() as bed:`."""

        async def start() -> AsyncTestBed:
            return cls(*await asyncio.to_thread(launch, args, options, timeout))

        return Pending(start())

    @classmethod
    def connect(cls, url: str, token: str | None = None) -> Pending[AsyncTestBed]:
        """As `TestBed.connect`."""

        async def connect() -> AsyncTestBed:
            door = door_of(url, token)
            return cls(await take(about(door), lambda call: ask(door, call)), token=token)

        return Pending(connect())

    async def stop(self) -> None:
        """Stop the server, if `start` started it; twice is no mistake."""
        if self._process is not None:
            await asyncio.to_thread(self._process.stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_tenant:
            await self.close()
        await self.stop()
