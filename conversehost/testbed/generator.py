"""Crowds, and what they have said: made up, and the same again for the same seed on a server in the same state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.messages import speak
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.host import Host
from conversehost.testbed.archive_noun import record as keep
from conversehost.testbed.archive_noun import written as chat
from conversehost.testbed.extras import Extra
from conversehost.testbed.inventions import moments, name, sentence
from conversehost.testbed.noun import World, refusals
from conversehost.testbed.portraits import portrait
from conversehost.testbed.room_talk import record, written
from conversehost.testbed.scenario import befriend, nickname_of, put_nickname
from conversehost.testbed.vcards import pictured, put, stored
from conversehost.xmpp.jid import JID, parse_account

GROUPS = ("Family", "Friends", "Work", "Club")
PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Span:
    """Of time, in seconds since 1970."""

    begin: float
    end: float


class Generator:
    """Makes people and conversations on a host."""

    def __init__(self, world: World, host: Host, seed: int | str) -> None:
        self._world = world
        self._host = host
        self._dice = Random(seed)

    def people(self, count: int, *, avatars: bool) -> list[JID]:
        """So many new accounts, with vCards."""
        return [self._person(avatars) for _ in range(count)]

    def contacts(self, of: JID, count: int, *, avatars: bool) -> list[JID]:
        """The same, and they are in somebody's roster, in groups, and he in theirs."""
        hosts, made = self._world.hosts, self.people(count, avatars=avatars)
        own = nickname_of(hosts[of.domain], of) or of.local
        for each in made:
            group = self._dice.choice(GROUPS)
            befriend(hosts[of.domain], of, each, nickname_of(self._host, each) or each.local, group)
            befriend(self._host, each, of, own, "")
        return made

    def history(self, one: JID, other: JID, count: int, span: Span) -> None:
        """Two have said so much to each other; both have it in their archives."""
        for at in moments(self._dice, count, span.begin, span.end):
            sender, to = (one, other) if self._dice.random() < 0.5 else (other, one)
            message = chat(sender, to, sentence(self._dice), self._id())
            for each in (one, other):
                keep(self._world.hosts[each.domain], each, message, at)

    def room(self, service: RoomService, called: str, people: Sequence[JID]) -> Room:
        """The room of that name, made if it isn't there, of which they are members. Raises ApiError."""
        with refusals():
            config = RoomConfig(persistent=True, name=called.capitalize())
            room = service.find(called) or service.create(called, config)
        for each in people:
            room.affiliate(each, Affiliation.MEMBER)()
        return room

    def enter(self, room: Room, people: Sequence[JID]) -> list[Extra]:
        """They are in it from now on. Raises ApiError."""
        extras = []
        with refusals():
            for each in people:
                extra = Extra(self._host.router, self._world.turn, each)
                extra.enter(room, nickname_of(self._host, each) or each.local)
                extras.append(extra)
        return extras

    def talk(self, room: Room, people: Sequence[JID], count: int, span: Span) -> None:
        """They have said so much in the room."""
        nicks = {each: nickname_of(self._host, each) or each.local for each in people}
        for at in moments(self._dice, count, span.begin, span.end):
            who = self._dice.choice(people)
            record(room, nicks[who], sentence(self._dice), at, who, self._id())

    def chatter(self, room: Room, extras: Sequence[Extra], seconds: float) -> None:
        """From now on one of them says something every so many seconds of the server's clock, while they are there."""
        Chatter(self._world, room, list(extras), seconds, self._dice).later()

    def _person(self, avatars: bool) -> JID:
        account, called = self._free(name(self._dice))
        put_nickname(self._host, account, called)
        self._host.create_account(account, self._id())
        if avatars:
            put(self._host, account, pictured(stored(self._host, account), portrait(self._dice), PNG))
        return account

    def _free(self, called: str) -> tuple[JID, str]:
        """An address that nobody has, and the name. Namesakes have numbers: in a room no two are called the same."""
        local, number = called.lower().replace(" ", "."), 1
        while True:
            account = parse_account(local if number == 1 else f"{local}{number}", self._host.domain)
            if not self._host.accounts.exists(account):
                return account, called if number == 1 else f"{called} {number}"
            number += 1

    def _id(self) -> str:
        return f"{self._dice.getrandbits(64):016x}"


class Chatter:
    """A room in which somebody says something now and then. It ends with the last of those who do."""

    def __init__(self, world: World, room: Room, extras: list[Extra], seconds: float, dice: Random) -> None:
        self._world = world
        self._room = room
        self._extras = extras
        self._seconds = seconds
        self._dice = dice

    def later(self) -> None:
        """Once more, after a while."""
        self._world.clock.after(self._seconds, self._say)

    def _say(self) -> None:
        here = [each for each in self._extras if each.jid in self._room.crowd.by_client]
        if not here:
            return
        message = written(self._room, sentence(self._dice))
        message.set("to", self._room.jid.bare)
        try:
            with refusals():
                speak(self._room, self._dice.choice(here).jid, message)
        finally:
            self._world.turn.end()
            self.later()
