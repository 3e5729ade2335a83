"""Asking somebody into a room, through the room, and the answer (XEP-0045 section 7.8.2)."""

from __future__ import annotations

from copy import copy

from conversehost.features.rooms.messages import speaker
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation, Standing
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

INVITED = 20
"""At a time."""

_INVITE, _DECLINE, _REASON = (f"{{{ns.MUC_USER}}}{name}" for name in ("invite", "decline", "reason"))


def install(service: RoomService) -> None:
    """For all rooms."""
    service.on_room_message(ns.MUC_USER, "x", pass_on)
    service.hooks.affiliated.append(tell_affiliated)


def pass_on(room: Room, message: Stanza, x: Element) -> None:
    """Invitations and refusals. Raises StanzaError."""
    client = message.sender
    assert client is not None
    invites, declined = x.findall(_INVITE), x.find(_DECLINE)
    if len(invites) > INVITED:
        raise StanzaError("bad-request", f"at most {INVITED} people at a time")
    for each in invites:
        invite(room, client, each)
    if declined is not None:
        decline(room, client, declined)
    elif not invites:
        raise StanzaError("bad-request", "neither an invitation nor the answer to one")


def invite(room: Room, client: JID, asked: Element) -> None:
    """In the room's name, with its password. Who may invite to a room for members makes members. Raises StanzaError."""
    standing = speaker(room, client).standing
    check_inviter(room, standing)
    invitee = _address(asked)
    affiliation = room.record.affiliation(invitee)
    if affiliation == Affiliation.OUTCAST and standing.affiliation >= Affiliation.ADMIN:
        raise StanzaError("not-allowed", "whoever that is, is banned from the room")  # others don't learn who is
    _check_existence(room, invitee)
    if room.config.members_only and affiliation == Affiliation.NONE:
        room.record.check_space([invitee])
        room.record.affiliate(invitee.to_bare(), Affiliation.MEMBER)
    sent = copy(asked)
    sent.attrib.pop("to", "")
    sent.set("from", client.bare)
    room.host.router.send(invitation(room, invitee, sent))


def check_inviter(room: Room, standing: Standing) -> None:
    """Everybody who is in an open room; in one for members only admins, unless it is set up otherwise."""
    least = Affiliation.MEMBER if room.config.allow_invites else Affiliation.ADMIN
    if room.config.members_only and standing.affiliation < least:
        raise StanzaError("forbidden", "in this room invitations are for those above you")


def invitation(room: Room, invitee: JID, invited: Element) -> Stanza:
    """As it is delivered; with the older element as well, which more clients look for."""
    message = stanza("message", {"from": room.jid.full, "to": invitee.full})
    x = child(message, ns.MUC_USER, "x")
    x.append(invited)
    older = {"jid": room.jid.full}
    if room.config.password:
        child(x, ns.MUC_USER, "password").text = older["password"] = room.config.password
    reason = invited.findtext(_REASON)
    child(message, ns.CONFERENCE, "x", older | ({"reason": reason} if reason else {}))
    return message


def decline(room: Room, client: JID, asked: Element) -> None:
    """To who is in the room, or belongs to it; whether that is so, nobody learns who declines.

    Raises StanzaError(jid-malformed).
    """
    inviter = _address(asked)
    to = [inviter]
    if inviter.bare == room.jid.bare:
        occupant = room.crowd.by_nick.get(inviter.resource)
        to = [] if occupant is None else list(occupant.clients)
    elif not room.crowd.of_account(inviter.to_bare()) and room.record.affiliation(inviter) < Affiliation.MEMBER:
        to = []
    for each in to:
        sent = copy(asked)
        sent.attrib.pop("to", "")
        sent.set("from", client.bare)
        x = element(ns.MUC_USER, "x", None, sent)
        room.host.router.send(stanza("message", {"from": room.jid.full, "to": each.full}, x))


def tell_affiliated(room: Room, account: JID, before: Affiliation) -> None:
    """Who isn't inside hears that he belongs to it now: by an invitation where that is what it means (section 9.5), by
    the status code 101 elsewhere.
    """
    after = room.record.affiliation(account)
    if after <= max(before, Affiliation.NONE):
        return
    if before == Affiliation.NONE and room.config.members_only:
        message = invitation(room, account, element(ns.MUC_USER, "invite", {"from": room.jid.full}))
    else:
        x = element(ns.MUC_USER, "x")
        child(x, ns.MUC_USER, "item", {"affiliation": after.text, "jid": account.full})
        child(x, ns.MUC_USER, "status", {"code": "101"})
        message = stanza("message", {"from": room.jid.full, "to": account.full}, x)
    room.host.router.send(message)


def _address(asked: Element) -> JID:
    try:
        return parse(asked.get("to", ""))
    except JIDError as error:
        raise StanzaError("jid-malformed", f"to whom? {error}") from None


def _check_existence(room: Room, invitee: JID) -> None:
    host = room.host.router.hosts.get(invitee.domain)
    if host is not None and not host.accounts.exists(invitee) and not host.sessions(invitee.local):
        raise StanzaError("item-not-found", f"there is no {invitee.bare}")
