"""`POST /generate`: many people, and much that they have said, made up."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from conversehost.server.host import Host
from conversehost.testbed.fields import Boolean, Fields, Group, Moment, Number, Text, Texts, Whole
from conversehost.testbed.generator import Generator, Span
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb
from conversehost.testbed.rooms_noun import address
from conversehost.testbed.shapes import Shape, integer, listed, nullable, text, whole
from conversehost.xmpp.jid import JID

DAY = 86_400
DAYS = Number("days", "over how many days; 365 unless given", low=0, high=10_000, example=365)
UNTIL = Moment("until", "when the last of it was said; now unless given", example="2026-02-28T12:00:00Z")
CONTACTS = Group(
    "contacts",
    "people, and they are in somebody's roster, subscribed both ways",
    fields=(
        Text("of", "whose contacts", required=True, example="alice", format="account"),
        Whole("count", "how many", required=True, high=5_000, example=50),
        Boolean("avatars", "with pictures", example=True),
    ),
)
HISTORY = Group(
    "history",
    "what two have said to each other, in both archives",
    fields=(
        Texts("between", "two accounts", required=True, example=["alice", "bob"], format="account"),
        Whole("messages", "how many", required=True, high=100_000, example=1_000),
        DAYS,
        UNTIL,
    ),
)
ROOM = Group(
    "room",
    "a room with people in it",
    fields=(
        Text("name", "its name or address; it is made if need be", required=True, example="lounge", format="room"),
        Whole("occupants", "how many people", required=True, high=1_000, example=20),
        Boolean("present", "false: they are members, but nobody is there now"),
        Boolean("avatars", "with pictures"),
        Whole("talk", "how many messages they have said", high=100_000, example=100),
        Number("days", "over how many days; one unless given", low=0, high=10_000),
        UNTIL,
        Number("every", "seconds: so often one of them says something from now on", low=0.1, high=DAY),
    ),
)
SEED = Whole("seed", "the same again for the same number", example=1)
GENERATED = Shape(
    "Generated",
    "What was made.",
    {
        "seed": integer("to have the same again"),
        "accounts": listed(text(), "new people, with passwords that GET /accounts tells"),
        "room": nullable(text("its address")),
        "messages": whole("how many were said"),
    },
)


class Generate(Noun):
    """Seeded: a server in the same state gets the same people, pictures and words."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "POST": Verb(
                self.make,
                body=(SEED, CONTACTS, HISTORY, ROOM),
                answer=GENERATED,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            )
        }

    def make(self, query: Fields, body: Fields) -> Reply:
        """Make up people and what they have said: a full roster, a long history, a room full of people who talk."""
        seed = body.whole("seed") or 0
        contacts, room = body.group("contacts"), body.group("room")
        told: dict[str, Any] = {"seed": seed, "accounts": [], "room": None, "messages": 0}
        made: list[JID] = []
        if contacts is not None:
            made += self._contacts(seed, contacts)
        history = body.group("history")
        if history is not None:
            told["messages"] = self._history(seed, history)
        if room is not None:
            made += self._room(seed, room, told)
        return Reply(told | {"accounts": [each.bare for each in made]})

    def _contacts(self, seed: int, asked: Fields) -> list[JID]:
        of = self.world.existing(asked.needed("of"), "contacts: of")
        generator = Generator(self.world, self.world.hosts[of.domain], f"contacts {seed}")
        return generator.contacts(of, asked.whole("count") or 0, avatars=bool(asked.boolean("avatars")))

    def _history(self, seed: int, asked: Fields) -> int:
        names = asked.texts("between")
        between = [self.world.existing(each, "history: between") for each in names]
        if len(between) != 2 or between[0] == between[1]:
            raise ApiError(HTTPStatus.BAD_REQUEST, "history: between must be two accounts")
        host, count = self.world.hosts[between[0].domain], asked.whole("messages") or 0
        Generator(self.world, host, f"history {seed}").history(between[0], between[1], count, span(host, asked, 365))
        return count

    def _room(self, seed: int, asked: Fields, told: dict[str, Any]) -> list[JID]:
        service, name = address(self.world, asked.needed("name"), "room: name")
        count, talk, every = asked.whole("occupants") or 0, asked.whole("talk") or 0, asked.number("every")
        present = asked.boolean("present") is not False
        if (talk or every) and not count:
            raise ApiError(HTTPStatus.BAD_REQUEST, "room: nobody can talk where occupants is 0")
        if every and not present:
            raise ApiError(HTTPStatus.BAD_REQUEST, "room: who isn't present can't talk every few seconds")
        generator = Generator(self.world, service.host, f"room {seed}")
        people = generator.people(count, avatars=bool(asked.boolean("avatars")))
        room = generator.room(service, name, people)
        extras = generator.enter(room, people) if present else []
        if talk:
            generator.talk(room, people, talk, span(service.host, asked, 1))
        if every:
            generator.chatter(room, extras, every)
        told["room"], told["messages"] = room.jid.bare, told["messages"] + talk
        return people


def span(host: Host, asked: Fields, days: float) -> Span:
    """The time that it is about; so many `days` unless it says how many."""
    until = asked.get("until")
    end = host.clock.utc() if until is None else until
    given = asked.number("days")
    return Span(max(0.0, end - DAY * (days if given is None else given)), end)
