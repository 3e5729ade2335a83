"""Streams to servers elsewhere, treated as those to the server here: they are listed, recorded, held, and struck."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lxml.etree import QName

from conversehost.bosh.stream import BoshStream
from conversehost.net.tcp import ClientConnection
from conversehost.net.upstream import UpstreamStream
from conversehost.net.websocket import WebSocketConnection
from conversehost.testbed.faults import Fault, Faults
from conversehost.testbed.faulty_stream import FAILED, LOGINS, Lane, claimed
from conversehost.testbed.traffic import Record, Stream, Traffic
from conversehost.testbed.wire import STANZAS, Tapped, Wire
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Above, Backend, Link, StreamOpen, lowest
from conversehost.xmpp.xml import Element, child, element, to_bytes


class Visit:
    """Somebody who is logged in elsewhere, through us: as much of a `Session` as is seen from here."""

    def __init__(self, stream: WatchedStream, link: Link, opened: StreamOpen, full: str, since: float) -> None:
        self.stream = stream
        self.link = link
        self.opened = opened
        self.full = full
        self.bare = full.partition("/")[0]
        self.since = since  # seconds since 1970
        self.presence: Stanza | None = None  # the last available one; None while unavailable

    @property
    def priority(self) -> int:
        """Of that presence."""
        text = None if self.presence is None else self.presence.findtext(f"{{{ns.CLIENT}}}priority")
        try:
            return int(text or 0)
        except ValueError:
            return 0

    def notice(self, said: Element) -> None:
        """By the client."""
        if isinstance(said, Stanza) and said.kind == "presence" and not said.get("to"):
            kind = said.get("type")
            if kind in (None, "unavailable"):
                self.presence = said if kind is None else None


class Watching:
    """Puts a `WatchedStream` before each of them. `visits`: who is logged in by them, the oldest first."""

    def __init__(self, traffic: Traffic, wire: Wire, faults: Faults, utc: Callable[[], float], *, kept: bool) -> None:
        """`kept`: traffic is."""
        self.traffic = traffic if kept else None
        self.wire = wire
        self.faults = faults
        self.utc = utc
        self.visits: dict[Visit, None] = {}

    def __call__(self, stream: UpstreamStream) -> Backend:
        return WatchedStream(stream, self)


class WatchedStream:
    """`Backend` before an `UpstreamStream`. What goes over the client's wire is recorded; faults strike behind that."""

    def __init__(self, stream: UpstreamStream, watching: Watching) -> None:
        self.stream = stream
        self.faults = watching.faults
        self.tapped = Stream(0, "", "")
        self.visit: Visit | None = None
        self.kept: list[bytes] | None = None  # what goes out once the session is held no more
        self._watching = watching
        self._traffic = watching.traffic
        self._hung = False
        self._in: Lane[Element] = Lane(self.faults, stream.receive, self._ill_formed)

    def open(self, request: StreamOpen, link: Link) -> None:
        if self._traffic is not None:
            self.tapped = self._traffic.stream(request.transport, request.address)
            below = lowest(link)
            if isinstance(below, BoshStream):
                self._watching.wire.knows(below.session.sid, self.tapped)
            elif isinstance(below, WebSocketConnection) and isinstance(below.frames.tap, Tapped):
                below.frames.tap.carry(self.tapped)
        self._link = WatchedLink(self, link)
        self.stream.open(request, self._link)

    def receive(self, stanza: Element) -> None:
        if self._traffic is not None:
            said = b"" if self.tapped.source is None else self.tapped.source.heard()
            self._traffic.add("in", self.tapped, said or to_bytes(stanza), said != b"")
        if self.visit is not None:
            self.visit.notice(stanza)
        if self.faults.logins and stanza.tag in LOGINS:
            self._log_in(stanza)
        elif self.faults.stanzas or self._in.held or self._hung:
            fault = self.struck("in", to_bytes(stanza))
            if not self._hung:
                self._in.carry(stanza, fault)
        else:
            self.stream.receive(stanza)

    def restart(self, request: StreamOpen) -> None:
        self.stream.restart(request)

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        left = self._over(undelivered)
        self.stream.close(left)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        self.tapped.broken = True
        left = self._over(undelivered)
        self.stream.lost(left)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        self.stream.undelivered(stanzas)

    def said(self, data: bytes) -> None:
        """By the server, to the client."""
        if self._traffic is not None:
            tapped = self.tapped
            framed = tapped.source is not None and data.startswith(STANZAS)
            self._traffic.add("out", tapped, data, framed)
        if self.visit is None and self.stream.jid:
            self._logged_in(self.stream.jid)

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

    def hold(self) -> None:
        """The connection stops: nothing comes in, nothing goes out."""
        self.kept = [] if self.kept is None else self.kept
        link = lowest(self._link)
        if isinstance(link, ClientConnection | WebSocketConnection):
            link.stall()

    def release(self) -> None:
        """It goes on: first with what has waited."""
        kept, self.kept = self.kept or [], None
        for each in kept:
            self._link.send(each)
        link = lowest(self._link)
        if isinstance(link, ClientConnection | WebSocketConnection):
            link.go_on()

    def _logged_in(self, jid: str) -> None:
        watching = self._watching
        self.visit = Visit(self, self._link, self.stream.opened, jid, watching.utc())
        watching.visits[self.visit] = None
        if self._traffic is not None:
            self._traffic.name(self.tapped, jid)
            self._traffic.mark("session-opened", session=jid, transport=self.tapped.transport)

    def _over(self, undelivered: Sequence[bytes]) -> Sequence[bytes]:
        """What else never reached the client is told too."""
        kept, self.kept = self.kept or [], None
        tapped, visit = self.tapped, self.visit
        if visit is not None:
            self._watching.visits.pop(visit, None)
            hold = self.faults.held.pop(visit.full, None)
            if hold is not None:
                hold.release()
        if self._traffic is not None:
            tapped.ended, tapped.end = True, self._traffic.number()
            if visit is not None:
                told = {"session": visit.full, "transport": tapped.transport, "broken": tapped.broken}
                self._traffic.mark("session-closed", **told)
        return [*undelivered, *kept]

    def _log_in(self, stanza: Element) -> None:
        opened = self.stream.opened
        fault = self.faults.of_login(opened.transport, claimed(stanza, opened.to.lower()))
        if fault is None:
            self.stream.receive(stanza)
        elif fault.fault == "slow-login":
            self.faults.after(fault.wait, lambda: self.stream.receive(stanza))
        else:
            failure = to_bytes(_failure(stanza))
            self.faults.after(0, lambda: self._link.send(failure))  # as from a server elsewhere

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
        if stream.kept is not None:
            stream.kept.append(stanza)
        elif stream.faults.stanzas or self._lane.held or stream.is_hung:
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


def _failure(login: Element) -> Element:
    """The server's answer to a login that it can't judge now (RFC 6120 section 6.5.8, XEP-0388)."""
    namespace = QName(login).namespace or ""
    made = element(namespace, "failure")
    child(made, ns.SASL, "temporary-auth-failure")
    child(made, namespace, "text").text = FAILED
    return made
