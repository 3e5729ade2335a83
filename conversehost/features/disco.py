"""XEP-0030: Service Discovery, of the host and of accounts."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import At, Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element

XEP = Xep(
    30, "Service Discovery", "2.5.0", "complete; there are no nodes, and strangers are refused accounts' items too"
)


def install(host: Host) -> None:
    host.advertise(ns.DISCO_INFO)
    host.advertise(ns.DISCO_ITEMS)
    host.advertise(ns.DISCO_INFO, at="account")
    host.advertise(ns.DISCO_ITEMS, at="account")
    host.on_iq("get", ns.DISCO_INFO, "query", host_info, at="host")
    host.on_iq("get", ns.DISCO_ITEMS, "query", no_items, at="host")
    host.on_iq("get", ns.DISCO_INFO, "query", account_info, at="account")
    host.on_iq("get", ns.DISCO_ITEMS, "query", account_items, at="account")


def host_info(session: Session, iq: Stanza) -> Reply:
    return info(iq, session.host, "host", "server", "im", "conversehost")


def account_info(session: Session, iq: Stanza) -> Reply:
    """Only for those who may see the account's presence (section 8); others learn nothing, not even that it exists."""
    refuse_strangers(session, iq)
    return info(iq, session.host, "account", "account", "registered")


def info(iq: Stanza, host: Host, at: At, category: str, type: str, name: str = "") -> Reply:
    refuse_nodes(iq)
    query = element(ns.DISCO_INFO, "query")
    identity = {"category": category, "type": type}
    child(query, ns.DISCO_INFO, "identity", identity | {"name": name} if name else identity)
    for feature in host.features[at]:
        child(query, ns.DISCO_INFO, "feature", {"var": feature})
    return query


def account_items(session: Session, iq: Stanza) -> Reply:
    refuse_strangers(session, iq)
    return no_items(session, iq)


def no_items(session: Session, iq: Stanza) -> Reply:
    refuse_nodes(iq)
    return element(ns.DISCO_ITEMS, "query")


def refuse_nodes(iq: Stanza) -> None:
    if iq[0].get("node"):
        raise StanzaError("item-not-found", "there is no such node")


def refuse_strangers(session: Session, iq: Stanza) -> None:
    account = (iq.to or session.jid).to_bare()
    if account != session.account and not session.host.rosters.get(account, session.account).from_:
        raise StanzaError("service-unavailable")
