"""What a node keeps, against a model of it: whatever is done to it, in whatever order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from conversehost.features.pubsub.items import OVERHEAD
from tests.features.pubsub.words import (
    NODE,
    SERVICE,
    configure,
    create,
    done,
    item,
    news,
    own,
    publish,
    read,
    refused,
    retract,
    subscribe,
    texts,
)
from tests.stage import Stage

IDS = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.sampled_from(["x", "yy", "zzz"])
FULL = st.sampled_from(["retract-oldest", "discard-oldest", "reject"])


class Node(RuleBasedStateMachine):
    """`kept` is the model: texts by id, in order of publication. juliet hears of everything that happens."""

    @initialize(room=st.integers(1, 3), full=FULL, persists=st.booleans())
    def begin(self, room: int, full: str, persists: bool) -> None:
        self.stage = Stage()
        self.romeo, self.juliet = self.stage.login("romeo"), self.stage.login("juliet")
        self.room, self.full, self.persists = room, full, persists
        create(self.romeo, max_items=str(room), publish_node_full=full, persist_items=str(int(persists)))
        done(configure(self.romeo, notify_retract="1"))
        done(subscribe(self.juliet))
        self.kept: dict[str, str] = {}

    @property
    def size(self) -> int:
        return self.room if self.persists else 1

    @rule(id=IDS, text=TEXTS)
    def publish(self, id: str, text: str) -> None:
        answer = publish(self.romeo, item(id, text))
        others = {each: kept for each, kept in self.kept.items() if each != id}
        if self.persists and self.full == "reject" and len(others) >= self.size:
            assert refused(answer) == ("conflict", "node-full")
            return
        leaving = list(others)[: max(0, len(others) + 1 - self.size)]
        self.kept = {each: kept for each, kept in others.items() if each not in leaving} | {id: text}
        told = [f"retract {each}" for each in leaving if self.persists and self.full == "retract-oldest"]
        assert news(self.juliet) == [f"item {id} {text}", *told]

    @rule(id=IDS)
    def retract(self, id: str) -> None:
        answer = retract(self.romeo, id)
        if not self.persists:
            assert refused(answer)[0] == "feature-not-implemented"
        elif id not in self.kept:
            assert refused(answer) == ("item-not-found", None)
        else:
            del self.kept[id]
            assert news(self.juliet) == [f"retract {id}"]

    @rule()
    def purge(self) -> None:
        answer = own(self.romeo, "set", f"<purge node='{NODE}'/>")
        if self.persists:
            self.kept.clear()
            assert news(self.juliet) == ["purge"]
        else:
            assert refused(answer)[0] == "feature-not-implemented"

    @rule(room=st.integers(1, 4))
    def resize(self, room: int) -> None:
        done(configure(self.romeo, max_items=str(room)))
        self.room = room
        leaving = list(self.kept)[: max(0, len(self.kept) - self.size)]
        for each in leaving:
            del self.kept[each]
        told = [f"retract {each}" for each in leaving if self.full != "discard-oldest"]
        assert news(self.juliet) == (told if self.full == "retract-oldest" else [])

    @invariant()
    def it_has_what_it_should(self) -> None:
        if hasattr(self, "kept"):
            assert (read(self.juliet), texts(self.juliet)) == (list(self.kept), list(self.kept.values()))
            payloads = sum(len(f'<entry xmlns="urn:e">{text}</entry>') for text in self.kept.values())
            counted = self.stage.store.get("pubsub-bytes", SERVICE, "romeo@localhost") or 0
            assert counted == payloads + len(self.kept) * (OVERHEAD + 1)


TestNode = Node.TestCase
TestNode.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
