"""Exactly once and in order, both ways, whatever the network does: a ledger of every stanza.

A client that keeps to the rules (repeats what it got no answer to before it says anything new, reads answers in the
order of its requests) plays against a network that loses, delays, doubles and reorders, and a server that learns late
of broken connections.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conversehost.bosh.terms import Ceilings
from tests.bosh.elsewhere import Elsewhere
from tests.bosh.stage import Client, Request, Stage, message

WAIT, INACTIVITY = 60, 60
PICK = st.integers(0, 1000)
ENDINGS = ("drained", "terminate", "close", "refuse", "silence", "shutdown")


@dataclass
class Copy:
    """A request on its way: to the server, there, or back."""

    rid: int
    request: Request | None = None


@dataclass
class Ledger:
    """What was said and what arrived; ids in the order of events."""

    client_said: dict[int, list[str]] = field(default_factory=dict)  # by rid
    server_said: list[str] = field(default_factory=list)
    client_got: list[str] = field(default_factory=list)


class Network(RuleBasedStateMachine):
    make_stage: type[Stage] = Stage

    @initialize(hold=st.integers(1, 3), ending=st.sampled_from(ENDINGS), acks=st.booleans())
    def begin(self, hold: int, ending: str, acks: bool) -> None:
        self.stage = self.make_stage(Ceilings(wait=WAIT, hold=3, inactivity=INACTIVITY, polling=0))
        self.ending = ending
        self.acks = acks
        self.client: Client = self.stage.client(hold=hold, wait=WAIT, ack=1 if acks else None)
        self.server = self.stage.server
        (self.session,) = self.stage.manager.sessions()
        self.requests = hold + 1
        self.ledger = Ledger()
        self.next_rid = self.next_read = 1001
        self.texts: dict[int, dict[str, object]] = {}
        self.unanswered: list[int] = []
        self.read_later: dict[int, list[str]] = {}  # answers that came before their turn
        self.repeating: set[int] = set()
        self.copies: list[Copy] = []
        self.broken: list[Request] = []  # the server doesn't know yet
        self.waiting: list[tuple[Request, float]] = []  # at the server
        self.sent: list[Request] = []

    # The client

    @property
    def failed(self) -> list[int]:
        """Requests without an answer that aren't on their way any more."""
        return [rid for rid in self.unanswered if all(copy.rid != rid for copy in self.copies)]

    def may_send(self, extra: int = 0) -> bool:
        ahead = self.next_rid - min(self.unanswered, default=self.next_rid)
        return not self.failed and not self.repeating and ahead < self.requests + extra

    def new(self, *ids: str, **attributes: object) -> None:
        rid = self.next_rid
        self.next_rid += 1
        self.ledger.client_said[rid] = list(ids)
        if self.acks and self.next_read < rid:
            attributes["ack"] = self.next_read - 1
        self.texts[rid] = attributes
        self.unanswered.append(rid)
        self.copies.append(Copy(rid))

    @precondition(lambda self: self.may_send())
    @rule(n=st.integers(0, 3))
    def client_says(self, n: int) -> None:
        self.new(*(f"c{self.next_rid}.{i}" for i in range(n)))

    @precondition(lambda self: self.may_send(1) and all(copy.request for copy in self.copies))
    @rule()
    def client_pauses(self) -> None:
        self.new(pause=INACTIVITY)

    @precondition(lambda self: self.failed)
    @rule()
    def client_repeats(self) -> None:
        self.repeat(self.failed[0])

    @precondition(lambda self: self.unanswered and len(self.copies) < 5)
    @rule(pick=PICK)
    def client_loses_patience(self, pick: int) -> None:
        self.repeat(self.unanswered[pick % len(self.unanswered)])

    def repeat(self, rid: int) -> None:
        self.repeating.add(rid)
        self.copies.append(Copy(rid))

    def read(self, rid: int, request: Request) -> None:
        assert request.ends is None, request.raw
        if request.recoverable or rid not in self.unanswered:
            return
        if "pause" in self.texts[rid]:
            assert request.said == []
        self.unanswered.remove(rid)
        self.repeating.discard(rid)
        self.read_later[rid] = request.said
        for copy in [copy for copy in self.copies if copy.rid == rid]:  # of no more interest
            self.cut(copy)
        while self.next_read in self.read_later:
            self.ledger.client_got += self.read_later.pop(self.next_read)
            self.next_read += 1

    @precondition(lambda self: self.copies and not self.failed and not self.repeating and not self.read_later)
    @precondition(lambda self: not any(copy.request.recoverable for copy in self.answered()))
    @rule(data=st.data())
    def page_loads_again(self, data: st.DataObject) -> None:
        """All connections break once what was said on them has arrived; the server learns of it one after the other.

        The client goes on with the next rid.
        """
        for copy in data.draw(st.permutations(self.copies)):
            if copy.request is None:
                self.arrive(copy)
            self.cut(copy)
            self.server_hears_of_all()
        self.unanswered.clear()
        self.next_read = self.next_rid

    def all_there(self) -> bool:
        return all(copy.request for copy in self.copies) and self.session.window.last == self.next_rid - 1

    # The network

    @precondition(lambda self: any(copy.request is None for copy in self.copies))
    @rule(pick=PICK)
    def request_arrives(self, pick: int) -> None:
        under_way = [copy for copy in self.copies if copy.request is None]
        self.arrive(under_way[pick % len(under_way)])

    def arrive(self, copy: Copy) -> None:
        payload = [message(id) for id in self.ledger.client_said[copy.rid]]
        copy.request = self.client.send(*payload, rid=copy.rid, **self.texts[copy.rid])
        self.waiting.append((copy.request, self.stage.clock.now()))
        self.sent.append(copy.request)

    @precondition(lambda self: self.copies)
    @rule(pick=PICK, known=st.booleans())
    def connection_breaks(self, pick: int, known: bool) -> None:
        """`known`: the server will hear of it; else its answer is in the kernel's hands, which counts as received."""
        copy = self.copies[pick % len(self.copies)]
        self.cut(copy, known=known)

    def cut(self, copy: Copy, *, known: bool = True) -> None:
        self.copies.remove(copy)
        if copy.request is not None and (known or copy.request.held):
            self.broken.append(copy.request)

    @precondition(lambda self: self.broken)
    @rule(pick=PICK)
    def server_hears_of_it(self, pick: int) -> None:
        self.broken.pop(pick % len(self.broken)).lose()

    def server_hears_of_all(self) -> None:
        while self.broken:
            self.server_hears_of_it(0)

    @precondition(lambda self: self.answered())
    @rule(pick=PICK)
    def answer_arrives(self, pick: int) -> None:
        answered = self.answered()
        copy = answered[pick % len(answered)]
        self.copies.remove(copy)
        self.read(copy.rid, copy.request)

    def answered(self) -> list[Copy]:
        return [copy for copy in self.copies if copy.request is not None and not copy.request.held]

    # The server, and time

    @rule(n=st.integers(1, 3))
    def server_says(self, n: int) -> None:
        ids = [f"s{len(self.ledger.server_said) + i}" for i in range(n)]
        self.ledger.server_said += ids
        self.server.says(*ids)

    @rule(seconds=st.floats(0.1, WAIT))
    def time_passes(self, seconds: float) -> None:
        """Not so much that the session ends."""
        if not any(request.held for request, _ in self.waiting):
            seconds = min(seconds, self.stage.last_answer + INACTIVITY - self.stage.clock.now() - 0.01)
        if seconds > 0:
            self.stage.advance(seconds)

    # What must hold at any time

    @invariant()
    def in_order_and_once(self) -> None:
        said = [id for rid in sorted(self.ledger.client_said) for id in self.ledger.client_said[rid]]
        assert said[: len(self.server.heard)] == self.server.heard
        assert self.ledger.server_said[: len(self.ledger.client_got)] == self.ledger.client_got

    @invariant()
    def nobody_waits_too_long(self) -> None:
        now = self.stage.clock.now()
        self.waiting = [(request, came) for request, came in self.waiting if request.held]
        assert all(now - came < WAIT for _, came in self.waiting)
        assert len(self.session._held) <= self.requests - 1

    @invariant()
    def the_session_lives(self) -> None:
        assert not self.session.ended
        assert self.server.closed == []

    # The end

    def teardown(self) -> None:
        if self.ending == "drained":
            self.drain()
            return
        held = [request for request, _ in self.waiting if request.held]
        self.server_hears_of_all()
        self.end()
        assert not any(request.held for request in held)
        assert list(self.stage.manager.sessions()) == []
        self.account()

    def end(self) -> None:
        if self.ending == "terminate" and self.all_there():
            self.client.send(rid=self.next_rid, type="terminate")
        elif self.ending == "close":
            self.server.link.close()
        elif self.ending == "refuse":
            self.client.send(rid=self.next_rid + 100)
        elif self.ending == "shutdown":
            self.stage.manager.close_all("system-shutdown")
        self.stage.advance(2 * (WAIT + INACTIVITY))

    def account(self) -> None:
        """Everything that was said left with an answer that got out, or was given back; nothing did both."""
        out = {id for request in self.sent if not request.gone and request.raw for id in request.said}
        given_back = self.server.given_back
        assert not out.intersection(given_back)
        assert [id for id in self.ledger.server_said if id not in out] == given_back

    def drain(self) -> None:
        """The network gets well: everything arrives."""
        for _ in range(100):
            if not self.copies and not self.failed:
                if self.ledger.client_got == self.ledger.server_said and self.next_read == self.next_rid:
                    break
                self.new()
            for rid in self.failed:
                self.repeat(rid)
            for copy in list(self.copies):
                if copy.request is None and copy in self.copies:
                    self.arrive(copy)
            for copy in self.answered():
                if copy in self.copies:
                    self.copies.remove(copy)
                    self.read(copy.rid, copy.request)
            if any(copy.request.held for copy in self.copies):
                self.stage.advance(WAIT)
        self.in_order_and_once()
        assert self.ledger.client_got == self.ledger.server_said
        assert self.server.heard == [id for ids in self.ledger.client_said.values() for id in ids]


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


class FarNetwork(Network):
    """The server is elsewhere: when it ends the stream, it can't be given anything back."""

    make_stage = Elsewhere

    def account(self) -> None:
        if self.ending != "close":
            super().account()


TestFarNetwork = FarNetwork.TestCase
TestFarNetwork.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
