"""What a room talks about (XEP-0045 sections 7.2.15 and 8.1)."""

from __future__ import annotations

from functools import lru_cache

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.record import Subject
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.standing import Role
from conversehost.server.broadcast import Broadcast
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import child, clean, element, parse, to_bytes

_SUBJECT, _BODY, _THREAD = (f"{{{ns.CLIENT}}}{name}" for name in ("subject", "body", "thread"))


def is_subject(message: Stanza) -> bool:
    """Whether it is about the subject and nothing else (section 8.1)."""
    tags = {each.tag for each in message}
    return _SUBJECT in tags and _BODY not in tags and _THREAD not in tags


def check_subject(room: Room, occupant: Occupant) -> None:
    """Moderators set it, participants where the room lets them. Raises StanzaError(forbidden)."""
    least = Role.PARTICIPANT if room.config.change_subject else Role.MODERATOR
    if not occupant.is_(least):
        raise StanzaError("forbidden", "the subject is for the room's moderators")


def keep_subject(room: Room, message: Stanza) -> None:
    """It is so from now on."""
    room.record.subject = Subject(to_bytes(message), message.text_of("subject"), room.host.clock.utc())


def set_subject(room: Room, text: str) -> None:
    """The same in the room's own name, which goes out to all."""
    message = stanza("message", {"from": room.jid.full, "type": "groupchat"})
    message.append(element(ns.CLIENT, "subject", text=clean(text)))
    room.say(message)
    keep_subject(room, message)


def tell_subject(room: Room, client: JID) -> None:
    """To who has come in; an empty one where there is none."""
    kept = room.record.subject
    room.send(client, _nothing(room.jid.full) if kept is None else _recalled(kept, room.jid.full))


@lru_cache(maxsize=256)
def _nothing(room: str) -> Broadcast:
    message = stanza("message", {"from": room, "type": "groupchat"}, element(ns.CLIENT, "subject"))
    return Broadcast(message, 0.0)


@lru_cache(maxsize=256)
def _recalled(subject: Subject, room: str) -> Broadcast:
    message = parse(subject.message)
    assert isinstance(message, Stanza)
    child(message, ns.DELAY, "delay", {"from": room, "stamp": stamp(subject.when)})
    return Broadcast(message, subject.when)
