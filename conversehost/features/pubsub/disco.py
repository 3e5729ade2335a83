"""Nodes as service discovery shows them: sections 5.2 to 5.5 of XEP-0060."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.pubsub.access import may_read, why_not
from conversehost.features.pubsub.config import written
from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.service import PubSub
from conversehost.server.discovery import DiscoNode, feature, identity, item
from conversehost.xmpp import ns, rsm
from conversehost.xmpp.forms import Field, FieldType, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element

META_DATA = f"{ns.PUBSUB}#meta-data"


class Shown:
    """The nodes of one kind of service. Nobody is shown a node where they may neither read nor subscribe."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub

    def listing(self, iq: Stanza) -> Sequence[Element]:
        """All nodes of a service, or a page of them (section 5.2)."""
        service, sender = ends(iq)
        shown = [
            item(service.bare, each.config.title, each.name)
            for each in self._pubsub.nodes.of(service)
            if why_not(each.config, self._pubsub.access.standing(service, each, sender)) is None
        ]
        return paged(iq, shown, "node")

    def node(self, name: str) -> DiscoNode:
        """One of them; asked about one that isn't there, it raises StanzaError(item-not-found)."""

        def info(iq: Stanza) -> Sequence[Element]:
            service, node = self._find(iq, name)
            return [
                identity("pubsub", "leaf", node.config.title),
                *(feature(each) for each in (ns.PUBSUB, ns.DISCO_INFO, ns.DISCO_ITEMS)),
                self._meta_data(service, node).result(),
            ]

        def items(iq: Stanza) -> Sequence[Element]:
            """Section 5.5."""
            service, node = self._find(iq, name)
            if not may_read(node.config, self._pubsub.access.standing(service, node, ends(iq)[1])):
                return []
            return paged(iq, [item(service.bare, each.id) for each in self._pubsub.items.of(service, node)], "name")

        return DiscoNode(info, items)

    def _find(self, iq: Stanza, name: str) -> tuple[JID, Node]:
        service, sender = ends(iq)
        node = self._pubsub.node(service, name)
        error = why_not(node.config, self._pubsub.access.standing(service, node, sender))
        if error is not None:
            raise error
        return service, node

    def _meta_data(self, service: JID, node: Node) -> Form:
        """Section 5.4."""
        config, people = node.config, self._pubsub.nodes.affiliations(service, node.name)
        subscribers = self._pubsub.nodes.subscriptions(service, node.name)
        told: tuple[tuple[str, FieldType, tuple[str, ...]], ...] = (
            ("type", "text-single", (config.type,)),
            ("creator", "jid-single", (node.creator,)),
            ("creation_date", "text-single", (stamp(node.created),)),
            ("title", "text-single", (config.title,)),
            ("description", "text-single", (config.description,)),
            ("language", "list-single", (config.language,)),
            ("access_model", "list-single", (config.access_model,)),
            ("publish_model", "list-single", (config.publish_model,)),
            ("max_items", "text-single", (written("max_items", config.max_items),)),
            ("owner", "jid-multi", tuple(jid for jid, each in people.items() if each == "owner")),
            ("publisher", "jid-multi", tuple(jid for jid, each in people.items() if each == "publisher")),
            ("num_subscribers", "text-single", (str(len({each.jid for each in subscribers if not each.pending})),)),
        )
        fields = (Field(f"pubsub#{name}", type, values=values) for name, type, values in told if any(values))
        return Form(tuple(fields), META_DATA)


def paged(iq: Stanza, listed: Sequence[Element], key: str) -> Sequence[Element]:
    """The page that the question asks for, if it does (XEP-0059); `key` is the attribute that tells items apart."""
    wanted = rsm.read(iq[0])
    if wanted is None:
        return listed
    page = rsm.page(wanted, listed, lambda each: each.get(key, ""))
    return [*page.items, page.set]


def ends(iq: Stanza) -> tuple[JID, JID]:
    """The service that is asked, and who asks."""
    sender = iq.sender
    assert sender is not None
    return (iq.to or sender).to_bare(), sender
