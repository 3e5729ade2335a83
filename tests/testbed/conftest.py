"""A whole server in memory, and its control API over the real HTTP front, without sockets."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.loading import load
from conversehost.net.memory import MemoryClient
from conversehost.net.prebind import Prebound
from conversehost.service import Server
from conversehost.testbed.noun import API
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from conversehost.xmpp.xml import parse as parse_xml
from tests.testbed.described import Description

READY = {"site": "http://localhost:5280/", "domain": "localhost", "accounts": {"alice@localhost": "secret"}}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; names of header fields are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    head: str = ""

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code, message."""
        return self.status, self.json["error"]["code"], self.json["error"]["message"]


class Transport(StringTransport):
    """Says when the answer goes out."""

    def __init__(self, peer: IPv4Address, answering: Callable[[], None]) -> None:
        super().__init__(peerAddress=peer)
        self._answering = answering

    def write(self, data: bytes) -> None:
        self._answering()
        super().write(data)


class Caller:
    """Somebody who calls the API: by default as curl on this machine does. What comes back is as the API says."""

    def __init__(self, server: Server, peer: str = "127.0.0.1", host: str = "localhost:5280") -> None:
        self._server = server
        self._peer = IPv4Address("TCP", peer, 50_000)
        self._host = host
        self.answering: Callable[[], None] = lambda: None

    def __call__(self, method: str, path: str, fields: Any = None, **headers: str) -> Answer:
        """`path` starts at the API. With `fields` there is a JSON body; header fields are named with _ for -."""
        if fields is not None:
            headers = {"Content_Type": "application/json"} | headers
        answer = self.send(method, API + path, b"" if fields is None else json.dumps(fields).encode(), headers)
        described(self._server).check(method, path, answer.status, answer.headers.get("content-type", ""), answer.body)
        return answer

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {"Host": self._host, "Connection": "close", "Content_Length": str(len(body))} | headers
        lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in sent.items())]
        connection = self._server.http.buildProtocol(self._peer)
        transport = Transport(self._peer, self.answering)
        connection.makeConnection(transport)
        connection.dataReceived("\r\n".join([*lines, "", ""]).encode() + body)
        if transport.disconnecting:
            connection.connectionLost(Failure(ConnectionDone()))
        head, _, data = transport.value().partition(b"\r\n\r\n")
        status, *received = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in received)
        return Answer(int(status.split()[1]), fields, data, head.decode())


@functools.cache
def documents() -> list[Description]:
    return []


def described(server: Server) -> Description:
    """The API, by the first server that is asked: they don't differ in that."""
    if not documents():
        documents().append(Description(Caller(server).send("GET", f"{API}/openapi.json", b"", {}).json))
    return documents()[0]


class Exchange:
    """A BOSH request that waits."""

    def __init__(self) -> None:
        self.body: Element | None = None

    def answer(self, body: bytes, *_: object) -> None:
        assert self.body is None
        self.body = parse_xml(body)

    @property
    def end(self) -> tuple[str | None, str | None]:
        """Of an answer that ends the session: its condition, and the stream error in it."""
        assert self.body is not None
        assert self.body.get("type") == "terminate"
        names = [each.tag for error in self.body for each in error]
        return self.body.get("condition"), names[0].rpartition("}")[2] if names else None


class Person:
    """A client in memory that remembers what it got."""

    def __init__(self, server: Server, name: str, resource: str) -> None:
        self.got: list[Stanza] = []
        self._server = server
        account = parse(name if "@" in name else f"{name}@localhost")
        self.client = MemoryClient(server.router, server.turn, account, self.got.append, resource=resource)
        self.jid = self.client.jid

    def says(self, stanza: Stanza) -> None:
        self.client.say(stanza)
        self._server.turn.end()


class House:
    """The server, and ways to be its client."""

    def __init__(self, *options: str) -> None:
        self.server = Server(load(options, {}), Clock())
        self.server.ready = READY
        self.api = Caller(self.server)

    def person(self, name: str, resource: str = "") -> Person:
        """Logged in, without a transport."""
        return Person(self.server, name, resource)

    def prebound(self, name: str) -> Prebound:
        """A BOSH session, as the site makes it for somebody who is logged in there."""
        return self.server.chat.prebind(parse(f"{name}@localhost"), "site session")

    def poll(self, bound: Prebound, offset: int = 0, payload: str = "") -> Exchange:
        """The BOSH request with the first rid plus `offset`."""
        exchange = Exchange()
        start = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid + offset}'>"
        body = f"{start}{payload}</body>"
        self.server.manager.request(
            body.encode(), exchange, SimpleNamespace(address="", secure=False, origin="http://localhost")
        )
        self.server.turn.end()
        return exchange

    def sessions(self, query: str = "") -> list[dict[str, Any]]:
        """What the API tells."""
        return self.api("GET", f"/sessions{query}").json["sessions"]


class Waiter:
    """A call that isn't answered at once."""

    def __init__(self, house: House, method: str, path: str, fields: Any = None) -> None:
        peer = IPv4Address("TCP", "127.0.0.1", 50_000)
        self.connection: Any = house.server.http.buildProtocol(peer)
        self.transport = StringTransport(peerAddress=peer)
        self.connection.makeConnection(self.transport)
        body = b"" if fields is None else json.dumps(fields).encode()
        head = (
            f"{method} {API}{path} HTTP/1.1\r\nHost: localhost:5280\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.connection.dataReceived(head.encode() + body)

    @property
    def answer(self) -> tuple[int, Any] | None:
        """Status and JSON, once it is there."""
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        return (int(head.split()[1]), json.loads(body)) if head else None

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code, message."""
        assert self.answer is not None
        status, told = self.answer
        return status, told["error"]["code"], told["error"]["message"]


def quoted(name: str) -> str:
    """As a segment of a path."""
    return quote(name, safe="")


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.server.close_sessions("system-shutdown")


@pytest.fixture
def api(house: House) -> Caller:
    return house.api
