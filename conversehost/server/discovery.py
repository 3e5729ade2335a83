"""What service discovery says (XEP-0030), whoever is asked: a host, an account, a service at an address of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lxml import etree

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, attributes_of, element


@dataclass(frozen=True, slots=True)
class DiscoNode:
    """A node of service discovery: what it is, and what is below. Each gets the question, and answers the children."""

    info: Callable[[Stanza], Sequence[Element]]
    items: Callable[[Stanza], Sequence[Element]]


def answer(iq: Stanza, children: Sequence[Element]) -> Element:
    """The same `<query/>`, with what there is to say."""
    return element(etree.QName(iq[0]).namespace or "", "query", attributes_of(iq[0]), *children)


def identity(category: str, type: str, name: str = "") -> Element:
    """What an entity is."""
    named = {"name": name} if name else {}
    return element(ns.DISCO_INFO, "identity", {"category": category, "type": type, **named})


def feature(namespace: str) -> Element:
    """What it can do."""
    return element(ns.DISCO_INFO, "feature", {"var": namespace})


def item(jid: str, name: str = "", node: str = "") -> Element:
    """What is there besides."""
    described = {"jid": jid, "name": name, "node": node}
    return element(ns.DISCO_ITEMS, "item", {key: value for key, value in described.items() if value})
