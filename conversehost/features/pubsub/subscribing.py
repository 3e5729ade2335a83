"""What subscribers and those who want to be ask for: sections 5.6, 5.7 and 6.1 to 6.4 of XEP-0060.

An address can have several subscriptions at a node, which differ in their options: so they have ids (section 6.1.6).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
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
    """Section 6.1. Who has a subscription and asks for one without options, or with the same, has it already."""
    pubsub, service, node = request.pubsub, request.service, request.node
    jid = read_jid(request.verb.get("jid"))
    if jid.bare != request.sender.bare:
        raise refusal("bad-request", "invalid-jid", "one subscribes for oneself")
    standing = pubsub.access.standing(service, node, request.sender)
    check_subscribing(node.config, standing)
    held = pubsub.nodes.held(service, node.name, jid)
    if any(each.pending for each in held):
        raise refusal("not-authorized", "pending-subscription", "an owner has yet to answer your request")
    pending = node.config.access_model == "authorize" and not (standing.is_trusted or standing.subscribed)
    wanted, options = with_options(request, Subscription(jid.full, pending, subid=secrets.token_hex(8)))
    same = [each for each in held if not options or (each.deliver, each.show) == (wanted.deliver, wanted.show)]
    if same:
        return request.answer(written(node, same[0]), *options)
    pubsub.subscribe(service, node, wanted)
    if pending:
        approval.ask(pubsub, service, node, wanted)
    return request.answer(written(node, wanted), *options)


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
    attributes = {"node": node.name, **subscription.attributes, "subscription": "none"}
    return request.answer(element(ns.PUBSUB, "subscription", attributes))


def options(request: Request) -> Reply:
    """Section 6.3: what they are."""
    node, subscription = own(request)
    attributes = {"node": node.name, **subscription.attributes}
    del attributes["subscription"]
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
    held = request.pubsub.nodes.held(request.service, node.name, jid)
    if not held:
        raise not_subscribed()
    return node, named(request, held)


def named(request: Request, held: Sequence[Subscription]) -> Subscription:
    """Of an address's subscriptions the one with the `subid`; without one the only one. Raises StanzaError."""
    subid = request.verb.get("subid")
    if not subid and len(held) > 1:
        raise refusal("bad-request", "subid-required", "there are several subscriptions: which one?")
    found = next((each for each in held if not (subid and each.subid) or each.subid == subid), None)
    if found is None:
        raise refusal("not-acceptable", "invalid-subid", "there is no subscription with that subid")
    return found


def check_named(request: Request, node: Node) -> None:
    """By which subscription somebody reads, where he has several (sections 6.5.9.1 and 6.5.9.2). Raises StanzaError."""
    for jid in {request.sender, request.sender.to_bare()}:
        held = request.pubsub.nodes.held(request.service, node.name, jid)
        if len(held) > 1 or (held and request.verb.get("subid")):
            named(request, held)


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
        if each.holder == request.sender.bare
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
    return element(ns.PUBSUB, "subscription", {"node": node.name, **subscription.attributes})
