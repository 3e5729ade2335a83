"""A load generator for BOSH on raw sockets: it costs little itself, so that the server is the bottleneck."""

from __future__ import annotations

import asyncio
import base64
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

BODY = "http://jabber.org/protocol/httpbind"
_SID = re.compile(rb"""\bsid=['"]([^'"]+)""")
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where the server's BOSH is, and which of its users there are: u0, u1..., with password `pw`."""

    port: int
    path: str
    domain: str = "localhost"


class Connection:
    """One HTTP connection: a request, its answer, the next one."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._target.port)

    async def post(self, body: bytes) -> bytes:
        head = (
            f"POST {self._target.path} HTTP/1.1\r\nHost: {self._target.domain}:{self._target.port}\r\n"
            f"Content-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        if not answer.startswith(b"HTTP/1.1 200") or length is None:
            raise RuntimeError(f"unexpected answer: {answer!r}")
        return await self._reader.readexactly(int(length[1]))

    def close(self) -> None:
        self._writer.close()


class Client:
    """A session on two connections, as a browser has: one is held, the other sends."""

    def __init__(self, target: Target, number: int) -> None:
        self._target = target
        self.name = f"u{number}"
        self._rid = random.randrange(1, 2**30)
        self._sid = ""
        self._connections = (Connection(target), Connection(target))
        self.jid = ""
        self._next = 0

    async def log_in(self) -> None:
        """Five requests: create, authenticate by PLAIN, restart, bind, presence."""
        domain = self._target.domain
        for connection in self._connections:
            await connection.open()
        created = await self._post(
            f"to='{domain}' wait='60' hold='1' ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'"
        )
        found = _SID.search(created)
        if found is None:
            raise RuntimeError(f"no session: {created!r}")
        self._sid = found[1].decode()
        secret = base64.b64encode(f"\0{self.name}\0pw".encode()).decode()
        auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
        await self._until(b"<success", await self._post("", auth))
        restart = f"to='{domain}' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'"
        await self._until(b"bind", await self._post(restart))
        bind = (
            "<iq type='set' id='b1' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<resource>bench</resource></bind></iq>"
        )
        await self._until(b"<jid>", await self._post("", bind))
        self.jid = f"{self.name}@{domain}/bench"
        await self._until(b"<presence", await self._post("", "<presence xmlns='jabber:client'/>"))

    async def log_out(self) -> None:
        """Terminate."""
        await self._post("type='terminate'")
        self.close()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    async def poll(self) -> bytes:
        """An empty request, on the connection that is free."""
        return await self.send("")

    async def send(self, payload: str) -> bytes:
        """A request on the connection that is free; its answer."""
        self._next = 1 - self._next
        return await self._post("", payload, connection=self._next)

    async def _until(self, token: bytes, answer: bytes) -> None:
        """Some servers answer at once and send what matters later: poll until it is there."""
        for _ in range(10):
            if token in answer:
                return
            answer = await self._post("")
        raise RuntimeError(f"{token!r} never came: {answer!r}")

    async def _post(self, attributes: str, payload: str = "", *, connection: int = 0) -> bytes:
        self._rid += 1
        sid = f"sid='{self._sid}'" if self._sid else ""
        body = f"<body rid='{self._rid}' {sid} xmlns='{BODY}' {attributes}>{payload}</body>"
        return await self._connections[connection].post(body.encode())


async def logins(target: Target, total: int, at_once: int) -> int:
    """So many log-ins and log-outs, some at once; how many there were."""

    async def one(number: int) -> None:
        for _ in range(total // at_once):
            client = Client(target, number)
            await client.log_in()
            await client.log_out()

    await asyncio.gather(*(one(number) for number in range(at_once)))
    return total // at_once * at_once


async def messages(target: Target, pairs: int, seconds: float, started: Callable[[], None]) -> int:
    """Pairs that write to one another for some time; how many messages arrived. `started` is called after log-in."""
    clients = await idle(target, 2 * pairs)
    talking = [Pair(clients[2 * number], clients[2 * number + 1]) for number in range(pairs)]
    started()
    await asyncio.gather(*(pair.run(seconds) for pair in talking))
    for client in clients:
        client.close()
    return sum(pair.arrived for pair in talking)


class Pair:
    """One writes to the other, who has a request held; the next message once the last has arrived."""

    def __init__(self, writer: Client, reader: Client) -> None:
        self._writer = writer
        self._reader = reader
        self.arrived = 0

    async def run(self, seconds: float) -> None:
        """Each message is two requests: the one that brings it, and the one that takes the place of the held one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        sent = asyncio.ensure_future(self._writer.poll())
        waiting = asyncio.ensure_future(self._reader.poll())
        while loop.time() < deadline:
            let_go, sent = sent, asyncio.ensure_future(self._writer.send(message(self._reader)))
            await let_go  # for the new request, which is held from now on
            while b"<message" not in await waiting:  # something else came first
                waiting = asyncio.ensure_future(self._reader.poll())
            waiting = asyncio.ensure_future(self._reader.poll())
            self.arrived += 1
        for task in (sent, waiting):
            task.cancel()
        await asyncio.gather(sent, waiting, return_exceptions=True)


def message(to: Client) -> str:
    """About 300 bytes, as Converse.js writes them."""
    return (
        f"<message xmlns='jabber:client' to='{to.jid}' type='chat' id='m{random.getrandbits(64):x}'>"
        f"<body>{'x' * 60}</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
        "<request xmlns='urn:xmpp:receipts'/></message>"
    )


async def idle(target: Target, sessions: int) -> list[Client]:
    """Sessions that are logged in and say nothing."""
    clients = [Client(target, number) for number in range(sessions)]
    for client in clients:
        await client.log_in()
    return clients
