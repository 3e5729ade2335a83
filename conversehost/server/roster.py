"""Rosters and the states of subscriptions (RFC 6121 sections 2, 3 and appendix A)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from conversehost.store import Store
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, child, element

ITEMS_PER_ACCOUNT = 10_000
CHANGES_PER_ACCOUNT = 200
"""Remembered of each roster: a client that has missed more gets it whole."""

UNTOUCHED = "0"
"""The version of a roster that nothing was ever in."""


@dataclass(frozen=True, slots=True)
class RosterItem:
    """One contact, and how it stands between the two.

    `to`: we see their presence. `from_`: they see ours. `ask`: we asked to and wait for the answer. `pending`: they
    asked (the request, serialised) and wait for ours. `approved`: should they ask, the answer is yes (section 3.4).
    """

    jid: str
    name: str = ""
    groups: tuple[str, ...] = ()
    to: bool = False
    from_: bool = False
    ask: bool = False
    approved: bool = False
    pending: bytes | None = None
    listed: bool = True  # False: only a request of theirs is pending, which isn't shown in the roster (section 3.1.3)
    removed: bool = False

    @property
    def subscription(self) -> str:
        """none, to, from, both; or remove."""
        if self.removed:
            return "remove"
        return ("none", "to", "from", "both")[self.to + 2 * self.from_]

    def to_element(self) -> Element:
        """`<item/>` as in roster results and pushes (section 2.1.2)."""
        attributes = {"jid": self.jid, "subscription": self.subscription}
        if self.removed:
            return element(ns.ROSTER, "item", attributes)
        if self.name:
            attributes["name"] = self.name
        if self.ask:
            attributes["ask"] = "subscribe"
        if self.approved:
            attributes["approved"] = "true"
        made = element(ns.ROSTER, "item", attributes)
        for group in self.groups:
            child(made, ns.ROSTER, "group").text = group
        return made


class Rosters:
    """The rosters of all accounts, in the store: collection "roster", by bare JID, then by the contact's bare JID.

    Beside it "roster-log": by version, whom that change was about. Versions are random, so that one of a time before a
    reset means nothing after it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, account: JID) -> Iterator[RosterItem]:
        """All that is kept, also requests that aren't listed. A copy: the roster may change meanwhile."""
        return iter(tuple(self._store.items("roster", account.bare).values()))

    def get(self, account: JID, contact: JID) -> RosterItem:
        """The item; for a stranger a fresh one that isn't listed."""
        found: RosterItem | None = self._store.get("roster", account.bare, contact.bare)
        return found or RosterItem(contact.bare, listed=False)

    def size(self, account: JID) -> int:
        """How many items are kept."""
        return len(self._store.items("roster", account.bare))

    def check_room(self, account: JID, before: RosterItem) -> None:
        """One more contact may be listed, or it is kept already. Raises StanzaError(not-allowed)."""
        if not before.listed and before.pending is None and self.size(account) >= ITEMS_PER_ACCOUNT:
            raise StanzaError("not-allowed", f"a roster has at most {ITEMS_PER_ACCOUNT} contacts")

    def put(self, account: JID, item: RosterItem) -> None:
        """Keep the item, or drop it when nothing worth keeping is left. That is a change, unless it doesn't show."""
        if item.listed and not is_hidden(self._store.get("roster", account.bare, item.jid), item):
            self._log(account, item.jid)
        if item.listed or item.pending is not None or item.approved:
            self._store.put("roster", account.bare, item.jid, item)
        else:
            self._store.delete("roster", account.bare, item.jid)

    def remove(self, account: JID, contact: JID) -> None:
        """Drop the item."""
        self._store.delete("roster", account.bare, contact.bare)
        self._log(account, contact.bare)

    def forget(self, account: JID) -> None:
        """The account is gone."""
        for collection in ("roster", "roster-log"):
            self._store.clear(collection, account.bare)

    # Versions (RFC 6121 section 2.6)

    def version(self, account: JID) -> str:
        """Of the roster as it is now."""
        return [UNTOUCHED, *self._store.items("roster-log", account.bare)][-1]

    def missed(self, account: JID, version: str) -> dict[str, str] | None:
        """By address the contacts that have changed since, each with the version of its last change, in order.

        None: nobody knows any more, or the whole roster would be shorter.
        """
        log = self._store.items("roster-log", account.bare)
        if version not in log:
            return {} if version == UNTOUCHED and not log else None
        versions = list(log)
        missed: dict[str, str] = {}
        for later in versions[versions.index(version) + 1 :]:
            missed.pop(log[later], None)
            missed[log[later]] = later
        return missed if len(missed) <= self.size(account) else None

    def _log(self, account: JID, contact: str) -> None:
        log = self._store.items("roster-log", account.bare)
        if len(log) >= CHANGES_PER_ACCOUNT:
            self._store.delete("roster-log", account.bare, next(iter(log)))
        self._store.put("roster-log", account.bare, secrets.token_hex(8), contact)


def is_hidden(before: RosterItem | None, after: RosterItem) -> bool:
    """Whether from one to the other only the contact's request has changed, which isn't shown."""
    return before is not None and before.pending != after.pending and before == replace(after, pending=before.pending)
