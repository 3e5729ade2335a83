"""XEP-0049: Private XML Storage, which clients keep bookmarks and settings in."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, parse, to_bytes

XEP = Xep(49, "Private XML Storage", "1.2", "complete")
ENTRIES, BYTES = 100, 262_144
"""The most that an account keeps, in elements and in all."""


def install(host: Host) -> None:
    def read(session: Session, iq: Stanza) -> Reply:
        """What is kept under the name of the element that is sent, or that element, empty as it is (section 2.2)."""
        asked = content(iq)
        stored: bytes | None = host.store.get("private", session.bare, asked.tag)
        return element(ns.PRIVATE, "query", None, asked if stored is None else parse(stored))

    def write(session: Session, iq: Stanza) -> Reply:
        """Replaces what was kept under that name (section 2.1)."""
        kept, data = content(iq), to_bytes(content(iq))
        others = {name: each for name, each in host.store.items("private", session.bare).items() if name != kept.tag}
        if len(others) >= ENTRIES or sum(map(len, others.values())) + len(data) > BYTES:
            raise StanzaError("resource-constraint", "too much is kept already")
        host.store.put("private", session.bare, kept.tag, data)
        for hook in host.hooks.stored_privately:
            hook(session.account, kept.tag)
        return None

    def forget(account: JID) -> None:
        host.store.clear("private", account.bare)

    host.advertise(ns.PRIVATE)
    host.advertise(ns.PRIVATE, at="account")
    host.on_own_iq("get", ns.PRIVATE, "query", read)
    host.on_own_iq("set", ns.PRIVATE, "query", write)
    host.hooks.account_deleted.append(forget)


def content(iq: Stanza) -> Element:
    """The one element, of a namespace of its own. Raises StanzaError(bad-request)."""
    query = iq[0]
    if len(query) != 1:
        raise StanzaError("bad-request", "one element at a time")
    if query[0].tag.startswith((f"{{{ns.PRIVATE}}}", f"{{{ns.CLIENT}}}")) or not query[0].tag.startswith("{"):
        raise StanzaError("bad-request", "the element has a namespace of its own")
    return query[0]
