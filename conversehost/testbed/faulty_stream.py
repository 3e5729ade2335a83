"""Streams that faults strike, whatever the transport. They are what `server.stream` has, and ask `Faults` before
anything passes. `tap` stands before them: it sees what goes over the wire.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from typing import Generic, TypeVar

from conversehost.auth import Attempt, Authenticator, Outcome, Refused
from conversehost.net.tcp import ClientConnection
from conversehost.net.websocket import WebSocketConnection
from conversehost.server.entrance import Entrance
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.testbed.faults import Fault, Faults
from conversehost.testbed.stubs import StubbedStream, Stubs
from conversehost.testbed.traffic import Record, Stream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError
from conversehost.xmpp.stream import Above, Link, StreamOpen, lowest
from conversehost.xmpp.xml import Element, to_bytes

LOGINS = (f"{{{ns.SASL}}}auth", f"{{{ns.SASL2}}}authenticate")
_INITIAL = f"{{{ns.SASL2}}}initial-response"
_SWALLOWS = frozenset(("drop", "corrupt", "unanswered-iq", "hang"))
_RUBBISH = b"<&"
FAILED = "a fault of the test bed: try again later"

T = TypeVar("T")


class Lane(Generic[T]):
    """One direction of one stream. `onward`: where all goes that isn't struck; `spoilt`: what is corrupted.
    `held` waits until the next has gone before it.
    """

    def __init__(self, faults: Faults, onward: Callable[[T], None], spoilt: Callable[[T], None]) -> None:
        self._faults = faults
        self._onward = onward
        self._spoilt = spoilt
        self.held: list[T] = []

    def carry(self, item: T, fault: Fault | None) -> None:
        """Let it go its way, or what a fault makes of that."""
        name = "" if fault is None else fault.fault
        if fault is not None and name == "reorder":
            self.held.append(item)
            self._faults.after(fault.wait, self._release)
            return
        if fault is not None and name == "delay":
            self._faults.after(fault.wait, lambda: self._onward(item))
        elif name == "corrupt":
            self._spoilt(item)
        elif name == "duplicate":
            self._onward(deepcopy(item))
            self._onward(item)
        elif fault is None:
            self._onward(item)
        self._release()

    def _release(self) -> None:
        held, self.held = self.held, []
        for each in held:
            self._onward(each)


class FaultyStream(StubbedStream):
    """A `ServerStream` for which not everything goes well."""

    def __init__(
        self,
        faults: Faults,
        stubs: Stubs,
        router: Router,
        domains: Collection[str] | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        super().__init__(stubs, router, domains, entrance)
        self.faults = faults
        self.hung = False
        self.kept: list[bytes] | None = None  # what goes out once the session is held no more
        self._in: Lane[Element] | None = None  # as most streams need none
        self._down: FaultyLink

    def open(self, request: StreamOpen, link: Link) -> None:
        self.move_in(request.to.lower())
        self._down = FaultyLink(self, link)
        super().open(request, self._down)

    def open_as(self, account: JID, request: StreamOpen, link: Link, resource: str = "") -> Session:
        self.move_in(account.domain)
        self._down = FaultyLink(self, link)
        return super().open_as(account, request, self._down, resource)

    def move_in(self, domain: str) -> None:
        """It is a stream of that domain, which may have faults and stubs of its own."""
        self.faults, self._stubs = self.faults.of(domain), self._stubs.of(domain)

    def receive(self, stanza: Element) -> None:
        faults = self.faults
        if self.hung:
            self.swallowed(to_bytes(stanza))
            return
        if faults.logins and stanza.tag in LOGINS:
            self._log_in(stanza)
        elif faults.stanzas or self._in is not None:
            fault = self.struck("in", to_bytes(stanza))
            if not self.hung:
                self._in = self._in or Lane(faults, self._take, self._ill_formed)
                self._in.carry(stanza, fault)
        else:
            StubbedStream.receive(self, stanza)  # as super() would, in half the time

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        super().close(self._left(undelivered))
        self._let_go()

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        super().lost(self._left(undelivered))
        self._let_go()

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        super().undelivered(self._down.mended(stanzas))

    def struck(self, direction: str, data: bytes) -> Fault | None:
        """By what; when that is silence, the stream is `hung` from then on."""
        if self._closed:
            return None
        jid = self.session.full if self.session is not None else str(self.account or "")
        opened = self.opened
        record = Record(0, 0, direction, Stream(0, opened.transport, opened.address), jid, data)
        fault = self.faults.of_stanza(record)
        if fault is not None and fault.fault == "hang":
            self.hang()
        if fault is not None and fault.fault in _SWALLOWS:
            self.swallowed(data)
        return fault

    def hold(self) -> None:
        """The connection stops: nothing comes in, nothing goes out."""
        self.kept = [] if self.kept is None else self.kept
        link = lowest(self._down)
        if isinstance(link, ClientConnection | WebSocketConnection):
            link.stall()

    def release(self) -> None:
        """It goes on: first with what has waited."""
        kept, self.kept = self.kept or [], None
        if self._closed:
            return
        for each in kept:
            self._down.send(each)
        link = lowest(self._down)
        if isinstance(link, ClientConnection | WebSocketConnection):
            link.go_on()

    def _let_go(self) -> None:
        """The stream is over: nothing waits for it any more."""
        hold = self.faults.held.pop(self.session.full, None) if self.session is not None else None
        if hold is not None:
            hold.release()

    def _left(self, undelivered: Sequence[bytes]) -> Sequence[bytes]:
        kept, self.kept = self.kept or [], None
        return [*self._down.mended(undelivered), *kept]

    def swallowed(self, data: bytes) -> None:
        """That doesn't get to where it was going. For whoever wants to know."""

    def hang(self) -> None:
        """Say and hear nothing more."""
        self.hung = True
        link = lowest(self._down)
        if isinstance(link, ClientConnection | WebSocketConnection):
            link.stall()

    def _take(self, stanza: Element) -> None:
        super().receive(stanza)

    def _ill_formed(self, stanza: Element) -> None:
        """As the transport would have said it."""
        self.give_up(StreamError("not-well-formed", "a fault of the test bed corrupted what you sent"))

    def _log_in(self, stanza: Element) -> None:
        fault = self.faults.of_login(self.opened.transport, claimed(stanza, self.host.domain))
        if fault is None:
            self._take(stanza)
        elif fault.fault == "slow-login":
            self.faults.after(fault.wait, lambda: self._take(stanza))
        else:
            framing = self._framings[stanza.tag[1:].partition("}")[0]]
            framing.failure(SASLError("temporary-auth-failure", FAILED))  # type: ignore[attr-defined]


def stream_of(link: Link | None) -> FaultyStream | None:
    """That of a session's link, where it has one."""
    while link is not None and not isinstance(link, FaultyLink):
        link = getattr(link, "below", None)
    return None if link is None else link.stream


class FaultyLink(Above):
    """Not everything gets through."""

    __slots__ = ("_lane", "_spoilt", "stream")

    def __init__(self, stream: FaultyStream, below: Link) -> None:
        super().__init__(below)
        self.stream = stream
        self._lane: Lane[bytes] | None = None
        self._spoilt: dict[bytes, bytes] = {}  # what was corrupted, as it was before

    def send(self, stanza: bytes) -> None:
        stream = self.stream
        if stream.kept is not None:
            stream.kept.append(stanza)
            return
        if stream.hung:
            stream.swallowed(stanza)
            return
        if stream.faults.stanzas or self._lane is not None:
            fault = stream.struck("out", stanza)
            if not stream.hung:
                self._lane = self._lane or Lane(stream.faults, self.below.send, self._spoil)
                self._lane.carry(stanza, fault)
        else:
            self.below.send(stanza)

    def mended(self, stanzas: Sequence[bytes]) -> Sequence[bytes]:
        """As the server said them: whoever gets them next shall be able to read them."""
        return [self._spoilt.get(each, each) for each in stanzas] if self._spoilt else stanzas

    def _spoil(self, stanza: bytes) -> None:
        """No parser can read on there."""
        at = max(stanza.rfind(b"</"), stanza.rfind(b"/>"))
        broken = stanza[:at] + _RUBBISH + stanza[at:]
        self._spoilt[broken] = stanza
        self.below.send(broken)


def claimed(received: Element, domain: str) -> str:
    """Whom somebody says to be who logs in, as a bare JID: "" where that can't be seen, as in a token."""
    text = received.text if received.tag == LOGINS[0] else received.findtext(_INITIAL)
    try:
        data = base64.b64decode(text or "", validate=True).decode()
    except ValueError:
        return ""
    scram = re.match(r"[^,]*,[^,]*,n=([^,]+)", data)
    if scram is not None:
        name = scram[1].replace("=2C", ",").replace("=3D", "=")
    else:
        parts = data.split("\0")
        name = parts[0] if received.get("mechanism", "").startswith("HT-") else "".join(parts[1:2])
    return f"{name.lower()}@{domain}" if name else ""


class FaultyAuthenticator:
    """An `Authenticator` that takes its time, or can't tell: that of the site's own login."""

    def __init__(self, below: Authenticator, faults: Faults) -> None:
        self._below = below
        self._faults = faults

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """As the one below does, unless a fault strikes."""
        fault = self._faults.of(attempt.account.domain).of_login("site", str(attempt.account))
        if fault is None:
            self._below.check(attempt, done)
        elif fault.fault == "slow-login":
            self._faults.after(fault.wait, lambda: self._below.check(attempt, done))
        else:
            done(Refused("temporary-auth-failure", FAILED))
