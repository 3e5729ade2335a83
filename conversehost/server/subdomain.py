"""A service of a host at an address of its own, such as `conference.example.org`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from conversehost.server.delivery import Later
from conversehost.server.discovery import DiscoNode, answer, feature, identity
from conversehost.server.host import IqHandler, register
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

if TYPE_CHECKING:
    from conversehost.server.host import Host
    from conversehost.server.session import Session

INHERITED = (ns.PING, ns.VERSION, ns.TIME)
"""What a host answers for itself, it answers for its services too."""


class Subdomain:
    """A `Destination` that answers service discovery and the iqs for which there are handlers, to its bare domain.

    Whoever has more than that to do at it - addresses below, messages, presence - overrides `receive`. Further facts
    are lists to append to: `features`, `identities` (category, type, name), `forms` (XEP-0128), `finders`, which are
    asked for a node, and `listings`, which answer what is there.
    """

    def __init__(self, host: Host, name: str, category: str, type: str, label: str) -> None:
        """`name` is put before the host's domain; `label` is how people see the service called."""
        self.host = host
        self.domain = f"{name}.{host.domain}"
        self.jid = JID("", self.domain)
        self.identities = [(category, type, label)]
        self.features = [ns.DISCO_INFO, ns.DISCO_ITEMS]
        self.forms: list[Form] = []
        self.listings: list[Callable[[Stanza], Sequence[Element]]] = []
        self.finders: list[Callable[[str, Stanza], DiscoNode | None]] = []
        self._iqs: dict[tuple[str, str], IqHandler] = {}
        self.on_iq("get", ns.DISCO_INFO, "query", self._info)
        self.on_iq("get", ns.DISCO_ITEMS, "query", self._items)
        host.items[self.domain] = label
        register(host.router.routes, self.domain, self)

    def on_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: IqHandler) -> None:
        """Answer iqs with that payload to the service itself, from anybody (`iq.sender`)."""
        register(self._iqs, (type, f"{{{namespace}}}{name}"), handler)

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """Of `Destination`. Raises StanzaError."""
        if to.local or to.resource or stanza.kind != "iq":
            self.receive(to, stanza, sender)
        elif stanza.type in ("get", "set"):
            self._serve(stanza)

    def receive(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """All else: a message or a presence for the service, or anything for an address below it.

        Raises StanzaError.
        """
        if stanza.type not in ("error", "result") and stanza.kind != "presence":
            raise StanzaError("service-unavailable", f"nobody is at {to}")

    def _serve(self, iq: Stanza) -> None:
        payload = iq.payload
        assert payload is not None and iq.type is not None
        handler = self._iqs.get((iq.type, payload.tag)) or self._inherited(iq.type, payload.tag)
        if handler is None:
            raise StanzaError("service-unavailable")
        reply = handler(iq)
        if not isinstance(reply, Later):
            self.host.router.send(result(iq, reply))

    def _inherited(self, type: str, tag: str) -> IqHandler | None:
        return self.host.iqs.get(("host", type, tag)) if tag[1:].partition("}")[0] in INHERITED else None

    def _info(self, iq: Stanza) -> Element:
        node = self._node(iq)
        if node is not None:
            return answer(iq, node.info(iq))
        inherited = (each for each in INHERITED if each in self.host.features["host"])
        features = [feature(each) for each in (*self.features, *inherited)]
        return answer(
            iq, [*(identity(*each) for each in self.identities), *features, *(f.result() for f in self.forms)]
        )

    def _items(self, iq: Stanza) -> Element:
        node = self._node(iq)
        return answer(iq, node.items(iq) if node else [each for listing in self.listings for each in listing(iq)])

    def _node(self, iq: Stanza) -> DiscoNode | None:
        """The one that is asked for, if any. Raises StanzaError(item-not-found)."""
        name = iq[0].get("node")
        if not name:
            return None
        for finder in self.finders:
            found = finder(name, iq)
            if found is not None:
                return found
        raise StanzaError("item-not-found", "there is no such node")
