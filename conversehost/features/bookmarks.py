"""XEP-0402: PEP Native Bookmarks, one list with XEP-0048: Bookmarks, of older clients."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

from lxml import etree

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.personal import PersonalNodes
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, child, element, parse, to_bytes

XEP = Xep(402, "PEP Native Bookmarks", "1.2.0", "complete")
OLD = Xep(48, "Bookmarks", "1.2", "in private storage and in an item; both are one with XEP-0402")
STORAGE = f"{{{ns.STORAGE_BOOKMARKS}}}storage"
OPTIONS = {
    "access_model": "whitelist",
    "persist_items": "1",
    "max_items": "max",
    "send_last_published_item": "never",
}
"""Of a node that is made for them: as private as private storage (XEP-0402 section 3.3)."""

_CONFERENCE = f"{{{ns.STORAGE_BOOKMARKS}}}conference"
_EXTENSIONS = f"{{{ns.BOOKMARKS}}}extensions"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Of a room, as all three forms have it."""

    name: str
    autojoin: bool
    nick: str
    password: str


Bookmarks = Mapping[str, Bookmark]
"""By the room's address, as it is written."""


def install(host: Host) -> None:
    if host.personal is None:
        return
    feature = BookmarksFeature(host, host.personal)
    host.advertise(f"{ns.BOOKMARKS}#compat-pep", at="account")
    host.hooks.published.append(feature.published)
    if ("set", f"{{{ns.PRIVATE}}}query") in host.own_iqs:
        host.advertise(f"{ns.BOOKMARKS}#compat", at="account")
        host.hooks.stored_privately.append(feature.stored)


class BookmarksFeature:
    """Whatever changes one of the three, changes the two others (section 5.2). `_busy`: an account whose others are
    being changed just now.
    """

    def __init__(self, host: Host, personal: PersonalNodes) -> None:
        self._host = host
        self._personal = personal
        self._busy: JID | None = None

    def stored(self, account: JID, key: str) -> None:
        """Private storage (XEP-0049)."""
        if key == STORAGE:
            self._spread(account, key, read_storage(self._private(account)))

    def published(self, account: JID, node: str) -> None:
        """Items, or the one item of before."""
        if node == ns.BOOKMARKS:
            self._spread(account, node, self._items(account))
        elif node == ns.STORAGE_BOOKMARKS:
            self._spread(account, node, read_storage(self._item(account)))

    def _spread(self, account: JID, source: str, bookmarks: Bookmarks) -> None:
        if self._busy == account:
            return
        self._busy = account
        try:
            if source != ns.BOOKMARKS:
                self._write_items(account, bookmarks)
            if source != ns.STORAGE_BOOKMARKS and read_storage(self._item(account)) != bookmarks:
                storage = rewritten(self._item(account), bookmarks)
                self._personal.publish(account, ns.STORAGE_BOOKMARKS, "current", storage, OPTIONS)
            if source != STORAGE and read_storage(self._private(account)) != bookmarks:
                kept = to_bytes(rewritten(self._private(account), bookmarks))
                self._host.store.put("private", account.bare, STORAGE, kept)
        except StanzaError:
            return  # the account keeps too much already: what its client has stored stands all the same
        finally:
            self._busy = None

    # The three of them

    def _private(self, account: JID) -> Element | None:
        stored: bytes | None = self._host.store.get("private", account.bare, STORAGE)
        return None if stored is None else parse(stored)

    def _item(self, account: JID) -> Element | None:
        items = list(self._personal.items(account, ns.STORAGE_BOOKMARKS).values())
        return items[-1] if items else None

    def _items(self, account: JID) -> Bookmarks:
        items = self._personal.items(account, ns.BOOKMARKS)
        return {jid: read_conference(each, ns.BOOKMARKS) for jid, each in items.items() if each is not None}

    def _write_items(self, account: JID, bookmarks: Bookmarks) -> None:
        """Only what is other than it was, which clients hear of; what they have added to it stays (section 5.2.2)."""
        there, before = self._personal.items(account, ns.BOOKMARKS), self._items(account)
        for jid, bookmark in bookmarks.items():
            if before.get(jid) != bookmark:
                conference = written(ns.BOOKMARKS, {}, bookmark)
                old = there.get(jid)
                conference.extend([copy(each) for each in ([] if old is None else old.findall(_EXTENSIONS))])
                self._personal.publish(account, ns.BOOKMARKS, jid, conference, OPTIONS)
        gone = [jid for jid in before if jid not in bookmarks]
        if gone:
            self._personal.retract(account, ns.BOOKMARKS, gone)


def read_conference(conference: Element, namespace: str) -> Bookmark:
    """One room."""
    nick, password = (conference.findtext(f"{{{namespace}}}{name}") or "" for name in ("nick", "password"))
    return Bookmark(conference.get("name", ""), conference.get("autojoin") in ("1", "true"), nick, password)


def read_storage(storage: Element | None) -> Bookmarks:
    """The older form: all in one element."""
    found = [] if storage is None else storage.findall(_CONFERENCE)
    return {each.get("jid", ""): read_conference(each, ns.STORAGE_BOOKMARKS) for each in found if each.get("jid")}


def rewritten(storage: Element | None, bookmarks: Bookmarks) -> Element:
    """The older form again; what else is in it, such as addresses of pages, stays."""
    others = [] if storage is None else [each for each in storage if each.tag != _CONFERENCE]
    made = element(ns.STORAGE_BOOKMARKS, "storage")
    made.extend([written(ns.STORAGE_BOOKMARKS, {"jid": jid}, each) for jid, each in bookmarks.items()])
    made.extend([copy(each) for each in others if etree.QName(each).namespace == ns.STORAGE_BOOKMARKS])
    return made


def written(namespace: str, attributes: dict[str, str], bookmark: Bookmark) -> Element:
    """`<conference/>`."""
    named = {"name": bookmark.name} if bookmark.name else {}
    joins = {"autojoin": "true"} if bookmark.autojoin else {}
    made = element(namespace, "conference", attributes | named | joins)
    for name, text in (("nick", bookmark.nick), ("password", bookmark.password)):
        if text:
            child(made, namespace, name).text = text
    return made
