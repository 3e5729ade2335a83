"""XEP-0030: Service Discovery, of the host and of accounts, with XEP-0128: extensions of it."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.xep import Xep
from conversehost.server.discovery import DiscoNode, answer, feature, identity, item
from conversehost.server.host import At, Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

XEP = Xep(30, "Service Discovery", "2.5.0", "complete; strangers are refused accounts' items too")
EXTENSIONS = Xep(128, "Service Discovery Extensions", "1.0.1", "complete")


def install(host: Host) -> None:
    disco = DiscoFeature(host)
    for namespace in (ns.DISCO_INFO, ns.DISCO_ITEMS):
        host.advertise(namespace)
        host.advertise(namespace, at="account")
    host.on_iq("get", ns.DISCO_INFO, "query", disco.host_info, at="host")
    host.on_iq("get", ns.DISCO_ITEMS, "query", disco.host_items, at="host")
    host.on_iq("get", ns.DISCO_INFO, "query", disco.account_info, at="account")
    host.on_iq("get", ns.DISCO_ITEMS, "query", disco.account_items, at="account")


class DiscoFeature:
    """Accounts tell those who may see their presence; others learn nothing, not even that they exist (section 8)."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def host_info(self, iq: Stanza) -> Reply:
        identities = [identity(*each) for each in self._host.identities["host"]]
        return self._info(iq, "host", identities, [each.result() for each in self._host.forms])

    def host_items(self, iq: Stanza) -> Reply:
        return self._items(iq, "host", [item(jid, name) for jid, name in self._host.items.items()])

    def account_info(self, iq: Stanza) -> Reply:
        self._refuse_strangers(iq)
        return self._info(iq, "account", [identity(*each) for each in self._host.identities["account"]])

    def account_items(self, iq: Stanza) -> Reply:
        self._refuse_strangers(iq)
        return self._items(iq, "account", [each for listing in self._host.hooks.listings for each in listing(iq)])

    def _info(self, iq: Stanza, at: At, identities: Sequence[Element], forms: Sequence[Element] = ()) -> Reply:
        node = self._node(iq, at)
        if node is not None:
            return answer(iq, node.info(iq))
        features = [feature(each) for each in self._host.features[at]]
        return answer(iq, [*identities, *features, *forms])

    def _items(self, iq: Stanza, at: At, items: Sequence[Element]) -> Reply:
        node = self._node(iq, at)
        return answer(iq, items if node is None else node.items(iq))

    def _node(self, iq: Stanza, at: At) -> DiscoNode | None:
        """The one that is asked for, if any. Raises StanzaError(item-not-found)."""
        name = iq[0].get("node")
        if not name:
            return None
        found = self._host.nodes.get((at, name))
        for hook in self._host.hooks.nodes:
            found = found or hook(at, name)
        if found is None:
            raise StanzaError("item-not-found", "there is no such node")
        return found

    def _refuse_strangers(self, iq: Stanza) -> None:
        sender = iq.sender
        assert sender is not None
        if not self._host.may_see((iq.to or sender).to_bare(), sender):
            raise StanzaError("service-unavailable")
