"""What is published: an ordered table of items for each node (section 12.1 of XEP-0060), within limits."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from conversehost.features.pubsub.nodes import Node, place
from conversehost.features.pubsub.refusals import refusal
from conversehost.store import Store
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, element, parse

BYTES = 16_777_216
"""What one creator's nodes may keep, in all."""

OVERHEAD = 400
"""Bytes that an item takes up besides its payload."""


@dataclass(frozen=True, slots=True)
class Item:
    """`payload`: the serialised element, None for an item that is only news. `publisher` is a bare JID, `at` in
    seconds since 1970.
    """

    id: str
    payload: bytes | None
    publisher: str
    at: float

    @property
    def size(self) -> int:
        """What it counts for."""
        return OVERHEAD + len(self.id) + len(self.payload or b"")

    def to_element(self, namespace: str, node: Node, *, payload: bool = True) -> Element:
        """`<item/>`, of a result or an event; with who published it where the node says so (section 12.15)."""
        attributes = {"id": self.id}
        if node.config.itemreply == "publisher":
            attributes["publisher"] = self.publisher
        content = () if self.payload is None or not payload else (parse(self.payload),)
        return element(namespace, "item", attributes, *content)


def fresh_id() -> str:
    """For an item or a node whose publisher doesn't care."""
    return secrets.token_hex(8)


class Items:
    """Collections: "pubsub-items" by `place` and id, in order of publication; "pubsub-bytes" by service and creator,
    what they count for in all.
    """

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        """`now`: seconds since 1970."""
        self._store = store
        self._now = now

    def of(self, service: JID, node: Node) -> list[Item]:
        """All, the oldest first. Those whose time is over are gone (`item_expire`)."""
        items = list(self._store.items("pubsub-items", place(service, node.name)).values())
        if node.config.item_expire:
            too_old = self._now() - node.config.item_expire
            for each in items:
                if each.at <= too_old:
                    self.remove(service, node, each.id)
            items = [each for each in items if each.at > too_old]
        return items

    def get(self, service: JID, node: Node, id: str) -> Item | None:
        """One of them."""
        found: Item | None = self._store.get("pubsub-items", place(service, node.name), id)
        expires = node.config.item_expire
        return None if found is None or (expires and found.at <= self._now() - expires) else found

    def last(self, service: JID, node: Node) -> Item | None:
        """The one that was published last."""
        items = self._store.items("pubsub-items", place(service, node.name))
        return self.get(service, node, [*items][-1]) if items else None

    def add(self, service: JID, node: Node, items: list[Item]) -> list[Item]:
        """Publish all of them, in place of those that have the same ids; answers which old ones had to go for it.

        Raises StanzaError when there is no room: then nothing has changed.
        """
        room, new = node.config.room, {each.id for each in items}
        others = [each for each in self.of(service, node) if each.id not in new]
        leaving = others[: max(0, len(others) + len(new) - room)]
        if leaving and node.config.persist_items and node.config.publish_node_full == "reject":
            raise refusal("conflict", "node-full", f"it has {room} items already", type="cancel")
        self._check_room(service, node, items, leaving)
        for each in (*leaving, *items):
            self.remove(service, node, each.id)
        for each in items[len(items) - min(room, len(items)) :]:
            self._store.put("pubsub-items", place(service, node.name), each.id, each)
            self._count(service, node, each.size)
        return leaving

    def remove(self, service: JID, node: Node, id: str) -> bool:
        """False when it wasn't there."""
        found: Item | None = self._store.get("pubsub-items", place(service, node.name), id)
        if found is None:
            return False
        self._store.delete("pubsub-items", place(service, node.name), id)
        self._count(service, node, -found.size)
        return True

    def purge(self, service: JID, node: Node) -> None:
        """All are gone."""
        gone = self._store.clear("pubsub-items", place(service, node.name)).values()
        self._count(service, node, -sum(each.size for each in gone))

    def shrink(self, service: JID, node: Node) -> list[Item]:
        """The node takes fewer items now; answers those that had to go."""
        items = self.of(service, node)
        leaving = items[: max(0, len(items) - node.config.room)]
        for each in leaving:
            self.remove(service, node, each.id)
        return leaving

    def _check_room(self, service: JID, node: Node, items: list[Item], leaving: list[Item]) -> None:
        replaced = (self.get(service, node, each.id) for each in items)
        freed = sum(each.size for each in (*leaving, *(old for old in replaced if old)))
        kept: int = self._store.get("pubsub-bytes", service.bare, node.creator) or 0
        if kept - freed + sum(each.size for each in items) > BYTES:
            raise StanzaError("resource-constraint", "too much is kept already: retract or purge something first")

    def _count(self, service: JID, node: Node, size: int) -> None:
        kept: int = self._store.get("pubsub-bytes", service.bare, node.creator) or 0
        if kept + size > 0:
            self._store.put("pubsub-bytes", service.bare, node.creator, kept + size)
        else:
            self._store.delete("pubsub-bytes", service.bare, node.creator)
