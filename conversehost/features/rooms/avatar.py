"""XEP-0486: the picture of a room, in its vCard (XEP-0054), which its owners change."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode

from conversehost.features.rooms.record import ROOM
from conversehost.features.rooms.room import CHANGED, Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.delivery import Later
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, parse, to_bytes

_IMAGE = f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}BINVAL"


def install(service: RoomService) -> None:
    """For all rooms."""
    service.features.append(ns.VCARD)
    service.info.features.append(ns.VCARD)
    service.info.fields.append(picture)
    service.on_room_iq("get", ns.VCARD, "vCard", read)
    service.on_room_iq("set", ns.VCARD, "vCard", change)


def read(room: Room, iq: Stanza) -> Reply:
    """Anybody's, an empty one where there is none (section 3.4)."""
    kept = vcard(room)
    return element(ns.VCARD, "vCard") if kept is None else kept


def change(room: Room, iq: Stanza) -> Later:
    """An owner's; an empty one takes it away, and all hear that there is something new (section 3.2)."""
    client = iq.sender
    assert client is not None
    if room.record.affiliation(client) != Affiliation.OWNER:
        raise StanzaError("forbidden", "the picture is for the room's owners")
    if len(iq[0]):
        room.host.store.put(ROOM, room.jid.bare, "vcard", to_bytes(iq[0]))
    else:
        room.host.store.delete(ROOM, room.jid.bare, "vcard")
    room.host.router.send(result(iq))
    room.notify((CHANGED,))
    return Later.LATER


def vcard(room: Room) -> Element | None:
    """What is kept."""
    kept: bytes | None = room.host.store.get(ROOM, room.jid.bare, "vcard")
    return None if kept is None else parse(kept)


def picture(room: Room, client: JID) -> list[Field]:
    """Its hash, or those of all of its forms (sections 3.3 and 5.1), where there is a picture that can be read."""
    kept = vcard(room)
    images = [] if kept is None else [_decoded(each.text or "") for each in kept.iterfind(_IMAGE)]
    hashes = tuple(hashlib.sha1(each).hexdigest() for each in images if each)
    return [Field("muc#roominfo_avatarhash", "text-multi", "Avatar hash", hashes)] if hashes else []


def _decoded(encoded: str) -> bytes:
    """Nothing where it can't be."""
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
