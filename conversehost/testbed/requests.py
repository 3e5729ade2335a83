"""Requests over HTTP, and their answers, as they are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from conversehost.net import coding
from conversehost.testbed.traffic import Stream

if TYPE_CHECKING:
    from conversehost.testbed.wire import Frame, Tapped, Wire

LONGEST = 1 << 20
"""Bytes of one body when it is decompressed."""

SID = re.compile(rb"""<body\b[^>]*?\ssid=["']([^"']+)["']""")
"""The session of a body of BOSH."""


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


@dataclass(slots=True, eq=False, frozen=True)
class Sender:
    """What many requests have in common. `transport`: "bosh", "websocket" (whose handshake it is) or "site". `jid`: who
    sends it, where the site knows him.
    """

    transport: str
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    address: str
    secure: bool
    jid: str


class Answer(NamedTuple):
    """What is kept of an answer. `duration`: seconds until it was there; `fields`: complete lines; `size`: of the whole
    body.
    """

    number: int
    duration: float
    status: int
    fields: bytes
    body: bytes
    size: int


class Exchange:
    """A request over HTTP, and its answer, if it has one yet: `status` is 0 until then. `frames`: of the WebSocket that
    it became, as far as they are kept.
    """

    def __init__(
        self,
        wire: Wire,
        number: int,
        at: float,
        sender: Sender,
        body: bytes,
        answer: Answer | None = None,
        frames: list[Frame] | None = None,
        source: Tapped | None = None,
    ) -> None:
        self._wire = wire
        self.number = number
        self.at = at
        self.sender = sender
        self.answer = answer
        self.frames = frames
        self._source = source
        self.request = HttpMessage(sender.headers, body, len(body))
        self.transport, self.method, self.address, self.jid = (
            sender.transport,
            sender.method,
            sender.address,
            sender.jid,
        )
        self.status = 0 if answer is None else answer.status
        self.duration = None if answer is None else answer.duration
        """Seconds until it was answered."""

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
        scheme = b"https://" if self.sender.secure else b"http://"
        return scheme + self.request.field(b"host"), self.sender.target

    @property
    def latest(self) -> int:
        """The number of the answer; without one, of the request."""
        return self.number if self.answer is None else self.answer.number

    @property
    def stream(self) -> Stream | None:
        """The one that it carries, or that its WebSocket did."""
        if self._source is not None:
            return self._source.stream
        if self.transport != "bosh":
            return None
        found = SID.search(self.request.text) or (self.response and SID.search(self.response.text))
        return self._wire.sids.get(found[1].decode("latin-1")) if found else None

    @property
    def owner(self) -> str:
        """Whose it is, as far as that is known: a JID."""
        stream = self.stream
        return stream.jid if stream is not None else self.jid
