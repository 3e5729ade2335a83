"""XEP-0060: Publish-Subscribe, as far as that accounts have no nodes: whoever asks for items is told so."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza

XEP = Xep(60, "Publish-Subscribe", "1.30.0", "only the answer that there is no such node")
NS = "http://jabber.org/protocol/pubsub"


def install(host: Host) -> None:
    host.on_iq("get", NS, "pubsub", no_such_node, at="account")


def no_such_node(iq: Stanza) -> Reply:
    """Section 6.5.9.11. Converse.js takes it for "nothing stored"; service-unavailable it logs as an error."""
    if iq[0].find(f"{{{NS}}}items") is None:
        raise StanzaError("feature-not-implemented")
    raise StanzaError("item-not-found", "there is no such node")
