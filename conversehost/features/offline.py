"""XEP-0160: messages for those who are away, and XEP-0203: when they were sent."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import child, to_bytes

XEP = Xep(160, "1.0.1", "complete")
MESSAGES_PER_ACCOUNT = 1_000
_TRANSIENT = ("http://jabber.org/protocol/chatstates", "urn:xmpp:hints")


def install(host: Host) -> None:
    def keep(message: Stanza, account: JID) -> bool:
        """Store; a full store refuses, so that the sender learns of it (section 3)."""
        if is_transient(message):
            return True
        if len(host.store.items("offline", account.bare)) >= MESSAGES_PER_ACCOUNT:
            return False
        if not message.has(ns.DELAY, "delay"):
            child(message, ns.DELAY, "delay", {"from": host.domain, "stamp": stamp(host.clock.utc())})
        host.store.append("offline", account.bare, to_bytes(message))
        return True

    def hand_over(session: Session) -> None:
        """All of it to the first session that can take it."""
        for stored in host.store.clear("offline", session.bare).values():
            session.link.send(stored)

    def forget(account: JID) -> None:
        host.store.clear("offline", account.bare)

    host.advertise(ns.OFFLINE)
    host.hooks.undeliverable.append(keep)
    host.hooks.became_available.append(hand_over)
    host.hooks.account_deleted.append(forget)


def is_transient(message: Stanza) -> bool:
    """Nothing but chat states and hints: of no use later (XEP-0160 section 3, XEP-0085 section 5.1)."""
    return not message.text_of("body") and len(message) > 0 and all(
        each.tag[1:].partition("}")[0] in _TRANSIENT or each.tag.endswith("}thread") for each in message
    )
