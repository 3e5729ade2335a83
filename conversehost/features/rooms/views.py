"""An occupant's presence as people in the room see it: serialised once for all who see the same."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from conversehost.server.broadcast import Broadcast
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean

Codes = tuple[int, ...]
"""Status codes (XEP-0045 section 16.6)."""


@dataclass(frozen=True, slots=True)
class Item:
    """`<item/>`; `jid` is the full address, for those who may see it."""

    affiliation: str
    role: str
    jid: str
    nick: str = ""
    reason: str = ""
    actor: str = ""


class View:
    """A presence from an occupant without `to`, which nobody changes any more, and what the room says about it."""

    __slots__ = ("_made", "_presence", "item")

    def __init__(self, presence: Stanza, item: Item) -> None:
        self._presence = presence
        self.item = item
        self._made: dict[tuple[bool, Codes], Broadcast] = {}

    def seen(self, *, with_jid: bool, codes: Codes = ()) -> Broadcast:
        """As it goes to many."""
        key = (with_jid, codes)
        made = self._made.get(key)
        if made is None:
            stanza = copy(self._presence)
            x = child(stanza, ns.MUC_USER, "x")
            write_item(x, self.item, with_jid=with_jid)
            write_codes(x, codes)
            made = self._made[key] = Broadcast(stanza, 0.0)
        return made


def write_item(x: Element, item: Item, *, with_jid: bool) -> None:
    """Section 7.2.2 and on."""
    named = {"affiliation": item.affiliation, "role": item.role}
    if with_jid:
        named["jid"] = item.jid
    if item.nick:
        named["nick"] = item.nick
    written = child(x, ns.MUC_USER, "item", named)
    if item.actor:
        child(written, ns.MUC_USER, "actor", {"nick": item.actor})
    if item.reason:
        child(written, ns.MUC_USER, "reason").text = clean(item.reason)


def write_codes(x: Element, codes: Codes) -> None:
    """`<status/>`."""
    for code in codes:
        child(x, ns.MUC_USER, "status", {"code": str(code)})
