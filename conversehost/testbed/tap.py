"""Streams whose traffic is recorded. They are what `server.stream` has, and say what passes on to a `Traffic`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from conversehost.bosh.stream import BoshStream
from conversehost.net.websocket import WebSocketConnection
from conversehost.server.entrance import Entrance
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.testbed.faults import Faults
from conversehost.testbed.faulty_stream import FaultyStream
from conversehost.testbed.questions import excuse
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.traffic import Stream, Traffic, is_usual
from conversehost.testbed.wire import STANZAS, Tapped, Wire
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stream import Above, Link, StreamOpen, lowest
from conversehost.xmpp.xml import Element, to_bytes


class TappedStream(FaultyStream):
    """A `ServerStream` that tells what comes, and what is left of it after faults."""

    def __init__(
        self,
        traffic: Traffic,
        wire: Wire,
        faults: Faults,
        stubs: Stubs,
        router: Router,
        domains: Collection[str] | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        super().__init__(faults, stubs, router, domains, entrance)
        self._traffic = traffic
        self._wire = wire
        self._tapped: Stream
        self._bosh: BoshStream | None = None  # below, where it is one

    def open(self, request: StreamOpen, link: Link) -> None:
        super().open(request, self._tap(request, link))

    def open_as(self, account: JID, request: StreamOpen, link: Link, resource: str = "") -> Session:
        return super().open_as(account, request, self._tap(request, link), resource)

    def receive(self, stanza: Element) -> None:
        tapped, bosh = self._tapped, self._bosh
        if tapped.source is not None:
            said = tapped.source.heard()
            self._traffic.add("in", tapped, said or to_bytes(stanza), said != b"")
        else:
            said = b"" if bosh is None else bosh.said
            # What BOSH hands on like that has no prefixes, which leaves little that may be unusual.
            if not said or (said.rfind(b"&") >= 0 and not is_usual(said)):
                said = to_bytes(stanza)
            self._traffic.add("in", tapped, said)
        FaultyStream.receive(self, stanza)  # as super() would, in half the time
        if not tapped.jid and self.session is not None:
            self._traffic.name(tapped, self.session.full)

    def bind(self, resource: str) -> Session:
        session = super().bind(resource)
        self._traffic.name(self._tapped, session.full)
        self._traffic.mark("session-opened", session=session.full, transport=self._tapped.transport)
        return session

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        self._over()
        super().close(undelivered)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        self._tapped.broken = True
        self._over()
        super().lost(undelivered)

    def _over(self) -> None:
        tapped = self._tapped
        tapped.ended, tapped.end = True, self._traffic.number()
        if tapped.jid:
            told = {"session": tapped.jid, "transport": tapped.transport, "broken": tapped.broken}
            self._traffic.mark("session-closed", **told)

    def hang(self) -> None:
        self._tapped.ended = True
        super().hang()

    def swallowed(self, data: bytes) -> None:
        excuse(self._traffic, self._tapped.number, data)

    def _tap(self, request: StreamOpen, link: Link) -> Link:
        self._traffic = self._traffic.of(request.to.lower())
        self._tapped = self._traffic.stream(request.transport, request.address)
        below = lowest(link)
        if isinstance(below, BoshStream):
            self._bosh = below
            self._wire.knows(below.session.sid, self._tapped)
        elif isinstance(below, WebSocketConnection) and isinstance(below.frames.tap, Tapped):
            below.frames.tap.carry(self._tapped)
        return TappedLink(self._traffic, self._tapped, link)


class TappedLink(Above):
    """Tells what goes."""

    __slots__ = ("_stream", "_traffic")

    def __init__(self, traffic: Traffic, stream: Stream, below: Link) -> None:
        super().__init__(below)
        self._traffic = traffic
        self._stream = stream

    def send(self, stanza: bytes) -> None:
        stream = self._stream
        framed = stream.source is not None and stanza.startswith(STANZAS)
        self._traffic.add("out", stream, stanza, framed)
        self.below.send(stanza)
