"""A message to all as a room keeps it: with its id, and the real address of who has said it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.record import ARCHIVE
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.views import Item, write_item
from conversehost.server.archive import Archive, Archived
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child

HISTORY = "#history"
"""A label of all messages that are shown to who enters; no address is like it."""

_STANZA_ID = f"{{{ns.STANZA_ID}}}stanza-id"
_X, _ITEM = f"{{{ns.MUC_USER}}}x", f"{{{ns.MUC_USER}}}item"
_NOT_STORED = {f"{{{ns.HINTS}}}no-store", f"{{{ns.HINTS}}}no-permanent-store"}
_LASTING = {f"{{{ns.CLIENT}}}body", f"{{{ns.CLIENT}}}subject", f"{{{ns.HINTS}}}store"}
_PASSING = (ns.CLIENT, ns.HINTS, ns.CHAT_STATES, ns.STANZA_ID, ns.OCCUPANT_ID, ns.MUC_USER, ns.DELAY)
"""What is in such namespaces lasts only if something else does."""


def is_worth_keeping(message: Stanza) -> bool:
    """Whether it says something that is still so later: text, a subject, what is encrypted, what is about another
    message; not that somebody types.
    """
    tags = [str(each.tag) for each in message]
    lasting = any(tag in _LASTING or tag[1:].partition("}")[0] not in _PASSING for tag in tags)
    return lasting and _NOT_STORED.isdisjoint(tags)


def id_given(room: Room, message: Stanza) -> str | None:
    """The id that the room has given it."""
    ids = (each.get("id") for each in message.iterchildren(_STANZA_ID) if each.get("by") == room.jid.bare)
    return next(ids, None)


def with_author(message: Stanza, speaker: Occupant, client: JID) -> Stanza:
    """The same with the real address in it (section 6.1.2)."""
    kept = copy(message)
    item = Item(speaker.affiliation.text, speaker.role.text, client.full)
    write_item(child(kept, ns.MUC_USER, "x"), item, with_jid=True)
    return kept


def without_author(message: Stanza) -> Stanza:
    """The same without."""
    for x in list(message.iterchildren(_X)):
        message.remove(x)
    return message


def is_dated(message: Stanza) -> bool:
    """Whether its own times count: who owns a room may bring what was said elsewhere (section 7.9); others forge it."""
    item = message.find(f"{_X}/{_ITEM}")
    return item is None or item.get("affiliation") == "owner"


def author(message: Stanza) -> JID | None:
    """The account (a bare JID) that has said it."""
    item = message.find(f"{_X}/{_ITEM}")
    jid = None if item is None else item.get("jid")
    return None if jid is None else parse(jid).to_bare()


def latest(room: Room, most: int) -> Iterator[Archived]:
    """The last messages that are shown to who enters, the newest first."""
    if most > 0:
        yield from Archive(room.host.store, ARCHIVE).latest(room.jid.bare, HISTORY, most)
