"""RFC 6121 section 2: the roster, read, changed and pushed; XEP-0237: Roster Versioning."""

from __future__ import annotations

import itertools
from dataclasses import replace

from conversehost.features.xep import Xep
from conversehost.server.delivery import Later
from conversehost.server.host import Host, Reply
from conversehost.server.roster import RosterItem
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

XEP = Xep(237, "Roster Versioning", "1.3", "complete, as in RFC 6121")
GROUPS_PER_ITEM = 50
TEXT = 1_023
TEXT_PER_ITEM = 4_096
"""Characters of a name and of all groups together."""

_GROUP = f"{{{ns.ROSTER}}}group"


def install(host: Host) -> None:
    feature = RosterFeature(host)
    host.on_own_iq("get", ns.ROSTER, "query", feature.read)
    host.on_own_iq("set", ns.ROSTER, "query", feature.write)
    host.hooks.roster_changed.append(feature.push)
    host.hooks.account_deleted.append(feature.clear)
    host.hooks.stream_features.append(versioning)


def versioning(logged_in: bool) -> list[Element]:
    """Section 2.6.1."""
    return [element(ns.ROSTER_VERSION, "ver")] if logged_in else []


class RosterFeature:
    """The roster as its owner sees it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._push_ids = itertools.count(1)

    def read(self, session: Session, iq: Stanza) -> Reply | Later:
        """Whoever has read it gets pushes from now on (section 2.2), and who knows a version, those that were missed
        (section 2.6.3).
        """
        if len(iq[0]):
            raise StanzaError("bad-request", "a roster get has no items")
        session.interested = True
        rosters, account = self._host.rosters, session.account
        known = iq[0].get("ver")
        missed = rosters.missed(account, known) if known else None
        if missed is None:
            query = element(ns.ROSTER, "query", {"ver": rosters.version(account)})
            query.extend([item.to_element() for item in rosters.of(account) if item.listed])
            return query
        self._host.router.send(result(iq))
        for contact, version in missed.items():
            item = rosters.get(account, parse(contact))
            self._push_to(session, item if item.listed else replace(item, removed=True), version)
        return Later.LATER

    def write(self, session: Session, iq: Stanza) -> Reply:
        """Add, change or remove one item (sections 2.3 to 2.5)."""
        asked, contact = read_item(iq[0])
        if contact == session.account:
            raise StanzaError("not-allowed", "nobody is in their own roster")
        if asked.get("subscription") == "remove":
            self._remove(session.account, contact)
        else:
            name, groups = read_text(asked.get("name", "")), read_groups(asked)
            if len(name) + sum(map(len, groups)) > TEXT_PER_ITEM:
                raise StanzaError("not-acceptable", f"name and groups are longer than {TEXT_PER_ITEM} characters")
            self._put(session.account, contact, name, groups)
        return None

    def _put(self, account: JID, contact: JID, name: str, groups: tuple[str, ...]) -> None:
        rosters = self._host.rosters
        before = rosters.get(account, contact)
        rosters.check_room(account, before)
        item = replace(before, name=name, groups=groups, listed=True)
        rosters.put(account, item)
        for hook in self._host.hooks.roster_changed:
            hook(account, before, item)

    def _remove(self, account: JID, contact: JID) -> None:
        """Section 2.5.2: one push; and the subscriptions end, in both directions."""
        item = self._host.rosters.get(account, contact)
        if not item.listed:
            raise StanzaError("item-not-found", type="modify")
        self._host.rosters.remove(account, contact)
        for hook in self._host.hooks.roster_changed:
            hook(account, item, replace(item, removed=True))
        for end in self._host.hooks.contact_removed:
            end(account, item)

    def clear(self, account: JID) -> None:
        """The account is gone: so are its subscriptions, in both directions."""
        items = tuple(self._host.rosters.of(account))
        self._host.rosters.forget(account)
        for item in items:
            for end in self._host.hooks.contact_removed:
                end(account, item)

    def push(self, account: JID, before: RosterItem, item: RosterItem) -> None:
        """To every session that has read the roster (section 2.1.6). Unlisted items aren't shown."""
        if not (item.listed or item.removed):
            return
        interested = [session for session in self._host.sessions(account.local) if session.interested]
        version = self._host.rosters.version(account) if interested else ""
        for session in interested:
            self._push_to(session, item, version)

    def _push_to(self, session: Session, item: RosterItem, version: str) -> None:
        query = element(ns.ROSTER, "query", {"ver": version}, item.to_element())
        session.send(stanza("iq", {"type": "set", "id": f"push{next(self._push_ids)}", "to": session.full}, query))


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
