"""What carried the stanzas: HTTP requests with their answers, and WebSocket frames, kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from conversehost.net.exchange import HttpExchange
from conversehost.net.http import HttpConnection
from conversehost.testbed.requests import Answer, Exchange, Sender
from conversehost.testbed.tape import LARGE, Tape
from conversehost.testbed.traffic import Stream, Traffic, is_usual

EXCHANGES, FRAMES, BYTES = 5_000, 20_000, 32 << 20
"""What is kept; the oldest goes first."""
KEPT = 65_536
"""Bytes of a page's body: a library that a page loads needn't be."""
SIDS, SENDERS = 10_000, 1_000
BOSH = "bosh"
BODY = "body"
"""What a frame of BOSH is called."""

STANZAS = b"<message", b"<presence", b"<iq"
"""What a stream keeps. With it, those of a WebSocket aren't kept as its frames too."""


Asked = tuple[Sender, int, float, float, Sequence[bytes]]
"""What is noted of a request: what others have in common with it; its number; when it came, in seconds since 1970, and
by a clock that measures durations; as much of its body as is kept, in parts.
"""


class Kept:
    """A request that has a long body, is answered in parts or never, or became a WebSocket: `Told` of it. With a whole
    answer it is on tape instead.
    """

    __slots__ = ("answer", "asked", "size", "source", "wire")

    def __init__(self, wire: Wire, asked: Asked) -> None:
        self.wire = wire
        self.asked = asked
        self.size = 0  # bytes that it holds
        self.answer: Answer | None = None
        self.source: Tapped | None = None  # of the frames that followed

    def answered(self, exchange: HttpExchange, code: int, fields: bytes, body: bytes | None) -> None:
        """Of `Told`."""
        self.wire.drop(self)
        exchange.noted = self.asked
        self.wire.answered(exchange, code, fields, body)

    def begun(self, exchange: HttpExchange, code: int, fields: bytes) -> None:
        """Of `Told`."""
        self.answer = Answer(self.wire.next(), self._duration(), code, fields, b"", 0)

    def passed(self, exchange: HttpExchange, part: bytes) -> None:
        """Of `Told`."""
        told = self.answer
        assert told is not None
        kept = part[: max(0, KEPT - len(told.body))]
        self.wire.hold(self, len(kept))
        self.answer = told._replace(body=told.body + kept, size=told.size + len(part), duration=self._duration())

    def unsay(self) -> None:
        """What was told of its answer: that got lost on its way."""
        if self.answer is not None:
            self.wire.hold(self, -len(self.answer.body))
            self.answer = None

    def switched(self, exchange: HttpExchange, fields: bytes, successor: object) -> None:
        """Of `Told`: frames are what follows."""
        self.begun(exchange, 101, fields)
        tap = getattr(getattr(successor, "frames", None), "tap", None)
        if isinstance(tap, Tapped):
            self.source = tap

    def _duration(self) -> float:
        _, _, _, began, _ = self.asked
        return self.wire.elapsed() - began


class Tapped:
    """`Tap` of a WebSocket. `stream`: once one was opened, with which its stanzas are kept, and not here."""

    __slots__ = ("_latest", "_wire", "stream")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.stream: Stream | None = None
        self._latest = b""  # what has come, until the stream has it, or something else happens

    def carry(self, stream: Stream) -> None:
        """That is its stream."""
        self.stream, stream.source = stream, self

    def came(self, message: bytes, kind: str = "text") -> None:
        """Of `Tap`."""
        if self._latest:
            self.left()
        if kind == "text":
            self._latest = message
        else:
            self._wire.frame("in", kind, message, self)

    def heard(self) -> bytes:
        """The stanza that has just come as it was said, if the stream can keep it so. Else it is kept here, and b""
        returned.
        """
        message = self._latest
        if is_usual(message):
            self._latest = b""
            return message
        self.left()
        return b""

    def left(self) -> None:
        """What came last was no stanza after all, if the stream hasn't kept it by now."""
        if self._latest:
            message, self._latest = self._latest, b""
            self._wire.frame("in", "text", message, self)

    def controlled(self, kind: str, data: bytes) -> None:
        """Of `Tap`."""
        self.left()
        self._wire.frame("in", kind, data, self)

    def goes(self, kind: str, data: bytes) -> None:
        """Of `Tap`."""
        if self._latest:
            self.left()
        if self.stream is None or kind != "text" or not data.startswith(STANZAS):
            self._wire.frame("out", kind, data, self)


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
    def latest(self) -> int:
        """Its number."""
        return self.number

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

    def __init__(self, traffic: Traffic, now: Callable[[], float], elapsed: Callable[[], float]) -> None:
        """`traffic` has the stanzas; `now` tells seconds since 1970, `elapsed` is for durations."""
        self.numbers = traffic.numbers
        self.now = now
        self.elapsed = elapsed
        self._traffic = traffic
        self._turn = traffic.turn
        self._tape = Tape(EXCHANGES, BYTES)
        self._connections: list[Collection[HttpConnection]] = []
        self._cleared = 0
        self._kept: dict[Kept, None] = {}
        self._size = 0
        self._frames = Tape(FRAMES, BYTES)
        self._senders: dict[int, Sender] = {}
        self.sids: OrderedDict[str, Stream] = OrderedDict()

    def next(self) -> int:
        """A number."""
        self.numbers.last += 1
        return self.numbers.last

    def watch(self, connections: Collection[HttpConnection]) -> None:
        """The requests that it hears of come on those. There it finds what isn't answered yet."""
        self._connections.append(connections)

    # Requests. Those of BOSH mostly come in few bytes, and get a whole answer: of them no more is noted at the time
    # than has to be, since that is the time that a message takes.

    def begin(
        self,
        transport: str,
        exchange: HttpExchange,
        body: Sequence[bytes] = (),
        jid: str = "",
        *,
        kept: bool = False,
    ) -> None:
        """A request has come; as much of its body as is kept, in parts. `kept`: by itself from now on, as nobody would
        tell that its connection is `lost`.
        """
        sender = self._sender(exchange, transport, jid)
        exchange.noted = sender, self.next(), self._turn.when or self.now(), self.elapsed(), body
        exchange.told = self
        if kept or exchange.size > LARGE:
            self._keep(exchange)

    def note(self, exchange: HttpExchange, body: Sequence[bytes]) -> None:
        """The same for one of BOSH, with a body that isn't long."""
        numbers, connection = self.numbers, exchange.connection
        numbers.last = number = numbers.last + 1
        sender = connection.sender
        if sender is None or sender.headers is not exchange.headers:
            connection.sender = sender = self._sender(exchange)
        exchange.noted = sender, number, self._turn.when or self.now(), self.elapsed(), body
        exchange.told = self

    def answered(self, exchange: HttpExchange, code: int, fields: bytes, body: bytes | None) -> None:
        """Of `Told`."""
        numbers, tape, body = self.numbers, self._tape, body or b""
        numbers.last = number = numbers.last + 1
        sender, asked, at, began, parts = exchange.noted
        exchange.noted = exchange.told = None  # should there be another answer, the first counts
        tape.latest.append((number, asked, at, self.elapsed() - began, code, fields, parts, body))
        tape.owners.append(sender)
        if len(tape.latest) >= tape.full or len(body) + exchange.size > LARGE:
            tape.cut()

    def begun(self, exchange: HttpExchange, code: int, fields: bytes) -> None:
        """Of `Told`."""
        self._keep(exchange).begun(exchange, code, fields)

    def passed(self, exchange: HttpExchange, part: bytes) -> None:
        """Of `Told`. It is `Kept` that hears this, since an answer has begun."""

    def switched(self, exchange: HttpExchange, fields: bytes, successor: object) -> None:
        """Of `Told`."""
        self._keep(exchange).switched(exchange, fields, successor)

    def lost(self, exchange: HttpExchange) -> None:
        """Its connection is gone, and perhaps it hasn't been answered."""
        if exchange.noted is not None:
            self._keep(exchange)

    def _keep(self, exchange: HttpExchange) -> Kept:
        asked, exchange.noted = exchange.noted, None
        exchange.told = kept = Kept(self, asked)
        _, number, _, _, body = asked
        if number > self._cleared:
            self._kept[kept] = None
            self.hold(kept, sum(map(len, body)))
        return kept

    def _sender(self, exchange: HttpExchange, transport: str = BOSH, jid: str = "") -> Sender:
        """`net.heads` has the same headers again and again. They are kept here, so that no others have their id."""
        headers, source = exchange.headers, exchange if exchange.forwarded else exchange.connection
        address, secure = source.address, source.secure
        known = self._senders.get(id(headers))
        if known is not None and known.address == address and known.secure == secure and not jid:
            return known
        made = Sender(transport, exchange.method, exchange.target, headers, address, secure, jid)
        if not jid:  # the next one with the same may be somebody else's
            if len(self._senders) >= SENDERS:
                self._senders.clear()
            self._senders[id(headers)] = made
        return made

    def hold(self, kept: Kept, size: int) -> None:
        """So many bytes more of it, beside the tape; what was forgotten meanwhile takes no room."""
        if kept in self._kept:
            kept.size += size
            self._size += size
            self._make_room()

    def _make_room(self) -> None:
        while self._kept and (self._size > BYTES or len(self._kept) > EXCHANGES):
            self.drop(next(iter(self._kept)))

    def drop(self, kept: Kept) -> None:
        """It is on tape, or must go."""
        if self._kept.pop(kept, kept) is None:
            self._size -= kept.size

    def frame(self, direction: str, kind: str, data: bytes, source: Tapped) -> None:
        """Of a WebSocket."""
        self._frames.add(source, self.next(), self.now(), direction, kind, data)

    @property
    def exchanges(self) -> list[Exchange]:
        """All that are kept, the oldest first."""
        found = []
        for sender, second, number, at, duration, code, fields, parts, body in self._tape.since():
            answer = Answer(second, duration, code, fields, body, len(body))
            found.append(Exchange(self, number, at, sender, b"".join(parts), answer))
        followed: dict[Tapped | Exchange, list[Frame]] = {kept.source: [] for kept in self._kept if kept.source}
        for frame in self.websocket_frames() if followed else ():
            if frame.source in followed:
                followed[frame.source].append(frame)
        for kept in self._kept:
            sender, number, at, _, body = kept.asked
            frames = None if kept.source is None else followed[kept.source]
            found.append(Exchange(self, number, at, sender, b"".join(body), kept.answer, frames, kept.source))
        for sender, number, at, _, body in self._unanswered():
            if number > self._cleared:
                found.append(Exchange(self, number, at, sender, b"".join(body)))
        return sorted(found, key=lambda each: each.number)

    def _unanswered(self) -> Iterator[Asked]:
        """Save those that are `Kept`."""
        for connection in chain.from_iterable(self._connections):
            yield from (each.noted for each in connection.waiting if each.noted is not None)

    def websocket_frames(self) -> list[Frame]:
        """All that are kept, the oldest first."""
        found = [
            Frame(number, at, direction, kind, data, source)
            for source, number, at, direction, kind, data in self._frames.since()
        ]
        for each in self._traffic.framed():
            assert each.stream.source is not None
            found.append(Frame(each.number, each.at, each.direction, "text", each.data, each.stream.source))
        return sorted(found, key=lambda each: each.number)

    def knows(self, sid: str, stream: Stream) -> None:
        """Whose a BOSH session is."""
        if len(self.sids) >= SIDS:
            self.sids.popitem(last=False)
        self.sids[sid] = stream

    def frames(self) -> Iterator[Frame]:
        """Those of WebSockets, and the bodies of BOSH."""
        yield from self.websocket_frames()
        for each in self.exchanges:
            if each.transport == "bosh" and each.method == b"POST":
                yield Frame(each.number, each.at, "in", BODY, each.request.text, each)
                response = each.response
                if each.answer is not None and response is not None and response.body:
                    at = each.at + (each.duration or 0)
                    yield Frame(each.answer.number, at, "out", BODY, response.text, each)

    def clear(self) -> None:
        """Forget them; who is who is still known."""
        self._cleared = self.numbers.last
        self._tape.clear()
        self._frames.clear()
        self._kept.clear()
        self._size = 0
