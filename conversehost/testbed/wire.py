"""What carried the stanzas: HTTP requests with their answers, and WebSocket frames, kept for a while."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conversehost.net import coding
from conversehost.testbed.traffic import Stream

EXCHANGES, FRAMES, BYTES = 10_000, 20_000, 32 << 20
"""What is kept; the oldest goes first."""
KEPT = 65_536
"""Bytes of a page's body: a library that a page loads needn't be."""
LONGEST = 1 << 20
"""Bytes of one body when it is decompressed."""
SIDS = 10_000
BODY = "body"
"""What a frame of BOSH is called."""

_SID = re.compile(rb"""<body\b[^>]*?\ssid=["']([^"']+)["']""")


@dataclass(slots=True, eq=False)
class HttpMessage:
    """A request or an answer: header fields, and as much of the body as is kept; `size`: of all of it."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    size: int

    def field(self, name: bytes) -> bytes:
        """The value of a header field, its name in lower case."""
        return next((value for each, value in self.headers if each.lower() == name), b"")

    @property
    def text(self) -> bytes:
        """The body, not compressed any more."""
        try:
            return coding.decode(self.body, self.field(b"content-encoding"), LONGEST)
        except coding.CodingError:
            return self.body


class Exchange:
    """A request over HTTP, and its answer, if it has one yet. `Told` of the request that it is about.

    `transport`: "bosh", "websocket" (whose handshake it is) or "site". `jid`: whose, where the site knows him. `began`
    and `ended` are of a clock that measures durations, `at` is since 1970. `status` is 0 until it is answered. Each is
    one object, and what is in it is what was there anyhow: there are two for a message, and mostly nobody looks.
    """

    __slots__ = (
        "_body",
        "_fields",
        "_headers",
        "address",
        "answered_number",
        "answered_size",
        "at",
        "began",
        "data",
        "ended",
        "frames",
        "jid",
        "method",
        "number",
        "secure",
        "status",
        "target",
        "transport",
        "wire",
    )

    def __init__(
        self, wire: Wire, transport: str, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], data: bytes
    ) -> None:
        self.wire = wire
        self.number = wire.next_number()
        self.at = wire.now()
        self.began = self.ended = wire.elapsed()
        self.transport = transport
        self.method = method
        self.target = target
        self._headers = headers
        self.data = data
        self.address = self.jid = ""
        self.secure = False
        self.status = self.answered_number = self.answered_size = 0
        self._fields = self._body = b""
        self.frames: list[Frame] | None = None
        """Of a WebSocket."""

    def answered(self, code: int, fields: bytes, body: bytes | None) -> None:
        """That is its answer; `fields` are complete lines."""
        wire = self.wire
        self.status = code
        self._fields = fields
        self.answered_number = wire.next_number()
        self.ended = wire.elapsed()
        if body:
            self._body = body
            self.answered_size = len(body)
            wire.grew(len(body))

    def passed(self, part: bytes) -> None:
        """More of the answer's body."""
        self.answered_size += len(part)
        room = KEPT - len(self._body)
        if room > 0:
            self._body += part[:room]
            self.wire.grew(min(room, len(part)))
        self.ended = self.wire.elapsed()

    def switched(self, fields: bytes, successor: object) -> None:
        """To WebSocket: frames are what follows."""
        self.answered(101, fields, b"")
        frames = getattr(successor, "frames", None)
        if isinstance(frames, Tapped):
            frames.exchange, self.frames = self, []

    @property
    def request(self) -> HttpMessage:
        """What was asked."""
        return HttpMessage(self._headers, self.data, len(self.data))

    @property
    def response(self) -> HttpMessage | None:
        """The answer; None while there is none."""
        if not self.status:
            return None
        lines = [line.partition(b": ") for line in self._fields.split(b"\r\n") if line]
        return HttpMessage([(name, value) for name, _, value in lines], self._body, self.answered_size)

    @property
    def url(self) -> tuple[bytes, bytes]:
        """Scheme and host, and the target."""
        return (b"https://" if self.secure else b"http://") + self.request.field(b"host"), self.target

    @property
    def duration(self) -> float | None:
        """Seconds until it was answered."""
        return self.ended - self.began if self.status else None

    @property
    def stream(self) -> Stream | None:
        """Of BOSH: the session that it belongs to."""
        if self.transport != "bosh":
            return None
        found = _SID.search(self.request.text) or (self.response and _SID.search(self.response.text))
        return self.wire.sids.get(found[1].decode("latin-1")) if found else None

    @property
    def owner(self) -> str:
        """Whose it is, as far as that is known: a JID."""
        stream = self.stream
        return stream.jid if stream is not None else self.jid

    @property
    def weight(self) -> int:
        """Bytes that it holds."""
        return len(self.data) + len(self._body)


class Tapped:
    """What a WebSocket's frames tell of themselves: `stream` once one was opened, `exchange` that it began with."""

    stream: Stream | None = None
    exchange: Exchange | None = None


@dataclass(slots=True, eq=False, frozen=True)
class Frame:
    """One frame of a WebSocket ("text", "ping", "pong", "close", ...), or one body of BOSH ("body").

    `source`: where to learn whose it is.
    """

    number: int
    at: float
    direction: str
    kind: str
    data: bytes
    source: Tapped | Exchange

    @property
    def transport(self) -> str:
        return "bosh" if self.kind == BODY else "websocket"

    @property
    def owner(self) -> str:
        """Whose it is: a JID, or ""."""
        stream = self.source.stream
        return "" if stream is None else stream.jid


class Wire:
    """The latest of both, the oldest first. Their numbers are among those of stanzas."""

    def __init__(self, next_number: Callable[[], int], now: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """`now` tells seconds since 1970, `elapsed` is for durations."""
        self.next_number = next_number
        self.now = now
        self.elapsed = elapsed
        self.exchanges: deque[Exchange] = deque()
        self.socket_frames: deque[Frame] = deque()
        self.sids: dict[str, Stream] = {}
        self._size = 0

    def begin(
        self, transport: str, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], data: bytes
    ) -> Exchange:
        """A request has come, whole."""
        made = Exchange(self, transport, method, target, headers, data)
        self.exchanges.append(made)
        self.grew(len(data))
        return made

    def frame(self, direction: str, kind: str, data: bytes, source: Tapped) -> None:
        """Of a WebSocket."""
        made = Frame(self.next_number(), self.now(), direction, kind, data, source)
        self.socket_frames.append(made)
        if source.exchange is not None and source.exchange.frames is not None:
            source.exchange.frames.append(made)
        if len(self.socket_frames) > FRAMES:
            self._size -= len(self.socket_frames.popleft().data)
        self.grew(len(data))

    def grew(self, size: int) -> None:
        """By so many bytes."""
        self._size += size
        if self._size <= BYTES and len(self.exchanges) <= EXCHANGES:
            return
        while self.exchanges and (self._size > BYTES or len(self.exchanges) > EXCHANGES):
            self._size -= self.exchanges.popleft().weight
        if not self.exchanges and self._size > BYTES:
            self.socket_frames.clear()
            self._size = 0

    def knows(self, sid: str, stream: Stream) -> None:
        """Whose a BOSH session is."""
        if len(self.sids) >= SIDS:
            del self.sids[next(iter(self.sids))]
        self.sids[sid] = stream

    def frames(self) -> Iterator[Frame]:
        """Those of WebSockets, and the bodies of BOSH."""
        yield from self.socket_frames
        for each in self.exchanges:
            if each.transport == "bosh" and each.method == b"POST":
                yield Frame(each.number, each.at, "in", BODY, each.request.text, each)
                response = each.response
                if response is not None and response.body:
                    at = each.at + each.ended - each.began
                    yield Frame(each.answered_number, at, "out", BODY, response.text, each)

    def clear(self) -> None:
        """Forget them; who is who is still known."""
        self.exchanges.clear()
        self.socket_frames.clear()
        self._size = 0
