"""Who hears of what happens at a node, and what they are sent (sections 7.1.2, 8 and 12.2 to 12.4 of XEP-0060)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Protocol

from conversehost.features.pubsub.access import Access, may_read
from conversehost.features.pubsub.config import form
from conversehost.features.pubsub.items import Item
from conversehost.features.pubsub.nodes import Node, Nodes, Subscription
from conversehost.server.delivery import delay
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element


class Audience(Protocol):
    """Who hears of a node without having subscribed."""

    def implied(self, service: JID, node: Node) -> Iterable[Session]:
        """Each of them once; those who may not read are sorted out elsewhere."""


class Nobody:
    """`Audience` of a service whose subscribers have all subscribed."""

    def implied(self, service: JID, node: Node) -> Iterable[Session]:
        return ()


class Events:
    """Of one kind of service on one host."""

    def __init__(self, nodes: Nodes, access: Access, router: Router, audience: Audience) -> None:
        self._nodes = nodes
        self._access = access
        self._router = router
        self._audience = audience

    # What happens at a node

    def published(self, service: JID, node: Node, items: Sequence[Item]) -> None:
        """Section 7.1.2. Where there is nothing to keep and nothing to deliver, an event has no item at all."""
        if node.config.deliver_notifications:
            self._tell(service, node, items_event(node, items), noted=True)

    def retracted(self, service: JID, node: Node, ids: Iterable[str]) -> None:
        """Section 7.2.2.1."""
        children = [element(ns.PUBSUB_EVENT, "retract", {"id": each}) for each in ids]
        content = event(element(ns.PUBSUB_EVENT, "items", {"node": node.name}, *children))
        self._tell(service, node, content, noted=True)

    def purged(self, service: JID, node: Node) -> None:
        """Section 8.5.2."""
        self._tell(service, node, event(element(ns.PUBSUB_EVENT, "purge", {"node": node.name})))

    def configured(self, service: JID, node: Node) -> None:
        """Section 8.2.5.3."""
        content = [form(node.config).result()] if node.config.deliver_payloads else []
        self._tell(service, node, event(element(ns.PUBSUB_EVENT, "configuration", {"node": node.name}, *content)))

    def deleted(self, service: JID, node: Node, uri: str) -> None:
        """Section 8.4.2, before it is gone: those hear of it too who wait to be let in."""
        content = [element(ns.PUBSUB_EVENT, "redirect", {"uri": uri})] if uri else []
        gone = event(element(ns.PUBSUB_EVENT, "delete", {"node": node.name}, *content))
        pending = [each.jid for each in self._nodes.subscriptions(service, node.name) if each.pending]
        self._tell(service, node, gone, pending)

    # What one of them is told

    def last(self, service: JID, node: Node, item: Item, to: JID) -> None:
        """The item that was published last, for who hears of it only now (section 6.1.7)."""
        message = self._message(service, to, node, items_event(node, [item]))
        delay(message, service.bare, item.at)
        self._router.send(message)

    def subscription(self, service: JID, node: Node, subscription: Subscription, state: str, to: Sequence[JID]) -> None:
        """A subscription isn't in the state any more that it was in (section 12.10): for its holder, or for owners."""
        attributes = {"node": node.name, **subscription.attributes, "subscription": state}
        for each in to:
            content = event(element(ns.PUBSUB_EVENT, "subscription", attributes))
            self._router.send(self._message(service, each, node, content))

    def affiliation(self, service: JID, node: Node, entity: JID, affiliation: str) -> None:
        """Section 8.9.4."""
        changed = element(ns.PUBSUB, "affiliation", {"jid": entity.bare, "affiliation": affiliation})
        listed = element(ns.PUBSUB, "affiliations", {"node": node.name}, changed)
        content = element(ns.PUBSUB, "pubsub", None, listed)
        self._router.send(self._message(service, entity.to_bare(), node, content))

    # Who hears of it

    def audience(self, service: JID, node: Node) -> dict[JID, list[str]]:
        """All who may, each with the ids of the subscriptions that it hears it by. Of an account none hears it twice:
        where its clients have said that they want to hear of the node, a subscription of the bare address adds nothing
        (XEP-0163 section 4.3.2).
        """
        found: dict[JID, list[str]] = {}
        told = set[str]()
        for session in self._audience.implied(service, node):
            if self._may(service, node, session.jid):
                told |= {session.full, session.bare}
                found[session.jid] = []
        for each in self._nodes.subscriptions(service, node.name):
            if each.pending or not each.deliver or each.jid in told:
                continue
            jid = parse(each.jid)
            if self._may(service, node, jid, subscribed=True) and self._is_right_time(node, each, jid):
                found.setdefault(jid, []).append(each.subid)
        return found

    def _may(self, service: JID, node: Node, entity: JID, *, subscribed: bool | None = None) -> bool:
        return may_read(node.config, self._access.standing(service, node, entity, subscribed=subscribed))

    def _is_right_time(self, node: Node, subscription: Subscription, jid: JID) -> bool:
        """Where that matters: whether one of the address's clients is available, in a way that it has asked for."""
        if not (node.config.presence_based_delivery or subscription.show):
            return True
        shown = list(self._shows(jid))
        return any(each in subscription.show for each in shown) if subscription.show else bool(shown)

    def _shows(self, jid: JID) -> Iterator[str]:
        host = self._router.hosts.get(jid.domain)
        for session in () if host is None else host.sessions(jid.local):
            if session.presence is not None and jid.resource in ("", session.jid.resource):
                yield session.presence.text_of("show") or "online"

    def _tell(
        self, service: JID, node: Node, content: Element, others: Iterable[str] = (), *, noted: bool = False
    ) -> None:
        """Once each address. `noted`: who has several subscriptions is told by which of them (section 7.1.2)."""
        held = Counter(each.jid for each in self._nodes.subscriptions(service, node.name)) if noted else Counter[str]()
        for to, subids in (self.audience(service, node) | {parse(each): [] for each in others}).items():
            message = self._message(service, to, node, copy(content))
            if held[to.full] > 1 and subids:
                message.append(headers(subids))
            self._router.send(message)

    def _message(self, service: JID, to: JID, node: Node, content: Element) -> Stanza:
        attributes = {"from": service.bare, "to": to.full, "id": secrets.token_hex(8)}
        if node.config.notification_type == "headline":
            attributes["type"] = "headline"
        return stanza("message", attributes, content)


def event(content: Element) -> Element:
    """`<event/>`."""
    return element(ns.PUBSUB_EVENT, "event", None, content)


def headers(subids: Iterable[str]) -> Element:
    """`<headers/>` of XEP-0131."""
    made = element(ns.SHIM, "headers")
    for each in subids:
        child(made, ns.SHIM, "header", {"name": "SubID"}).text = each
    return made


def items_event(node: Node, items: Sequence[Item]) -> Element:
    """The news of items, with what is in them if the node delivers that."""
    made = element(ns.PUBSUB_EVENT, "items", {"node": node.name})
    if node.config.persist_items or node.config.deliver_payloads:
        for each in items:
            made.append(each.to_element(ns.PUBSUB_EVENT, node, payload=node.config.deliver_payloads))
    return event(made)
