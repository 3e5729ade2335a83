"""What carried the stanzas: HTTP requests with their answers, and WebSocket frames, kept for a while."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from conversehost.net import coding
from conversehost.net.exchange import HttpExchange
from conversehost.testbed.traffic import Numbers, Stream

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


class Asked(NamedTuple):
    """What is kept of a request when it comes. `transport`: "bosh", "websocket" (whose handshake it is) or "site".
    `at` is since 1970, `began` of a clock that measures durations. `jid`: whose, where the site knows him.
    """

    number: int
    at: float
    began: float
    transport: str
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: Sequence[bytes]
    address: str
    secure: bool
    jid: str


class Answer(NamedTuple):
    """What is kept of its answer. `fields`: complete lines; `size`: of the whole body."""

    number: int
    ended: float
    status: int
    fields: bytes
    body: bytes
    size: int


class Kept:
    """A request as it is kept: `Told` of it. There are two of them for a message, and mostly nobody looks: what makes
    an `Asked` and an `Answer` stays a plain tuple until somebody wants an `Exchange`.
    """

    __slots__ = ("answer", "asked", "rows", "wire")

    wire: Wire
    asked: tuple[Any, ...]
    answer: tuple[Any, ...] | None
    rows: list[Row] | None
    """Of the frames that followed."""

    def answered(self, code: int, fields: bytes, body: bytes | None) -> None:
        """That is its answer; `fields` are complete lines."""
        wire, body = self.wire, body or b""
        size = len(body)
        wire.size += size
        numbers = wire.numbers
        numbers.last = number = numbers.last + 1
        self.answer = number, wire.elapsed(), code, fields, body, size

    def passed(self, part: bytes) -> None:
        """More of the answer's body."""
        told = Answer._make(self.answer or ())
        kept = part[: max(0, KEPT - len(told.body))]
        self.wire.size += len(kept)
        self.answer = told._replace(body=told.body + kept, size=told.size + len(part), ended=self.wire.elapsed())

    def switched(self, fields: bytes, successor: object) -> None:
        """To WebSocket: frames are what follows."""
        self.answered(101, fields, b"")
        frames = getattr(successor, "frames", None)
        if isinstance(frames, Tapped):
            frames.rows = self.rows = []

    @property
    def weight(self) -> int:
        """Bytes that it holds."""
        answer = b"" if self.answer is None else Answer._make(self.answer).body
        return sum(map(len, Asked._make(self.asked).body)) + len(answer)


class Exchange:
    """A request over HTTP, and its answer, if it has one yet: `status` is 0 until then."""

    def __init__(self, kept: Kept) -> None:
        self.asked = Asked._make(kept.asked)
        self.answer = None if kept.answer is None else Answer._make(kept.answer)
        self._kept = kept
        self.number, self.at, _, self.transport, self.method, *_, self.address, _, self.jid = self.asked
        self.status = 0 if self.answer is None else self.answer.status

    @property
    def frames(self) -> list[Frame] | None:
        """Of a WebSocket."""
        return None if self._kept.rows is None else [Frame(*each) for each in self._kept.rows]

    @property
    def request(self) -> HttpMessage:
        """What was asked."""
        data = b"".join(self.asked.body)
        return HttpMessage(self.asked.headers, data, len(data))

    @property
    def response(self) -> HttpMessage | None:
        """The answer; None while there is none."""
        told = self.answer
        if told is None:
            return None
        lines = [line.partition(b": ") for line in told.fields.split(b"\r\n") if line]
        return HttpMessage([(name, value) for name, _, value in lines], told.body, told.size)

    @property
    def url(self) -> tuple[bytes, bytes]:
        """Scheme and host, and the target."""
        asked = self.asked
        return (b"https://" if asked.secure else b"http://") + self.request.field(b"host"), asked.target

    @property
    def duration(self) -> float | None:
        """Seconds until it was answered."""
        return None if self.answer is None else self.answer.ended - self.asked.began

    @property
    def stream(self) -> Stream | None:
        """Of BOSH: the session that it belongs to."""
        if self.transport != "bosh":
            return None
        found = _SID.search(self.request.text) or (self.response and _SID.search(self.response.text))
        return self._kept.wire.sids.get(found[1].decode("latin-1")) if found else None

    @property
    def owner(self) -> str:
        """Whose it is, as far as that is known: a JID."""
        stream = self.stream
        return stream.jid if stream is not None else self.jid


class Tapped:
    """What a WebSocket's frames tell of themselves: `stream` once one was opened, `rows` kept of them with the request
    that it began with.
    """

    stream: Stream | None = None
    rows: list[Row] | None = None


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


Row = tuple[int, float, str, str, bytes, "Tapped | Exchange"]
"""What a `Frame` is made of."""


class Wire:
    """The latest of both, the oldest first. Their numbers are among those of stanzas."""

    def __init__(self, numbers: Numbers, now: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """`now` tells seconds since 1970, `elapsed` is for durations."""
        self.numbers = numbers
        self.now = now
        self.elapsed = elapsed
        self.size = 0
        """Bytes that are kept, and perhaps some that aren't any more: it is counted anew when it seems too much."""
        self._exchanges: deque[Kept] = deque(maxlen=EXCHANGES)
        self._frames: deque[Row] = deque(maxlen=FRAMES)
        self.sids: dict[str, Stream] = {}

    def begin(self, transport: str, asked: HttpExchange, body: Sequence[bytes] = (), jid: str = "") -> Kept:
        """A request has come; as much of its body as is kept, in parts."""
        numbers = self.numbers
        numbers.last = number = numbers.last + 1
        kept = Kept()
        kept.wire = self
        kept.answer = kept.rows = None
        sender = asked if asked.forwarded else asked.connection
        kept.asked = (
            number,
            self.now(),
            self.elapsed(),
            transport,
            asked.method,
            asked.target,
            asked.headers,
            body,
            sender.address,
            sender.secure,
            jid,
        )
        self._exchanges.append(kept)
        self.size += asked.size
        if self.size > BYTES:
            self._make_room()
        return kept

    def frame(self, direction: str, kind: str, data: bytes, source: Tapped) -> None:
        """Of a WebSocket."""
        numbers = self.numbers
        numbers.last += 1
        row = numbers.last, self.now(), direction, kind, data, source
        self._frames.append(row)
        if source.rows is not None:
            source.rows.append(row)
        self.size += len(data)
        if self.size > BYTES:
            self._make_room()

    def _make_room(self) -> None:
        """For as much again as a quarter of all that may be kept."""
        frames = sum(len(row[4]) for row in self._frames)
        self.size = frames + sum(each.weight for each in self._exchanges)
        while self._exchanges and self.size > BYTES * 3 // 4:
            self.size -= self._exchanges.popleft().weight
        if frames > BYTES * 3 // 4:
            self._frames.clear()
            self.size -= frames

    @property
    def exchanges(self) -> list[Exchange]:
        """All that are kept, the oldest first."""
        return [Exchange(each) for each in self._exchanges]

    def knows(self, sid: str, stream: Stream) -> None:
        """Whose a BOSH session is."""
        if len(self.sids) >= SIDS:
            del self.sids[next(iter(self.sids))]
        self.sids[sid] = stream

    def frames(self) -> Iterator[Frame]:
        """Those of WebSockets, and the bodies of BOSH."""
        yield from (Frame(*each) for each in self._frames)
        for each in self.exchanges:
            if each.transport == "bosh" and each.method == b"POST":
                yield Frame(each.number, each.at, "in", BODY, each.request.text, each)
                response = each.response
                if each.answer is not None and response is not None and response.body:
                    at = each.at + (each.duration or 0)
                    yield Frame(each.answer.number, at, "out", BODY, response.text, each)

    def clear(self) -> None:
        """Forget them; who is who is still known."""
        self._exchanges.clear()
        self._frames.clear()
        self.size = 0
