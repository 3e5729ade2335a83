"""XEP-0054: vcard-temp."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element, parse, to_bytes

XEP = Xep(54, "vcard-temp", "1.3.0", "complete")


def install(host: Host) -> None:
    def read(iq: Stanza) -> Reply:
        """Anybody's. Of somebody who has none others learn as little as of somebody who doesn't exist (section 3.3)."""
        owner = (iq.to or iq.sender or host.jid).bare
        stored: bytes | None = host.store.get("vcard", owner, "")
        if stored is not None:
            return parse(stored)
        if iq.sender is None or owner != iq.sender.bare:
            raise StanzaError("service-unavailable")
        return element(ns.VCARD, "vCard")

    def write(session: Session, iq: Stanza) -> Reply:
        """One's own only (section 3.2)."""
        host.store.put("vcard", session.bare, "", to_bytes(iq[0]))
        for hook in host.hooks.vcard_changed:
            hook(session.account)
        return None

    def forget(account: JID) -> None:
        host.store.clear("vcard", account.bare)

    host.advertise(ns.VCARD)
    host.advertise(ns.VCARD, at="account")
    host.on_iq("get", ns.VCARD, "vCard", read, at="account")
    host.on_own_iq("set", ns.VCARD, "vCard", write)
    host.hooks.account_deleted.append(forget)
