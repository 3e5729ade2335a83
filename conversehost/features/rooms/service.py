"""`conference.<domain>`: the rooms of a host, and the way of each stanza to the part that answers it (XEP-0045)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Literal

from conversehost.features.rooms import entry
from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.info import RoomInfo
from conversehost.features.rooms.messages import send_back, speak, whisper
from conversehost.features.rooms.record import ROOM
from conversehost.features.rooms.relay import Relay
from conversehost.features.rooms.room import Room, RoomHooks
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.delivery import Later
from conversehost.server.discovery import item
from conversehost.server.host import Host, Reply, register
from conversehost.server.session import Session
from conversehost.server.subdomain import Subdomain
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import FORM_TYPE, X, values_of
from conversehost.xmpp.jid import JID, prepare_local
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

NAME = "conference"
ROOMS = 1_000
"""Of one host."""

GHOSTLY = {
    "gone",
    "item-not-found",
    "recipient-unavailable",
    "redirect",
    "remote-server-not-found",
    "remote-server-timeout",
}
"""Errors that say that a client isn't there any more (XEP-0045, "Ghost Users")."""

RoomIqHandler = Callable[[Room, Stanza], Reply | Later]
RoomMessageHandler = Callable[[Room, Stanza, Element], None]


class RoomService(Subdomain):
    """Rooms, by name. What else they can do registers here: iqs and messages to a room by what they carry."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, NAME, "conference", "text", "Rooms")
        self.hooks = RoomHooks()
        self.hooks.emptied.append(self._emptied)
        self.info = RoomInfo()
        self.relay = Relay(host)
        self._rooms: dict[str, Room] = {}
        self._room_iqs: dict[tuple[str, str], RoomIqHandler] = {}
        self._room_messages: dict[str, RoomMessageHandler] = {}
        self._room_forms: dict[str, RoomMessageHandler] = {}
        self._visits: list[Callable[[JID, Stanza], None]] = []
        self.listings.append(self._listed)
        self.on_room_iq("get", ns.DISCO_INFO, "query", self.info.info)
        self.on_room_iq("get", ns.DISCO_ITEMS, "query", self.info.items)
        self.on_room_iq("get", ns.PING, "ping", lambda room, iq: None)
        self.on_iq("get", ns.MUC_UNIQUE, "unique", self._unique)

    # What registers

    def on_room_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: RoomIqHandler) -> None:
        """Answer iqs with that payload to a room, from anybody (`iq.sender`)."""
        register(self._room_iqs, (type, f"{{{namespace}}}{name}"), handler)

    def on_room_message(self, namespace: str, name: str, handler: RoomMessageHandler) -> None:
        """Messages to a room, not to all in it, which carry that element: the handler gets it too."""
        register(self._room_messages, f"{{{namespace}}}{name}", handler)

    def on_room_form(self, form_type: str, handler: RoomMessageHandler) -> None:
        """The same for a form of that type."""
        register(self._room_forms, form_type, handler)

    def on_visit(self, handler: Callable[[JID, Stanza], None]) -> None:
        """Presence for the service itself, from a client."""
        self._visits.append(handler)

    # Rooms

    def __iter__(self) -> Iterator[Room]:
        """All of them, in order of creation."""
        for address in tuple(self.host.store.owners(ROOM)):
            local, _, domain = address.partition("@")
            room = self.find(local) if domain == self.domain else None
            if room is not None:
                yield room

    def find(self, name: str) -> Room | None:
        """The room of that name."""
        room = self._rooms.get(name) or Room(JID(name, self.domain), self.host, self.hooks)
        if not room.record.exists:
            self._rooms.pop(name, None)
            return None
        self._rooms[name] = room
        return room

    def create(self, name: str, config: RoomConfig, owner: JID | None = None, *, locked: bool = False) -> Room:
        """A room that isn't there yet. Raises StanzaError(conflict, resource-constraint), JIDError."""
        name = prepare_local(name)
        if self.find(name) is not None:
            raise StanzaError("conflict", f"there is a room {name}")
        if sum(1 for _ in self) >= ROOMS:
            raise StanzaError("resource-constraint", f"there are {ROOMS} rooms here, and no more")
        room = self._rooms[name] = Room(JID(name, self.domain), self.host, self.hooks)
        room.record.create(config, locked=locked)
        if owner is not None:
            room.record.affiliate(owner.to_bare(), Affiliation.OWNER)
        return room

    def close(self) -> None:
        """Each occupant hears, of himself, that the service shuts down (section 11.2)."""
        for room in tuple(self._rooms.values()):
            for occupant in room.crowd:
                room.dismiss(occupant, (332,))
            self._emptied(room)

    def _listed(self, iq: Stanza) -> list[Element]:
        """Section 6.3."""
        shown = (room for room in self if room.config.public and not room.record.locked)
        return [item(room.jid.bare, room.config.name or room.jid.local) for room in shown]

    def _unique(self, iq: Stanza) -> Element:
        """A name that no room has, for who doesn't care which."""
        return element(ns.MUC_UNIQUE, "unique", text=secrets.token_hex(12))

    def _emptied(self, room: Room) -> None:
        """A temporary room ends with its last occupant, and one that nobody has finished (sections 7.14 and 10.1.3)."""
        if not room.config.persistent or room.record.locked:
            room.destroy()
        self._rooms.pop(room.jid.local, None)

    # Stanzas

    def receive(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """All that isn't an iq for the service itself. Raises StanzaError."""
        client = stanza.sender
        if client is None:
            return
        if not to.local:
            self._to_service(client, stanza)
            return
        room = self.find(to.local)
        if stanza.type == "error" and stanza.kind != "iq":
            self._bounced(room, client, to.resource, stanza)
        elif stanza.kind == "presence":
            self._presence(room, to, client, stanza)
        elif stanza.kind == "iq":
            self._iq(room, to, client, stanza)
        elif room is None or self._is_hidden(room, client):
            raise StanzaError("item-not-found", "there is no such room")
        elif to.resource:
            whisper(room, client, to.resource, stanza)
        elif stanza.type == "groupchat":
            speak(room, client, stanza)
        else:
            self._message(room, stanza)

    def _to_service(self, client: JID, stanza: Stanza) -> None:
        if stanza.kind == "presence":
            for visited in self._visits:
                visited(client, stanza)
        elif stanza.type not in ("error", "result"):
            raise StanzaError("service-unavailable", "messages go to a room")

    def _is_hidden(self, room: Room, client: JID) -> bool:
        """To all but its owner a room that isn't finished isn't there (section 7.2.10)."""
        return room.record.locked and room.record.affiliation(client) != Affiliation.OWNER

    def _presence(self, room: Room | None, to: JID, client: JID, presence: Stanza) -> None:
        inside = room is not None and client in room.crowd.by_client
        if presence.type == "unavailable" and room is not None and inside:
            said = entry.cleaned(presence)
            room.leave(client, said if entry.is_brief(said) else None)
        if presence.type is not None:
            return  # section 17.3: neither the way in nor the way out
        if not to.resource:
            raise StanzaError("jid-malformed", f"choose a nick: {to.bare}/nick")
        wish = entry.wish_in(to.resource, presence)
        if room is not None and inside:
            entry.update(room, client, wish, to.resource, presence)
        elif wish is None:
            self.host.router.send(entry.kick_out_of_step(to, to.resource, client))
        else:
            try:
                self._enter(room, to.local, client, wish, presence)
            except StanzaError as error:
                error.content = element(ns.MUC, "x")  # by which clients know that it is the way in that is refused
                raise

    def _enter(self, room: Room | None, name: str, client: JID, wish: entry.Wish, presence: Stanza) -> None:
        """Who comes first makes the room (section 10.1.1), and who left it unfinished may go on."""
        created = room is None
        if room is None:
            try:
                room = self.create(name, RoomConfig(), client, locked=True)
            except StanzaError as error:
                raise StanzaError("not-allowed", error.text) from None
        entry.enter(room, client, wish, presence, created=created or room.record.locked)

    def _message(self, room: Room, message: Stanza) -> None:
        for each in message:
            handler = self._room_messages.get(each.tag) or self._form_handler(each)
            if handler is not None:
                handler(room, message, each)
                return
        if message.type != "headline":
            raise StanzaError("bad-request", "messages to all are of the type groupchat")

    def _form_handler(self, found: Element) -> RoomMessageHandler | None:
        if found.tag != X:
            return None
        return self._room_forms.get("".join(values_of(found).get(FORM_TYPE, ())))

    def _iq(self, room: Room | None, to: JID, client: JID, iq: Stanza) -> None:
        if iq.type not in ("get", "set"):
            if room is not None and to.resource:
                self.relay.answered(room, client, iq)
        elif room is None or self._is_hidden(room, client):
            raise StanzaError("item-not-found", "there is no such room")
        elif to.resource:
            self.relay.ask(room, to.resource, client, iq)
        else:
            payload = iq.payload
            handler = None if payload is None else self._room_iqs.get((iq.type, payload.tag))
            if handler is None:
                raise StanzaError("service-unavailable")
            reply = handler(room, iq)
            if not isinstance(reply, Later):
                self.host.router.send(result(iq, reply))

    def _bounced(self, room: Room | None, client: JID, nick: str, bounced: Stanza) -> None:
        """What didn't reach a client: is it there at all (XEP-0045, "Ghost Users")? Who has whispered hears of it."""
        if room is None or client not in room.crowd.by_client:
            return
        error = bounced.find(f"{{{ns.CLIENT}}}error")
        conditions = () if error is None else tuple(str(each.tag).rpartition("}")[2] for each in error)
        to = room.crowd.by_nick.get(nick)
        if to is not None and bounced.kind == "message":
            send_back(room, room.crowd.by_client[client], to, bounced)
        if not GHOSTLY.isdisjoint(conditions):
            room.lose(client)
