"""XEP-0424 and XEP-0425: messages that shall not have been said, by who has said them or by a moderator."""

from __future__ import annotations

import secrets

from conversehost.features.rooms.archive import RoomArchive
from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.said import author
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Role
from conversehost.server.delivery import Later
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.replies import result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, clean, element

_RETRACT, _RETRACT_0 = f"{{{ns.RETRACTION}}}retract", f"{{{ns.RETRACTION_0}}}retract"
_APPLY = f"{{{ns.FASTENING}}}apply-to"
_MODERATE_0 = f"{{{ns.MODERATION_0}}}moderate"
_RETRACTED = f"{{{ns.RETRACTION}}}retracted"
_LEFT = {f"{{{ns.OCCUPANT_ID}}}occupant-id", f"{{{ns.MUC_USER}}}x", f"{{{ns.STANZA_ID}}}stanza-id"}
"""What a tombstone keeps of a message."""


class Retraction:
    """In the archive, and so in what is told to who comes in, a tombstone takes a message's place."""

    def __init__(self, service: RoomService, archive: RoomArchive) -> None:
        self._archive = archive
        service.hooks.spoken.append(self.spoken)
        service.info.features += [
            ns.MODERATION,
            ns.MODERATION_0,
            ns.RETRACTION,
            ns.RETRACTION_0,
            f"{ns.RETRACTION}#tombstone",
        ]
        service.on_room_iq("set", ns.MODERATION, "moderate", self.moderate)
        service.on_room_iq("set", ns.FASTENING, "apply-to", self.moderate_0)

    def spoken(self, room: Room, speaker: Occupant | None, message: Stanza) -> None:
        """Who takes back what he said himself: nobody else's message goes that way (XEP-0424 section 6)."""
        id = retracted_id(message)
        original = None if id is None else self._archive.get(room, id)
        if speaker is None or id is None or original is None:
            return
        said = original.parsed()
        if author(said) == speaker.account and not is_tombstone(said):
            marked = element(ns.RETRACTION, "retracted", {"stamp": stamp(room.host.clock.utc())})
            if message.id is not None:
                marked.set("id", message.id)
            self._archive.replace(room, id, tombstone(said, marked))

    def moderate(self, room: Room, iq: Stanza) -> Later:
        """Version 1 of XEP-0425. Raises StanzaError."""
        asked = iq[0]
        if asked.find(_RETRACT) is None:
            raise StanzaError("feature-not-implemented", "messages are retracted, and no more")
        return self._moderate(room, iq, asked.get("id"), asked.findtext(f"{{{ns.MODERATION}}}reason"))

    def moderate_0(self, room: Room, iq: Stanza) -> Later:
        """Version 0 of it. Raises StanzaError."""
        asked = iq[0].find(_MODERATE_0)
        if asked is None or asked.find(_RETRACT_0) is None:
            raise StanzaError("feature-not-implemented", "messages are retracted, and no more")
        return self._moderate(room, iq, iq[0].get("id"), asked.findtext(f"{{{ns.MODERATION_0}}}reason"))

    def _moderate(self, room: Room, iq: Stanza, id: str | None, reason: str | None) -> Later:
        client = iq.sender
        moderator = None if client is None else room.crowd.by_client.get(client)
        if moderator is None or moderator.role != Role.MODERATOR:
            raise StanzaError("forbidden", "that is for the room's moderators")
        original = None if id is None else self._archive.get(room, id)
        if id is None or original is None or is_tombstone(original.parsed()):
            raise StanzaError("item-not-found", "there is no such message in the room's archive")
        marked = element(ns.RETRACTION, "retracted", {"stamp": stamp(room.host.clock.utc())})
        _sign(marked, room, moderator, reason)
        self._archive.replace(room, id, tombstone(original.parsed(), marked))
        room.host.router.send(result(iq))
        room.say(announcement(room, moderator, id, reason))
        return Later.LATER


def announcement(room: Room, moderator: Occupant, id: str, reason: str | None) -> Stanza:
    """What all hear, in the words of both versions."""
    message = stanza("message", {"from": room.jid.full, "type": "groupchat", "id": secrets.token_hex(8)})
    _sign(child(message, ns.RETRACTION, "retract", {"id": id}), room, moderator, reason)
    fastened = child(message, ns.FASTENING, "apply-to", {"id": id})
    moderated = child(fastened, ns.MODERATION_0, "moderated", {"by": room.at(moderator.nick)})
    child(moderated, ns.RETRACTION_0, "retract")
    if reason:
        child(moderated, ns.MODERATION_0, "reason").text = clean(reason)
    return message


def _sign(parent: Element, room: Room, moderator: Occupant, reason: str | None) -> None:
    moderated = child(parent, ns.MODERATION, "moderated", {"by": room.at(moderator.nick)})
    child(moderated, ns.OCCUPANT_ID, "occupant-id", {"id": moderator.id})
    if reason:
        child(parent, ns.RETRACTION, "reason").text = clean(reason)


def retracted_id(message: Stanza) -> str | None:
    """Of the message that a message takes back."""
    retract, fastened = message.find(_RETRACT), message.find(_APPLY)
    if retract is not None:
        return retract.get("id")
    return None if fastened is None or fastened.find(_RETRACT_0) is None else fastened.get("id")


def tombstone(said: Stanza, marked: Element) -> Stanza:
    """That there was a message, from whom and when; and what became of it."""
    for each in list(said):
        if each.tag not in _LEFT:
            said.remove(each)
    said.append(marked)
    return said


def is_tombstone(said: Stanza) -> bool:
    return said.find(_RETRACTED) is not None
