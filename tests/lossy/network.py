"""A network between client and server that loses things: it knows where an HTTP request begins and an answer ends."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import cast
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_RID = re.compile(rb"\brid='(\d+)'")

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LATENESS = 0.005
"""Seconds that a late request waits for another to overtake it."""


class Fate(Enum):
    """What becomes of one request, and how often among a hundred."""

    PASSES = 76
    LOST_BEFORE = 3, "the connection dies before the server hears of it"
    CUT = 3, "the server gets the first half of it"
    LOST_BEHIND = 3, "the server has it, and its connection dies before an answer comes"
    ANSWER_LOST = 3, "the server has sent its answer, which arrives nowhere"
    ANSWER_CUT = 3, "the client gets the first half of the answer"
    CLOSED_AFTER = 3, "all is well, but the connection isn't kept"
    LATE = 3, "other requests overtake it"
    DOUBLED = 3, "the server gets it twice, on two connections"

    @property
    def weight(self) -> int:
        return self.value if isinstance(self.value, int) else self.value[0]


class Network:
    """Listens on `port`, and carries requests to the server of `url`. The same `seed` makes the same choices.

    No copy of a request outlives it: what the server got it has read, before the client can repeat it or get the answer
    that another copy brought. One that came long after would end the session (XEP-0124 section 14.3: the answer isn't
    kept any more).
    """

    def __init__(self, url: str, seed: int) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self.target = (cast(str, parts.hostname), cast(int, parts.port))
        self.port = 0
        self.chance = random.Random(seed)
        self.fates: Counter[Fate] = Counter()
        self.arrived: set[bytes] = set()
        self._changed = asyncio.Event()
        self.open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Network:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in tuple(self.open):
            connection.drop()

    def choose(self) -> Fate:
        fate = self.chance.choices(tuple(Fate), [each.weight for each in Fate])[0]
        self.fates[fate] += 1
        return fate

    def arrives(self, request: bytes) -> None:
        """The server's kernel has it."""
        rid = _RID.search(request)
        if rid is not None:
            self.arrived.add(rid[1])
            self.tell()

    async def until_arrived(self, rids: list[int]) -> None:
        """All of these requests have reached the server."""
        wanted = {str(rid).encode() for rid in rids}
        await self._until(lambda: wanted <= self.arrived)

    async def until_closed(self, ports: set[int]) -> None:
        """Connections of a client, known by its ports, are closed, and the server knows."""
        await self._until(lambda: not ports & {each.port for each in self.open})

    async def until_overtaken(self) -> None:
        """Another request has come to the server; where there is none, a little later."""
        before = len(self.arrived)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATENESS):
                await self._until(lambda: len(self.arrived) > before)

    def tell(self) -> None:
        """Something has changed for those who wait."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._changed.wait()


class _Connection(asyncio.Protocol):
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.port = 0
        self._buffer = b""
        self._streams: list[Stream] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.port = transport.get_extra_info("peername")[1]
        self.network.open.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        request, self._buffer = _message(self._buffer)
        if request:
            self._task = asyncio.ensure_future(self._carry(request))

    def connection_lost(self, error: Exception | None) -> None:
        self._end = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        """Only behind what was said, and to the end: a server that doesn't know yet counts the requests as open."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._hear_out(self._streams)
        self._hang_up()
        self.network.open.discard(self)
        self.network.tell()

    def drop(self) -> None:
        """Both ends at once, whatever is still on its way."""
        self._hang_up()
        self._transport.abort()

    async def _carry(self, request: bytes) -> None:
        fate = self.network.choose()
        if fate is Fate.LOST_BEFORE:
            self.drop()
            return
        if fate is Fate.LATE:
            await self.network.until_overtaken()
        for _, writer in await self._connect(2 if fate is Fate.DOUBLED else 1):
            writer.write(request[: len(request) // 2] if fate is Fate.CUT else request)
        if fate is not Fate.CUT:
            self.network.arrives(request)
        if fate in (Fate.CUT, Fate.LOST_BEHIND):
            await self._hear_out(self._streams)
            self.drop()
            return
        answer = await self._answer()
        if fate is Fate.ANSWER_LOST or not answer:
            self.drop()
        elif fate is Fate.ANSWER_CUT:
            self._transport.write(answer[: len(answer) // 2])
            self._hang_up()
            self._transport.close()
        else:
            self._transport.write(answer)
            if fate is Fate.CLOSED_AFTER:
                self._transport.close()

    async def _hear_out(self, streams: list[Stream]) -> None:
        """The server reads what it was sent, and then that nobody is there; whatever it says gets lost."""
        for reader, writer in streams:
            with contextlib.suppress(ConnectionError):
                writer.write_eof()
                await reader.read()

    async def _connect(self, count: int) -> list[Stream]:
        while len(self._streams) < count:
            self._streams.append(await asyncio.open_connection(*self.network.target))
        return self._streams

    async def _answer(self) -> bytes:
        """The first that comes. The other connection, if there is one, is dropped."""
        tasks = [asyncio.ensure_future(_read_answer(reader)) for reader, _ in self._streams]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        first = next(index for index, task in enumerate(tasks) if task in done)
        others = self._streams[:first] + self._streams[first + 1 :]
        await self._hear_out(others)
        for _, writer in others:
            writer.close()
        self._streams = [self._streams[first]]
        return tasks[first].result()

    def _hang_up(self) -> None:
        for _, writer in self._streams:
            writer.transport.abort()
        self._streams.clear()


def _message(data: bytes) -> tuple[bytes, bytes]:
    """One whole HTTP message, and what follows it; as long as it isn't whole it is empty."""
    head, end, _ = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    size = len(head) + len(end) + (int(length[1]) if length else 0)
    return (data[:size], data[size:]) if end and len(data) >= size else (b"", data)


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    """Empty when the server hung up."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return head + (await reader.readexactly(int(length[1])) if length else b"")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
