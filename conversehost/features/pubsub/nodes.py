"""Nodes, who is affiliated with them, and who has subscribed (section 4 of XEP-0060)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conversehost.features.pubsub.config import NodeConfig
from conversehost.store import Store
from conversehost.xmpp.jid import JID

AFFILIATIONS = ("owner", "publisher", "publish-only", "member", "none", "outcast")
MOVED = 100
"""Nodes of a service that are remembered to be somewhere else now."""


@dataclass(frozen=True, slots=True)
class Node:
    """One that exists. `creator` is a bare JID, `created` in seconds since 1970."""

    name: str
    creator: str
    created: float
    config: NodeConfig


@dataclass(frozen=True, slots=True)
class Subscription:
    """Of an address, bare or full. `pending`: an owner has yet to allow it.

    `deliver`: it wants to hear of what is published; `show`: only while it is available in one of these ways. `subid`
    tells apart those that an address has at one node (section 6.1.6); "" where there is but one.
    """

    jid: str
    pending: bool = False
    deliver: bool = True
    show: tuple[str, ...] = ()
    subid: str = ""

    @property
    def key(self) -> str:
        """By which the store has it."""
        return f"{self.subid} {self.jid}" if self.subid else self.jid

    @property
    def holder(self) -> str:
        """Whose it is: a bare JID."""
        return self.jid.partition("/")[0]

    @property
    def attributes(self) -> dict[str, str]:
        """As it is told to anybody: whose it is, and in which state."""
        told = {"jid": self.jid, "subscription": self.state}
        return told | {"subid": self.subid} if self.subid else told

    @property
    def state(self) -> str:
        """Section 4.2."""
        return "pending" if self.pending else "subscribed"


def place(service: JID, name: str) -> str:
    """Who owns in the store what belongs to a node: its address (section 4.6.1)."""
    return f"{service.bare}/{name}"


class Nodes:
    """All nodes of all services that have the store, by the service's address and the node's name.

    Collections: "pubsub-nodes" and "pubsub-moved" by service and name; by `place`, "pubsub-affiliations" and JID,
    "pubsub-subscriptions" and `key`. An affiliation of none isn't kept, nor that accounts own what is at them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, service: JID, name: str) -> Node | None:
        """The node, if there is one."""
        found: Node | None = self._store.get("pubsub-nodes", service.bare, name)
        return found

    def of(self, service: JID) -> Iterator[Node]:
        """All of a service, in order of creation. A copy: some may go meanwhile."""
        return iter(tuple(self._store.items("pubsub-nodes", service.bare).values()))

    def put(self, service: JID, node: Node) -> None:
        """A new one, or one that has changed."""
        self._store.put("pubsub-nodes", service.bare, node.name, node)
        self._store.delete("pubsub-moved", service.bare, node.name)

    def delete(self, service: JID, name: str, uri: str = "") -> None:
        """All of it but the items. `uri`: where its readers should go instead."""
        self._store.delete("pubsub-nodes", service.bare, name)
        for collection in ("pubsub-affiliations", "pubsub-subscriptions"):
            self._store.clear(collection, place(service, name))
        if uri:
            self._store.put("pubsub-moved", service.bare, name, uri)
            moved = self._store.items("pubsub-moved", service.bare)
            if len(moved) > MOVED:
                self._store.delete("pubsub-moved", service.bare, next(iter(moved)))

    def moved(self, service: JID, name: str) -> str | None:
        """Where it is now, if its owner said so when deleting it."""
        uri: str | None = self._store.get("pubsub-moved", service.bare, name)
        return uri

    def forget_moved(self, service: JID) -> None:
        """The service is gone."""
        self._store.clear("pubsub-moved", service.bare)

    # Affiliations (section 4.1)

    def affiliation(self, service: JID, name: str, entity: JID) -> str:
        """One of `AFFILIATIONS`."""
        if entity.bare == service.bare:
            return "owner"
        return self._store.get("pubsub-affiliations", place(service, name), entity.bare) or "none"

    def affiliations(self, service: JID, name: str) -> Mapping[str, str]:
        """By bare JID, none of them "none"."""
        owner = {service.bare: "owner"} if service.local else {}
        return owner | dict(self._store.items("pubsub-affiliations", place(service, name)))

    def affiliate(self, service: JID, name: str, entity: JID, affiliation: str) -> None:
        """From now on."""
        if affiliation == "none":
            self._store.delete("pubsub-affiliations", place(service, name), entity.bare)
        else:
            self._store.put("pubsub-affiliations", place(service, name), entity.bare, affiliation)

    def owners(self, service: JID, name: str) -> list[str]:
        """Their bare JIDs."""
        return [jid for jid, each in self.affiliations(service, name).items() if each == "owner"]

    # Subscriptions (section 4.2)

    def held(self, service: JID, name: str, jid: JID) -> list[Subscription]:
        """Those of exactly that address."""
        return [each for each in self.subscriptions(service, name) if each.jid == jid.full]

    def subscriptions(self, service: JID, name: str) -> list[Subscription]:
        """All of a node, those that are pending too."""
        return list(self._store.items("pubsub-subscriptions", place(service, name)).values())

    def subscribed(self, service: JID, name: str, entity: JID) -> bool:
        """Whether the account has a subscription, by its bare address or that of one of its clients, not pending."""
        found = self._store.items("pubsub-subscriptions", place(service, name)).values()
        return any(each.holder == entity.bare and not each.pending for each in found)

    def subscribe(self, service: JID, name: str, subscription: Subscription) -> None:
        """A new one, or one that has changed."""
        self._store.put("pubsub-subscriptions", place(service, name), subscription.key, subscription)

    def unsubscribe(self, service: JID, name: str, subscription: Subscription) -> None:
        """From now on it isn't there."""
        self._store.delete("pubsub-subscriptions", place(service, name), subscription.key)

    def everywhere(self, entity: JID) -> Iterator[tuple[str, list[Subscription]]]:
        """The account's subscriptions at all nodes of all services, by `place`."""
        for owner in tuple(self._store.owners("pubsub-subscriptions")):
            found = self._store.items("pubsub-subscriptions", owner).values()
            yield owner, [each for each in found if each.holder == entity.bare]

    def forget(self, entity: JID) -> None:
        """The account is gone: it has no affiliation and no subscription any more, at any node of any service."""
        for owner, subscriptions in self.everywhere(entity):
            for each in subscriptions:
                self._store.delete("pubsub-subscriptions", owner, each.key)
        for owner in tuple(self._store.owners("pubsub-affiliations")):
            self._store.delete("pubsub-affiliations", owner, entity.bare)
