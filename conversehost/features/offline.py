"""XEP-0160: Best Practices for Handling Offline Messages, as the hints of XEP-0334 have it, dated as in XEP-0203."""

from __future__ import annotations

from copy import copy

from conversehost.features.xep import Xep
from conversehost.server.delivery import delay
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import read
from conversehost.xmpp.xml import parse, to_bytes

XEP = Xep(160, "Best Practices for Handling Offline Messages", "1.0.1", "complete")
HINTS = Xep(334, "Message Processing Hints", "1.0.0", "complete: offline storage, archives and carbons follow them")
DELAY = Xep(203, "Delayed Delivery", "2.0", "complete")
_DELAY = f"{{{ns.DELAY}}}delay"
MESSAGES_PER_ACCOUNT, BYTES_PER_ACCOUNT = 1_000, 8_388_608


def install(host: Host) -> None:
    def keep(message: Stanza, account: JID) -> bool:
        """Store; what won't be, is refused, so that the sender learns of it (section 2), or forgotten."""
        if not is_worth_storing(message):
            return not message.text_of("body")
        waiting = tuple(host.store.items("offline", account.bare).values())
        stored = copy(message)  # the note is for nobody else who gets the message
        now = host.clock.utc()
        delay(stored, host.domain, moment(now, waiting[-1], host.domain) if waiting else now)
        data = to_bytes(stored)
        if len(waiting) >= MESSAGES_PER_ACCOUNT or sum(map(len, waiting)) + len(data) > BYTES_PER_ACCOUNT:
            return False
        host.store.append("offline", account.bare, data)
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


def moment(now: float, before: bytes, domain: str) -> float:
    """When a message came, as its stamp says: a millisecond after the one that was stored `before` it, if that came in
    the same one. Clients sort by stamps, and Converse.js mixes up messages of the same moment.
    """
    said = [each.get("stamp", "") for each in parse(before).iterchildren(_DELAY) if each.get("from") == domain]
    try:
        stamps = [read(each) for each in said]
    except ValueError:  # a component's, in our name
        return now
    return max((now, *(each + 0.001 for each in stamps if now - 0.001 < each < now + 1)))


def is_worth_storing(message: Stanza) -> bool:
    """As the sender's hint has it (XEP-0334 section 4). Without one, all but chat states alone, which are of no use
    later (XEP-0160 section 3, XEP-0085 section 5.8).
    """
    if message.has(ns.HINTS, "no-store"):
        return False
    return message.has(ns.HINTS, "store") or not is_chat_state(message)


def is_chat_state(message: Stanza) -> bool:
    """That, and nothing besides."""
    spaces = {each.tag[1:].partition("}")[0] for each in message if each.tag != f"{{{ns.CLIENT}}}thread"}
    return ns.CHAT_STATES in spaces and spaces <= {ns.CHAT_STATES, ns.HINTS}
