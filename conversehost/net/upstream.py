"""A client's stream to the XMPP server of a domain elsewhere: `Backend` over a TCP connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from twisted.internet.protocol import Protocol
from twisted.logger import Logger

from conversehost.clock import Deadline
from conversehost.net.parting import Parting
from conversehost.net.wire import Quest, Terms, Wire
from conversehost.upstream.initiator import GOODBYE, Hear, Over
from conversehost.upstream.returned import bounced
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.places import Place, read_place, read_route
from conversehost.xmpp.stream import Link, StreamOpen, Valve, lowest
from conversehost.xmpp.xml import Element, to_bytes

log = Logger()

OPENING = 30.0
"""Seconds until the server must have said its features."""

ABSENCE, AGAIN = 15.0, 0.5
"""Seconds that a server may be away which was there before, as when it is started anew; it is looked for so often."""

HIGH = 131_072
"""Bytes that wait for the client before the server is heard no more, until none wait."""

EARLY = 65_536
"""Bytes of a client's that wait for a connection before the client is heard no more."""

FLOOD = 4_194_304
"""Bytes that wait for the server, from a client that can't be slowed; more ends the stream."""

RESUMABLE = 10_000
"""Sessions whose addresses are remembered."""

MOVES = 2
"""How often a server may say that it is elsewhere."""

AWAY = "remote-connection-failed"
_SUCCESS, _SUCCESS2 = f"{{{ns.SASL}}}success", f"{{{ns.SASL2}}}success"
_ENABLED, _RESUMED = _MANAGING = f"{{{ns.SM}}}enabled", f"{{{ns.SM}}}resumed"
_JID = f"{{{ns.BIND}}}bind/{{{ns.BIND}}}jid"


class UpstreamStream:
    """`Backend` of a domain that is served elsewhere."""

    def __init__(self, place: Place, terms: Terms, *, named: bool = True) -> None:
        """`named`: the operator has said that this domain is there."""
        self._place = place
        self._terms = terms
        self._named = named
        self._moves = 0
        self._quest: Quest | None = None
        self._again: Deadline | None = None
        self._wire: Wire | None = None
        self._out: list[bytes] = []
        self._due = False
        self._over = False
        self._stalled = False  # the client is
        self._greeted = False  # features have come
        self._deadline: Deadline | None = None
        self.managed = False  # client and server count stanzas (XEP-0198): what is lost they send again
        self._resumption = ""
        self.logged_in = False
        self.jid = ""  # the full JID, once the server has given one
        self.opened: StreamOpen
        self.domain: str  # as it is looked up, and as certificates have to have it

    # Backend

    def open(self, request: StreamOpen, link: Link) -> None:
        """Look for the server; its features, or why there is none, come over `link`."""
        self.opened, self._link = request, link
        below = lowest(link)
        self._valve = cast(Valve, below) if hasattr(below, "drained") else None
        if self._valve is not None:
            self._valve.drained = self._drained
        try:
            self.domain = prepare_domain(request.to)
        except JIDError:
            self._end(WayError("host-unknown", "that is no domain"))
            return
        self._began = self._terms.clock.now()
        self._terms.streams[self] = None
        self._set_deadline(OPENING, self._too_slow)
        route = read_route(request.route) if request.route and self._terms.route else None
        self._search(route or self._place, named=self._named and route is None)

    def receive(self, stanza: Element) -> None:
        """To the server, at the end of the turn."""
        if not self._over:
            self._say(to_bytes(stanza))
            if self._wire is not None and self._wire.blocked:
                self._stall()  # before the client is answered, at the end of the turn

    def restart(self, request: StreamOpen) -> None:
        """The server sends its features anew."""
        if self._over or self._wire is None:
            return
        self._say(self._wire.initiator.open(request.sender, request.lang))

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        """The client said goodbye, or the stream has ended already."""
        self._leave(undelivered, goodbye=True)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        """The client is gone without a word: a session that it may resume is left to the server as it is."""
        self._leave(undelivered, goodbye=not self.managed)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        """It is too late to tell anybody."""

    def end(self, error: StreamError | None = None) -> None:
        """From here: the client hears of it, and then the server."""
        self._link.close(error)

    # What it finds

    def _search(self, place: Place, *, named: bool) -> None:
        self._sought = place, named
        self._quest = self._terms.reach(self.domain, place, self._connected, self._unreachable, named=named)

    def _search_again(self) -> None:
        place, named = self._sought
        self._search(place, named=named)

    def _connected(self, place: Place) -> Protocol:
        self._quest = None
        self._wire = Wire(self, self._terms)
        return self._wire

    def _unreachable(self, error: StreamError) -> None:
        self._quest = None
        clock = self._terms.clock
        if error.condition == AWAY and self.domain in self._terms.seen and clock.now() < self._began + ABSENCE:
            self._again = clock.after(AGAIN, self._search_again)
            return
        self._end(error)
        self._terms.turn.end()

    # What the server says

    def made(self, wire: Wire) -> None:
        """The connection is there."""
        if self._sought[1]:
            self._terms.seen.add(self.domain)
        head = wire.initiator.open(self.opened.sender, self.opened.lang)
        wire.write(b"".join([head, *self._out]))
        self._out = []
        self._drained_out()

    def heard(self, event: Hear) -> None:
        """Pass it on."""
        stanza = event.stanza
        if not (self.logged_in and self.jid) or stanza.tag in _MANAGING:
            self._notice(stanza)
        self._link.send(to_bytes(stanza))

    def ended(self, over: Over) -> None:
        """By the server, or because it must."""
        if over.elsewhere and self._moves < MOVES and self._move(over.elsewhere):
            return
        self._end(over.error)

    def gone(self, why: str) -> None:
        """The connection broke."""
        self._end(WayError(AWAY, why))
        self._terms.turn.end()

    @property
    def is_slow(self) -> bool:
        """So much waits for the client that the server shouldn't be heard."""
        return self._valve is not None and self._valve.waiting > HIGH

    # Out

    def flush(self) -> None:
        """The turn ends."""
        self._due = False
        if self._over:
            return
        wire = self._wire
        if wire is None or not wire.is_open:
            if sum(map(len, self._out)) > EARLY:
                self._stall()
            return
        data, self._out = b"".join(self._out), []
        if data:
            wire.write(data)
        if wire.waiting > FLOOD:
            self._end(StreamError("resource-constraint", "too much waits for the server"))
        elif wire.blocked:
            self._stall()

    def room(self) -> None:
        """The server has taken all of it."""
        self._drained_out()

    def _say(self, data: bytes) -> None:
        self._out.append(data)
        if not self._due:
            self._due = True
            self._terms.turn.add(self)

    def _stall(self) -> None:
        if not self._stalled and self._valve is not None:
            self._stalled = True
            self._valve.stall()

    def _drained_out(self) -> None:
        if self._stalled and self._valve is not None:
            self._stalled = False
            self._valve.go_on()

    def _drained(self) -> None:
        if self._wire is not None:
            self._wire.go_on()

    def _notice(self, stanza: Element) -> None:
        """Where the client is on its way in."""
        tag = stanza.tag
        if tag in (_SUCCESS, _SUCCESS2):
            self.logged_in = True
            (self._link.restarting if tag == _SUCCESS else self._link.trusted)()
            self.jid = stanza.findtext(f"{{{ns.SASL2}}}authorization-identifier") or ""
            self._keep_alive()
        elif tag in _MANAGING:
            self._manage(stanza, resumed=tag == _RESUMED)
        elif self.logged_in:
            self.jid = stanza.findtext(_JID) or ""
        elif not self._greeted:
            self._greeted = True
            self._set_deadline(self._terms.login, self._too_slow_to_log_in)

    def _manage(self, stanza: Element, *, resumed: bool) -> None:
        """Who it is that comes back is known from when the session was made resumable."""
        known = self._terms.resumable
        self.managed = resumed or stanza.get("resume") in ("true", "1")
        self._resumption = stanza.get("previd" if resumed else "id") or ""
        if resumed:
            self.jid = known.get(self._resumption, "")
        elif self.managed:
            known[self._resumption] = self.jid
            if len(known) > RESUMABLE:
                del known[next(iter(known))]

    # The end

    def _move(self, text: str) -> bool:
        """RFC 6120 section 4.9.3.19: to another host, for the same domain. Nobody but DNS vouches for that one."""
        place = read_elsewhere(text)
        if place is None:
            return False
        self._moves += 1
        if self._wire is not None:
            self._wire.forget()
            self._wire = None
        self._search(place, named=self._sought[1])  # who isn't trusted can't name what is
        return True

    def _end(self, error: StreamError | None) -> None:
        if self._over:
            return
        if isinstance(error, WayError):
            log.warn("{domain}: {error}", domain=self.opened.to, error=error.text or error.condition)
        self._drained_out()
        self._stop()
        if self._wire is not None:
            self._wire.finish(GOODBYE)
        self._link.close(error)

    def _leave(self, undelivered: Sequence[bytes], *, goodbye: bool) -> None:
        if self._over:
            return
        self._stop()
        if self._wire is None:
            return
        if not goodbye:
            self._wire.abandon(b"".join(self._out))
            return
        self._terms.resumable.pop(self._resumption, None)
        is_told = self.logged_in and not self.managed
        last = b"".join([*self._out, *bounced(undelivered if is_told else ())])
        if is_told and self._wire.has_more:
            Parting(self, self._wire, self._terms.clock).begin(last)
        else:
            self._wire.finish(last + GOODBYE)

    def _stop(self) -> None:
        self._over = True
        self._terms.streams.pop(self, None)
        self._set_deadline(None)
        if self._valve is not None:
            self._valve.drained = None
        if self._quest is not None:
            self._quest.cancel()
            self._quest = None
        if self._again is not None:
            self._again.cancel()

    # Time

    def _too_slow(self) -> None:
        self._deadline = None
        self._end(WayError(AWAY, f"the server said nothing within {OPENING:.0f} seconds"))
        self._terms.turn.end()

    def _too_slow_to_log_in(self) -> None:
        self._deadline = None
        self._end(StreamError("connection-timeout", "logging in took too long"))
        self._terms.turn.end()

    def _keep_alive(self) -> None:
        """A space now and then, which also shows whether anybody is there: one deadline, moved when it comes."""
        self._deadline = None
        wire, now = self._wire, self._terms.clock.now()
        if wire is None or self._over:
            return
        due = wire.said + self._terms.keep_alive
        if now >= due:
            wire.write(b" ")
            due = now + self._terms.keep_alive
        self._set_deadline(due - now, self._keep_alive)

    def _set_deadline(self, seconds: float | None, call: Callable[[], None] = lambda: None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self._terms.clock.after(seconds, call)


def read_elsewhere(text: str) -> Place | None:
    """Host and perhaps port of see-other-host; None for nonsense."""
    try:
        return read_place(f"xmpp://{text}")
    except ValueError:
        return None
