"""What can be done to nodes: the model behind the requests, the same for accounts and for a service of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from conversehost.features.pubsub.access import Access
from conversehost.features.pubsub.config import NodeConfig
from conversehost.features.pubsub.events import Audience, Events
from conversehost.features.pubsub.items import Item, Items
from conversehost.features.pubsub.nodes import Node, Nodes, Subscription
from conversehost.features.pubsub.refusals import refusal
from conversehost.server.host import Host
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse

NODES = 500
"""The most that one creator has at a service."""

NAME = 1_023
"""Characters of a node's name, and of an item's id."""

SUBSCRIPTIONS = 10_000
"""The most that a node has; likewise affiliations."""

FEATURES = tuple(
    f"{ns.PUBSUB}#{name}"
    for name in (
        "config-node",
        "config-node-max",
        "create-and-configure",
        "create-nodes",
        "delete-items",
        "delete-nodes",
        "instant-nodes",
        "item-ids",
        "manage-subscriptions",
        "member-affiliation",
        "meta-data",
        "modify-affiliations",
        "multi-items",
        "multi-subscribe",
        "outcast-affiliation",
        "persistent-items",
        "presence-notifications",
        "publish",
        "publish-node-full",
        "publish-only-affiliation",
        "publish-options",
        "publisher-affiliation",
        "purge-nodes",
        "retract-items",
        "retrieve-affiliations",
        "retrieve-default",
        "retrieve-default-sub",
        "retrieve-items",
        "retrieve-subscriptions",
        "subscribe",
        "subscription-notifications",
        "subscription-options",
    )
)
"""What both kinds of service do (section 10)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is different between them: how a node is configured unless its creator says otherwise, and who may create
    one at a service. `creates_itself`: publishing does that, where there is no node yet (section 7.1.4).
    """

    defaults: NodeConfig
    may_create: Callable[[JID, JID], bool]
    creates_itself: bool = False
    belongs_to_account: bool = False


class PubSub:
    """All services of one kind on one host. Each method takes the service's address first, then the node."""

    def __init__(self, host: Host, kind: Kind, audience: Audience) -> None:
        self.host = host
        self.kind = kind
        self.nodes = Nodes(host.store)
        self.items = Items(host.store, host.clock.utc)
        self.access = Access(self.nodes, host.router)
        self.events = Events(self.nodes, self.access, host.router, audience)

    def node(self, service: JID, name: str) -> Node:
        """The node. Raises StanzaError(item-not-found), or gone where its owner said where it went."""
        found = self.nodes.get(service, name)
        if found is None:
            uri = self.nodes.moved(service, name)
            if uri is not None:
                raise StanzaError("gone", "this node is somewhere else now", uri=uri, type="modify")
            raise StanzaError("item-not-found", "there is no such node")
        return found

    def create(self, service: JID, name: str, creator: JID, config: NodeConfig) -> Node:
        """Section 8.1. Raises StanzaError."""
        if not self.kind.may_create(service, creator):
            raise StanzaError("forbidden", "you may not create a node here")
        if self.nodes.get(service, name) is not None:
            raise StanzaError("conflict", "there is such a node already")
        if len(name) > NAME:
            raise StanzaError("not-acceptable", f"a node's name has at most {NAME} characters")
        if sum(each.creator == creator.bare for each in self.nodes.of(service)) >= NODES:
            raise refusal("resource-constraint", "max-nodes-exceeded", f"at most {NODES} nodes")
        node = Node(name, creator.bare, self.host.clock.utc(), config)
        self.nodes.put(service, node)
        if creator.bare != service.bare:
            self.nodes.affiliate(service, name, creator.to_bare(), "owner")
        return node

    def delete(self, service: JID, node: Node, uri: str = "") -> None:
        """Section 8.4. `uri`: where to go instead."""
        if node.config.notify_delete:
            self.events.deleted(service, node, uri)
        self.items.purge(service, node)
        self.nodes.delete(service, node.name, uri)
        self._changed(service, node)

    def configure(self, service: JID, node: Node, config: NodeConfig) -> None:
        """Section 8.2. Who may hear of the node only now is sent the last item (section 12.2)."""
        if config == node.config:
            return
        before = set(self.events.audience(service, node))
        configured = replace(node, config=config)
        self.nodes.put(service, configured)
        leaving = self.items.shrink(service, configured)
        if config.notify_config:
            self.events.configured(service, configured)
        if leaving:
            self._leave(service, configured, leaving)
        for jid in tuple(self.events.audience(service, configured)):
            if jid not in before:
                self.send_last(service, configured, jid)
        self._changed(service, configured)

    # Items

    def publish(self, service: JID, node: Node, items: Sequence[Item]) -> None:
        """Section 7.1. Raises StanzaError, and then nothing has changed."""
        leaving = self.items.add(service, node, list(items))
        self.events.published(service, node, items)
        if leaving:
            self._leave(service, node, leaving)
        self._changed(service, node)

    def retract(self, service: JID, node: Node, ids: Sequence[str], *, notify: bool) -> None:
        """Section 7.2: items that are there."""
        for each in ids:
            self.items.remove(service, node, each)
        if notify or node.config.notify_retract:
            self.events.retracted(service, node, ids)
        self._changed(service, node)

    def purge(self, service: JID, node: Node) -> None:
        """Section 8.5."""
        self.items.purge(service, node)
        self.events.purged(service, node)
        self._changed(service, node)

    def send_last(self, service: JID, node: Node, to: JID) -> None:
        """Section 6.1.7, unless the node never does that."""
        item = self.items.last(service, node)
        config = node.config
        if item is not None and config.send_last_published_item != "never" and config.deliver_notifications:
            self.events.last(service, node, item, to)

    def _leave(self, service: JID, node: Node, items: Sequence[Item]) -> None:
        """The node was full (section 7.1.2.5)."""
        config = node.config
        if config.persist_items and config.notify_retract and config.publish_node_full == "retract-oldest":
            self.events.retracted(service, node, [each.id for each in items])

    def _changed(self, service: JID, node: Node) -> None:
        if self.kind.belongs_to_account:
            for hook in self.host.hooks.published:
                hook(service, node.name)

    # Subscriptions

    def subscribe(self, service: JID, node: Node, subscription: Subscription) -> None:
        """It begins, or an owner allowed it. Raises StanzaError."""
        self._check_room(service, node, subscription)
        self.nodes.subscribe(service, node.name, subscription)
        if subscription.pending:
            return
        self._tell_owners(service, node, subscription, "subscribed")
        self.send_last(service, node, parse(subscription.jid))

    def _check_room(self, service: JID, node: Node, subscription: Subscription) -> None:
        all_there_are = self.nodes.subscriptions(service, node.name)
        if len(all_there_are) >= SUBSCRIPTIONS and all(each.key != subscription.key for each in all_there_are):
            raise refusal("policy-violation", "too-many-subscriptions", "this node takes no more", type="wait")

    def unsubscribe(self, service: JID, node: Node, subscription: Subscription, *, notify: bool) -> None:
        """It ends. `notify`: by somebody else than its holder, who therefore has to hear of it."""
        self.nodes.unsubscribe(service, node.name, subscription)
        if notify:
            self.events.subscription(service, node, subscription, "none", [parse(subscription.jid)])
        if not subscription.pending:
            self._tell_owners(service, node, subscription, "none")

    def _tell_owners(self, service: JID, node: Node, subscription: Subscription, state: str) -> None:
        if node.config.notify_sub:
            owners = [parse(each) for each in self.nodes.owners(service, node.name)]
            self.events.subscription(service, node, subscription, state, owners)

    # Affiliations

    def affiliate(self, service: JID, node: Node, entity: JID, affiliation: str) -> None:
        """Section 8.9. What follows for subscriptions does (section 8.7): who is shut out has none, who is trusted
        needn't wait for one.
        """
        self.nodes.affiliate(service, node.name, entity, affiliation)
        for each in self.nodes.subscriptions(service, node.name):
            if each.holder != entity.bare:
                continue
            if affiliation == "outcast":
                self.unsubscribe(service, node, each, notify=True)
            elif each.pending and affiliation in ("owner", "publisher", "member"):
                self.allow(service, node, each)
        self.events.affiliation(service, node, entity, affiliation)

    def allow(self, service: JID, node: Node, subscription: Subscription) -> None:
        """An owner allows what was pending, or wishes somebody to have (section 8.6). Raises StanzaError."""
        self._check_room(service, node, subscription)
        allowed = replace(subscription, pending=False)
        self.events.subscription(service, node, allowed, "subscribed", [parse(subscription.jid)])
        self.subscribe(service, node, allowed)

    # The end of an account

    def forget(self, account: JID) -> None:
        """Its own service, and what it has at others: nodes that nobody else owns go with it."""
        for node in self.nodes.of(account):
            self.items.purge(account, node)
            self.nodes.delete(account, node.name)
        self.nodes.forget_moved(account)
        self.nodes.forget(account)
