"""What moderators and admins ask of a room: its lists, and changes to them (XEP-0045 sections 8 and 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.nicks import visible
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import (
    Affiliation,
    Role,
    Standing,
    check_affiliation_change,
    check_role_change,
)
from conversehost.server.delivery import Later
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

_ITEM = f"{{{ns.MUC_ADMIN}}}item"


def install(service: RoomService) -> None:
    """For all rooms."""
    service.on_room_iq("get", ns.MUC_ADMIN, "query", read_lists)
    service.on_room_iq("set", ns.MUC_ADMIN, "query", change_lists)


def read_lists(room: Room, iq: Stanza) -> Reply:
    """Everybody who has an affiliation, or a role (sections 8.5, 9.2, 9.5, 9.8, 10.5 and 10.8)."""
    client, asked = iq.sender, items_of(iq)
    assert client is not None
    query = element(ns.MUC_ADMIN, "query")
    for item in asked:
        wanted, role = item.get("affiliation"), item.get("role")
        if (wanted is None) == (role is None):
            raise StanzaError("bad-request", "an item has an affiliation or a role")
        if wanted is not None:
            affiliation = Affiliation.read(wanted)
            check_list(room, client, affiliation)
            query.extend(affiliated(room, affiliation))
        else:
            query.extend(_in_role(room, client, Role.read(role or "")))
    return query


def check_list(room: Room, client: JID, wanted: Affiliation) -> None:
    """Owners and admins see the lists that they change. Members see who else is something to the room where addresses
    are no secret, and occupants where the room is set up so (sections 5.2.1, 9.5, 10.5 and 10.8).

    Raises StanzaError(forbidden).
    """
    standing = room.standing(client)
    least = Affiliation.OWNER if wanted >= Affiliation.ADMIN else Affiliation.ADMIN
    if standing.affiliation >= least:
        return
    belongs = standing.affiliation >= Affiliation.MEMBER or standing.role.text in room.config.member_list
    known = room.config.whois == "anyone" or (wanted == Affiliation.MEMBER and room.sees_jids(standing))
    if wanted < Affiliation.MEMBER or not belongs or not known:
        raise StanzaError("forbidden", f"that list isn't for you: {wanted.text}")


def affiliated(room: Room, affiliation: Affiliation) -> Iterator[Element]:
    """Items by bare address (section 17.4)."""
    for address, member in room.record.members(affiliation):
        named = {"affiliation": affiliation.text, "jid": address}
        if member.nick:
            named["nick"] = member.nick
        made = element(ns.MUC_ADMIN, "item", named)
        if member.reason:
            child(made, ns.MUC_ADMIN, "reason").text = member.reason
        yield made


def _in_role(room: Room, client: JID, role: Role) -> Iterator[Element]:
    """Of occupants, by nick. Who moderates is for admins, all else for moderators too."""
    standing = room.standing(client)
    if standing.role != Role.MODERATOR and standing.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's moderators")
    if role == Role.MODERATOR and standing.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's admins and owners")
    for occupant in room.crowd:
        if occupant.role == role:
            named = {"nick": occupant.nick, "role": role.text, "affiliation": occupant.affiliation.text}
            if occupant.shown is not None and room.sees_jids(standing):
                named["jid"] = occupant.shown.full
            yield element(ns.MUC_ADMIN, "item", named)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What a moderator wants of an occupant; he is gone with the role none."""

    occupant: Occupant
    role: Role
    reason: str


@dataclass(frozen=True, slots=True)
class AffiliationChange:
    """What an admin wants of an account; `nick` is None where nothing was said of it."""

    account: JID
    affiliation: Affiliation
    nick: str | None
    reason: str


Change = RoleChange | AffiliationChange


def change_lists(room: Room, iq: Stanza) -> Later:
    """All of the changes, or none (section 9.2). First they are made, then the client hears so, then everybody."""
    client = iq.sender
    assert client is not None
    standing = room.standing(client)
    if standing.role != Role.MODERATOR and standing.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's moderators")  # who doesn't learn who is here either
    asked = items_of(iq)
    changes = [_read(room, item) for item in asked]
    check_changes(room, client, changes, asked)
    actor = room.crowd.by_client.get(client)
    told = [make(room, change, "" if actor is None else actor.nick) for change in changes]
    room.host.router.send(result(iq))
    for tell in told:
        tell()
    return Later.LATER


def make(room: Room, change: Change, actor: str = "") -> Callable[[], None]:
    """Without asking whether it may be; calling what this answers tells everybody."""
    if isinstance(change, RoleChange):
        return room.set_role(change.occupant, change.role, reason=change.reason, actor=actor)
    return room.affiliate(change.account, change.affiliation, nick=change.nick, reason=change.reason, actor=actor)


def check_changes(room: Room, client: JID, changes: list[Change], asked: list[Element]) -> None:
    """Raises StanzaError; not-allowed with the items that are (section 8.4)."""
    standing = room.standing(client)
    refused: dict[Element, StanzaError] = {}
    for change, item in zip(changes, asked, strict=True):
        try:
            if isinstance(change, RoleChange):
                check_role_change(standing, change.occupant.standing, change.role)
            else:
                _check_affiliation(room, client, standing, change)
        except StanzaError as error:
            refused[item] = error
    if refused:
        first = next(iter(refused.values()))
        if first.condition == "not-allowed":
            first.content = element(ns.MUC_ADMIN, "query", None, *map(copy, refused))
        raise first
    _check_all(room, [change for change in changes if isinstance(change, AffiliationChange)])


def _check_all(room: Room, changes: list[AffiliationChange]) -> None:
    """What they come to together. Raises StanzaError."""
    nicks = [change.nick for change in changes if change.nick]
    if len(set(nicks)) < len(nicks):
        raise StanzaError("conflict", "a nick is reserved for one account")
    room.record.check_space(change.account for change in changes if change.affiliation != Affiliation.NONE)
    owners = {address for address, _ in room.record.members(Affiliation.OWNER)}
    for change in changes:
        owners.discard(change.account.bare)
        if change.affiliation == Affiliation.OWNER:
            owners.add(change.account.bare)
    if not owners:
        raise StanzaError("conflict", "a room has an owner: name another one first")


def _check_affiliation(room: Room, client: JID, standing: Standing, change: AffiliationChange) -> None:
    account = change.account
    own = account.covers(client.to_bare())
    check_affiliation_change(standing, room.record.affiliation(account), change.affiliation, own=own)
    if not account.local and change.affiliation not in (Affiliation.OUTCAST, Affiliation.NONE):
        raise StanzaError("not-acceptable", "a whole domain can be banned, and no more")
    if change.nick and room.record.holder(change.nick) not in (None, account.bare):
        raise StanzaError("conflict", f"the nick {change.nick} is reserved")


def items_of(iq: Stanza) -> list[Element]:
    """Raises StanzaError(bad-request) where there is none."""
    items = iq[0].findall(_ITEM)
    if not items:
        raise StanzaError("bad-request", "name somebody in an item")
    return items


def _read(room: Room, item: Element) -> Change:
    """Raises StanzaError(bad-request, jid-malformed, item-not-found)."""
    role, affiliation = item.get("role"), item.get("affiliation")
    if (role is None) == (affiliation is None):
        raise StanzaError("bad-request", "an item has an affiliation or a role, one of the two")
    reason = item.findtext(f"{{{ns.MUC_ADMIN}}}reason") or ""
    nick = item.get("nick")
    try:
        if role is not None:
            return RoleChange(_named(room, nick), Role.read(role), reason)
        jid = item.get("jid")
        account = _named(room, nick).account if jid is None else parse(jid).to_bare()
        kept = None if nick is None or jid is None else nick and visible(nick)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
    return AffiliationChange(account, Affiliation.read(affiliation or ""), kept, reason)


def _named(room: Room, nick: str | None) -> Occupant:
    if nick is None:
        raise StanzaError("bad-request", "an item for a role has a nick")
    occupant = room.crowd.by_nick.get(nick)
    if occupant is None:
        raise StanzaError("item-not-found", f"nobody is called {nick} here")
    return occupant
