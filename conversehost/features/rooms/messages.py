"""What occupants say: to all, and to one another (XEP-0045 sections 7.4 and 7.5)."""

from __future__ import annotations

import secrets
from copy import copy

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.relay import ERROR, without_reporter
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.standing import Role
from conversehost.features.rooms.subject import check_subject, is_subject, keep_subject
from conversehost.xmpp import ns
from conversehost.xmpp.errors import CONDITIONS, StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child

_STANZA_ID, _DELAY = f"{{{ns.STANZA_ID}}}stanza-id", f"{{{ns.DELAY}}}delay"
_OURS = (ns.MUC_USER, ns.MUC_ADMIN, ns.MUC_OWNER, ns.OCCUPANT_ID, ns.HATS)
_CONDITIONS = {f"{{{ns.STANZA_ERROR}}}{each}" for each in CONDITIONS}


def speaker(room: Room, client: JID) -> Occupant:
    """Raises StanzaError(not-acceptable) for who isn't in the room."""
    occupant = room.crowd.by_client.get(client)
    if occupant is None:
        raise StanzaError("not-acceptable", "enter the room first")
    return occupant


def speak(room: Room, client: JID, said: Stanza) -> None:
    """To all, from the occupant's address, with the client's id (section 7.4). Raises StanzaError."""
    occupant = speaker(room, client)
    subject = is_subject(said)
    if subject:
        check_subject(room, occupant)
    elif occupant.role < Role.PARTICIPANT:
        raise StanzaError("forbidden", "visitors can't speak to all")
    message = reflected(room, occupant, said)
    for hook in room.hooks.speaking:
        hook(room, occupant, message)
    room.say(message, occupant)
    if subject:
        keep_subject(room, message)


def reflected(room: Room, occupant: Occupant, said: Stanza) -> Stanza:
    """As all get it, without `to`: from the occupant, and without what only the room itself says."""
    message = copy(said)
    del message.attrib["to"]
    message.set("from", room.at(occupant.nick))
    if message.id is None:
        message.set("id", secrets.token_hex(8))
    for each in list(message):
        tag = str(each.tag)
        forged = (tag == _STANZA_ID and is_given_here(room, each.get("by", ""))) or (
            tag == _DELAY and each.get("from") == room.jid.bare
        )
        if forged or tag[1:].partition("}")[0] in _OURS:
            message.remove(each)
    child(message, ns.OCCUPANT_ID, "occupant-id", {"id": occupant.id})
    return message


def is_given_here(room: Room, by: str) -> bool:
    """An id in that name would be the room's own, or that of an account's archive, which gives none to what is said to
    all (XEP-0359 section 3).
    """
    bare = by.partition("/")[0]
    return bare == room.jid.bare or bare.rpartition("@")[2] in room.host.router.hosts


def whisper(room: Room, client: JID, nick: str, said: Stanza) -> None:
    """To all clients of one occupant (section 7.5). Raises StanzaError."""
    if said.type == "groupchat":
        raise StanzaError("bad-request", "messages to all go to the room itself")
    occupant = speaker(room, client)
    if not room.config.may_whisper(occupant.role):
        raise StanzaError("forbidden", "private messages aren't for you in this room")
    to = room.crowd.by_nick.get(nick)
    if to is None:
        raise StanzaError("item-not-found", f"nobody is called {nick} here")
    _to_one(room, occupant, to, said)


def send_back(room: Room, occupant: Occupant, to: Occupant, bounced: Stanza) -> None:
    """A private message's sender hears why it wasn't read, and no more: an error isn't a way to say something, nor to
    learn an address.
    """
    said = copy(bounced)
    for each in list(said):
        if each.tag == ERROR:
            without_reporter(each)
            for more in list(each):
                if more.tag not in _CONDITIONS:
                    each.remove(more)
        else:
            said.remove(each)
    _to_one(room, occupant, to, said)


def _to_one(room: Room, occupant: Occupant, to: Occupant, said: Stanza) -> None:
    message = reflected(room, occupant, said)
    child(message, ns.MUC_USER, "x")
    for each in tuple(to.clients):
        addressed = copy(message)
        addressed.set("to", each.full)
        room.host.router.send(addressed)
