"""Calls by coroutines under asyncio."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Protocol, TypeVar

from conversehost.testing.calls import Call, Door, Steps, T, take


class Entered(Protocol):
    """An asynchronous context manager that enters itself."""

    async def __aenter__(self) -> Any: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


E = TypeVar("E", bound=Entered)


class Pending(Coroutine[Any, Any, T]):
    """A coroutine; what comes of it can be entered at once: `async with bed.fault("hang"):`, without an await."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._entered: Any = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    async def __aenter__(self: Pending[E]) -> E:
        self._entered = await self._coroutine
        await self._entered.__aenter__()
        entered: E = self._entered
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._entered.__aexit__(kind, error, trace)


class Awaiting:
    """What has verbs, each of which is a coroutine."""

    _door: Door

    def _do(self, steps: Steps[T]) -> Pending[T]:
        return Pending(take(steps, self._ask))

    async def _ask(self, call: Call) -> Any:
        return await ask(self._door, call)


async def ask(door: Door, call: Call) -> Any:
    """Make that call. Raises TestBedError."""
    request = door.request(call)
    try:
        async with asyncio.timeout(call.timeout):
            return door.answer(call, await _exchange(door, request))
    except OSError as error:  # TimeoutError too
        raise door.lost(call, error) from None


async def _exchange(door: Door, request: bytes) -> bytes:
    context = ssl.create_default_context() if door.secure else None
    reader, writer = await asyncio.open_connection(door.host, door.port, ssl=context)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
