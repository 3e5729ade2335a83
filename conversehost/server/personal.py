"""What the rest of the server may do with the nodes that accounts keep and publish things at (XEP-0163)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from conversehost.server.session import Session
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element


class PersonalNodes(Protocol):
    """Those of a host's accounts, by bare JID and name of the node."""

    def items(self, account: JID, node: str) -> Mapping[str, Element | None]:
        """What is published there: payloads by id, in the order in which they came; nothing where there is no node."""

    def access_model(self, account: JID, node: str) -> str | None:
        """Who may read it (XEP-0060 section 4.5); None when there is no such node."""

    def publish(self, account: JID, node: str, id: str, payload: Element, options: Mapping[str, str]) -> None:
        """One more item, in the account's own name. `options` are those of a node that is made for it (`access_model`
        and so on, section 16.4.4); one that is there stays as it is. Raises StanzaError.
        """

    def send_last(self, account: JID, session: Session, nodes: Iterable[str]) -> None:
        """What the account has published last at some nodes, for a client, of anybody, which wants to hear of them and
        has become available, where it may (XEP-0163 section 4.3.4).
        """

    def retract(self, account: JID, node: str, ids: list[str]) -> None:
        """Items that are there; whoever is interested hears of it."""
