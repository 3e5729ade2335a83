"""The streams of a BOSH session, and whose turn it is to say something (XEP-0124 section 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conversehost.bosh.body import Body, BodyError
from conversehost.bosh.stream import BoshStream


@dataclass(slots=True)
class Due:
    """What goes out with one answer: all of one stream. `last` follows it, and needn't be delivered again. `why`: what
    ended the stream, for people; its session lives.
    """

    stream: BoshStream
    payload: list[bytes]
    attributes: dict[str, str] = field(default_factory=dict)
    last: Sequence[bytes] = ()
    why: BodyError | None = None


class Streams:
    """`open`: by name. `several`: there is, or was, more than one, so payload needs a name from now on. `broken`: the
    client is gone without a goodbye.
    """

    __slots__ = ("_gone", "_most", "broken", "open", "ready", "several")

    def __init__(self, first: BoshStream, most: int) -> None:
        """`most` may be open at once; where that is one, clients know nothing of streams."""
        self.open = {first.name: first}
        self.ready: list[BoshStream] = []
        self.several = False
        self.broken = False
        self._most = most
        self._gone: list[str] = []

    @property
    def first(self) -> BoshStream:
        """The oldest that is open."""
        return next(iter(self.open.values()))

    @property
    def can_be_several(self) -> bool:
        """The client was told so."""
        return self._most > 1

    def addressed(self, body: Body) -> list[BoshStream]:
        """Whom a request is for (section 16.4): one by name, or all. Raises BodyError(item-not-found)."""
        name = body.get("stream")
        if name is None or not self.can_be_several:
            return list(self.open.values())
        if name in self.open:
            return [self.open[name]]
        says_nothing = not (body.payload or body.restart or body.get("type"))
        if says_nothing or name in self._gone:
            return []
        raise BodyError("item-not-found", f"no stream {name[:40]!r} is open in this session")

    def names_all(self, body: Body) -> bool:
        """Whether a request that ends something ends everything (section 16.5)."""
        name = body.get("stream")
        return name is None or not self.can_be_several or (name in self.open and len(self.open) == 1)

    def make_ready(self, stream: BoshStream) -> None:
        """It has something to say."""
        if not stream.ready:
            stream.ready = True
            self.ready.append(stream)

    def check_room(self) -> None:
        """Raises BodyError(policy-violation)."""
        if len(self.open) >= self._most:
            raise BodyError("policy-violation", f"a session has {self._most} streams at most")

    def add(self, stream: BoshStream) -> None:
        """One more. Its first answer names it, whatever else is in it."""
        self.several = True
        self.open[stream.name] = stream
        self.make_ready(stream)

    def add_refused(self, stream: BoshStream, error: BodyError) -> None:
        """One more was asked for, and that can't be: the client hears of it as of a stream that ended (16.6)."""
        self.several = True
        stream.closed, stream.farewell = True, error
        self.make_ready(stream)

    def drop(self, stream: BoshStream, why: BodyError) -> None:
        """It ended, others live on."""
        del self.open[stream.name]
        self._gone = [*self._gone[-self._most :], stream.name]  # its client may not know yet
        stream.closed, stream.farewell = True, why
        self.make_ready(stream)

    def next(self) -> Due:
        """What the one says that has waited longest."""
        stream = self.ready.pop(0)
        stream.ready = False
        due = Due(stream, stream.take())
        if self.several:
            due.attributes["stream"] = stream.name
        if stream.greeting is not None:
            due.attributes |= stream.greeting
            stream.greeting = None
        if stream.farewell is not None:
            end, due.last = stream.farewell, stream.farewell.payload
            due.attributes |= {"type": "terminate"} | ({"condition": end.condition} if end.condition else {})
            due.why = BodyError("", end.reason) if end.condition else None
        return due

    def end(self) -> None:
        """Close all: those that are open, and those that ended and couldn't say their last words any more."""
        ended = [*self.open.values(), *(stream for stream in self.ready if stream.name not in self.open)]
        for stream in ended:
            stream.closed = True
        for stream in ended:
            undelivered = stream.take()
            if stream.name in self.open:
                (stream.backend.lost if self.broken else stream.backend.close)(undelivered)
            elif undelivered:
                stream.backend.undelivered(undelivered)
