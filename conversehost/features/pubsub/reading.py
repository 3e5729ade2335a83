"""Reading items: section 6.5 of XEP-0060."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.pubsub.access import check_reading
from conversehost.features.pubsub.config import MAX_ITEMS
from conversehost.features.pubsub.items import Item
from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.refusals import unsupported
from conversehost.features.pubsub.request import Request
from conversehost.features.pubsub.subscribing import check_named
from conversehost.server.host import Reply
from conversehost.xmpp import ns, rsm
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.xml import Element, element

_ITEM = f"{{{ns.PUBSUB}}}item"


def items(request: Request) -> Reply:
    """All, the newest `max_items`, a page of them (XEP-0059), or those that are named. What isn't there is left out
    (section 6.5.9.12).
    """
    pubsub, service, node = request.pubsub, request.service, request.node
    check_reading(node.config, pubsub.access.standing(service, node, request.sender))
    check_named(request, node)
    if not node.config.room:
        raise unsupported("persistent-items", "this node keeps no items")
    named = [each.get("id", "") for each in request.verb.findall(_ITEM)]
    if named:
        kept = (pubsub.items.get(service, node, id) for id in dict.fromkeys(named))
        return answer(request, node, [each for each in kept if each is not None])
    found = newest(pubsub.items.of(service, node), request.verb.get("max_items"))
    wanted = rsm.read(request.iq[0])
    if wanted is None:
        return answer(request, node, found)
    page = rsm.page(wanted, found, lambda each: each.id, MAX_ITEMS)
    return answer(request, node, page.items, page.set)


def newest(found: list[Item], most: str | None) -> list[Item]:
    """Section 6.5.7. Raises StanzaError(bad-request)."""
    if most is None:
        return found
    if not (most.isascii() and most.isdecimal()) or int(most[:10]) == 0:
        raise StanzaError("bad-request", "max_items is a number of items")
    return found[-int(most[:10]) :]


def answer(request: Request, node: Node, found: Sequence[Item], *more: Element) -> Element:
    """The oldest first."""
    listed = [each.to_element(ns.PUBSUB, node) for each in found]
    return request.answer(element(ns.PUBSUB, "items", {"node": node.name}, *listed), *more)
