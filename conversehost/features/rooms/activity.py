"""XEP-0437: Room Activity Indicators: that something was said in a room that one belongs to, and isn't in."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.record import VISITS
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.said import latest
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element

SUBSCRIBERS = 1_000
"""Of one host's rooms."""


class Activity:
    """`_told`: clients that want to know, and of which rooms they know already."""

    def __init__(self, service: RoomService) -> None:
        self._service = service
        self._told: dict[JID, set[JID]] = {}
        service.features.append(ns.RAI)
        service.on_visit(self.visited)
        service.hooks.spoken.append(self.spoken)
        service.hooks.left.append(self.left)

    def visited(self, client: JID, presence: Stanza) -> None:
        """Section 3.1: from now on, until the client goes. Raises StanzaError(resource-constraint)."""
        if presence.type == "unavailable":
            self._told.pop(client, None)
        if presence.type is not None or not presence.has(ns.RAI, "rai"):
            return
        if client not in self._told and len(self._told) >= SUBSCRIBERS:
            raise StanzaError("resource-constraint", "too many want to know of rooms already")
        self._told[client] = set()
        self._tell(
            client, [room for room in self._service if self._concerns(room, client) and self._is_new(room, client)]
        )

    def spoken(self, room: Room, speaker: Occupant | None, message: Stanza) -> None:
        """One indication a room, however much is said."""
        if self._told and message.text_of("body"):
            for client, told in tuple(self._told.items()):
                if room.jid not in told and self._concerns(room, client):
                    self._tell(client, [room])

    def left(self, room: Room, occupant: Occupant, client: JID) -> None:
        """What is said from now on is new."""
        if occupant.affiliation >= Affiliation.MEMBER:
            room.host.store.put(VISITS, room.jid.bare, occupant.account.bare, room.host.clock.utc())
        if client in self._told:
            self._told[client].discard(room.jid)

    def _tell(self, client: JID, rooms: Sequence[Room]) -> None:
        if not rooms:
            return
        rai = element(ns.RAI, "rai")
        for room in rooms:
            self._told[client].add(room.jid)
            child(rai, ns.RAI, "activity").text = room.jid.bare
        attributes = {"from": self._service.domain, "to": client.full}
        self._service.host.router.send(stanza("message", attributes, rai))

    def _concerns(self, room: Room, client: JID) -> bool:
        """It belongs to the room, and isn't in it."""
        return client not in room.crowd.by_client and room.record.affiliation(client) >= Affiliation.MEMBER

    def _is_new(self, room: Room, client: JID) -> bool:
        """Whether anything was said since its account was there."""
        since: float | None = room.host.store.get(VISITS, room.jid.bare, client.bare)
        return any(said.at > (since or 0.0) for said in latest(room, 1))
