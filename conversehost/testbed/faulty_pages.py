"""Pages that faults strike: requests for paths which a fault names, whoever else answers them.

Where no fault names a path, nothing here is asked. What is struck is answered aside, and whole: then it is clear how
long the answer is, and whether it shall be lost.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from conversehost.net.exchange import FRAMING, Answering, Direct, HttpExchange, Streaming
from conversehost.net.front import HttpFactory
from conversehost.net.http import HttpConnection
from conversehost.net.webchannel import WebChannel
from conversehost.testbed.faults import Fault, Faults
from conversehost.testbed.faulty_http import Copy, FaultyFront, People
from conversehost.testbed.wire import Wire
from conversehost.testbed.world import API

BODY_LIMIT = 16 << 20
"""Bytes of a request that may be struck: it is gathered first."""
UNSEEN = frozenset(("status", "lost-request", "hang"))


class Pages(FaultyFront):
    """`Direct` for paths that faults name, in `factory.direct` as long as they do. The control API is never struck."""

    page = True

    def __init__(self, factory: HttpFactory, faults: Faults, people: People, wire: Wire | None) -> None:
        """`wire` is told of what nobody else sees; None where traffic isn't kept."""
        super().__init__(Aside(), faults, "site", people.of_site)
        self._direct = cast("dict[bytes, Direct]", factory.direct)
        self._wire = wire

    def named(self, paths: frozenset[str]) -> None:
        """By faults, from now on."""
        direct = self._direct
        for path in [each for each, front in direct.items() if front is self]:
            del direct[path]
        for each in paths:
            if each and not each.startswith(API):
                direct.setdefault(each.encode(), self)

    def handle(self, exchange: HttpExchange) -> None:
        """Of `Direct`. A head that is known from before comes without its length, which others go by (`net.heads`)."""
        if exchange.method == b"POST" and not any(name in FRAMING for name, _ in exchange.headers):
            exchange.headers = [*exchange.headers, (b"content-length", b"%d" % exchange.size)]
        super().handle(exchange)

    def spares(self, exchange: HttpExchange) -> bool:
        """Also what asks for another protocol."""
        return super().spares(exchange) or exchange.field(b"upgrade") is not None

    def hand_on(self, exchange: HttpExchange) -> None:
        """To whoever else answers it."""
        exchange.direct, exchange.streaming = None, streaming_of(exchange)
        exchange.started = False
        exchange.connection.send_ready()

    def strike(self, exchange: HttpExchange, struck: list[Fault], faults: Faults) -> None:
        """It goes on as they say."""
        if self._wire is not None and any(each.fault in UNSEEN for each in struck):
            self._wire.begin("site", exchange, exchange.body, self.who(exchange), kept=True)
        super().strike(exchange, struck, faults)

    def domain(self, exchange: HttpExchange, jid: str) -> str:
        """Of whoever is logged in, else of the page: tenants have theirs by name."""
        return super().domain(exchange, jid) or exchange.host.decode("latin-1").partition(":")[0]


def streaming_of(exchange: HttpExchange) -> Streaming | None:
    """What takes it while it comes in."""
    streaming = exchange.connection.factory.streaming
    return streaming if streaming is not None and streaming.takes(exchange) else None


class Aside:
    """`Direct`: has a request answered by twisted.web, or by what passes it on, and then answers with all of that."""

    body_limit = BODY_LIMIT
    reason = b""

    def handle(self, exchange: HttpExchange) -> None:
        assert isinstance(exchange, Copy)
        exchange.context = Room(exchange)
        exchange.context.start()

    def lost(self, exchange: HttpExchange) -> None:
        exchange.context.lost()


class Room:
    """What takes itself for the connection of one request, and for its transport and way out."""

    disconnecting = False
    producer = None

    def __init__(self, exchange: Copy) -> None:
        self._exchange = exchange
        self._real = exchange.connection
        self._parts: list[bytes] = []
        self._answering: Answering | None = None
        self.factory = self._real.factory
        self.address, self.secure = self._real.address, self._real.secure
        self.outlet: Any = self
        self.transport: Any = self

    def start(self) -> None:
        """Have it answered."""
        exchange, connection = self._exchange, cast(HttpConnection, self)
        streaming = exchange.streaming = streaming_of(exchange)
        exchange.direct = None
        exchange.connection = connection
        answering = WebChannel(connection, exchange) if streaming is None else streaming.take(connection, exchange)
        self._answering = answering
        answering.start()

    def lost(self) -> None:
        """The connection is gone."""
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.lost(Failure(ConnectionDone()))

    # As a connection

    def web_done(self, exchange: HttpExchange) -> None:
        """All of the answer is there."""
        self._answering = None
        self._exchange.whole(b"".join(self._parts), self._real)

    def web_left(self, exchange: HttpExchange) -> None:
        """It is answered by `exchange`."""
        self._answering = None

    def web_failed(self, exchange: HttpExchange, code: int) -> None:
        """As a connection answers then."""
        self._answering = None
        self._exchange.refuse(code)

    def throttle(self) -> None:
        """All has come."""

    # As a transport

    def getPeer(self) -> Any:
        return self._real.transport.getPeer()

    def getHost(self) -> Any:
        return self._real.transport.getHost()

    def write(self, data: bytes) -> bool:
        self._parts.append(data)
        return True

    def feed_from(self, producer: Any, streaming: bool) -> None:
        """At once: nobody reads too slowly here."""
        self.producer = producer
        while not streaming and self.producer is producer:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def close(self) -> None:
        """What has no length ends by that."""
        self._exchange.original.close = True
        self.web_done(self._exchange)

    def abortConnection(self) -> None:
        self._real.transport.abortConnection()


def watch_pages(factory: HttpFactory, faults: Faults, people: People, wire: Wire | None) -> None:
    """From now on those that faults name are struck."""
    faults.on_paths = Pages(factory, faults, people, wire).named
