"""Coming in: who may, by which nick, and what one is sent then (XEP-0045 sections 7.1, 7.2 and 7.6)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from conversehost.features.rooms.config import CROWDED
from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.history import HistoryRequest, replay
from conversehost.features.rooms.room import SELF, Room
from conversehost.features.rooms.standing import Affiliation, Standing, default_role
from conversehost.features.rooms.subject import tell_subject
from conversehost.features.rooms.views import Codes, Item, View
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, to_bytes

CREATED, NON_ANONYMOUS, LOGGED, RENAMED, NICK_CHANGED = 201, 100, 170, 210, 303

ADMINS_BESIDES = 20
"""Admins and owners find a place in a full room, up to so many (section 7.2.9)."""

NICKS_PER_ACCOUNT = 20
"""In one room."""

LONGEST_PRESENCE = 10_000
"""Bytes: everybody gets it from everybody (section 14.6)."""

_X = f"{{{ns.MUC}}}x"
_OURS = (ns.MUC, ns.MUC_USER, ns.MUC_ADMIN, ns.MUC_OWNER, ns.OCCUPANT_ID, ns.HATS)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client that comes in says: the nick, the password, how much history it wants."""

    nick: str
    password: str
    history: HistoryRequest

    @classmethod
    def of(cls, nick: str, x: Element) -> Wish:
        """As `<x/>` has it (sections 7.2.6 and 7.2.14)."""
        password = x.findtext(f"{{{ns.MUC}}}password") or ""
        return cls(nick, password, HistoryRequest.of(x.find(f"{{{ns.MUC}}}history")))


def wish_in(nick: str, presence: Stanza) -> Wish | None:
    """None where the presence isn't one that wants in (section 7.2.1)."""
    x = presence.find(_X)
    return None if x is None else Wish.of(nick, x)


def enter(room: Room, client: JID, wish: Wish, presence: Stanza, *, created: bool = False) -> None:
    """A client that isn't in the room comes in, or is refused. Raises StanzaError (section 7.2.17)."""
    account = client.to_bare()
    affiliation = room.record.affiliation(account)
    check_entry(room, affiliation, wish)
    nick = room.nick_for(account, wish.nick)
    check_nick(room, account, nick)
    shown = brief(presence)
    occupant = room.crowd.by_nick.get(nick)
    if occupant is None:
        check_space(room, account, affiliation)
        occupant = Occupant(nick, account, standing_of(room, account, affiliation), room.record.occupant_id(account))
    room.crowd.add(occupant, client, shown)
    renamed = (RENAMED,) if nick != wish.nick else ()
    _receive(room, occupant, client, wish, (*((CREATED,) if created else ()), *renamed))
    for hook in room.hooks.entered:
        hook(room, occupant, client)


def check_entry(room: Room, affiliation: Affiliation, wish: Wish) -> None:
    """Sections 7.2.6 to 7.2.8 and 7.2.10."""
    config = room.config
    if affiliation == Affiliation.OUTCAST:
        raise StanzaError("forbidden", "you are banned from this room")
    if room.record.locked and affiliation != Affiliation.OWNER:
        raise StanzaError("item-not-found", "whoever makes this room hasn't finished")
    if config.members_only and affiliation == Affiliation.NONE:
        raise StanzaError("registration-required", "this room is for its members")
    if config.password and wish.password != config.password:
        raise StanzaError("not-authorized", "this room has a password, and it is another one")


def check_nick(room: Room, account: JID, nick: str) -> None:
    """Nobody else has it, and it isn't kept for somebody else (section 7.2.8)."""
    there = room.crowd.by_nick.get(nick)
    if there is not None and there.account != account:
        raise StanzaError("conflict", f"somebody is called {nick} here")
    if room.record.holder(nick) not in (None, account.bare):
        raise StanzaError("conflict", f"the nick {nick} is reserved")


def check_space(room: Room, account: JID, affiliation: Affiliation) -> None:
    """One more fits in (section 7.2.9)."""
    limit = min(room.config.max_users or CROWDED, CROWDED)
    if affiliation >= Affiliation.ADMIN:
        limit += ADMINS_BESIDES
    if len(room.crowd) >= limit:
        raise StanzaError("service-unavailable", "this room is full", type="wait")
    if len(room.crowd.of_account(account)) >= NICKS_PER_ACCOUNT:
        raise StanzaError("service-unavailable", f"you are here by {NICKS_PER_ACCOUNT} nicks already", type="wait")


def standing_of(room: Room, account: JID, affiliation: Affiliation) -> Standing:
    """Of who comes in: the usual role, or in a moderated room what a moderator has made of it (section 5.1)."""
    moderated = room.config.moderated
    role = default_role(affiliation, moderated=moderated)
    if moderated and affiliation < Affiliation.ADMIN:
        role = room.record.role(account) or role
    return Standing(affiliation, role)


def _receive(room: Room, occupant: Occupant, client: JID, wish: Wish, own: Codes, *, known: bool = False) -> None:
    """In this order, whatever happens: the others, oneself, history, the subject (section 7.1). `known`: the others
    have seen this presence.
    """
    room.introduce(occupant, (client,))
    codes = (*own, *privacy(room))
    if occupant.view is None or not known:
        room.show(occupant, own=codes, newcomer=client)
    else:
        room.send_own(client, occupant.view, codes)
    replay(room, client, wish.history)
    tell_subject(room, client)


def privacy(room: Room) -> Codes:
    """What somebody must be warned of who comes in (sections 7.2.3 and 7.2.12)."""
    config = room.config
    warned = (NON_ANONYMOUS, config.whois == "anyone"), (LOGGED, config.logging)
    return tuple(code for code, true in warned if true)


def update(room: Room, client: JID, wish: Wish | None, nick: str, presence: Stanza) -> None:
    """A client that is in the room says something new of itself: another nick, another state, or that it has lost track
    (sections 7.6, 7.7 and 7.2.1). Raises StanzaError.
    """
    occupant = room.crowd.by_client[client]
    shown = brief(presence)
    wanted = room.nick_for(occupant.account, nick)
    renamed = (RENAMED,) if wanted != nick else ()
    known = wish is not None and occupant.shown == client and to_bytes(shown) == to_bytes(occupant.clients[client])
    if wanted != occupant.nick:
        occupant, known = _rename(room, occupant, client, wanted, shown, renamed), True
    elif wanted != nick and wish is None:
        raise StanzaError("not-acceptable", f"you are called {wanted} in this room")
    else:
        occupant.clients.pop(client)  # it is the latest now
        room.crowd.add(occupant, client, shown)
        if wish is None:
            room.show(occupant)
    if wish is not None:
        _receive(room, occupant, client, wish, renamed, known=known)


def _rename(room: Room, occupant: Occupant, client: JID, nick: str, shown: Stanza, own: Codes) -> Occupant:
    """Two presences: unavailable by the old nick, with the new one in it, and available by the new (section 7.6). The
    occupant's other clients keep the old nick. `own` are codes for the client. Answers who it is now.

    Raises StanzaError.
    """
    check_nick(room, occupant.account, nick)
    moves_alone = len(occupant.clients) == 1
    if not moves_alone and nick not in room.crowd.by_nick:
        check_space(room, occupant.account, occupant.affiliation)
    view = _renaming(room, occupant, client, nick)
    room.crowd.remove(client)
    room.send_own(client, view, (NICK_CHANGED,))
    if moves_alone and occupant.visible:
        room.show_others(occupant, view, (NICK_CHANGED,))
    there = room.crowd.by_nick.get(nick)
    new = there or Occupant(nick, occupant.account, occupant.standing, occupant.id)
    room.crowd.add(new, client, shown)
    if not moves_alone:
        room.show(occupant)
        room.introduce(new, (client,))
    room.show(new, own=own, newcomer=client)
    return new


def _renaming(room: Room, occupant: Occupant, client: JID, nick: str) -> View:
    presence = room.dressed(occupant, stanza("presence", {"type": "unavailable"}))
    return View(presence, Item(occupant.affiliation.text, occupant.role.text, client.full, nick=nick))


def kick_out_of_step(room_jid: JID, nick: str, client: JID) -> Stanza:
    """For a client that says it has changed something in a room that it isn't in: it isn't (section 7.2.18)."""
    presence = stanza("presence", {"type": "unavailable", "from": f"{room_jid.bare}/{nick}", "to": client.full})
    view = View(presence, Item(Affiliation.NONE.text, "none", ""))
    return view.seen(with_jid=False, codes=(SELF, 307, 333)).stanza


def brief(presence: Stanza) -> Stanza:
    """What goes on to others, where it isn't too much. Raises StanzaError(policy-violation)."""
    shown = cleaned(presence)
    if not is_brief(shown):
        raise StanzaError("policy-violation", f"presence in a room has at most {LONGEST_PRESENCE} bytes")
    return shown


def is_brief(shown: Stanza) -> bool:
    """Whether others can be asked to take it."""
    return len(shown) == 0 or len(to_bytes(shown)) <= LONGEST_PRESENCE


def cleaned(presence: Stanza) -> Stanza:
    """What goes on to others: without addresses, and without what only a room says (section 17.3)."""
    kept = copy(presence)
    for name in ("to", "from"):
        kept.attrib.pop(name, "")
    for each in list(kept):
        if str(each.tag)[1:].partition("}")[0] in _OURS:
            kept.remove(each)
    return kept
