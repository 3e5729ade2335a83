"""What owners do with nodes as a whole: sections 8.1 to 8.5 of XEP-0060."""

from __future__ import annotations

from conversehost.features.pubsub.config import form, read
from conversehost.features.pubsub.items import fresh_id
from conversehost.features.pubsub.refusals import unsupported
from conversehost.features.pubsub.request import Request, form_of
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.xml import element

_REDIRECT = f"{{{ns.PUBSUB_OWNER}}}redirect"
URI = 3_000
"""Characters of the address of where a node has gone."""


def create(request: Request) -> Reply:
    """Section 8.1, also without a name, and with a configuration."""
    configure = request.beside("configure")
    if configure is not None and configure.get("node"):
        raise StanzaError("bad-request", "the configuration is that of the node that is created")
    x = None if configure is None else form_of(configure)
    config = request.pubsub.kind.defaults
    if x is not None and x.get("type") != "cancel":
        config = read(x, config)
    name = request.verb.get("node") or fresh_id()
    request.pubsub.create(request.service, name, request.sender, config)
    return request.answer(element(ns.PUBSUB, "create", {"node": name}))


def configuration(request: Request) -> Reply:
    """Section 8.2: what it is, as a form."""
    node = request.owned()
    question = form(node.config).question()
    return request.answer(element(ns.PUBSUB_OWNER, "configure", {"node": node.name}, question))


def configure(request: Request) -> Reply:
    """Section 8.2.4: what it shall be."""
    node, x = request.owned(), form_of(request.verb)
    if x is None:
        raise StanzaError("bad-request", "a form is needed")
    if x.get("type") != "cancel":
        request.pubsub.configure(request.service, node, read(x, node.config))
    return None


def default(request: Request) -> Reply:
    """Section 8.3: the configuration of a node whose creator doesn't care."""
    if request.verb.get("type", "leaf") != "leaf":
        raise unsupported("collections", "there are leaf nodes only")
    question = form(request.pubsub.kind.defaults).question()
    return request.answer(element(ns.PUBSUB_OWNER, "default", None, question))


def delete(request: Request) -> Reply:
    """Section 8.4."""
    node, redirect = request.owned(), request.verb.find(_REDIRECT)
    uri = "" if redirect is None else redirect.get("uri", "")
    if len(uri) > URI:
        raise StanzaError("not-acceptable", f"an address has at most {URI} characters")
    request.pubsub.delete(request.service, node, uri)
    return None


def purge(request: Request) -> Reply:
    """Section 8.5."""
    node = request.owned()
    if not node.config.persist_items:
        raise unsupported("persistent-items", "this node keeps no items")
    request.pubsub.purge(request.service, node)
    return None
