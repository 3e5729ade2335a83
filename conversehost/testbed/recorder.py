"""Where HTTP requests are seen: wraps around what answers them, made only where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.web.http_headers import Headers
from twisted.web.server import Request

from conversehost.net.exchange import Answering, Direct, HttpExchange, Streaming
from conversehost.testbed.faulty_http import FaultyFront, People
from conversehost.testbed.tape import LARGE
from conversehost.testbed.wire import BOSH, Wire
from conversehost.testbed.world import API

if TYPE_CHECKING:
    from conversehost.net.http import HttpConnection


class RecordedFront(FaultyFront):
    """One that tells what is asked, and how that is answered."""

    def __init__(self, front: FaultyFront, wire: Wire) -> None:
        super().__init__(front.below, front.faults, front.transport, front.who)
        self._wire = wire
        self._bosh = front.transport == BOSH
        self._named = front.transport == "site"

    def handle(self, exchange: HttpExchange) -> None:
        if self._bosh and exchange.size <= LARGE:
            self._wire.note(exchange, exchange.body)
        else:
            self._wire.begin(self.transport, exchange, exchange.body, self.who(exchange) if self._named else "")
        if self.faults.held or self.faults.watching:
            super().handle(exchange)
        else:
            self.below.handle(exchange)

    def lost(self, exchange: HttpExchange) -> None:
        self._wire.lost(exchange)
        super().lost(exchange)


class RecordedStreaming:
    """`Streaming`: tells what is asked, and how that is answered. What a request carries isn't kept: it may be long."""

    def __init__(self, below: Streaming, wire: Wire, people: People) -> None:
        self._below = below
        self._wire = wire
        self._people = people

    def takes(self, exchange: HttpExchange) -> bool:
        """Of `Streaming`."""
        return self._below.takes(exchange)

    def take(self, connection: HttpConnection, exchange: HttpExchange) -> Answering:
        """Of `Streaming`."""
        self._wire.begin("site", exchange, jid=self._people.of_site(exchange), kept=True)
        return self._below.take(connection, exchange)


def recorded(fronts: Mapping[bytes, FaultyFront], wire: Wire) -> dict[bytes, Direct]:
    """The same, each behind a `RecordedFront`; one that has several paths stays one."""
    made = {front: RecordedFront(front, wire) for front in fronts.values()}
    return {path: made[front] for path, front in fronts.items()}


def recorded_requests(wire: Wire, people: People) -> type[Request]:
    """What the site makes of requests, such that they tell of themselves; not those for the control API."""

    class RecordedRequest(Request):
        told: HttpExchange | None = None
        begun = False

        def process(self) -> None:
            if not (self.path or b"").startswith(API.encode()):
                channel: Any = self.channel
                content: Any = self.content
                body: bytes = content.read()
                content.seek(0)
                self.told = channel.exchange
                wire.begin("site", channel.exchange, (body,), people.of_site(channel.exchange), kept=True)
            super().process()

        def write(self, data: bytes) -> None:
            exchange = self.told
            if exchange is not None and exchange.told is not None:
                if not self.begun:
                    self.begun = True
                    exchange.told.begun(exchange, int(self.code), lines(self.responseHeaders))
                exchange.told.passed(exchange, data)
            super().write(data)

    return RecordedRequest


def lines(headers: Headers) -> bytes:
    """Header fields as they go out."""
    fields = [(name, value) for name, values in headers.getAllRawHeaders() for value in values]
    return b"".join(b"%s: %s\r\n" % each for each in fields)
