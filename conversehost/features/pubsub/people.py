"""Whom owners let read and publish: sections 8.8 and 8.9 of XEP-0060."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from conversehost.features.pubsub.nodes import AFFILIATIONS, Node, Subscription
from conversehost.features.pubsub.request import Request, read_jid
from conversehost.features.pubsub.service import SUBSCRIPTIONS
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, element

IMPOSSIBLE = {
    ("publisher", "member"),
    ("owner", "publisher"),
    ("owner", "publish-only"),
    ("owner", "member"),
    ("owner", "outcast"),
}
"""Changes of an affiliation that there aren't (section 4.1): an owner has to resign first, for one."""


def subscriptions(request: Request) -> Reply:
    """Section 8.8.1: all but those that are pending."""
    node = request.owned()
    found = request.pubsub.nodes.subscriptions(request.service, node.name)
    return listed(request, "subscriptions", node, [written(each) for each in found if not each.pending])


def set_subscriptions(request: Request) -> Reply:
    """Section 8.8.2. Raises StanzaError with those that couldn't be changed; all others are."""
    node = request.owned()
    return _each(request, node, "subscription", _set_subscription)


def _set_subscription(request: Request, node: Node, jid: JID, asked: Element) -> Element | None:
    """The one with the `subid`; without one all of the address."""
    pubsub, service, state, subid = request.pubsub, request.service, asked.get("subscription"), asked.get("subid")
    known = [each for each in pubsub.nodes.held(service, node.name, jid) if not subid or each.subid == subid]
    if state == "none":
        for each in known:
            pubsub.unsubscribe(service, node, each, notify=True)
    elif state == "subscribed" and not (known or subid):
        pubsub.allow(service, node, Subscription(jid.full, subid=secrets.token_hex(8)))
    elif state == "subscribed" and known:
        for each in known:
            if each.pending:
                pubsub.allow(service, node, each)
    elif any(state != each.state for each in known) or not known:
        nothing = {"jid": jid.full, "subscription": "none"}
        return written(known[0]) if known else element(ns.PUBSUB_OWNER, "subscription", nothing)
    return None


def written(subscription: Subscription) -> Element:
    """As owners see it."""
    return element(ns.PUBSUB_OWNER, "subscription", subscription.attributes)


def affiliations(request: Request) -> Reply:
    """Section 8.9.1."""
    node = request.owned()
    found = request.pubsub.nodes.affiliations(request.service, node.name)
    return listed(request, "affiliations", node, [affiliated(jid, each) for jid, each in found.items()])


def set_affiliations(request: Request) -> Reply:
    """Section 8.9.2. Raises StanzaError with those that couldn't be changed; all others are."""
    node = request.owned()
    jids = [each.get("jid") for each in request.verb]
    if len(set(jids)) != len(jids):
        raise StanzaError("bad-request", "somebody stands there twice")
    return _each(request, node, "affiliation", _set_affiliation)


def _set_affiliation(request: Request, node: Node, jid: JID, asked: Element) -> Element | None:
    pubsub, service, affiliation = request.pubsub, request.service, asked.get("affiliation", "")
    before = pubsub.nodes.affiliation(service, node.name, jid)
    if affiliation == before:
        return None
    others = [each for each in pubsub.nodes.owners(service, node.name) if each != jid.bare]
    known = pubsub.nodes.affiliations(service, node.name)
    if (
        affiliation not in AFFILIATIONS
        or (before, affiliation) in IMPOSSIBLE
        or (before == "owner" and (not others or jid == service))
        or (before == "none" and len(known) >= SUBSCRIPTIONS)
    ):
        return affiliated(jid.bare, before)
    pubsub.affiliate(service, node, jid.to_bare(), affiliation)
    return None


def affiliated(jid: str, affiliation: str) -> Element:
    """As owners see it."""
    return element(ns.PUBSUB_OWNER, "affiliation", {"jid": jid, "affiliation": affiliation})


def _each(
    request: Request, node: Node, what: str, change: Callable[[Request, Node, JID, Element], Element | None]
) -> Reply:
    """Make every change that is asked for; one that says nothing of what it shall be changes nothing."""
    asked = [(read_jid(each.get("jid"), missing="jid-required"), each) for each in request.verb]
    refused = [change(request, node, jid, each) for jid, each in asked if each.get(what) is not None]
    left = [each for each in refused if each is not None]
    if left:
        raise StanzaError("not-acceptable", "that can't be changed so", content=listed(request, f"{what}s", node, left))
    return None


def listed(request: Request, what: str, node: Node, found: Sequence[Element]) -> Element:
    """What an owner is told of the people at a node."""
    return request.answer(element(ns.PUBSUB_OWNER, what, {"node": node.name}, *found))
