"""An HTTP front with a BOSH connection manager and a small site behind it, and clients that send bytes."""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock as Reactor
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.bosh.manager import Manager
from conversehost.bosh.terms import Ceilings
from conversehost.net import handshake
from conversehost.net.bosh import PATHS, BoshFront
from conversehost.net.clock import ReactorClock
from conversehost.net.cors import Cors
from conversehost.net.front import HttpFactory
from conversehost.net.handshake import Manners, Shared, WebSocketFront
from conversehost.net.http import HttpConnection
from conversehost.turn import Turn
from conversehost.xmpp.stream import Backend
from conversehost.xmpp.xml import Limits
from tests.bosh.stage import HTTPBIND, Server

STANZA_LIMIT = 10_000


@dataclass
class Answer:
    """One HTTP response."""

    code: int
    fields: Any
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields["connection"] == "close"


def parse(data: bytes, methods: Iterable[str] = ()) -> list[Answer]:
    """All responses in `data`, which must end with a complete one. `methods` of the first requests, else POST."""
    stream, found, asked = io.BytesIO(data), [], iter(methods)
    stream.close = lambda: None  # type: ignore[method-assign]
    while stream.tell() < len(data):
        method = next(asked, "POST")
        response = http.client.HTTPResponse(Source(stream), method=method)  # type: ignore[arg-type]
        response.begin()
        if response.status == 100:
            continue
        body = response.read()
        assert response.isclosed(), "the answer isn't complete"
        found.append(Answer(response.status, response.headers, body))
    return found


@dataclass
class Source:
    """What http.client reads from."""

    stream: io.BytesIO

    def makefile(self, mode: str) -> io.BytesIO:
        return self.stream


class Page(Resource):
    """Answers at once, with what it was asked."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Request] = []

    def render(self, request: Request) -> bytes:
        self.seen.append(request)
        request.setHeader(b"content-type", b"text/plain")
        return b"%s %s %s" % (request.method, request.uri, request.content.read())


class Later(Resource):
    """Answers when told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Request] = []
        self.lost: list[Request] = []

    def render(self, request: Request) -> int:
        self.open.append(request)
        request.notifyFinish().addErrback(lambda _: self.lost.append(request))
        return NOT_DONE_YET

    def answer(self, data: bytes = b"later") -> None:
        request = self.open.pop(0)
        request.write(data)
        request.finish()


class Broken(Resource):
    """Fails."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        raise BrokenPageError


class BrokenPageError(Exception):
    pass


class Empty(Resource):
    """204 or 304: answers that have no body, whatever the page says."""

    isLeaf = True

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def render(self, request: Request) -> bytes:
        request.setResponseCode(self.code)
        return b""


class Wire:
    """One connection in memory. What is sent arrives at once; what comes back is in `answers`."""

    def __init__(self, front: Front) -> None:
        self.transport = StringTransport()
        self.connection: HttpConnection = front.factory.buildProtocol(None)
        self.connection.makeConnection(self.transport)
        self.methods: list[str] = []

    def send(self, data: bytes) -> None:
        if not self.transport.disconnecting:
            self.connection.dataReceived(data)

    def post(self, body: str | bytes, path: str = "/http-bind", **fields: str) -> None:
        self.send(post(body, path, **fields))

    def get(self, path: str, method: str = "GET", **fields: str) -> None:
        self.methods.append(method)
        self.send(request(method, path, **fields))

    def lose(self, reason: type[Exception] = ConnectionLost) -> None:
        self.transport.connected = False
        self.connection.connectionLost(Failure(reason()))

    @property
    def raw(self) -> bytes:
        return self.transport.value()

    @property
    def answers(self) -> list[Answer]:
        return parse(self.raw, self.methods)

    @property
    def codes(self) -> list[int]:
        return [answer.code for answer in self.answers]

    @property
    def closed(self) -> bool:
        return self.transport.disconnecting


def request(method: str, path: str, body: bytes = b"", **fields: str) -> bytes:
    """Header fields are named with _ for -."""
    lines = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in fields.items()}}
    if body or method == "POST":
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def post(body: str | bytes, path: str = "/http-bind", **fields: str) -> bytes:
    return request("POST", path, body.encode() if isinstance(body, str) else body, **fields)


class Front:
    """Everything but sockets; time stands still unless `advance`d. `kind`: of servers behind."""

    kind: type[Server] = Server

    def __init__(self, reactor: Any = None, *, origins: Sequence[str] = ("*",)) -> None:
        self.reactor = reactor or Reactor()
        self.turn = Turn()
        self.clock = ReactorClock(self.reactor, self.turn)
        self.servers: list[Server] = []
        limits = Limits(stanza=STANZA_LIMIT)
        self.manager = Manager(
            self._server_for, clock=self.clock, turn=self.turn, limits=limits, ceilings=Ceilings(polling=0)
        )
        self.cors = Cors(origins)
        self.bosh = BoshFront(self.manager, stanza_limit=STANZA_LIMIT, cors=self.cors)
        self.page, self.later, self.root = Page(), Later(), Resource()
        for path, resource in self.pages().items():
            self.root.putChild(path, resource)
        self.shared = Shared(
            self._next_server, clock=self.clock, turn=self.turn, limits=limits, manners=Manners(queue=100_000)
        )
        self.websocket = WebSocketFront(self.shared, cors=self.cors)
        direct = {**dict.fromkeys(PATHS, self.bosh), **dict.fromkeys(handshake.PATHS, self.websocket)}
        self.factory = HttpFactory(self.root, direct, clock=self.clock, taken=self.turn.taken, cors=self.cors)

    def pages(self) -> dict[bytes, Resource]:
        return {
            b"page": self.page,
            b"later": self.later,
            b"broken": Broken(),
            b"204": Empty(204),
            b"304": Empty(304),
        }

    def wire(self) -> Wire:
        return Wire(self)

    def exchange(self, *pieces: bytes) -> list[Answer]:
        """A connection of its own: what comes back for these segments."""
        wire = self.wire()
        for piece in pieces:
            wire.send(piece)
        return wire.answers

    def advance(self, seconds: float) -> None:
        """In steps, so that each call sees about the time that it was made for."""
        self.reactor.pump([seconds / 100] * 100)

    @property
    def server(self) -> Server:
        return self.servers[-1]

    def session(self) -> Chat:
        """A new BOSH session, made over a connection of its own."""
        wire = self.wire()
        wire.post(f"<body {HTTPBIND} rid='1000' to='localhost' wait='60' hold='1' ver='1.6'/>")
        self.server.says("features")
        (answer,) = wire.answers
        wire.lose(ConnectionDone)
        return Chat(etree.fromstring(answer.body).get("sid"), self.server)

    def _server_for(self, domain: str) -> Backend | None:
        return self._next_server() if domain == "localhost" else None

    def _next_server(self) -> Backend:
        self.servers.append(self.kind(self.turn, self.clock))
        return self.server.behind


@dataclass
class Chat:
    """A BOSH session's name, and what is behind it."""

    sid: str
    server: Server
    rid: int = 1000

    def body(self, *payload: str, rid: int | None = None, **attributes: str) -> str:
        """The next request."""
        if rid is None:
            self.rid += 1
            rid = self.rid
        text = "".join(f" {name}='{value}'" for name, value in attributes.items())
        return f"<body {HTTPBIND} sid='{self.sid}' rid='{rid}'{text}>{''.join(payload)}</body>"


def said(answer: Answer) -> list[str]:
    """The ids of the stanzas in a BOSH answer."""
    return [each.get("id") for each in etree.fromstring(answer.body)]


def pieces(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """`data` cut into segments of these sizes, and the rest."""
    cut, at = [], 0
    for size in sizes:
        cut.append(data[at : at + size])
        at += size
    return [*cut, data[at:]]
