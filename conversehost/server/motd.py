"""The message of the day (XEP-0133 sections 4.24 to 4.26): what everybody is told once, now or at the next login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import clean, element

if TYPE_CHECKING:
    from conversehost.server.host import Host


class MessageOfTheDay:
    """Of a host, in the store: collection "motd" by domain, and "motd_told" by account, for those who know it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def text(self) -> str:
        """What it is; "" for none."""
        found: str | None = self._host.store.get("motd", self._host.domain, "")
        return found or ""

    def set(self, text: str) -> None:
        """Another one, for all; who is there is told now."""
        self.delete()
        self.edit(text)
        for session in self._host.all_sessions():
            if session.presence is not None and session.priority >= 0:
                self.tell(session)

    def edit(self, text: str) -> None:
        """It says something else from now on; nobody is told twice."""
        self._host.store.put("motd", self._host.domain, "", text)

    def delete(self) -> None:
        """There is none any more."""
        store = self._host.store
        store.clear("motd", self._host.domain)
        for owner in [each for each in store.owners("motd_told") if each.endswith(f"@{self._host.domain}")]:
            store.clear("motd_told", owner)

    def tell(self, session: Session) -> None:
        """Somebody can be told from now on. As a headline: it is the server's word."""
        text = self.text
        if text and not self._host.store.get("motd_told", session.bare, ""):
            self._host.store.put("motd_told", session.bare, "", True)
            said = element(ns.CLIENT, "body", text=clean(text))
            session.send(stanza("message", {"type": "headline", "from": self._host.domain, "to": session.full}, said))

    def forget(self, account: JID) -> None:
        """The account is gone."""
        self._host.store.clear("motd_told", account.bare)
