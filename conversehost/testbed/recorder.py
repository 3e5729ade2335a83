"""Where HTTP requests and WebSocket frames are seen: wraps around what answers them, made only where they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from twisted.web.http_headers import Headers
from twisted.web.server import Request

from conversehost.net.exchange import Answering, Direct, HttpExchange, Streaming
from conversehost.net.frames import Frames
from conversehost.testbed.faulty_http import FaultyFront, People
from conversehost.testbed.noun import API
from conversehost.testbed.wire import Exchange, Tapped, Wire

if TYPE_CHECKING:
    from wsproto.frame_protocol import Frame

    from conversehost.net.deflate import Deflate
    from conversehost.net.http import HttpConnection


class RecordedFront:
    """`Direct`: tells what is asked, and how that is answered."""

    def __init__(self, below: FaultyFront, wire: Wire) -> None:
        self.below = below
        self.body_limit = below.body_limit
        self._wire = wire
        self._transport = below.transport

    def handle(self, exchange: HttpExchange) -> None:
        body = exchange.body
        data = body[0] if len(body) == 1 else b"".join(body)
        told = self._wire.begin(self._transport, exchange.method, exchange.target, exchange.headers, data)
        told.address, told.secure = exchange.address, exchange.secure
        if self._transport == "site":
            told.jid = self.below.who(exchange)
        exchange.told = told
        self.below.handle(exchange)

    def lost(self, exchange: HttpExchange) -> None:
        self.below.lost(exchange)


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
        told = self._wire.begin("site", exchange.method, exchange.target, exchange.headers, b"")
        told.address, told.secure = exchange.address, exchange.secure
        told.jid = self._people.of_site(exchange)
        exchange.told = told
        return self._below.take(connection, exchange)


def recorded(fronts: Mapping[bytes, FaultyFront], wire: Wire) -> dict[bytes, Direct]:
    """The same, each behind a `RecordedFront`; one that has several paths stays one."""
    made = {front: RecordedFront(front, wire) for front in fronts.values()}
    return {path: made[front] for path, front in fronts.items()}


def recorded_requests(wire: Wire, people: People) -> type[Request]:
    """What the site makes of requests, such that they tell of themselves; not those for the control API."""

    class RecordedRequest(Request):
        told: Exchange | None = None

        def process(self) -> None:
            if not (self.path or b"").startswith(API.encode()):
                self.told = self._begin()
            super().process()

        def write(self, data: bytes) -> None:
            told = self.told
            if told is not None:
                if not told.status:
                    told.answered(int(self.code), lines(self.responseHeaders), b"")
                told.passed(data)
            super().write(data)

        def finish(self) -> None:
            super().finish()
            if self.told is not None and not self.told.status:
                self.told.answered(int(self.code), lines(self.responseHeaders), b"")

        def _begin(self) -> Exchange:
            channel: Any = self.channel
            exchange: HttpExchange = channel.exchange
            content: Any = self.content
            body: bytes = content.read()
            content.seek(0)
            told = wire.begin("site", self.method, exchange.target, exchange.headers, body)
            told.address, told.secure = exchange.address, exchange.secure
            told.jid = people.of_site(exchange)
            return told

    return RecordedRequest


def lines(headers: Headers) -> bytes:
    """Header fields as they go out."""
    fields = [(name, value) for name, values in headers.getAllRawHeaders() for value in values]
    return b"".join(b"%s: %s\r\n" % each for each in fields)


class TappedFrames(Frames, Tapped):
    """Frames that tell of themselves."""

    def __init__(self, wire: Wire, deflate: Deflate | None) -> None:
        super().__init__(deflate)
        self._wire = wire
        self._parts: list[bytes] = []

    def whole(self, data: bytes, at: int) -> tuple[bytes, int] | None:
        found = super().whole(data, at)
        if found is not None:
            self._wire.frame("in", "text", found[0], self)
        return found

    def read(self, data: bytes) -> Iterator[Frame]:
        for frame in super().read(data):
            self._came(frame)
            yield frame

    def text(self, message: bytes) -> bytes:
        self._wire.frame("out", "text", message, self)
        return super().text(message)

    def ping(self) -> bytes:
        self._wire.frame("out", "ping", b"", self)
        return super().ping()

    def pong(self, payload: bytes) -> bytes:
        self._wire.frame("out", "pong", payload, self)
        return super().pong(payload)

    def close(self, code: int) -> bytes:
        self._wire.frame("out", "close", str(int(code)).encode(), self)
        return super().close(code)

    def _came(self, frame: Frame) -> None:
        """What is left to wsproto; a message may come in several parts."""
        kind, payload = frame.opcode.name.lower(), frame.payload
        if kind == "close":
            code, reason = cast(tuple[int, str | None], payload)
            data = f"{int(code)} {reason or ''}".strip().encode()
        else:
            data = payload.encode() if isinstance(payload, str) else bytes(payload)  # type: ignore[arg-type]
        if frame.opcode.iscontrol():
            self._wire.frame("in", kind, data, self)
            return
        self._parts.append(data)
        if frame.message_finished:
            parts, self._parts = self._parts, []
            self._wire.frame("in", "text" if kind == "continuation" else kind, b"".join(parts), self)
