"""A request's head that was read before is read in the same way, by whomever it is sent."""

from __future__ import annotations

import pytest
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource

from conversehost.clock import Clock
from conversehost.net import heads
from conversehost.net.exchange import HttpExchange
from conversehost.net.front import HttpFactory
from conversehost.net.http import HttpConnection
from tests.net.front import parse

LIMIT = 1_000
HEAD = b"POST /direct?x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"


class Direct:
    """Notes what it is asked, and answers with the body."""

    body_limit = LIMIT
    reason = b""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def handle(self, exchange: HttpExchange) -> None:
        body = b"".join(exchange.body)
        fields = [each for each in exchange.headers if each[0] != b"content-length"]
        what = (exchange.method, exchange.target, exchange.path, exchange.version, exchange.forwarded, exchange.close)
        self.seen.append((*what, fields, exchange.complete, exchange.size, body))
        exchange.respond(200, b"", body)

    def lost(self, exchange: HttpExchange) -> None:
        """Nothing to do."""


class Stage:
    """`parsed`: how many bytes llhttp got."""

    def __init__(self) -> None:
        self.direct = Direct()
        self.factory = HttpFactory(Resource(), {b"/direct": self.direct}, clock=Clock(), taken=lambda: None)
        self.parsed = 0

    def connect(self) -> Wire:
        return Wire(self)


class Wire:
    def __init__(self, stage: Stage) -> None:
        self.transport = StringTransport()
        connection = stage.factory.buildProtocol(None)
        assert isinstance(connection, HttpConnection)
        self.connection = connection
        connection.makeConnection(self.transport)
        feed = connection._feed

        def counted(data: bytes) -> None:
            stage.parsed += len(data)
            feed(data)

        connection._feed = counted  # type: ignore[method-assign]

    def send(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    @property
    def bodies(self) -> list[bytes]:
        return [answer.body for answer in parse(self.transport.value())]

    @property
    def codes(self) -> list[int]:
        return [answer.code for answer in parse(self.transport.value())]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def request(body: bytes, head: bytes = HEAD, *, length: bytes = b"Content-Length", end: bytes = b"") -> bytes:
    return b"%s%s: %d\r\n%s\r\n%s" % (head, length, len(body), end, body)


@pytest.mark.parametrize("fields", [b"", b"X-Forwarded-For: 192.0.2.1\r\n", b"Cookie: a=b\r\nCookie: c=d\r\n"])
def test_a_head_is_read_once_however_long_the_body(stage, fields):
    stage.connect().send(request(b"first", end=fields))
    before = stage.parsed
    wire = stage.connect()
    for body in (b"1", b"a" * 12, b"b" * LIMIT):
        wire.send(request(body, end=fields))
    assert wire.bodies == [b"1", b"a" * 12, b"b" * LIMIT]
    assert stage.parsed == before
    first, *others = stage.direct.seen
    assert [each[:-2] for each in others] == [first[:-2]] * 3


@pytest.mark.parametrize(
    "again",
    [
        request(b"xyz", HEAD.replace(b"?x", b"?y")),
        request(b"xyz", HEAD.replace(b"localhost", b"localhosT")),
        request(b"xyz", end=b"Cookie: a=b\r\n"),
        request(b"xyz", length=b"content-length"),
    ],
)
def test_another_head_is_another(stage, again):
    wire = stage.connect()
    wire.send(request(b"abc"))
    before = stage.parsed
    wire.send(again)
    assert wire.bodies == [b"abc", b"xyz"]
    assert stage.parsed == before + len(again)


PECULIAR = {
    "the connection closes": request(b"abc", end=b"Connection: close\r\n"),
    "HTTP/1.0": request(b"abc", HEAD.replace(b"1.1", b"1.0")),
    "another protocol": request(b"abc", end=b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    "it waits for a word": request(b"abc", end=b"Expect: 100-continue\r\n"),
    "another method": request(b"abc", HEAD.replace(b"POST", b"PUT")),
    "another path": request(b"abc", HEAD.replace(b"/direct", b"/page")),
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "large": request(b"abc", end=b"X: %s\r\n" % (b"x" * heads.LONGEST)),
}


@pytest.mark.parametrize("data", PECULIAR.values(), ids=PECULIAR)
def test_what_is_peculiar_is_read_each_time(stage, data):
    stage.connect().send(data)
    once = stage.parsed
    stage.connect().send(data)
    assert stage.parsed == 2 * once >= 2 * len(data)


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Length: 3\r\nContent-Length: 3",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"X: a\nContent-Length: 3",
        b"Content-Length: 3\r\nContent-Length: ",
        b"X: a\r\n b\r\nContent-Length: 3",
        b"Content-Length: 3\r\n: x",
    ],
)
def test_what_was_refused_is_refused_again(stage, field):
    data = HEAD + field + b"\r\n\r\nabc"
    for _ in range(2):
        wire = stage.connect()
        wire.send(data)
        assert wire.codes == [400]
    assert stage.direct.seen == []


def test_a_body_beyond_the_limit_is_refused_though_the_head_is_known(stage):
    wire = stage.connect()
    wire.send(request(b"abc"))
    wire.send(request(b"x" * (LIMIT + 1)))
    assert wire.codes == [200, 413]


def test_a_request_in_pieces_or_with_others_is_read_all_the_same(stage):
    wire = stage.connect()
    wire.send(request(b"abc"))
    data = request(b"one") + request(b"two") + request(b"three")
    wire.send(data)
    for cut in range(1, len(data), 7):
        wire.send(data[:cut])
        wire.send(data[cut:])
    assert wire.bodies == [b"abc"] + [b"one", b"two", b"three"] * (1 + len(range(1, len(data), 7)))


def test_only_so_many_are_remembered(stage, monkeypatch):
    monkeypatch.setattr(heads, "MOST", 2)
    wire = stage.connect()
    kinds = [request(b"abc", end=b"X: %d\r\n" % number) for number in range(3)]
    for data in kinds:
        wire.send(data)
    before = stage.parsed
    wire.send(kinds[2])
    assert stage.parsed == before
    wire.send(kinds[0])
    assert stage.parsed == before + len(kinds[0])
