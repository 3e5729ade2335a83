"""XEP-0441: Message Archive Management Preferences: whose messages an account's archive keeps."""

from __future__ import annotations

from typing import cast

from conversehost.features.xep import Xep
from conversehost.server.archive_rules import Default, Preferences, preferences
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(441, "Message Archive Management Preferences", "0.2.0", "complete")
MOST = 1_000
"""Addresses in a list."""

_JID = f"{{{ns.MAM}}}jid"


def install(host: Host) -> None:
    def read(session: Session, iq: Stanza) -> Reply:
        return written(preferences(host, session.bare))

    def write(session: Session, iq: Stanza) -> Reply:
        """They hold for what is said from now on."""
        wishes = Preferences(default_in(iq[0]), addresses_in(iq[0], "always"), addresses_in(iq[0], "never"))
        host.store.put("archive-preferences", session.bare, "", wishes)
        return written(wishes)

    def forget(account: JID) -> None:
        host.store.clear("archive-preferences", account.bare)

    host.on_own_iq("get", ns.MAM, "prefs", read)
    host.on_own_iq("set", ns.MAM, "prefs", write)
    host.hooks.account_deleted.append(forget)


def default_in(prefs: Element) -> Default:
    """Raises StanzaError(bad-request)."""
    default = prefs.get("default")
    if default not in ("always", "never", "roster"):
        raise StanzaError("bad-request", "the default is always, never or roster")
    return cast(Default, default)


def addresses_in(prefs: Element, name: str) -> tuple[str, ...]:
    """Those in a list, prepared, each once. Raises StanzaError(bad-request, jid-malformed)."""
    found = [each.text or "" for each in prefs.iterfind(f"{{{ns.MAM}}}{name}/{_JID}")]
    if len(found) > MOST:
        raise StanzaError("bad-request", f"at most {MOST} addresses in a list")
    try:
        return tuple(dict.fromkeys(parse(each.strip()).full for each in found))
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None


def written(wishes: Preferences) -> Element:
    """`<prefs/>`."""
    made = element(ns.MAM, "prefs", {"default": wishes.default})
    for name, jids in (("always", wishes.always), ("never", wishes.never)):
        listed = child(made, ns.MAM, name)
        for each in jids:
            child(listed, ns.MAM, "jid").text = each
    return made
