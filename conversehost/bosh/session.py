"""One BOSH session: requests come in, stanzas wait for a request to go out with (XEP-0124 sections 8 to 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from conversehost.bosh.body import EMPTY, RECOVERABLE, Body, BodyError, build, terminate
from conversehost.bosh.window import Answer, Arrival, RidWindow
from conversehost.clock import Deadline
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stream import Backend, StreamOpen
from conversehost.xmpp.xml import to_bytes

if TYPE_CHECKING:
    from conversehost.bosh.manager import Manager


QUEUE, QUEUE_BYTES = 1_000, 1_048_576
"""What may wait for a client that has no request open; more ends its session, and all of it is stored or bounced."""

REPEATS = 100
"""How often an answer is given."""


class Exchange(Protocol):
    """One HTTP request that waits for its answer."""

    def answer(self, body: bytes) -> None:
        """Answer it; called at most once."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed at creation: seconds, and numbers of requests (XEP-0124 section 7)."""

    wait: int
    hold: int
    inactivity: int
    polling: int
    maxpause: int

    @property
    def requests(self) -> int:
        """How many the client may have open at once."""
        return self.hold + 1

    @property
    def polls(self) -> bool:
        """A polling session (section 12): no request is ever held."""
        return self.wait == 0 or self.hold == 0


class BoshSession:
    """A `Link` for the server behind. `_held`: requests taken and not answered, by rid, with the time they came.
    `_ahead`: requests that came before the ones they follow.
    """

    __slots__ = (
        "_active",
        "_ahead",
        "_answered_empty",
        "_clock",
        "_deadline",
        "_due",
        "_greeting",
        "_held",
        "_last_words",
        "_limit",
        "_paused",
        "_queue",
        "_queued",
        "_taken",
        "_taken_empty",
        "attached",
        "backend",
        "ended",
        "manager",
        "owner",
        "sid",
        "terms",
        "window",
    )

    def __init__(self, manager: Manager, sid: str, rid: int, terms: Terms, backend: Backend) -> None:
        self.manager = manager
        self.sid = sid
        self.terms = terms
        self.backend = backend
        self.window = RidWindow(rid, terms.requests)
        self.attached = False  # a client has come
        self.owner = ""  # whom it was made for, where it was made for somebody
        self.ended = False
        self._clock = manager.clock
        self._held: dict[int, tuple[Exchange, float]] = {}
        self._ahead: dict[int, tuple[Body, Exchange, float]] = {}
        self._queue: list[bytes] = []
        self._queued = 0  # bytes
        self._due = False
        self._greeting: Mapping[str, str] | None = None
        self._last_words = b""
        self._limit = manager.limits.unauthenticated
        self._active = self._clock.now()
        self._paused: int | None = None
        self._taken = float("-inf")
        self._taken_empty = False
        self._answered_empty = False
        self._deadline: Deadline | None = None
        self._arm()

    # Link: what the server behind says

    def send(self, stanza: bytes) -> None:
        """Queue for the client."""
        if self.ended:
            return
        self._queue.append(stanza)
        self._queued += len(stanza)
        self._flush_later()
        if len(self._queue) > QUEUE or self._queued > QUEUE_BYTES:
            self._relieve()

    def restarting(self) -> None:
        """Logged in: stanzas may be larger from now on."""
        self._limit = self.manager.limits.stanza

    def close(self, error: StreamError | None = None) -> None:
        """The server ends the stream (XEP-0206 section 6)."""
        if error is None:
            self._end(None, hand_over=True)
        else:
            self._end("remote-stream-error", [to_bytes(stream_error(error))], hand_over=True)

    def flush(self) -> None:
        """The turn ends: answer the oldest request with all that is due, and hold no more than agreed."""
        self._due = False
        if self.ended:
            return
        self._deliver()
        keep = 0 if self.terms.polls else self.terms.hold
        while len(self._held) > keep:
            self._answer_oldest(())
        self._arm()

    @property
    def idle_since(self) -> float | None:
        """Since when it has had no request open; None while it has one, or has asked for a pause."""
        return None if self._held or self._ahead or self._paused is not None else self._active

    # The client's requests

    def greet(self, rid: int, exchange: Exchange, greeting: Mapping[str, str], opening: StreamOpen) -> None:
        """The creating request; the first answer carries `greeting`."""
        self.attached = True
        self._greeting = greeting
        self.window.take(rid)
        self._held[rid] = (exchange, self._clock.now())
        self._flush_later()
        self.backend.open(opening, self)

    def request(self, body: Body, exchange: Exchange) -> None:
        """One request of this session. Raises BodyError: end it by `refuse`."""
        if self.ended:
            exchange.answer(self._last_words)
            self.manager.forget(self)
            return
        self.attached = True
        rid = body.rid
        arrival = self.window.judge(rid)
        if arrival is Arrival.NEXT:
            self._take(rid, body, exchange, self._clock.now())
            while not self.ended and (early := self._ahead.pop(self.window.last + 1, None)):
                self._take(self.window.last + 1, *early)
        elif arrival is Arrival.AHEAD:
            self._wait_for_gap(rid, body, exchange)
        elif arrival is Arrival.REPEAT:
            self._repeat(rid, exchange)
        else:
            raise BodyError("item-not-found", f"rid {rid} is outside the window, {self._expected()}")

    def lost(self, exchange: Exchange) -> None:
        """The connection of a request is gone: before it was answered, or before the answer was out."""
        for rid, (held, _) in self._held.items():
            if held is exchange:
                del self._held[rid]
                self.window.keep(rid, Answer(EMPTY, ()))  # a repeat is answered at once: what comes takes the next rid
                self._inactive_from_now()
                return
        for rid, (_, early, _) in self._ahead.items():
            if early is exchange:
                del self._ahead[rid]
                self._inactive_from_now()
                return
        self.window.lose(exchange)

    def refuse(self, error: BodyError, exchange: Exchange) -> None:
        """A request broke the rules: it is told how, and the session ends (section 17.2)."""
        for rid in [rid for rid, (held, _) in self._held.items() if held is exchange]:
            del self._held[rid]
        self._end("other-request")
        exchange.answer(terminate(error.condition))
        self.manager.forget(self)

    def expire(self, condition: str | None) -> None:
        """End from this side, with a condition of section 17.2 or without."""
        self._end(condition, hand_over=True)

    def retire(self) -> None:
        """The manager has forgotten it: no deadline needs to fire."""
        if self._deadline is not None:
            self._deadline.cancel()

    def _take(self, rid: int, body: Body, exchange: Exchange, came: float) -> None:
        try:
            self._check_pace(body, came)
            self._process(rid, body, exchange, came)
        except BodyError as error:
            self.refuse(error, exchange)

    def _process(self, rid: int, body: Body, exchange: Exchange, came: float) -> None:
        self._requeue_lost()
        self.window.take(rid)
        self._paused = None
        self._held[rid] = (exchange, came)
        self._flush_later()
        if body.restart:
            self.backend.restart()
        elif body.payload:
            self._receive(body)
        if self.ended:
            return
        if body.get("type") == "terminate":
            self._end(None)
        elif body.get("pause") is not None:
            self._pause(body.number("pause", 0))

    def _receive(self, body: Body) -> None:
        for stanza in body.payload:
            if body.size > self._limit and len(to_bytes(stanza)) > self._limit:
                too_big = (ns.STANZA_TOO_BIG, "stanza-too-big")
                self.close(StreamError("policy-violation", "stanza too big", application=too_big))
            if self.ended:
                return
            self.backend.receive(stanza)

    def _check_pace(self, body: Body, came: float) -> None:
        """Sections 11 and 12: empty requests must not come faster than `polling`. Raises BodyError."""
        if body.payload:
            self._taken, self._taken_empty = came, False
            return
        special = body.restart or body.get("type") == "terminate" or body.get("pause") is not None
        empty = not special
        fast = empty and abs(came - self._taken) < self.terms.polling  # one that waited for a gap came before that
        if fast and self.terms.polls and self._taken_empty and self._answered_empty:
            raise BodyError("policy-violation", f"polled twice within {self.terms.polling} seconds")
        if fast and not self.terms.polls and len(self._held) >= self.terms.hold:
            raise BodyError("policy-violation", f"{self.terms.requests} requests open, the last one empty and too soon")
        self._taken, self._taken_empty = came, empty

    def _wait_for_gap(self, rid: int, body: Body, exchange: Exchange) -> None:
        older = self._ahead.get(rid)
        if older is not None:
            older[1].answer(RECOVERABLE)
        self._ahead[rid] = (body, exchange, self._clock.now())
        self._arm()

    def _repeat(self, rid: int, exchange: Exchange) -> None:
        """Section 14.3: the identical answer; the stanzas in it aren't processed again."""
        held = self._held.get(rid)
        if held is not None:
            held[0].answer(RECOVERABLE)
            self._held[rid] = (exchange, held[1])
            return
        answer = self.window.kept(rid)
        if answer is None:
            raise BodyError("item-not-found", f"rid {rid} was answered too long ago, {self._expected()}")
        if len(answer.copies) >= REPEATS:
            raise BodyError("policy-violation", f"rid {rid} was asked for {REPEATS} times")
        answer.copies.append(exchange)
        exchange.answer(answer.body)
        self._active = self._clock.now()

    def _expected(self) -> str:
        return f"expected {self.window.last + 1} to {self.window.last + self.window.size}"

    def _pause(self, seconds: int) -> None:
        """Section 10: everything is answered at once, the pause itself without payload. Raises BodyError."""
        if seconds > self.terms.maxpause:
            raise BodyError("policy-violation", f"pause is at most {self.terms.maxpause} seconds")
        self._paused = seconds
        if len(self._held) > 1:
            self._deliver()
        while self._held:
            self._answer_oldest(())

    # Answers and ends

    def _deliver(self) -> None:
        """All that is due, with the oldest request."""
        if self._queue and self._held:
            payload, self._queue, self._queued = self._queue, [], 0
            self._answer_oldest(payload)

    def _relieve(self) -> None:
        """Too much waits to leave it until the end of the turn."""
        self._deliver()
        if self._queue:
            self.close(StreamError("resource-constraint", "too much waits for this client"))

    def _requeue_lost(self) -> None:
        """The client goes on instead of asking again for what got lost: that goes out before all else."""
        lost = self.window.take_lost()
        if lost:
            self._queue[:0] = lost
            self._queued += sum(map(len, lost))

    def _answer_oldest(self, payload: Sequence[bytes]) -> None:
        rid = next(iter(self._held))
        exchange, _ = self._held.pop(rid)
        greeting, self._greeting = self._greeting, None
        body = build(greeting, payload) if payload or greeting else EMPTY
        self.window.keep(rid, Answer(body, payload, exchange))
        self._answered_empty = not payload
        self._active = self._clock.now()
        exchange.answer(body)

    def _end(self, condition: str | None, payload: Sequence[bytes] = (), *, hand_over: bool = False) -> None:
        """The oldest open request hears of the end, the others get an empty answer; a later one hears of it too.

        `hand_over`: what is queued goes out with it (a client that leaves wouldn't look at it any more).
        """
        if self.ended:
            return
        self.ended = True
        undelivered = self.window.take_lost() + self._queue
        self._queue = []
        exchanges = [exchange for exchange, _ in self._held.values()]
        exchanges += [exchange for _, exchange, _ in self._ahead.values()]
        self._held.clear()
        self._ahead.clear()
        self._last_words = terminate(condition, payload)
        if exchanges:
            self.manager.forget(self)
            exchanges[0].answer(terminate(condition, [*undelivered, *payload] if hand_over else payload))
            if hand_over:
                undelivered = []
            for exchange in exchanges[1:]:
                exchange.answer(terminate(condition) if condition == "other-request" else EMPTY)
        self.backend.close(undelivered)

    def _flush_later(self) -> None:
        if not self._due:
            self._due = True
            self.manager.turn.add(self)

    # Time

    def _inactive_from_now(self) -> None:
        self._active = self._clock.now()
        self._arm()

    def _next_due(self) -> float:
        if self._ahead:
            came = [came for _, came in self._held.values()]
            came += [came for _, _, came in self._ahead.values()]
            return min(came) + self.terms.wait
        if self._held:
            return min([came for _, came in self._held.values()]) + self.terms.wait
        return self._active + (self.terms.inactivity if self._paused is None else self._paused)

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
            self._end(None)
            return
        wait = self.terms.wait
        while any(came + wait <= now for _, came in self._held.values()):
            self._answer_oldest(())
        for rid in [rid for rid, (_, _, came) in self._ahead.items() if came + wait <= now]:
            self._ahead.pop(rid)[1].answer(RECOVERABLE)
            self._active = now
        self._arm()
