"""What subscribers and those who want to be ask for: sections 5.6, 5.7 and 6.1 to 6.4 of XEP-0060.

Everybody has one subscription at most with each address at each node, so there are no subscription ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conversehost.features.pubsub import approval
from conversehost.features.pubsub.access import check_subscribing
from conversehost.features.pubsub.nodes import Node, Subscription
from conversehost.features.pubsub.refusals import not_subscribed, refusal
from conversehost.features.pubsub.request import Request, form_of, read_jid
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, element

SUBSCRIBE_OPTIONS = f"{ns.PUBSUB}#subscribe_options"
_SHOWS = ("away", "chat", "dnd", "online", "xa")


def form(subscription: Subscription) -> Form:
    """Its options, as they are (section 16.4.2)."""
    shows = tuple((each, "") for each in _SHOWS)
    return Form(
        (
            Field("pubsub#deliver", "boolean", "Hear of what is published", (str(int(subscription.deliver)),)),
            Field(
                "pubsub#show-values", "list-multi", "Only while available like this", subscription.show, False, shows
            ),
        ),
        SUBSCRIBE_OPTIONS,
        "Your subscription",
    )


def read_options(x: Element, subscription: Subscription) -> Subscription:
    """A submission. Raises StanzaError(bad-request)."""
    try:
        answers = form(subscription).read(x)
    except StanzaError as error:
        raise refusal("bad-request", "invalid-options", error.text) from None
    if answers.texts("pubsub#deliver"):
        subscription = replace(subscription, deliver=answers.flag("pubsub#deliver"))
    if answers.texts("pubsub#show-values"):
        shows = tuple(dict.fromkeys(answers.texts("pubsub#show-values")))
        subscription = replace(subscription, show=shows if set(shows) != set(_SHOWS) else ())
    return subscription


def subscribe(request: Request) -> Reply:
    """Section 6.1."""
    pubsub, service, node = request.pubsub, request.service, request.node
    jid = read_jid(request.verb.get("jid"))
    if jid.bare != request.sender.bare:
        raise refusal("bad-request", "invalid-jid", "one subscribes for oneself")
    standing = pubsub.access.standing(service, node, request.sender)
    check_subscribing(node.config, standing)
    known = pubsub.nodes.subscription(service, node.name, jid)
    if known is not None and known.pending:
        raise refusal("not-authorized", "pending-subscription", "an owner has yet to answer your request")
    pending = node.config.access_model == "authorize" and not (standing.is_trusted or standing.subscribed)
    subscription, options = with_options(request, known or Subscription(jid.full, pending))
    if subscription != known:
        pubsub.subscribe(service, node, subscription)
    if pending:
        approval.ask(pubsub, service, node, subscription)
    return request.answer(written(node, subscription), *options)


def with_options(request: Request, subscription: Subscription) -> tuple[Subscription, list[Element]]:
    """Those that came with the request (section 6.3.7), and what they are then. Raises StanzaError(bad-request)."""
    options = request.beside("options")
    x = None if options is None else form_of(options)
    if options is None or x is None:
        return subscription, []
    if options.get("node") or options.get("jid"):
        raise StanzaError("bad-request", "options that come with a subscription are for that one")
    subscription = read_options(x, subscription)
    return subscription, [element(ns.PUBSUB, "options", None, form(subscription).result())]


def unsubscribe(request: Request) -> Reply:
    """Section 6.2."""
    node, subscription = own(request)
    request.pubsub.unsubscribe(request.service, node, subscription, notify=False)
    attributes = {"node": node.name, "jid": subscription.jid, "subscription": "none"}
    return request.answer(element(ns.PUBSUB, "subscription", attributes))


def options(request: Request) -> Reply:
    """Section 6.3: what they are."""
    node, subscription = own(request)
    attributes = {"node": node.name, "jid": subscription.jid}
    return request.answer(element(ns.PUBSUB, "options", attributes, form(subscription).question()))


def set_options(request: Request) -> Reply:
    """Section 6.3.5: what they shall be."""
    node, subscription = own(request)
    x = form_of(request.verb)
    if x is None:
        raise refusal("bad-request", "invalid-options", "a form is needed")
    if x.get("type") != "cancel":
        changed = read_options(x, subscription)
        request.pubsub.nodes.subscribe(request.service, node.name, changed)
    return None


def own(request: Request) -> tuple[Node, Subscription]:
    """The sender's subscription that is named. Raises StanzaError."""
    node, jid = request.node, read_jid(request.verb.get("jid"), missing="jid-required")
    if jid.bare != request.sender.bare:
        raise StanzaError("forbidden", "that is somebody else's subscription")
    subscription = request.pubsub.nodes.subscription(request.service, node.name, jid)
    if subscription is None:
        raise not_subscribed()
    return node, subscription


def default(request: Request) -> Reply:
    """Section 6.4: the options of a subscription that has none yet; the same at all nodes."""
    name = request.verb.get("node")
    if name:
        request.pubsub.node(request.service, name)
    made = element(ns.PUBSUB, "default", {"node": name} if name else None, form(Subscription("")).result())
    return request.answer(made)


def subscriptions(request: Request) -> Reply:
    """Section 5.6: the sender's own, at all nodes or one."""
    name = request.verb.get("node")
    found = [
        written(node, each)
        for node in chosen(request)
        for each in request.pubsub.nodes.subscriptions(request.service, node.name)
        if each.jid.partition("/")[0] == request.sender.bare
    ]
    return request.answer(element(ns.PUBSUB, "subscriptions", {"node": name} if name else None, *found))


def affiliations(request: Request) -> Reply:
    """Section 5.7: the sender's own, at all nodes or one."""
    name = request.verb.get("node")
    found = [
        element(ns.PUBSUB, "affiliation", {"node": node.name, "affiliation": affiliation})
        for node in chosen(request)
        if (affiliation := standing_of(request, node, request.sender)) != "none"
    ]
    return request.answer(element(ns.PUBSUB, "affiliations", {"node": name} if name else None, *found))


def standing_of(request: Request, node: Node, entity: JID) -> str:
    """Its affiliation."""
    return request.pubsub.nodes.affiliation(request.service, node.name, entity)


def chosen(request: Request) -> Iterator[Node]:
    """The node that is named, or all."""
    if request.verb.get("node"):
        yield request.node
    else:
        yield from request.pubsub.nodes.of(request.service)


def written(node: Node, subscription: Subscription) -> Element:
    """`<subscription/>`, in full."""
    attributes = {"node": node.name, "jid": subscription.jid, "subscription": subscription.state}
    return element(ns.PUBSUB, "subscription", attributes)
