"""Chat rooms, who is in them, and what is said there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User, named


@dataclass(frozen=True)
class Occupant:
    """Somebody in a room. `clients` are full JIDs; `role` is "moderator", "participant" or "visitor"; `affiliation` is
    "owner", "admin", "member" or "none".
    """

    nick: str
    account: str
    clients: tuple[str, ...]
    role: str
    affiliation: str


@dataclass(frozen=True)
class Archived:
    """A message as an archive has it. `sender` and `to` are addresses; `body` is None where it has none; `xml` is all
    of it.
    """

    id: str
    at: datetime
    sender: str | None
    to: str | None
    body: str | None
    xml: str


class ArchiveVerbs:
    """What accounts have said and were told."""

    @verb
    def archive(self, user: User | str, **wanted: User | str | int) -> Steps[list[Archived]]:
        """The latest messages that match, in order. `wanted`: `with_` (an address), `text` (words of the body), `start`
        and `end` (times), `after` and `before` (ids), `limit`.
        """
        query = urlencode({name.rstrip("_"): named(value) for name, value in wanted.items()})
        told = yield Call("GET", f"accounts/{quote(named(user), safe='')}/archive?{query}")
        return [archived(each) for each in told["messages"]]

    @verb
    def add_to_archive(self, sender: User | str, to: User | str, body: str, at: datetime | None = None) -> Steps[str]:
        """Somebody with an account has said that, at that time, or now; nobody is told. The id in their archive."""
        fields = {"with": named(to), "body": body, "sent": True}
        if at is not None:
            fields["at"] = at.isoformat()
        id: str = (yield Call("POST", f"accounts/{quote(named(sender), safe='')}/archive", fields))["id"]
        return id


class RoomVerbs:
    """Rooms go by a name, which is at the first domain's conference, or by a whole address."""

    @verb
    def make_room(
        self, name: str, owner: User | str | None = None, subject: str | None = None, **config: Any
    ) -> Steps[str]:
        """A new room, which stays when it is empty; its address. `config`: `members_only=True`, `moderated=True`,
        `password="..."`, `whois="anyone"` and all else that owners can choose: see the control API's page.
        """
        fields = {"jid": name, "owner": named(owner), "subject": subject, **config}
        made = yield Call("POST", "rooms", {key: value for key, value in fields.items() if value is not None})
        address: str = made["jid"]
        return address

    @verb
    def room(self, name: str) -> Steps[dict[str, Any]]:
        """How a room is set up, its `subject`, and how many `occupants` and `members` it has."""
        told: dict[str, Any] = yield Call("GET", _at(name))
        return told

    @verb
    def change_room(self, name: str, **config: Any) -> Steps[None]:
        """Set it up otherwise, as in `make_room`; who is inside hears of it."""
        yield Call("PATCH", _at(name), config)

    @verb
    def destroy_room(self, name: str, reason: str | None = None) -> Steps[None]:
        """For good; who is inside is told so."""
        yield Call("DELETE", _at(name), None if reason is None else {"reason": reason})

    @verb
    def occupants(self, room: str) -> Steps[list[Occupant]]:
        """Who is in a room, in order of entry."""
        told = yield Call("GET", f"{_at(room)}/occupants")
        return [_occupant(each) for each in told["occupants"]]

    @verb
    def enter_room(
        self, room: str, user: User | str, nick: str | None = None, password: str | None = None
    ) -> Steps[Occupant]:
        """Somebody enters, logged in or not, and stays until `leave_room`; others see them come."""
        fields = {"account": named(user), "nick": nick, "password": password}
        given = {key: value for key, value in fields.items() if value is not None}
        return _occupant((yield Call("POST", f"{_at(room)}/occupants", given)))

    @verb
    def leave_room(self, room: str, nick: str) -> Steps[None]:
        """Whoever it is leaves, with all their clients."""
        yield Call("DELETE", f"{_at(room)}/occupants/{quote(nick, safe='')}")

    @verb
    def set_role(self, room: str, nick: str, role: str, reason: str | None = None) -> Steps[None]:
        """Of an occupant, as the room's owner can; "none" kicks."""
        fields = {"role": role} if reason is None else {"role": role, "reason": reason}
        yield Call("PATCH", f"{_at(room)}/occupants/{quote(nick, safe='')}", fields)

    @verb
    def affiliate(
        self, room: str, user: User | str, affiliation: str, nick: str | None = None, reason: str | None = None
    ) -> Steps[None]:
        """Make somebody "owner", "admin", "member", "none" or "outcast" of a room; `nick` is reserved for them."""
        fields = {"affiliation": affiliation, "nick": nick, "reason": reason}
        path = f"{_at(room)}/members/{quote(named(user), safe='')}"
        yield Call("PUT", path, {key: value for key, value in fields.items() if value is not None})

    @verb
    def say_in_room(
        self,
        room: str,
        body: str,
        nick: str | None = None,
        *,
        at: datetime | None = None,
        account: User | str | None = None,
    ) -> Steps[str]:
        """To all, as the occupant of that nick, or as the room itself. With `at` nobody hears of it: it was said then,
        by that `account`, and is in the history. The id in the archive.
        """
        when = None if at is None else at.isoformat()
        fields = {"body": body, "nick": nick, "at": when, "account": named(account)}
        given = {key: value for key, value in fields.items() if value is not None}
        id: str = (yield Call("POST", f"{_at(room)}/messages", given))["id"]
        return id

    @verb
    def room_messages(self, room: str, **wanted: str | int) -> Steps[list[Archived]]:
        """What was said in a room: the latest that match, in order. `wanted`: `text` (words of the body), `start` and
        `end` (times), `after` and `before` (ids), `limit`.
        """
        told = yield Call("GET", f"{_at(room)}/messages?{urlencode(wanted)}")
        return [archived(each) for each in told["messages"]]


def archived(told: Mapping[str, Any]) -> Archived:
    """From JSON."""
    at = datetime.fromisoformat(told["at"])
    return Archived(told["id"], at, told["from"], told["to"], told["body"], told["xml"])


def _at(room: str) -> str:
    return f"rooms/{quote(room, safe='')}"


def _occupant(told: Mapping[str, Any]) -> Occupant:
    clients = tuple(told["clients"])
    return Occupant(told["nick"], told["account"], clients, told["role"], told["affiliation"])
