"""`/rooms`: chat rooms, how they are set up, what they talk about, and their end (XEP-0045)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from conversehost.features.rooms import rooms_of
from conversehost.features.rooms.config import QUESTIONS, Question, RoomConfig
from conversehost.features.rooms.owner import configure
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.subject import set_subject
from conversehost.testbed.fields import Boolean, Choice, Choices, Field, Fields, Lines, Text, Whole
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World, refusals
from conversehost.testbed.room_people import Members, Occupants
from conversehost.testbed.room_talk import RoomMessages
from conversehost.testbed.shapes import Shape, boolean, listed, nullable, text, whole
from conversehost.xmpp.jid import JIDError, parse

MADE = RoomConfig(persistent=True)
"""How rooms are that are made here: nobody need be in them for them to stay."""


def config_field(question: Question) -> Field:
    """What owners are asked in a form, as a field."""
    name, about = question.attribute, question.label
    words = tuple(value for value, _ in question.options)
    if question.type == "boolean":
        return Boolean(name, about)
    if question.type == "list-multi":
        return Choices(name, about, words=words)
    if question.limits[1]:
        return Whole(name, about, low=question.limits[0], high=question.limits[1])
    return Choice(name, about, words=words) if words else Lines(name, about)


CONFIG = tuple(config_field(each) for each in QUESTIONS)
SUBJECT = Lines("subject", "what the room talks about", example="Tea at four")
REASON = Lines("reason", "for people")
KEY = Text("room", "a name alone is at the first domain's conference", example="lounge", format="room")
ROOM = Shape(
    "Room",
    "A room; `persistent` and what comes after it are how it is set up.",
    {
        "jid": text("its address", examples=["lounge@conference.localhost"]),
        "subject": nullable(text("what it talks about; null where it never had a subject")),
        "locked": boolean("who made it hasn't finished setting it up"),
        "occupants": whole("how many are in it"),
        "members": whole("how many have an affiliation"),
        **{each.name: {**each.schema(), "description": each.about} for each in CONFIG},
    },
)
ROOMS = Shape("Rooms", "Rooms, in order of creation.", {"rooms": listed(ROOM)})


class Rooms(Noun):
    """All rooms of all domains."""

    key = KEY

    def verbs(self) -> Mapping[str, Verb]:
        made = (
            Text("jid", "a name, or a whole address", required=True, example="lounge", format="room"),
            Text("owner", "an account that owns it", example="alice", format="account"),
            SUBJECT,
            *CONFIG,
        )
        return {
            "GET": Verb(self.read, answer=ROOMS),
            "POST": Verb(
                self.create,
                body=made,
                answer=ROOM,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            ),
        }

    def item(self, name: str) -> Noun:
        return OneRoom(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All rooms, hidden ones too."""
        return Reply({"rooms": [describe(room) for service in services(self.world) for room in service]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """A new room, which stays when it is empty, unless `persistent` is false."""
        service, name = address(self.world, body.needed("jid"), "jid")
        owner = body.text("owner")
        account = None if owner is None else self.world.account(owner, "owner")
        with refusals():
            room = service.create(name, configured(MADE, body), account)
        if body.has("subject"):
            set_subject(room, body.needed("subject"))
        return Reply(describe(room), f"{API}/rooms/{quote(room.jid.bare, safe='')}")


class OneRoom(Noun):
    """`/rooms/{room}`."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name
        for path, noun in ((b"occupants", Occupants), (b"members", Members), (b"messages", RoomMessages)):
            self.putChild(path, noun(world, self.find))

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=ROOM, errors=MISSING),
            "PATCH": Verb(self.change, body=(SUBJECT, *CONFIG), answer=ROOM, errors=MISSING),
            "DELETE": Verb(self.destroy, body=(REASON,), errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One room."""
        return Reply(describe(self.find()))

    def change(self, query: Fields, body: Fields) -> Reply:
        """Set up the room otherwise, in what is given; occupants hear of it. A room that wasn't finished is, then."""
        room = self.find()
        room.record.locked = False
        configure(room, configured(room.config, body))
        if body.has("subject"):
            set_subject(room, body.needed("subject"))
        return Reply(describe(room))

    def destroy(self, query: Fields, body: Fields) -> Reply:
        """Destroy the room, with all that was said in it: occupants are told so."""
        self.find().destroy(reason=body.text("reason") or "")
        return Reply()

    def find(self) -> Room:
        """Raises ApiError(404)."""
        service, name = address(self.world, self._name, "room")
        room = service.find(name)
        if room is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no room {name}@{service.domain}")
        return room


def services(world: World) -> Iterator[RoomService]:
    """Of all domains that have rooms."""
    found = (rooms_of(host) for host in world.hosts.values())
    return (each for each in found if each is not None)


def address(world: World, text: str, field: str) -> tuple[RoomService, str]:
    """Where a room is, or would be, and its name there. Raises ApiError(400), ApiError(404) without rooms."""
    try:
        known = list(services(world))
        jid = parse(text if "@" in text else f"{text}@{known[0].domain if known else 'none'}")
    except JIDError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not the address of a room ({error})") from None
    if not known:
        raise ApiError(HTTPStatus.NOT_FOUND, "this server has no rooms: it was started with --disable rooms")
    service = next((each for each in known if each.domain == jid.domain), None)
    if service is None or not jid.local or jid.resource:
        there = ", ".join(each.domain for each in known)
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not the address of a room of {there}")
    return service, jid.local


def configured(config: RoomConfig, given: Fields) -> RoomConfig:
    """The same with what is given."""
    changed: dict[str, Any] = {each.name: given.get(each.name) for each in fields(config) if given.has(each.name)}
    lists = {name: tuple(value) for name, value in changed.items() if isinstance(value, list)}
    return replace(config, **changed | lists)


def describe(room: Room) -> dict[str, object]:
    """As JSON."""
    config, subject = room.config, room.record.subject
    told = {each.name: getattr(config, each.name) for each in fields(config)}
    return {
        "jid": room.jid.bare,
        "subject": None if subject is None else subject.text,
        "locked": room.record.locked,
        "occupants": len(room.crowd),
        "members": sum(1 for _ in room.record.members()),
        **{name: list(value) if isinstance(value, tuple) else value for name, value in told.items()},
    }
