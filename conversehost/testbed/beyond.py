"""Streams to servers elsewhere, treated as those to the server here: traffic is recorded, faults strike."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.bosh.stream import BoshStream
from conversehost.net.upstream import UpstreamStream
from conversehost.net.websocket import WebSocketConnection
from conversehost.testbed.faults import Fault, Faults
from conversehost.testbed.faulty_stream import Lane
from conversehost.testbed.traffic import Record, Stream, Traffic
from conversehost.testbed.wire import Tapped, Wire
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Above, Backend, Link, StreamOpen, lowest
from conversehost.xmpp.xml import Element, to_bytes


class Watching:
    """Puts a `WatchedStream` before each of them."""

    def __init__(self, traffic: Traffic, wire: Wire, faults: Faults, *, kept: bool) -> None:
        """`kept`: traffic is."""
        self._traffic = traffic if kept else None
        self._wire = wire
        self._faults = faults

    def __call__(self, stream: UpstreamStream) -> Backend:
        return WatchedStream(stream, self._traffic, self._wire, self._faults)


class WatchedStream:
    """`Backend` before an `UpstreamStream`. What goes over the client's wire is recorded; faults strike behind that."""

    def __init__(self, stream: UpstreamStream, traffic: Traffic | None, wire: Wire, faults: Faults) -> None:
        self.stream = stream
        self.faults = faults
        self.tapped = Stream(0, "", "")
        self._traffic = traffic
        self._wire = wire
        self._hung = False
        self._in: Lane[Element] = Lane(faults, stream.receive, self._ill_formed)

    def open(self, request: StreamOpen, link: Link) -> None:
        if self._traffic is not None:
            self.tapped = self._traffic.stream(request.transport, request.address)
            below = lowest(link)
            if isinstance(below, BoshStream):
                self._wire.knows(below.session.sid, self.tapped)
            elif isinstance(below, WebSocketConnection) and isinstance(below.frames, Tapped):
                below.frames.stream = self.tapped
        self._link = WatchedLink(self, link)
        self.stream.open(request, self._link)

    def receive(self, stanza: Element) -> None:
        if self._traffic is not None:
            self._traffic.add("in", self.tapped, to_bytes(stanza))
        if self.faults.stanzas or self._in.held or self._hung:
            fault = self.struck("in", to_bytes(stanza))
            if not self._hung:
                self._in.carry(stanza, fault)
        else:
            self.stream.receive(stanza)

    def restart(self, request: StreamOpen) -> None:
        self.stream.restart(request)

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        self._over()
        self.stream.close(undelivered)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        self.tapped.broken = True
        self._over()
        self.stream.lost(undelivered)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        self.stream.undelivered(stanzas)

    def said(self, data: bytes) -> None:
        """By the server, to the client."""
        if self._traffic is None:
            return
        self._traffic.add("out", self.tapped, data)
        if not self.tapped.jid and self.stream.jid:
            self.tapped.jid = self.stream.jid
            self._traffic.mark("session-opened", session=self.tapped.jid, transport=self.tapped.transport)

    def struck(self, direction: str, data: bytes) -> Fault | None:
        """By what; when that is silence, the stream hangs from then on."""
        opened = self.stream.opened
        of = Stream(0, opened.transport, opened.address)
        fault = self.faults.of_stanza(Record(0, 0, direction, of, self.stream.jid, data))
        self._hung = self._hung or (fault is not None and fault.fault == "hang")
        return fault

    @property
    def is_hung(self) -> bool:
        """Neither hears nor says anything more."""
        return self._hung

    def _over(self) -> None:
        if self._traffic is None:
            return
        tapped = self.tapped
        tapped.ended, tapped.end = True, self._traffic.number()
        if tapped.jid:
            told = {"session": tapped.jid, "transport": tapped.transport, "broken": tapped.broken}
            self._traffic.mark("session-closed", **told)

    def _ill_formed(self, stanza: Element) -> None:
        self._link.close(StreamError("not-well-formed", "a fault of the test bed corrupted what you sent"))


class WatchedLink(Above):
    """What the server says passes here."""

    __slots__ = ("_lane", "_stream")

    def __init__(self, stream: WatchedStream, below: Link) -> None:
        super().__init__(below)
        self._stream = stream
        self._lane: Lane[bytes] = Lane(stream.faults, self._onward, self._spoil)

    def send(self, stanza: bytes) -> None:
        stream = self._stream
        if stream.faults.stanzas or self._lane.held or stream.is_hung:
            fault = stream.struck("out", stanza)
            if not stream.is_hung:
                self._lane.carry(stanza, fault)
        else:
            self._onward(stanza)

    def _onward(self, stanza: bytes) -> None:
        self._stream.said(stanza)
        self.below.send(stanza)

    def _spoil(self, stanza: bytes) -> None:
        """No parser can read on there."""
        at = max(stanza.rfind(b"</"), stanza.rfind(b"/>"))
        self._onward(stanza[:at] + b"<&" + stanza[at:])
