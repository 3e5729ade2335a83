"""Every request there is to a service, and who answers it."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from conversehost.features.pubsub import owner, people, publishing, reading, subscribing
from conversehost.features.pubsub.request import Request
from conversehost.features.pubsub.service import PubSub
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza

ANSWERS: dict[tuple[str, str, str], Callable[[Request], Reply]] = {
    ("get", ns.PUBSUB, "items"): reading.items,
    ("get", ns.PUBSUB, "subscriptions"): subscribing.subscriptions,
    ("get", ns.PUBSUB, "affiliations"): subscribing.affiliations,
    ("get", ns.PUBSUB, "options"): subscribing.options,
    ("get", ns.PUBSUB, "default"): subscribing.default,
    ("set", ns.PUBSUB, "options"): subscribing.set_options,
    ("set", ns.PUBSUB, "subscribe"): subscribing.subscribe,
    ("set", ns.PUBSUB, "unsubscribe"): subscribing.unsubscribe,
    ("set", ns.PUBSUB, "publish"): publishing.publish,
    ("set", ns.PUBSUB, "retract"): publishing.retract,
    ("set", ns.PUBSUB, "create"): owner.create,
    ("get", ns.PUBSUB_OWNER, "configure"): owner.configuration,
    ("set", ns.PUBSUB_OWNER, "configure"): owner.configure,
    ("get", ns.PUBSUB_OWNER, "default"): owner.default,
    ("set", ns.PUBSUB_OWNER, "delete"): owner.delete,
    ("set", ns.PUBSUB_OWNER, "purge"): owner.purge,
    ("get", ns.PUBSUB_OWNER, "subscriptions"): people.subscriptions,
    ("set", ns.PUBSUB_OWNER, "subscriptions"): people.set_subscriptions,
    ("get", ns.PUBSUB_OWNER, "affiliations"): people.affiliations,
    ("set", ns.PUBSUB_OWNER, "affiliations"): people.set_affiliations,
}
"""By the type of the iq, and the namespace and name of what is in `<pubsub/>`."""


def answer(pubsub: PubSub, iq: Stanza) -> Reply:
    """Raises StanzaError."""
    request = Request.of(pubsub, iq)
    verb = etree.QName(request.verb)
    handler = ANSWERS.get((iq.type or "", verb.namespace or "", verb.localname))
    if handler is None or verb.namespace != request.namespace:
        raise StanzaError("bad-request", f"there is no {iq.type} with {verb.localname}")
    return handler(request)
