"""Publishing items and retracting them: section 7 of XEP-0060."""

from __future__ import annotations

from dataclasses import replace

from conversehost.features.pubsub.access import check_publishing
from conversehost.features.pubsub.config import NodeConfig, read_preconditions
from conversehost.features.pubsub.items import Item, fresh_id
from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.refusals import refusal, unsupported
from conversehost.features.pubsub.request import Request, form_of
from conversehost.features.pubsub.service import NAME
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.xml import Element, element, to_bytes

_ITEM = f"{{{ns.PUBSUB}}}item"


def publish(request: Request) -> Reply:
    """Section 7.1; of several items all or none (section 12.8)."""
    options = request.beside("publish-options")
    x = None if options is None else form_of(options)
    wanted = {} if x is None else dict(read_preconditions(x))
    pubsub, service, name = request.pubsub, request.service, request.name
    node = pubsub.nodes.get(service, name)
    if node is None and pubsub.kind.creates_itself and pubsub.kind.may_create(service, request.sender):
        config = replace(pubsub.kind.defaults, **wanted)
        items = read_items(request, config)
        node = pubsub.create(service, name, request.sender, config)
    else:
        node = pubsub.node(service, name)
        check_publishing(node.config, pubsub.access.standing(service, node, request.sender))
        check_preconditions(node, wanted)
        items = read_items(request, node.config)
    pubsub.publish(service, node, items)
    listed = [element(ns.PUBSUB, "item", {"id": each.id}) for each in items if node.config.room]
    return request.answer(element(ns.PUBSUB, "publish", {"node": name}, *listed))


def check_preconditions(node: Node, wanted: dict[str, object]) -> None:
    """Section 7.1.5. Raises StanzaError(conflict)."""
    unmet = [name for name, value in wanted.items() if getattr(node.config, name) != value]
    if unmet:
        names = ", ".join(f"pubsub#{each}" for each in unmet)
        raise refusal("conflict", "precondition-not-met", f"the node is configured otherwise: {names}", type="cancel")


def read_items(request: Request, config: NodeConfig) -> list[Item]:
    """What is to be published, as the node wants it (section 7.1.3). Raises StanzaError."""
    found = request.verb.findall(_ITEM)
    if not config.persist_items and not config.deliver_payloads:
        if found:
            raise refusal("bad-request", "item-forbidden", "this node takes no items: only that something happened")
        return [Item(fresh_id(), None, request.sender.bare, request.pubsub.host.clock.utc())]
    if not found:
        raise refusal("bad-request", "item-required", "what is to be published?")
    if len(found) > max(config.room, 1):
        raise refusal("not-allowed", "max-items-exceeded", f"this node keeps {config.room} items")
    items = [read_item(request, config, each) for each in found]
    if len({each.id for each in items}) != len(items):
        raise StanzaError("bad-request", "two items have the same id")
    return items


def read_item(request: Request, config: NodeConfig, found: Element) -> Item:
    """One of them. Raises StanzaError."""
    if len(found) > 1:
        raise refusal("bad-request", "invalid-payload", "an item has one payload")
    if not len(found) and config.deliver_payloads:
        raise refusal("bad-request", "payload-required", "an item of this node has a payload")
    payload = to_bytes(found[0]) if len(found) else None
    if payload is not None and len(payload) > config.max_payload_size:
        raise refusal("not-acceptable", "payload-too-big", f"at most {config.max_payload_size} bytes")
    id = found.get("id") or fresh_id()
    if len(id) > NAME:
        raise StanzaError("not-acceptable", f"an item's id has at most {NAME} characters")
    return Item(id, payload, request.sender.bare, request.pubsub.host.clock.utc())


def retract(request: Request) -> Reply:
    """Section 7.2: one's own items; all, by an owner."""
    pubsub, service, node = request.pubsub, request.service, request.node
    standing = pubsub.access.standing(service, node, request.sender)
    check_publishing(node.config, standing)
    ids = list(dict.fromkeys(each.get("id", "") for each in request.verb.findall(_ITEM)))
    if not ids or "" in ids:
        raise refusal("bad-request", "item-required", "which item?")
    if not node.config.persist_items:
        raise unsupported("persistent-items", "this node keeps no items")
    for each in ids:
        item = pubsub.items.get(service, node, each)
        if item is None:
            raise StanzaError("item-not-found", "there is no such item")
        if standing.affiliation != "owner" and item.publisher != request.sender.bare:
            raise StanzaError("forbidden", "that is somebody else's")
    pubsub.retract(service, node, ids, notify=request.verb.get("notify") in ("1", "true"))
    return None
