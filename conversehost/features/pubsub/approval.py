"""Subscriptions that an owner has to allow: section 8.6 of XEP-0060."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from conversehost.features.pubsub.nodes import Node, Subscription
from conversehost.features.pubsub.service import PubSub
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, form_in
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean

AUTHORIZATION = f"{ns.PUBSUB}#subscribe_authorization"


def form(node: str, jid: str, subid: str = "") -> Form:
    """The question; the answer has the same fields."""
    return Form(
        (
            Field("pubsub#subid", "hidden", values=(subid,)),
            Field("pubsub#node", "text-single", "Node", (node,)),
            Field("pubsub#subscriber_jid", "jid-single", "Address of the subscriber", (jid,)),
            Field("pubsub#allow", "boolean", "Let them subscribe?", ("0",)),
        ),
        AUTHORIZATION,
        "Somebody wants to subscribe",
        "Whoever subscribes can read what is published at the node.",
    )


def ask(
    pubsub: PubSub, service: JID, node: Node, subscription: Subscription, owners: Sequence[str] | None = None
) -> None:
    """These owners, or all; the first to answer decides (section 12.9)."""
    for owner in pubsub.nodes.owners(service, node.name) if owners is None else owners:
        attributes = {"from": service.bare, "to": owner, "id": secrets.token_hex(8)}
        message = stanza("message", attributes)
        child(message, ns.CLIENT, "body").text = clean(f"{subscription.jid} wants to subscribe to {node.name}.")
        message.append(form(node.name, subscription.jid, subscription.subid).question())
        pubsub.host.router.send(message)


def answer_in(message: Stanza) -> Element | None:
    """The form that an owner has filled in, or cancelled, if there is one in the message."""
    x = None if message.type == "error" else form_in(message, AUTHORIZATION)
    return x if x is not None and x.get("type") in ("submit", "cancel") else None


def answered(pubsub: PubSub, service: JID, sender: JID, x: Element) -> None:
    """What an owner says to it. Cancelled, the request waits on. Raises StanzaError."""
    if x.get("type") == "cancel":
        return
    answers = form("", "").read(x)
    node = pubsub.node(service, answers.text("pubsub#node"))
    pubsub.access.check_owner(service, node, sender)
    try:
        jid = parse(answers.text("pubsub#subscriber_jid"))
    except JIDError as error:
        raise StanzaError("bad-request", f"pubsub#subscriber_jid: {error}") from None
    about = answers.text("pubsub#subid")
    waiting = [each for each in pubsub.nodes.held(service, node.name, jid) if each.pending]
    subscription = next((each for each in waiting if about in ("", each.subid)), None)
    if subscription is None:
        raise StanzaError("item-not-found", "nobody waits for that answer any more")
    if answers.flag("pubsub#allow"):
        pubsub.allow(service, node, subscription)
    else:
        pubsub.unsubscribe(service, node, subscription, notify=True)
