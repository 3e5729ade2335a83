"""XEP-0452: MUC Mention Notifications: who is named in a room, and isn't there, gets the message all the same."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from urllib.parse import unquote

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element

_REFERENCE = f"{{{ns.REFERENCE}}}reference"
MENTIONED = 20
"""In one message."""


def install(service: RoomService) -> None:
    """For all rooms: whoever has reserved a nick wants to hear of it."""
    service.hooks.spoken.append(tell_absent)
    service.info.more.append(lambda room: (ns.MENTIONS,) if room.config.mentions else ())


def tell_absent(room: Room, speaker: Occupant | None, message: Stanza) -> None:
    """Members by the nick that is kept for them, or by their address."""
    for account in dict.fromkeys(mentioned(room, message) if room.config.mentions else ()):
        if not room.crowd.of_account(account) and room.record.affiliation(account) >= Affiliation.MEMBER:
            forwarded = element(ns.FORWARD, "forwarded", None, copy(message))
            told = element(ns.MENTIONS, "mentions", None, forwarded)
            room.host.router.send(stanza("message", {"from": room.jid.full, "to": account.full}, told))


def mentioned(room: Room, message: Stanza) -> Iterator[JID]:
    """Accounts (bare JIDs)."""
    for reference in list(message.iterchildren(_REFERENCE))[:MENTIONED]:
        uri = reference.get("uri", "")
        if reference.get("type") != "mention" or not uri.startswith("xmpp:"):
            continue
        try:
            named = parse(unquote(uri.removeprefix("xmpp:").partition("?")[0]))
        except JIDError:
            continue
        if named.bare != room.jid.bare:
            yield named.to_bare()
        elif (holder := room.record.holder(named.resource)) is not None:
            yield parse(holder)
