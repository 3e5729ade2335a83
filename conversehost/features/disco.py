"""XEP-0030: Service Discovery, of the host and of accounts."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import At, Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element

XEP = Xep(
    30, "Service Discovery", "2.5.0", "complete; there are no nodes, and strangers are refused accounts' items too"
)


def install(host: Host) -> None:
    feature = DiscoFeature(host)
    for namespace in (ns.DISCO_INFO, ns.DISCO_ITEMS):
        host.advertise(namespace)
        host.advertise(namespace, at="account")
    host.on_iq("get", ns.DISCO_INFO, "query", feature.host_info, at="host")
    host.on_iq("get", ns.DISCO_ITEMS, "query", feature.host_items, at="host")
    host.on_iq("get", ns.DISCO_INFO, "query", feature.account_info, at="account")
    host.on_iq("get", ns.DISCO_ITEMS, "query", feature.account_items, at="account")


class DiscoFeature:
    """Accounts tell those who may see their presence; others learn nothing, not even that they exist (section 8)."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def host_info(self, iq: Stanza) -> Reply:
        return self._info(iq, "host", {"category": "server", "type": "im", "name": "conversehost"})

    def host_items(self, iq: Stanza) -> Reply:
        refuse_nodes(iq)
        return element(ns.DISCO_ITEMS, "query")

    def account_info(self, iq: Stanza) -> Reply:
        self._refuse_strangers(iq)
        return self._info(iq, "account", {"category": "account", "type": "registered"})

    def account_items(self, iq: Stanza) -> Reply:
        self._refuse_strangers(iq)
        refuse_nodes(iq)
        return element(ns.DISCO_ITEMS, "query")

    def _info(self, iq: Stanza, at: At, identity: dict[str, str]) -> Reply:
        refuse_nodes(iq)
        query = element(ns.DISCO_INFO, "query")
        child(query, ns.DISCO_INFO, "identity", identity)
        for feature in self._host.features[at]:
            child(query, ns.DISCO_INFO, "feature", {"var": feature})
        return query

    def _refuse_strangers(self, iq: Stanza) -> None:
        sender = iq.sender
        assert sender is not None
        account = (iq.to or sender).to_bare()
        if account != sender.to_bare() and not self._host.rosters.get(account, sender).from_:
            raise StanzaError("service-unavailable")


def refuse_nodes(iq: Stanza) -> None:
    if iq[0].get("node"):
        raise StanzaError("item-not-found", "there is no such node")
