"""XEP-0060 section 6.5.9.8: an account has no nodes, so whoever asks for items is told that there is no such node."""

from __future__ import annotations

from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza

NS = "http://jabber.org/protocol/pubsub"


def install(host: Host) -> None:
    host.on_iq("get", NS, "pubsub", no_such_node, at="account")


def no_such_node(session: Session, iq: Stanza) -> Reply:
    """Converse.js takes this for "nothing stored"; service-unavailable it logs as an error."""
    if iq[0].find(f"{{{NS}}}items") is None:
        raise StanzaError("feature-not-implemented")
    raise StanzaError("item-not-found", "there is no such node")
