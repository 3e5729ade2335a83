"""RFC 6121 section 2: the roster, read and changed by its owner, and pushed to all who have read it."""

from __future__ import annotations

import itertools
from dataclasses import replace

from conversehost.server.host import Host, Reply
from conversehost.server.roster import RosterItem
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

GROUPS_PER_ITEM = 50
TEXT = 1_023
_GROUP = f"{{{ns.ROSTER}}}group"


def install(host: Host) -> None:
    feature = RosterFeature(host)
    host.on_own_iq("get", ns.ROSTER, "query", feature.read)
    host.on_own_iq("set", ns.ROSTER, "query", feature.write)
    host.hooks.roster_changed.append(feature.push)
    host.hooks.account_deleted.append(feature.clear)


class RosterFeature:
    """The roster as its owner sees it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._push_ids = itertools.count(1)

    def read(self, session: Session, iq: Stanza) -> Reply:
        """Whoever has read it gets pushes from now on (section 2.2)."""
        if len(iq[0]):
            raise StanzaError("bad-request", "a roster get has no items")
        session.interested = True
        query = element(ns.ROSTER, "query")
        query.extend([item.to_element() for item in self._host.rosters.of(session.account) if item.listed])
        return query

    def write(self, session: Session, iq: Stanza) -> Reply:
        """Add, change or remove one item (sections 2.3 to 2.5)."""
        asked, contact = read_item(iq[0])
        if contact == session.account:
            raise StanzaError("not-allowed", "nobody is in their own roster")
        if asked.get("subscription") == "remove":
            self._remove(session.account, contact)
        else:
            self._put(session.account, contact, read_text(asked.get("name", "")), read_groups(asked))
        return None

    def _put(self, account: JID, contact: JID, name: str, groups: tuple[str, ...]) -> None:
        rosters = self._host.rosters
        before = rosters.get(account, contact)
        rosters.check_room(account, before)
        item = replace(before, name=name, groups=groups, listed=True)
        rosters.put(account, item)
        for hook in self._host.hooks.roster_changed:
            hook(account, item)

    def _remove(self, account: JID, contact: JID) -> None:
        """Section 2.5.2: one push; and the subscriptions end, in both directions."""
        item = self._host.rosters.get(account, contact)
        if not item.listed:
            raise StanzaError("item-not-found", type="modify")
        self._host.rosters.remove(account, contact)
        for hook in self._host.hooks.roster_changed:
            hook(account, replace(item, removed=True))
        for end in self._host.hooks.contact_removed:
            end(account, item)

    def clear(self, account: JID) -> None:
        """The account is gone: so are its subscriptions, in both directions."""
        for item in self._host.rosters.of(account):
            self._host.rosters.remove(account, parse(item.jid))
            for end in self._host.hooks.contact_removed:
                end(account, item)

    def push(self, account: JID, item: RosterItem) -> None:
        """To every session that has read the roster (section 2.1.6). Unlisted items aren't shown."""
        if not (item.listed or item.removed):
            return
        for session in self._host.sessions(account.local):
            if session.interested:
                query = element(ns.ROSTER, "query", None, item.to_element())
                attributes = {"type": "set", "id": f"push{next(self._push_ids)}", "to": session.full}
                session.send(stanza("iq", attributes, query))


def read_item(query: Element) -> tuple[Element, JID]:
    """The one `<item/>` of a roster set (section 2.1.5). Raises StanzaError(bad-request)."""
    if len(query) != 1 or query[0].tag != f"{{{ns.ROSTER}}}item":
        raise StanzaError("bad-request", "a roster set has exactly one item")
    try:
        return query[0], parse(query[0].get("jid", "")).to_bare()
    except JIDError as error:
        raise StanzaError("bad-request", f"jid: {error}") from None


def read_groups(item: Element) -> tuple[str, ...]:
    """Section 2.3.3: duplicate groups are bad-request, empty or overlong ones not-acceptable."""
    groups = tuple(read_text(each.text or "") for each in item.iterchildren(_GROUP))
    if len(set(groups)) != len(groups):
        raise StanzaError("bad-request", "a group stands there twice")
    if "" in groups or len(groups) > GROUPS_PER_ITEM:
        raise StanzaError("not-acceptable", "a group's name must not be empty")
    return groups


def read_text(text: str) -> str:
    if len(text) > TEXT:
        raise StanzaError("not-acceptable", f"longer than {TEXT} characters")
    return text
