"""Asking to be heard in a moderated room (XEP-0045 sections 7.13 and 8.6)."""

from __future__ import annotations

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.messages import speaker
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Role, check_role_change
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, values_of
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

FORM_TYPE = f"{ns.MUC}#request"
ROLE, ADDRESS, NICK, ALLOW = "muc#role", "muc#jid", "muc#roomnick", "muc#request_allow"


def install(service: RoomService) -> None:
    """For all rooms."""
    service.on_room_form(FORM_TYPE, request)
    service.info.features.append(FORM_TYPE)


def request(room: Room, message: Stanza, x: Element) -> None:
    """A visitor's wish, which goes to all moderators; or what one of them says to it. Raises StanzaError."""
    client = message.sender
    assert client is not None
    occupant = speaker(room, client)
    if ALLOW in values_of(x):
        _decide(room, occupant, x)
        return
    if not room.config.voice_requests:
        raise StanzaError("forbidden", "in this room nobody asks to be heard")
    if occupant.role != Role.VISITOR:
        raise StanzaError("bad-request", "you are heard already")
    for moderator in room.crowd:
        if moderator.role == Role.MODERATOR:
            asked = _question(occupant, with_jid=room.sees_jids(moderator.standing))
            for each in moderator.clients:
                attributes = {"from": room.jid.full, "to": each.full}
                room.host.router.send(stanza("message", attributes, asked.question()))


def _question(occupant: Occupant, *, with_jid: bool) -> Form:
    fields = [
        Field(ROLE, "list-single", "Requested role", ("participant",), options=(("participant", "Participant"),)),
        Field(NICK, "text-single", "Room nickname", (occupant.nick,)),
        Field(ALLOW, "boolean", "Grant voice to this person?", ("0",)),
    ]
    if with_jid and occupant.shown is not None:
        fields.insert(1, Field(ADDRESS, "jid-single", "User ID", (occupant.shown.full,)))
    return Form(tuple(fields), FORM_TYPE, "Voice request", f"{occupant.nick} asks to be heard by all.")


def _decide(room: Room, moderator: Occupant, x: Element) -> None:
    """Who asked may have left, or have been heard meanwhile."""
    given = values_of(x)
    occupant = room.crowd.by_nick.get("".join(given.get(NICK, ())))
    if occupant is None:
        raise StanzaError("item-not-found", "whoever asked isn't here any more")
    check_role_change(moderator.standing, occupant.standing, Role.PARTICIPANT)
    if given[ALLOW] in (("1",), ("true",)) and occupant.role == Role.VISITOR:
        room.set_role(occupant, Role.PARTICIPANT, actor=moderator.nick)()
