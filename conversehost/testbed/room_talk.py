"""`/rooms/{room}/messages`: what was said in a room, and to say something in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from conversehost.features.rooms.messages import speak
from conversehost.features.rooms.record import ARCHIVE
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.said import HISTORY
from conversehost.features.rooms.standing import default_role
from conversehost.features.rooms.views import Item, write_item
from conversehost.server.archive import Archive, mark
from conversehost.testbed.archived import ADDED, FILTER, MESSAGES, found
from conversehost.testbed.fields import Fields, Lines, Moment, Text
from conversehost.testbed.noun import MISSING, ApiError, Noun, Reply, Verb, World, refusals
from conversehost.testbed.room_people import Find, read_nick
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, clean, element, to_bytes

SAID = (
    Text("nick", "who says it; without one it is the room itself", example="Alice"),
    Lines("body", "what they say", required=True, example="hi all"),
    Moment("at", "it goes to nobody, but was said then: it is in the history", example="2026-02-28T12:00:00Z"),
    Text("account", "with `at`: whose nick that was", format="account"),
)


class RoomMessages(Noun):
    """Of one room."""

    def __init__(self, world: World, find: Find) -> None:
        super().__init__(world)
        self._find = find

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=FILTER, answer=MESSAGES, errors=MISSING),
            "POST": Verb(
                self.say,
                body=SAID,
                answer=ADDED,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            ),
            "DELETE": Verb(self.forget, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """What was said in the room, as its archive has it: the latest that match."""
        room = self._find()
        return Reply(found(archive_of(room), room.jid.bare, query))

    def say(self, query: Fields, body: Fields) -> Reply:
        """Say something to all in the room, as an occupant who is there; or let it have been said, with `at`."""
        room, nick, text = self._find(), body.text("nick"), body.needed("body")
        at = body.get("at")
        if at is not None:
            account = body.text("account")
            author = None if account is None else self.world.account(account, "account")
            return Reply({"id": record(room, None if nick is None else read_nick(nick), text, at, author)})
        message = written(room, text)
        if nick is None:
            room.say(message)
        else:
            occupant = room.crowd.by_nick.get(nick)
            if occupant is None or occupant.shown is None:
                raise ApiError(HTTPStatus.NOT_FOUND, f"nobody is called {nick!r} in {room.jid}")
            message.set("to", room.jid.bare)
            with refusals():
                speak(room, occupant.shown, message)
        latest = next(iter(archive_of(room).latest(room.jid.bare, HISTORY, 1)), None)
        return Reply({"id": "" if latest is None else latest.id})

    def forget(self, query: Fields, body: Fields) -> Reply:
        """Forget all that was said in the room."""
        room = self._find()
        archive_of(room).clear(room.jid.bare)
        return Reply()


def archive_of(room: Room) -> Archive:
    """Where all rooms of its domain keep what was said."""
    return Archive(room.host.store, ARCHIVE)


def written(room: Room, text: str) -> Stanza:
    """A message from the room to all."""
    message = stanza("message", {"from": room.jid.bare, "type": "groupchat", "id": secrets.token_hex(8)})
    message.append(element(ns.CLIENT, "body", text=clean(text)))
    return message


def record(room: Room, nick: str | None, text: str, at: float, author: JID | None, id: str = "") -> str:
    """It was said at a time that is past: it is in the room's archive, and nobody is told. Answers its id there.

    `author`: the account whose nick that was; `id`: the message's own.
    """
    archive, message = archive_of(room), written(room, text)
    if id:
        message.set("id", id)
    labels = [HISTORY, room.jid.bare]
    if nick is not None:
        message.set("from", room.at(nick))
        labels[1] = room.at(nick)
    if author is not None:
        affiliation = room.record.affiliation(author)
        role = default_role(affiliation, moderated=room.config.moderated)
        child(message, ns.OCCUPANT_ID, "occupant-id", {"id": room.record.occupant_id(author)})
        write_item(child(message, ns.MUC_USER, "x"), Item(affiliation.text, role.text, author.bare), with_jid=True)
        labels.append(author.bare)
    kept = archive.new_id(room.jid.bare, at)
    mark(message, room.jid.bare, kept)
    archive.add(room.jid.bare, kept, to_bytes(message), labels)
    return kept
