"""One BOSH session: requests come in, stanzas wait for a request to go out with (XEP-0124 sections 8 to 16)."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

from conversehost.bosh.acks import Acknowledgements
from conversehost.bosh.body import EMPTY, RECOVERABLE, Body, BodyError, build, elsewhere, terminate
from conversehost.bosh.exchange import Exchange, Waiting
from conversehost.bosh.keys import KeySequence
from conversehost.bosh.pace import Pace, leaves
from conversehost.bosh.script import ScriptContent
from conversehost.bosh.stream import BoshStream, ending
from conversehost.bosh.streams import Due, Streams
from conversehost.bosh.terms import Terms
from conversehost.bosh.window import Answer, RidWindow
from conversehost.clock import Deadline
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Backend, StreamOpen, Visit
from conversehost.xmpp.xml import Element, to_bytes

if TYPE_CHECKING:
    from conversehost.bosh.manager import Manager

REPEATS = 100
"""How often an answer is given."""


class BoshSession:
    """`_held`: requests taken and not answered, by rid. `_ahead`: those that came before the ones they follow;
    `_orphaned`: such whose connection is gone since.
    """

    __slots__ = (
        "_acks",
        "_ahead",
        "_clock",
        "_deadline",
        "_due",
        "_greeting",
        "_held",
        "_idle",
        "_last_words",
        "_limit",
        "_orphaned",
        "_pace",
        "_paused",
        "_script",
        "_why",
        "address",
        "attached",
        "ended",
        "keys",
        "manager",
        "origin",
        "owner",
        "secure",
        "sid",
        "slowed",
        "streams",
        "terms",
        "visit",
        "window",
    )

    def __init__(self, manager: Manager, sid: str, rid: int, terms: Terms, backend: Backend, name: str = "") -> None:
        """`name`: of its first stream."""
        self.manager = manager
        self.sid = sid
        self.terms = terms
        self.window = RidWindow(rid, terms.requests, acks=terms.acks)
        self.streams = Streams(BoshStream(self, name, backend), terms.streams)
        self.attached = False  # a client has come
        self.owner = self.address = self.origin = ""  # whom it was made for; where it began, what we were reached by
        self.visit: Visit | None = None  # what its first request showed of a login to the site
        self.slowed = False  # the server behind takes no more: an empty answer would ask for it
        self.secure = False  # it began over TLS, and goes on so (section 19.1)
        self.keys: KeySequence | None = None
        self.ended = False
        self._clock = manager.clock
        self._held: dict[int, Waiting] = {}
        self._ahead: dict[int, Waiting] = {}
        self._orphaned: dict[int, Waiting] = {}
        self._due = False
        self._greeting: Mapping[str, str] | None = None
        self._acks = Acknowledgements(self.window) if terms.acks else None
        self._script: ScriptContent | None = None
        self._pace = Pace(terms)
        self._last_words = b""
        self._why: BodyError | None = None
        self._limit = manager.limits.unauthenticated
        self._idle = self._clock.now()
        self._paused: int | None = None
        self._deadline: Deadline | None = None
        self._arm()

    # What its streams say

    def has_something(self, stream: BoshStream) -> None:
        """The stream has something due for the client."""
        self.streams.make_ready(stream)
        self._flush_later()

    def relieve(self, stream: BoshStream) -> None:
        """Too much waits to leave it until the end of the turn."""
        self._deliver(0)
        if stream.queue:
            stream.close(StreamError("resource-constraint", "too much waits for this client"))

    def trust(self) -> None:
        """Logged in: stanzas may be larger from now on."""
        self._limit = self.manager.limits.stanza

    def stream_ended(self, stream: BoshStream, error: StreamError | None) -> None:
        """The server behind ends it (XEP-0206 section 6); with the last one the session ends."""
        why = ending(error)
        if len(self.streams.open) > 1:
            self.streams.drop(stream, why)
            self._flush_later()
            stream.backend.close()
        else:
            self._end(why, hand_over=True)

    def flush(self) -> None:
        """The turn ends: answer the oldest request with all that is due, and hold no more than agreed."""
        self._due = False
        if self.ended:
            return
        self._deliver(0)
        if self._acks is not None and self._acks.due and self._held:
            self._answer_oldest()
        keep = 0 if self.terms.polls else self.terms.hold
        while len(self._held) > keep and not self.slowed:
            self._answer_oldest()
        self._arm()

    @property
    def idle_since(self) -> float | None:
        """Since when it has had no request open; None while it has one, or has asked for a pause."""
        return None if self._held or self._ahead or self._paused is not None else self._idle

    # The client's requests

    def greet(self, rid: int, body: Body, exchange: Exchange, greeting: Mapping[str, str], opening: StreamOpen) -> None:
        """The creating request; the first answer carries `greeting`."""
        self.attached = True
        self._greeting = greeting
        self.window.take(rid)
        self._held[rid] = Waiting(body, exchange, self._clock.now())
        self._flush_later()
        stream = self.streams.first
        stream.backend.open(opening, stream)

    def request(self, body: Body, exchange: Exchange) -> None:
        """One request of this session. Raises BodyError: end it by `refuse`."""
        if self.ended:
            exchange.answer(self._last_words, self.terms.manner, self._why)
            self.manager.forget(self)
            return
        self.attached = True
        rid = body.rid
        arrival = self.window.judge(rid)
        if arrival == "next":
            self._take(rid, Waiting(body, exchange, self._clock.now()))
            self._take_early()
        elif arrival == "ahead":
            self._wait_for_gap(rid, body, exchange)
        elif arrival == "repeat":
            self._repeat(rid, body, exchange)
        else:
            raise BodyError("item-not-found", f"rid {rid} is outside the window: {self._expected()}")

    def lost(self, exchange: Exchange) -> None:
        """The connection of a request is gone: before it was answered, or before the answer was out."""
        for waiting in (self._held, self._ahead):
            for rid, request in waiting.items():
                if request.exchange is exchange:
                    del waiting[rid]
                    if waiting is self._held:  # a repeat is answered at once: what comes takes the next rid
                        self.window.keep(rid, Answer(EMPTY, self._clock.now()))
                    else:  # it came whole, and a page that was loaded again won't repeat it
                        self._orphaned[rid] = request
                    self._idle = self._clock.now()
                    self._arm()
                    return
        self.window.lose(exchange)
        if self.ended:
            self._take_lost()

    def refuse(self, error: BodyError, exchange: Exchange) -> None:
        """A request broke the rules: it is told how, and the session ends (section 17.2)."""
        for rid in [rid for rid, held in self._held.items() if held.exchange is exchange]:
            del self._held[rid]
        why = f"another request ended the session: {error.reason or error.condition}"
        self._end(BodyError("other-request", why))
        exchange.answer(terminate(error.condition, error.payload), self.terms.manner, error)
        self.manager.forget(self)

    def expire(self, condition: str | None, reason: str = "the server ended the session") -> None:
        """End from this side, with a condition of section 17.2 or without."""
        self._end(BodyError(condition or "", reason), hand_over=True)

    def cut(self) -> None:
        """Its connections break; the session lives."""
        for each in tuple(self._held.values()):
            each.exchange.hang_up()

    def retire(self) -> None:
        """The manager has forgotten it: no deadline needs to fire."""
        if self._deadline is not None:
            self._deadline.cancel()

    def _take(self, rid: int, request: Waiting, *, orphaned: bool = False) -> None:
        body = request.body
        try:
            if self.keys is not None:
                self.keys.check(rid, body)
            open_requests = len(self._held) - orphaned  # it isn't open itself
            if self.slowed:  # none is answered to keep to the number
                self._pace.check_number(body, open_requests)
            self._pace.check(body, request.came, open_requests)
            if self._acks is not None:
                self._acks.read(body)
            if self.window.any_lost:
                self._take_lost()
            self._process(rid, request)
        except BodyError as error:
            self.manager.refuse(self, error, request.exchange)

    def _take_early(self) -> None:
        """Those that waited for the one just taken."""
        while (self._ahead or self._orphaned) and not self.ended:
            rid = self.window.last + 1
            if (request := self._ahead.pop(rid, None)) is not None:
                self._take(rid, request)
            elif (request := self._orphaned.pop(rid, None)) is not None:
                self._take(rid, request, orphaned=True)
                self.lost(request.exchange)
            else:
                return

    def _process(self, rid: int, request: Waiting) -> None:
        body = request.body
        if body.content is not None:
            body.payload = self._script_content(body.content)
        self.window.take(rid)
        self._paused = None
        self._held[rid] = request
        self._flush_later()
        if len(body.attributes) > 2 or self.streams.several:  # more than rid and sid
            self._process_attributes(body)
        elif body.payload:
            self._receive(body, self.streams.first)
        request.processed()

    def _process_attributes(self, body: Body) -> None:
        streams = self.streams.addressed(body)
        if body.restart:
            for stream in streams:
                stream.restart(body)
        elif self._asks_for_a_stream(body):
            self.manager.add_stream(self, body)
        else:
            for stream in streams:
                self._receive(body, stream, as_copy=stream is not streams[-1])
        if self.ended:
            return
        if body.get("type") == "terminate":
            self._leave(body, streams)
        elif body.get("pause") is not None:
            self._pause(body.number("pause", 0))

    def _script_content(self, content: bytes) -> list[Element]:
        """Raises BodyError."""
        if self._script is None:
            self._script = ScriptContent(self.manager.limits)
        return self._script.feed(content)

    def _asks_for_a_stream(self, body: Body) -> bool:
        """Section 16.3."""
        return self.streams.can_be_several and bool(body.get("to")) and not body.payload and not leaves(body)

    def _receive(self, body: Body, stream: BoshStream, *, as_copy: bool = False) -> None:
        for stanza in body.payload:
            if body.size > self._limit and len(to_bytes(stanza)) > self._limit:
                too_big = (ns.STANZA_TOO_BIG, "stanza-too-big")
                stream.close(StreamError("policy-violation", "stanza too big", application=too_big))
            if stream.closed:
                return
            stream.receive(deepcopy(stanza) if as_copy else stanza, body.said)

    def _leave(self, body: Body, streams: list[BoshStream]) -> None:
        """Section 13, and 16.5 where a stream is named."""
        if self.streams.names_all(body):
            self._end(BodyError(""))
            return
        for stream in streams:
            undelivered = stream.take()
            self.streams.drop(stream, BodyError(""))
            stream.backend.close(undelivered)

    def _wait_for_gap(self, rid: int, body: Body, exchange: Exchange) -> None:
        older = self._ahead.get(rid)
        if older is not None:
            older.exchange.answer(RECOVERABLE, self.terms.manner, elsewhere(rid))
        else:
            self._pace.check_number(body, len(self._held) + len(self._ahead))
        self._ahead[rid] = Waiting(body, exchange, self._clock.now())
        self._orphaned.pop(rid, None)
        self._arm()

    def _repeat(self, rid: int, body: Body, exchange: Exchange) -> None:
        """Section 14.3: the identical answer; the stanzas in it aren't processed again."""
        if self.keys is not None:
            self.keys.check_repeat(rid, body)
        held = self._held.get(rid)
        if held is not None:
            held.exchange.answer(RECOVERABLE, self.terms.manner, elsewhere(rid))
            held.exchange = exchange
            return
        answer = self.window.kept(rid)
        if answer is None:
            raise BodyError("item-not-found", f"rid {rid} was answered too long ago: {self._expected()}")
        if len(answer.copies) >= REPEATS:
            raise BodyError("policy-violation", f"rid {rid} was asked for {REPEATS} times")
        answer.copies.append(exchange)
        exchange.answer(answer.body, self.terms.manner)
        self._idle = self._clock.now()

    def _expected(self) -> str:
        return f"{self.window.last + 1} to {self.window.last + self.window.size} may come"

    def _pause(self, seconds: int) -> None:
        """Section 10: everything is answered at once, the pause itself without payload. Raises BodyError."""
        if seconds > self.terms.maxpause:
            raise BodyError("policy-violation", f"pause is at most {self.terms.maxpause} seconds")
        self._paused = seconds
        self._deliver(1)
        while self._held:
            self._answer_oldest()

    # Answers and ends

    def _deliver(self, spare: int) -> None:
        """All that is due, with the oldest requests: to each what one stream says. `spare` requests are kept."""
        while self.streams.ready and len(self._held) > spare:
            self._answer_oldest(self.streams.next())

    def _take_lost(self) -> None:
        """The client goes on instead of asking again for what got lost: that goes out before all else."""
        for stream, stanzas in self.window.take_lost():
            if stream.closed:
                stream.backend.undelivered(stanzas)
            else:
                stream.put_back(stanzas)

    def _answer_oldest(self, due: Due | None = None) -> None:
        rid = next(iter(self._held))
        exchange = self._held.pop(rid).exchange
        now = self._idle = self._clock.now()
        attributes: dict[str, str] = {} if due is None else due.attributes
        if self._greeting is not None:
            attributes, self._greeting = {**self._greeting, **attributes}, None
        elif self._acks is not None:
            attributes |= self._acks.attributes(rid, now)
        if due is not None:
            body = build(attributes, [*due.payload, *due.last])
            self.window.keep(rid, Answer(body if attributes else None, now, tuple(due.payload), due.stream, exchange))
        else:
            body = build(attributes, ()) if attributes else EMPTY
            self.window.keep(rid, Answer(body, now, exchange=exchange))
        self._pace.answered_empty = due is None
        exchange.answer(body, self.terms.manner, None if due is None else due.why)

    def _end(self, why: BodyError, *, hand_over: bool = False) -> None:
        """The oldest open request hears of the end, the others get an empty answer; a later one hears of it too.

        `hand_over`: what is queued goes out with it (a client that leaves wouldn't look at it any more).
        """
        if self.ended:
            return
        self._take_lost()
        if hand_over and self.streams.several:  # the last answer doesn't say whose its payload would be
            self._deliver(1)
        self.ended = True
        self._last_words = terminate(why.condition, why.payload)
        self._why = why if why.condition else None
        waiting = {**self._held, **self._ahead}
        self._held.clear()
        self._ahead.clear()
        self._orphaned.clear()
        if waiting:
            self.manager.forget(self)
        for index, (rid, each) in enumerate(waiting.items()):
            if index == 0:
                self._say_last(rid, each.exchange, why, hand_over and not self.streams.several)
            elif why.condition == "other-request":
                each.exchange.answer(self._last_words, self.terms.manner, self._why)
            else:
                each.exchange.answer(EMPTY, self.terms.manner)
        self.streams.end()

    def _say_last(self, rid: int, exchange: Exchange, why: BodyError, hand_over: bool) -> None:
        stream = self.streams.first
        due = stream.take() if hand_over else []
        body = terminate(why.condition, [*due, *why.payload]) if due else self._last_words
        self.window.keep(rid, Answer(body, self._clock.now(), due, stream, exchange))
        exchange.answer(body, self.terms.manner, self._why)

    def _flush_later(self) -> None:
        if not self._due:
            self._due = True
            self.manager.turn.add(self)

    # Time

    def _next_due(self) -> float:
        if self._ahead:
            return min([each.came for each in (*self._held.values(), *self._ahead.values())]) + self.terms.wait
        if self._held:
            return min([each.came for each in self._held.values()]) + self.terms.wait
        return self._idle + (self.terms.inactivity if self._paused is None else self._paused)

    def _arm(self) -> None:
        """One deadline; it moves only forward in time, so mostly the one that is set will do."""
        due = self._next_due()
        if self._deadline is None or self._deadline.when > due:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self._clock.at(due, self._fire)

    def _fire(self) -> None:
        self._deadline = None
        now = self._clock.now()
        if self.ended or (self._next_due() <= now and not self._held and not self._ahead):
            self.manager.forget(self)
            self.streams.broken = not self.ended
            self._end(BodyError(""))
            return
        wait = self.terms.wait
        while any(each.came + wait <= now for each in self._held.values()):
            self._answer_oldest()
        for rid in [rid for rid, each in self._ahead.items() if each.came + wait <= now]:
            gap = BodyError("", f"rid {self.window.last + 1} didn't come before rid {rid} within {wait} seconds")
            self._ahead.pop(rid).exchange.answer(RECOVERABLE, self.terms.manner, gap)
            self._idle = now
        self._arm()
