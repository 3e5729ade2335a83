"""One request to a service: who wants what of which node."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.refusals import node_missing, refusal
from conversehost.features.pubsub.service import PubSub
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import X
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element


@dataclass(frozen=True, slots=True)
class Request:
    """`verb` is the child of `<pubsub/>` that says what is wanted, `rest` are those after it."""

    iq: Stanza
    pubsub: PubSub
    service: JID
    sender: JID
    verb: Element
    rest: tuple[Element, ...]

    @classmethod
    def of(cls, pubsub: PubSub, iq: Stanza) -> Request:
        """Raises StanzaError(bad-request) when it asks for nothing."""
        sender = iq.sender
        assert sender is not None
        if not len(iq[0]):
            raise StanzaError("bad-request", "nothing is asked for")
        return cls(iq, pubsub, (iq.to or sender).to_bare(), sender, iq[0][0], tuple(iq[0])[1:])

    @property
    def name(self) -> str:
        """Of the node. Raises StanzaError(bad-request) when none is named."""
        name = self.verb.get("node")
        if not name:
            raise node_missing()
        return name

    @property
    def node(self) -> Node:
        """The one that is named. Raises StanzaError."""
        return self.pubsub.node(self.service, self.name)

    def owned(self) -> Node:
        """The same, which must be one of the sender's (section 8). Raises StanzaError."""
        node = self.node
        self.pubsub.access.check_owner(self.service, node, self.sender)
        return node

    def beside(self, name: str) -> Element | None:
        """What came with the verb, such as `<configure/>`."""
        return next((each for each in self.rest if etree.QName(each).localname == name), None)

    def answer(self, *children: Element) -> Element:
        """`<pubsub/>`, in the namespace of the request."""
        return element(etree.QName(self.iq[0]).namespace or "", "pubsub", None, *children)

    @property
    def namespace(self) -> str:
        """Of the request."""
        return etree.QName(self.iq[0]).namespace or ns.PUBSUB


def form_of(parent: Element) -> Element | None:
    """The data form in it."""
    return parent.find(X)


def read_jid(attribute: str | None, *, missing: str = "invalid-jid") -> JID:
    """The address in an attribute. Raises StanzaError(bad-request)."""
    if not attribute:
        raise refusal("bad-request", missing, "whose address?")
    try:
        return parse(attribute)
    except JIDError as error:
        raise refusal("bad-request", "invalid-jid", f"jid: {error}") from None
