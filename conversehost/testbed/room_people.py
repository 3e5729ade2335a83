"""`/rooms/{room}/occupants` and `/rooms/{room}/members`: who is in a room, and who is something to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.nicks import visible
from conversehost.features.rooms.record import Member
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.standing import Affiliation, Role
from conversehost.testbed.extras import Extra
from conversehost.testbed.fields import Choice, Fields, Lines, Text
from conversehost.testbed.noun import MISSING, ApiError, Noun, Reply, Verb, World, refusals
from conversehost.testbed.shapes import Shape, choice, listed, text
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.stream import lowest

Find = Callable[[], Room]
"""The room, as it is then. Raises ApiError(404)."""

ROLES = tuple(each.text for each in reversed(Role))
AFFILIATIONS = tuple(each.text for each in reversed(Affiliation))
REASON = Lines("reason", "for people")
OCCUPANT = Shape(
    "Occupant",
    "Somebody in a room.",
    {
        "nick": text("by which all know them", examples=["Alice"]),
        "account": text("whose they are", examples=["alice@localhost"]),
        "clients": listed(text(), "full JIDs of the clients that are in the room by that nick"),
        "role": choice("for this visit", *ROLES),
        "affiliation": choice("which lasts", *AFFILIATIONS),
        "id": text("XEP-0421: by which they are known, whatever their nick"),
    },
)
OCCUPANTS = Shape("Occupants", "In order of entry.", {"occupants": listed(OCCUPANT)})
MEMBER = Shape(
    "Member",
    "Who is something to a room.",
    {
        "jid": text("an account, or a whole domain"),
        "affiliation": choice("what they are", *AFFILIATIONS),
        "nick": text("reserved for them; perhaps empty"),
        "reason": text("why; perhaps empty"),
    },
)
MEMBERS = Shape("Members", "Who has an affiliation.", {"members": listed(MEMBER)})


class Occupants(Noun):
    """Who is in a room now."""

    key = Text("nick", "by which all know them", example="Alice")

    def __init__(self, world: World, find: Find) -> None:
        super().__init__(world)
        self._find = find

    def verbs(self) -> Mapping[str, Verb]:
        enter = (
            Text("account", "who enters; they needn't be logged in", required=True, example="bob", format="account"),
            Text("nick", "by which all know them; by default the account's name"),
            Text("password", "where the room has one"),
        )
        return {
            "GET": Verb(self.read, answer=OCCUPANTS, errors=MISSING),
            "POST": Verb(
                self.enter,
                body=enter,
                answer=OCCUPANT,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            ),
        }

    def item(self, name: str) -> Noun:
        return OneOccupant(self.world, self._find, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """Who is in the room."""
        return Reply({"occupants": [describe(each) for each in self._find().crowd]})

    def enter(self, query: Fields, body: Fields) -> Reply:
        """Somebody enters, and stays until they are told to leave; others see them come. 409: the room refuses it."""
        room, account = self._find(), self.world.existing(body.needed("account"), "account")
        nick = read_nick(body.text("nick") or account.local)
        with refusals():
            extra = Extra(self.world.hosts[account.domain].router, self.world.turn, account)
            extra.enter(room, nick, body.text("password") or "")
        return Reply(describe(room.crowd.by_client[extra.jid]))


class OneOccupant(Noun):
    """`/rooms/{room}/occupants/{nick}`."""

    def __init__(self, world: World, find: Find, nick: str) -> None:
        super().__init__(world)
        self._find = find
        self._nick = nick

    def verbs(self) -> Mapping[str, Verb]:
        role = Choice("role", "for this visit; none is kicked", words=ROLES, required=True, example="visitor")
        return {
            "GET": Verb(self.read, answer=OCCUPANT, errors=MISSING),
            "PATCH": Verb(self.change, body=(role, REASON), errors=MISSING),
            "DELETE": Verb(self.leave, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One occupant."""
        return Reply(describe(self._occupant()[1]))

    def change(self, query: Fields, body: Fields) -> Reply:
        """Give them another role, as the room's owner can; `none` kicks them."""
        room, occupant = self._occupant()
        room.set_role(occupant, Role.read(body.needed("role")), reason=body.text("reason") or "")()
        return Reply()

    def leave(self, query: Fields, body: Fields) -> Reply:
        """They leave the room, with all their clients."""
        room, occupant = self._occupant()
        for client in tuple(occupant.clients):
            room.leave(client)
            host = self.world.hosts.get(client.domain)
            session = None if host is None else host.session(client)
            link = None if session is None else lowest(session.link)
            if isinstance(link, Extra):
                link.leave()
        return Reply()

    def _occupant(self) -> tuple[Room, Occupant]:
        room = self._find()
        found = room.crowd.by_nick.get(self._nick)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"nobody is called {self._nick!r} in {room.jid}")
        return room, found


class Members(Noun):
    """Who has an affiliation with a room, in it or not."""

    key = Text("jid", "an account, or a domain", example="bob", format="account")

    def __init__(self, world: World, find: Find) -> None:
        super().__init__(world)
        self._find = find

    def verbs(self) -> Mapping[str, Verb]:
        only = Choice("affiliation", "only those who are that", words=AFFILIATIONS)
        return {"GET": Verb(self.read, query=(only,), answer=MEMBERS, errors=MISSING)}

    def item(self, name: str) -> Noun:
        return OneMember(self.world, self._find, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """Owners, admins, members, and those who are banned (outcast)."""
        wanted = query.text("affiliation")
        found = self._find().record.members(None if wanted is None else Affiliation.read(wanted))
        return Reply({"members": [told(address, member) for address, member in found]})


class OneMember(Noun):
    """`/rooms/{room}/members/{jid}`."""

    def __init__(self, world: World, find: Find, name: str) -> None:
        super().__init__(world)
        self._find = find
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        fields = (
            Choice("affiliation", "outcast is banned", words=AFFILIATIONS, required=True, example="member"),
            Text("nick", "reserved for them"),
            REASON,
        )
        return {
            "GET": Verb(self.read, answer=MEMBER, errors=MISSING),
            "PUT": Verb(self.affiliate, body=fields, answer=MEMBER, errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
            "DELETE": Verb(self.remove, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """What somebody is to the room."""
        room, jid = self._both()
        member = room.record.member(jid)
        if member is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{jid} is nothing to {room.jid}")
        return Reply(told(jid.bare, member))

    def affiliate(self, query: Fields, body: Fields) -> Reply:
        """Make somebody something to the room, as its owner can: who must go is put out, and occupants hear of it."""
        room, jid = self._both()
        nick = None if (given := body.text("nick")) is None else read_nick(given)
        if nick is not None and room.record.holder(nick) not in (None, jid.bare):
            raise ApiError(HTTPStatus.CONFLICT, f"the nick {nick} is reserved for somebody else")
        affiliation = Affiliation.read(body.needed("affiliation"))
        room.affiliate(jid, affiliation, nick=nick, reason=body.text("reason") or "")()
        return Reply(told(jid.bare, room.record.member(jid) or Member(Affiliation.NONE)))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """They are nothing to the room any more."""
        room, jid = self._both()
        room.affiliate(jid, Affiliation.NONE)()
        return Reply()

    def _both(self) -> tuple[Room, JID]:
        room, name = self._find(), self._name
        try:
            jid = parse(name).to_bare() if "@" in name or "." in name else self.world.account(name, "jid")
        except JIDError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"jid: {name!r} is not an address ({error})") from None
        return room, jid


def read_nick(text: str) -> str:
    """Raises ApiError(400)."""
    try:
        return visible(text)
    except JIDError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"nick: {text!r} can't be one ({error})") from None


def describe(occupant: Occupant) -> dict[str, object]:
    """As JSON."""
    return {
        "nick": occupant.nick,
        "account": occupant.account.bare,
        "clients": [each.full for each in occupant.clients],
        "role": occupant.role.text,
        "affiliation": occupant.affiliation.text,
        "id": occupant.id,
    }


def told(address: str, member: Member) -> dict[str, object]:
    """As JSON."""
    return {"jid": address, "affiliation": member.affiliation.text, "nick": member.nick, "reason": member.reason}
