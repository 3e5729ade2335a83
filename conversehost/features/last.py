"""XEP-0012: Last Activity, of accounts and of the server; a client tells its own. XEP-0256: the same in presence."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element

XEP = Xep(12, "Last Activity", "2.0", "complete")
IN_PRESENCE = Xep(256, "Last Activity in Presence", "1.1", "complete: it is a client's to say, and passed on")
_QUERY = f"{{{ns.LAST}}}query"


def install(host: Host) -> None:
    feature = LastFeature(host)
    host.advertise(ns.LAST)
    host.advertise(ns.LAST, at="account")
    host.on_iq("get", ns.LAST, "query", feature.uptime, at="host")
    host.on_iq("get", ns.LAST, "query", feature.of_account, at="account")
    host.hooks.incoming["iq"].append(feature.ask_client)
    host.hooks.became_unavailable.append(feature.note)
    host.hooks.account_deleted.append(feature.forget)


class LastFeature:
    """Notes when, and with which words, somebody left."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._start = host.clock.now()

    def uptime(self, iq: Stanza) -> Reply:
        """Section 5."""
        return seconds(self._host.clock.now() - self._start)

    def of_account(self, iq: Stanza) -> Reply:
        """Section 3. Of somebody who hasn't been here since the start, that is all there is to tell."""
        account = iq.to or iq.sender
        assert account is not None
        self._refuse_strangers(account, iq)
        if any(each.presence is not None for each in self._host.sessions(account.local)):
            return seconds(0)
        noted: tuple[float, str] | None = self._host.store.get("last", account.bare, "")
        if noted is None:
            return self.uptime(iq)
        left, status = noted
        return seconds(self._host.clock.utc() - left, status)

    def ask_client(self, to: JID, stanza: Stanza) -> bool:
        """Whoever may not see an account's presence doesn't reach its clients with this either (section 4)."""
        if stanza.type == "get" and to.resource and len(stanza) and stanza[0].tag == _QUERY:
            self._refuse_strangers(to, stanza)
        return False

    def note(self, session: Session, presence: Stanza) -> None:
        self._host.store.put("last", session.bare, "", (self._host.clock.utc(), presence.text_of("status")))

    def forget(self, account: JID) -> None:
        self._host.store.clear("last", account.bare)

    def _refuse_strangers(self, account: JID, iq: Stanza) -> None:
        if iq.sender is None or not self._host.may_see(account.to_bare(), iq.sender):
            raise StanzaError("forbidden", "only contacts are told")


def seconds(passed: float, status: str = "") -> Reply:
    return element(ns.LAST, "query", {"seconds": str(max(0, int(passed)))}, text=status or None)
