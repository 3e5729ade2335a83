"""RFC 6121 appendix A: two people, both on this server, against a model that is nothing but its tables.

After each step both rosters, what either client was told, and whom it sees are what the model says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from conversehost.server.roster import RosterItem
from conversehost.xmpp import ns
from tests.features.test_subscriptions import APPROVED, INBOUND, OUTBOUND, SAME
from tests.stage import Client, Stage

NAMES = ("romeo", "juliet")
OTHER = {"romeo": "juliet", "juliet": "romeo"}
TYPES = ("subscribe", "subscribed", "unsubscribe", "unsubscribed")
OUT = {(type, before): (routed, after) for type, rows in OUTBOUND.items() for before, routed, after in rows}
IN = {(type, row[0]): row[1:] for type, rows in INBOUND.items() for row in rows}
GRANTED = {"None": "From", "None + Pending Out": "From + Pending Out", "To": "Both"}
"""What becomes of a request that was approved in advance (section 3.4)."""


@dataclass
class Side:
    """One's state towards the other. `told`: the types of what was delivered in this step."""

    state: str = "None"
    listed: bool = False
    approved: bool = False
    name: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def sees(self) -> bool:
        return self.state.startswith(("To", "Both"))

    @property
    def is_seen(self) -> bool:
        return self.state.startswith(("From", "Both"))

    @property
    def asks(self) -> bool:
        return "Pending Out" in self.state

    @property
    def is_asked(self) -> bool:
        return self.state.endswith(("Pending In", "Out+In"))

    def item(self, jid: str) -> dict[str, str] | None:
        """What its owner's client has in the roster."""
        if not self.listed:
            return None
        shown = {"jid": jid, "subscription": self.state.partition(" ")[0].lower()}
        extra = {"ask": "subscribe" * self.asks, "approved": "true" * self.approved, "name": self.name}
        return shown | {key: value for key, value in extra.items() if value}


class Model:
    """Both sides."""

    def __init__(self) -> None:
        self.sides = {name: Side() for name in NAMES}

    def send(self, name: str, type: str) -> None:
        """Tables 2 to 5."""
        side = self.sides[name]
        routed, after = OUT[type, side.state]
        if after == APPROVED:
            side.approved = side.listed = True
        elif after != SAME:
            side.listed = side.listed or type in ("subscribe", "subscribed")
            side.state = after
        if type == "unsubscribed":
            side.approved = False
        if routed:
            self._deliver(OTHER[name], type)

    def _deliver(self, name: str, type: str) -> None:
        """Tables 6 to 9."""
        side = self.sides[name]
        delivered, after, answer = IN[type, side.state]
        if type == "subscribe" and side.approved and side.state in GRANTED:
            delivered, after, answer = False, GRANTED[side.state], "subscribed"
            side.approved = False
        if after != SAME:
            side.state = after
        if delivered:
            side.told.append(type)
        if answer is not None:
            self._deliver(OTHER[name], answer)

    def remove(self, name: str) -> None:
        """Section 2.5.2."""
        before = self.sides[name]
        if before.listed:
            self.sides[name] = Side(told=before.told)
            if before.sees or before.asks:
                self._deliver(OTHER[name], "unsubscribe")
            if before.is_seen or before.is_asked:
                self._deliver(OTHER[name], "unsubscribed")


class View:
    """What a client makes of what it is sent: its roster, and who is there."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.roster = client.roster()
        self.present: set[str] = set()
        self.told: list[str] = []
        client.available()

    def look(self) -> None:
        """At all that has come."""
        for push in self.client.pushes():
            self.roster.pop(push["jid"], None)
            if push["subscription"] != "remove":
                self.roster[push["jid"]] = push
        for sender, type in self.client.seen():
            if type is None:
                self.present.add(sender)
            elif type == "unavailable":
                self.present.discard(sender)
            else:
                self.told.append(type)


class Subscriptions(RuleBasedStateMachine):
    """Two clients of either, which come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.accounts = {name: self.stage.account(name) for name in NAMES}
        self.model = Model()
        self.views: dict[tuple[str, int], View] = {}
        self.newcomer: View | None = None

    @initialize(friends=st.booleans())
    def begin(self, friends: bool) -> None:
        if friends:
            self.stage.befriend(*NAMES)
            for name in NAMES:
                self.model.sides[name] = Side("Both", listed=True)
        for name in NAMES:
            self.come_or_go(name, 0)
            self.agree()

    @rule(name=st.sampled_from(NAMES), number=st.sampled_from([0, 1, 1, 1]))
    def come_or_go(self, name: str, number: int) -> None:
        view = self.views.pop((name, number), None)
        if view is None:
            self.newcomer = self.views[name, number] = View(self.stage.connect(name, f"r{number}"))
        else:
            view.client.drop()

    @rule(name=st.sampled_from(NAMES), type=st.sampled_from(TYPES))
    def send(self, name: str, type: str) -> None:
        if client := self.client(name):
            client.presence(type, f"{OTHER[name]}@localhost")
            self.model.send(name, type)

    @rule(name=st.sampled_from(NAMES), type=st.sampled_from(TYPES), reply=st.sampled_from(TYPES))
    def send_both(self, name: str, type: str, reply: str) -> None:
        """What mostly happens, so that it is tried often."""
        if self.client(OTHER[name]):
            self.send(name, type)
            self.send(OTHER[name], reply)

    @rule(name=st.sampled_from(NAMES), called=st.sampled_from(["", "A", "B"]))
    def rename(self, name: str, called: str) -> None:
        if client := self.client(name):
            content = f"<item jid='{OTHER[name]}@localhost' name='{called}'/>"
            client.ask("set", f"<query xmlns='{ns.ROSTER}'>{content}</query>")
            self.model.sides[name].listed, self.model.sides[name].name = True, called

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        if client := self.client(name):
            content = f"<item jid='{OTHER[name]}@localhost' subscription='remove'/>"
            answer = client.ask("set", f"<query xmlns='{ns.ROSTER}'>{content}</query>")
            assert (answer.type == "result") == self.model.sides[name].listed
            self.model.remove(name)

    @invariant()
    def agree(self) -> None:
        for (name, _), view in self.views.items():
            side, other = self.model.sides[name], f"{OTHER[name]}@localhost"
            view.look()
            waits = ["subscribe"] if view is self.newcomer and side.is_asked else []
            assert view.told == side.told + waits
            assert view.roster.get(other) == side.item(other)
            assert {jid for jid in view.present if jid.startswith(other)} == set(self.seen_by(name))
            assert view.client.take() == []
            view.told.clear()
        for name in NAMES:
            self.model.sides[name].told.clear()
            assert self.kept(name) == self.model.sides[name].item(f"{OTHER[name]}@localhost")
        self.newcomer = None

    @invariant()
    def both_sides_know_the_same(self) -> None:
        for name in NAMES:
            mine, theirs = self.model.sides[name], self.model.sides[OTHER[name]]
            assert (mine.sees, mine.asks) == (theirs.is_seen, theirs.is_asked)

    @invariant()
    def nothing_unexpected(self) -> None:
        assert self.stage.unexpected == []

    def client(self, name: str) -> Client | None:
        """One of his or hers that is there."""
        return next((view.client for (whose, _), view in self.views.items() if whose == name), None)

    def seen_by(self, name: str) -> Iterator[str]:
        if self.model.sides[name].sees:
            yield from (view.client.jid for (whose, _), view in self.views.items() if whose == OTHER[name])

    def kept(self, name: str) -> dict[str, str] | None:
        item: RosterItem = self.stage.host.rosters.get(self.accounts[name], self.accounts[OTHER[name]])
        assert (item.pending is not None) == self.model.sides[name].is_asked
        return dict(item.to_element().attrib) if item.listed else None  # type: ignore[arg-type]


Subscriptions.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestSubscriptions = Subscriptions.TestCase

REFLEXES = {
    "acknowledges everything": {
        "subscribe": ("subscribed", "subscribe"),
        "subscribed": ("subscribe",),
        "unsubscribe": ("unsubscribed", "unsubscribe"),
        "unsubscribed": ("unsubscribe",),
    },
    "says it twice": {type: (type, type) for type in TYPES},
    "never gives up": {
        "subscribe": ("subscribed", "subscribe"),
        "subscribed": ("subscribed",),
        "unsubscribe": ("subscribe",),
        "unsubscribed": ("unsubscribed",),
    },
}


@pytest.mark.parametrize("first", TYPES)
@pytest.mark.parametrize("one", REFLEXES.values(), ids=REFLEXES.keys())
@pytest.mark.parametrize("other", REFLEXES.values(), ids=REFLEXES.keys())
def test_clients_that_answer_by_reflex_come_to_rest(
    stage: Stage, one: dict[str, tuple[str, ...]], other: dict[str, tuple[str, ...]], first: str
):
    """As those of RFC 3921 do, whose answers were answered in turn."""
    clients = {name: stage.login(name) for name in NAMES}
    reflexes = dict(zip(NAMES, (one, other), strict=True))
    clients["romeo"].presence(first, "juliet@localhost")
    for _ in range(10):
        said = [(name, type) for name, client in clients.items() for _, type in client.seen()]
        for name, type in said:
            for answer in reflexes[name].get(type or "", ()):
                clients[name].presence(answer, f"{OTHER[name]}@localhost")
        if not said:
            return
    raise AssertionError(said)
