"""XEP-0160: Best Practices for Handling Offline Messages, and XEP-0203: when they came."""

from __future__ import annotations

from copy import copy

from conversehost.features.xep import Xep
from conversehost.server.delivery import delay
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes

XEP = Xep(160, "Best Practices for Handling Offline Messages", "1.0.1", "complete")
DELAY = Xep(203, "Delayed Delivery", "2.0", "complete")
MESSAGES_PER_ACCOUNT = 1_000
_TRANSIENT = (ns.CHAT_STATES, ns.HINTS)


def install(host: Host) -> None:
    def keep(message: Stanza, account: JID) -> bool:
        """Store; a full store refuses, so that the sender learns of it (section 2)."""
        if is_transient(message):
            return True
        if len(host.store.items("offline", account.bare)) >= MESSAGES_PER_ACCOUNT:
            return False
        stored = copy(message)  # the note is for nobody else who gets the message
        delay(stored, host.domain, host.clock.utc())
        host.store.append("offline", account.bare, to_bytes(stored))
        return True

    def hand_over(session: Session) -> None:
        """All of it, in order, to the first session that can take it; what it can't is kept."""
        waiting = tuple(host.store.clear("offline", session.bare).values())
        for number, message in enumerate(waiting):
            session.deliver("message", message)
            if host.session(session.jid) is not session:
                for rest in waiting[number + 1 :]:
                    host.store.append("offline", session.bare, rest)
                return

    def forget(account: JID) -> None:
        host.store.clear("offline", account.bare)

    host.advertise(ns.OFFLINE)
    host.hooks.undeliverable.append(keep)
    host.hooks.became_available.append(hand_over)
    host.hooks.account_deleted.append(forget)


def is_transient(message: Stanza) -> bool:
    """Nothing but chat states and hints: of no use later (XEP-0160 section 3, XEP-0085 section 5.8)."""
    return (
        not message.text_of("body")
        and len(message) > 0
        and all(each.tag[1:].partition("}")[0] in _TRANSIENT or each.tag.endswith("}thread") for each in message)
    )
