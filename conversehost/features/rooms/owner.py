"""What owners ask of a room: how it is set up, and its end (XEP-0045 section 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conversehost.features.rooms.config import RoomConfig, Submission, form, read
from conversehost.features.rooms.room import CHANGED, Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.features.rooms.views import Codes
from conversehost.server.delivery import Later
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import form_in
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

NOT_A_MEMBER = 322
_DESTROY = f"{{{ns.MUC_OWNER}}}destroy"
_WHOIS = {"anyone": 172, "moderators": 173, "none": 174}


def install(service: RoomService) -> None:
    """For all rooms."""
    service.on_room_iq("get", ns.MUC_OWNER, "query", read_form)
    service.on_room_iq("set", ns.MUC_OWNER, "query", change)


def read_form(room: Room, iq: Stanza) -> Reply:
    """With what is set now (sections 10.1.3 and 10.2)."""
    _owner(room, iq)
    owners, admins = (
        [address for address, _ in room.record.members(each)] for each in (Affiliation.OWNER, Affiliation.ADMIN)
    )
    return element(ns.MUC_OWNER, "query", None, form(room.config, owners, admins).question())


def change(room: Room, iq: Stanza) -> Reply | Later:
    """A form that was filled in, given up, or the wish that the room should end."""
    _owner(room, iq)
    destroyed = iq[0].find(_DESTROY)
    if destroyed is not None:
        return _destroy(room, iq, destroyed)
    x = form_in(iq[0])
    if x is None:
        raise StanzaError("bad-request", "send the room's form, or destroy it")
    if x.get("type") == "cancel":
        return _cancel(room, iq)
    submitted = read(x, room.config)
    changes = _affiliations(room, submitted)
    was_locked, before = room.record.locked, room.config
    room.record.config = submitted.config
    room.record.locked = False
    told = [room.affiliate(account, affiliation) for account, affiliation in changes]
    told += [] if before.members_only or not submitted.config.members_only else expel_strangers(room)
    room.host.router.send(result(iq))
    for tell in told:
        tell()
    if not was_locked:
        tell_changes(room, before)
    return Later.LATER


def configure(room: Room, config: RoomConfig) -> None:
    """Set up the room otherwise, in nobody's name."""
    before, room.record.config = room.config, config
    for tell in [] if before.members_only or not config.members_only else expel_strangers(room):
        tell()
    tell_changes(room, before)


def tell_changes(room: Room, before: RoomConfig) -> None:
    """Whoever is inside (section 10.2.1); whose presence is shown now, or no longer, is seen to come or go."""
    codes = change_codes(before, room.config)
    if not codes:
        return
    for occupant in room.crowd:
        if occupant.visible != room.config.shows(occupant.role):
            room.show(occupant)
    room.notify(codes)


def change_codes(before: RoomConfig, after: RoomConfig) -> Codes:
    """None where nothing has changed."""
    codes: list[int] = []
    if before.logging != after.logging:
        codes.append(170 if after.logging else 171)
    if before.whois != after.whois:
        codes.append(_WHOIS[after.whois])
    if replace(before, logging=after.logging, whois=after.whois) != after:
        codes.append(CHANGED)
    return tuple(codes)


def expel_strangers(room: Room) -> list[Callable[[], None]]:
    """Who isn't a member leaves a room that is for its members from now on (section 10.2)."""
    return [room.dismiss(each, (NOT_A_MEMBER,)) for each in room.crowd if each.affiliation == Affiliation.NONE]


def _affiliations(room: Room, submitted: Submission) -> list[tuple[JID, Affiliation]]:
    """Who is named becomes it; who isn't named any more is a member still where that is needed to be inside.

    Raises StanzaError: conflict where no owner would be left, not-acceptable, resource-constraint.
    """
    left = Affiliation.MEMBER if submitted.config.members_only else Affiliation.NONE
    changed: dict[JID, Affiliation] = {}
    for named, affiliation in ((submitted.admins, Affiliation.ADMIN), (submitted.owners, Affiliation.OWNER)):
        if named is None:
            continue
        wanted = {each.to_bare() for each in named}
        for address, _ in room.record.members(affiliation):
            if parse(address) not in wanted:
                changed.setdefault(parse(address), left)
        changed |= {each: affiliation for each in wanted if room.record.affiliation(each) != affiliation}
    if submitted.owners is not None and not submitted.owners:
        raise StanzaError("conflict", "a room has an owner: name another one first")
    if not all(each.local for each, to in changed.items() if to != left):
        raise StanzaError("not-acceptable", "owners and admins are accounts, not whole domains")
    room.record.check_space(each for each, to in changed.items() if to != Affiliation.NONE)
    return list(changed.items())


def _owner(room: Room, iq: Stanza) -> None:
    """Raises StanzaError(forbidden) for all others."""
    client = iq.sender
    assert client is not None
    if room.record.affiliation(client) != Affiliation.OWNER:
        raise StanzaError("forbidden", "that is for the room's owners")


def _cancel(room: Room, iq: Stanza) -> Reply | Later:
    """A room that was never finished ends; any other stays as it is (sections 10.1.3 and 10.2)."""
    if room.record.locked:
        room.host.router.send(result(iq))
        room.destroy()
        return Later.LATER
    return None


def _destroy(room: Room, iq: Stanza, asked: Element) -> Later:
    """Section 10.9. Raises StanzaError(jid-malformed)."""
    venue = asked.get("jid", "")
    try:
        venue = parse(venue).full if venue else ""
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
    reason, password = (asked.findtext(f"{{{ns.MUC_OWNER}}}{name}") or "" for name in ("reason", "password"))
    room.destroy(reason=reason, venue=venue, password=password)
    room.host.router.send(result(iq))
    return Later.LATER
