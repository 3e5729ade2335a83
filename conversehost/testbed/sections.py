"""What is kept for accounts, collection by collection, as files have it: a key of [[account]] for each.

Whoever adds a collection to the store says here how files have it, or why they haven't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from conversehost.features.blocking import Report
from conversehost.features.fast import Slots
from conversehost.features.pubsub.items import Item
from conversehost.features.pubsub.nodes import Node, Subscription
from conversehost.features.push import Service
from conversehost.features.rooms import record as rooms
from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.hats import Hat
from conversehost.features.rooms.record import Member, Subject
from conversehost.features.rooms.said import HISTORY
from conversehost.features.rooms.standing import Role
from conversehost.server.archive import addresses
from conversehost.server.archive_rules import Preferences
from conversehost.server.invitations import Invitation
from conversehost.server.roster import RosterItem
from conversehost.store.log import Log, time_of
from conversehost.testbed.plain import of_plain, to_plain
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, XMLError, clean, to_bytes
from conversehost.xmpp.xml import parse as parse_xml


class Kept(NamedTuple):
    """One value of the store; without a key it is appended."""

    collection: str
    key: str | None
    value: Any


_MESSAGE = f'<message xmlns="{ns.CLIENT}"'.encode()


@dataclass(frozen=True, slots=True)
class Section:
    """A key of [[account]], or of another table, and the collection behind it.

    `write` makes plain data of all values that the owner has there, by their keys, or None of nothing; `read` is the
    way back, and raises ValueError.
    """

    name: str
    collection: str
    write: Callable[[Mapping[str, Any]], Any]
    read: Callable[[Any], Iterable[tuple[str | None, Any]]]

    def kept(self, plain: Any) -> tuple[Kept, ...]:
        """What is to be put into the store. Raises ValueError, which names the key."""
        try:
            return tuple(Kept(self.collection, key, value) for key, value in self.read(plain))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None


def one(name: str, kind: Any, collection: str = "") -> Section:
    """There is one value at most."""
    return Section(
        name,
        collection or name,
        lambda values: to_plain(next(iter(values.values()))),
        lambda plain: [("", of_plain(kind, plain))],
    )


def part(name: str, kind: Any, collection: str) -> Section:
    """What stands in the collection under that name."""
    return Section(
        name,
        collection,
        lambda values: to_plain(values[name]) if name in values else None,
        lambda plain: [(name, of_plain(kind, plain))],
    )


def log(name: str, kind: Any, collection: str = "") -> Section:
    """A list in the order in which it came about; the keys don't matter."""
    return each_by(name, kind, lambda value: None, collection)


def each_by(name: str, kind: Any, key: Callable[[Any], str | None], collection: str = "") -> Section:
    """A list of values that tell their key."""
    return Section(
        name,
        collection or name,
        lambda values: [to_plain(value) for value in values.values()],
        lambda plain: ((key(value), value) for value in of_list(kind, plain)),
    )


def table(name: str, kind: Any, key: str, collection: str = "") -> Section:
    """A list of tables which have their key in the store beside the fields of the value."""

    def read(plain: Any) -> Iterator[tuple[str, Any]]:
        for entry in of_list(dict, plain):
            if not isinstance(entry.get(key), str):
                raise ValueError(f"{key} is missing")
            yield entry[key], of_plain(kind, {name: each for name, each in entry.items() if name != key})

    return Section(
        name, collection or name, lambda values: [{key: at} | to_plain(value) for at, value in values.items()], read
    )


def mapping(name: str, keys: Any, kind: Any, collection: str) -> Section:
    """A table of the values by their keys, which are read as such, too."""
    return Section(
        name,
        collection,
        to_plain,
        lambda plain: ((str(of_plain(keys, key)), of_plain(kind, each)) for key, each in of_table(plain).items()),
    )


def archive(name: str, collection: str) -> Section:
    """A log of messages; an `Entry` for each."""

    def write(values: Mapping[str, Any]) -> Any:
        assert isinstance(values, Log)
        labels: dict[str, list[str]] = {}
        for label, keys in values.labels().items():
            for key in keys:
                labels.setdefault(key, []).append(label)
        return [
            to_plain(Entry(time_of(key) / 1000, message, tuple(labels.get(key, ())), key))
            for key, message in values.items()
        ]

    return Section(name, collection, write, lambda plain: ((None, each) for each in of_list(Entry, plain)))


def of_table(plain: Any) -> dict[str, Any]:
    """Raises ValueError."""
    if not isinstance(plain, dict):
        raise ValueError(f"must be a table, not {plain!r:.40}")
    return plain


def of_list(kind: Any, plain: Any) -> list[Any]:
    """Raises ValueError, which says at which entry."""
    if not isinstance(plain, list):
        raise ValueError(f"must be a list, not {plain!r:.40}")
    found = []
    for number, entry in enumerate(plain, 1):
        try:
            if kind is dict and not isinstance(entry, dict):
                raise ValueError(f"must be a table, not {entry!r:.40}")
            found.append(entry if kind is dict else of_plain(kind, entry))
        except ValueError as error:
            raise ValueError(f"number {number}: {error}") from None
    return found


@dataclass(frozen=True, slots=True)
class Contact:
    """A roster item as people write it; `subscription` is that of RFC 6121 section 2.1.2.5."""

    jid: JID
    name: str = ""
    subscription: str = "none"
    groups: tuple[str, ...] = ()
    ask: bool = False
    approved: bool = False
    pending: bytes | None = None
    listed: bool = True

    @classmethod
    def of(cls, item: RosterItem) -> Contact:
        """As the server has it."""
        states = item.subscription, item.groups, item.ask, item.approved, item.pending, item.listed
        return cls(parse(item.jid), item.name, *states)

    def item(self) -> RosterItem:
        """Raises ValueError."""
        if self.subscription not in ("none", "to", "from", "both"):
            raise ValueError(f"subscription must be none, to, from or both, not {self.subscription!r:.40}")
        states = self.subscription in ("to", "both"), self.subscription in ("from", "both"), self.ask, self.approved
        groups = tuple(map(clean, self.groups))
        return RosterItem(self.jid.bare, clean(self.name), groups, *states, self.pending, self.listed)


@dataclass(frozen=True, slots=True)
class Leave:
    """When somebody left, and with which words (XEP-0012)."""

    at: float
    status: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in an archive. `with_` are the addresses by which it is found; without any, those of the other side.
    Where it has an `id` the time is in that, too.
    """

    at: float
    message: bytes
    with_: tuple[str, ...] = ()
    id: str = ""

    def add(self, log: Log, owner: str) -> None:
        """To the owner's. Raises ValueError for an id that is none, or taken."""
        message = _in_jabber_client(self.message)
        assert isinstance(message, Stanza)
        labels = self.with_ or addresses(owner, message)
        log.add(self.id or log.key_for(round(self.at * 1000)), to_bytes(message), labels)

    def sides(self) -> set[str]:
        """The addresses of who has said it, and to whom."""
        root = parse_xml(self.message)
        jids = [parse(root.get(name)) for name in ("from", "to") if root.get(name)]
        return {text for jid in jids for text in (jid.full, jid.bare)}


def _roster(values: Mapping[str, Any]) -> Any:
    return [to_plain(Contact.of(item)) for item in values.values()]


def _read_roster(plain: Any) -> Iterator[tuple[str, RosterItem]]:
    for number, contact in enumerate(of_list(Contact, plain), 1):
        try:
            item = contact.item()
        except ValueError as error:
            raise ValueError(f"number {number}: {error}") from None
        yield item.jid, item


def _read_leave(plain: Any) -> Iterator[tuple[str, tuple[float, str]]]:
    leave: Leave = of_plain(Leave, plain)
    yield "", (leave.at, leave.status)


def _read_offline(plain: Any) -> Iterator[tuple[None, bytes]]:
    for number, data in enumerate(of_list(bytes, plain), 1):
        message = _in_jabber_client(data)
        if message.tag != f"{{{ns.CLIENT}}}message":
            raise ValueError(f"number {number}: must be a <message/>")
        yield None, to_bytes(message)


def _in_jabber_client(data: bytes) -> Element:
    """The namespace of stanzas needn't be written."""
    try:
        root = parse_xml(data)
    except XMLError as error:
        raise ValueError(f"not XML: {error}") from None
    plain = to_bytes(root)
    return root if root.tag.startswith("{") else parse_xml(plain.replace(b"<message", _MESSAGE, 1))


def _tag(data: bytes) -> str:
    try:
        return str(parse_xml(data).tag)
    except XMLError as error:
        raise ValueError(str(error)) from None


SECTIONS = (
    Section("roster", "roster", _roster, _read_roster),
    one("vcard", bytes),
    each_by("private", bytes, _tag),
    each_by("blocked", JID, lambda jid: str(jid.full)),
    log("reports", Report),
    Section("offline", "offline", lambda values: [to_plain(each) for each in values.values()], _read_offline),
    archive("archive", "archive"),
    one("archiving", Preferences, "archive-preferences"),
    Section("last", "last", lambda values: to_plain(Leave(*values[""])), _read_leave),
    one("left", float),
    one("login", float),
    one("welcome", str),
    one("motd_told", bool),
    each_by("push", Service, lambda service: str(service.key)),
    table("tokens", Slots, "client", "fast"),
)
"""In the order in which they are read: what comes later has the last word."""

ROOM = (
    part("config", RoomConfig, rooms.ROOM),
    part("locked", bool, rooms.ROOM),
    part("key", str, rooms.ROOM),
    part("subject", Subject, rooms.ROOM),
    table("members", Member, "jid", rooms.MEMBERS),
    mapping("roles", JID, Role, rooms.ROLES),
    archive("archive", rooms.ARCHIVE),
    part("vcard", bytes, rooms.ROOM),
    mapping("requests", str, JID, rooms.REQUESTS),
    mapping("visits", JID, float, rooms.VISITS),
    each_by("hats", Hat, lambda hat: str(hat.uri), rooms.HATS),
    mapping("wearers", JID, tuple[str, ...], rooms.WEARERS),
)
"""Of [[room]]."""

OTHERS: Mapping[str, Any] = {
    "pubsub-nodes": Node,
    "pubsub-affiliations": str,
    "pubsub-subscriptions": Subscription,
    "pubsub-items": Item,
    "pubsub-bytes": int,
    "pubsub-moved": str,
    "invitations": Invitation,
    "motd": str,
}
"""What owners have that are no accounts, such as rooms: the types of the values, by collection. It becomes [[data]]."""

LEFT_OUT: Mapping[str, str] = {
    "accounts": "that is [[account]] itself",
    "avatar": "follows from the vCard",
    rooms.NICKS: "follows from the members",
    "roster-log": "versions of rosters are new whenever a file is read, so clients ask for the whole roster",
    "pushes": "what came to a push service is told, and over",
    "push_refusal": "the same",
    "upload": "shared files are on disk, and go with the server",
    "upload_owner": "the same",
    "shared-roster": "which groups somebody is in is asked of the directory again",
    "site_sessions": "they belong to browsers, which log in to the site again",
}
"""What files haven't, and why."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One row of [[data]]."""

    owner: str
    kept: Kept = field(repr=False)


def read_datum(plain: Mapping[str, Any]) -> Datum:
    """Raises ValueError."""
    for name in ("collection", "owner", "value"):
        if name not in plain:
            raise ValueError(f"{name} is missing")
    collection = of_plain(str, plain["collection"])
    if collection not in OTHERS:
        raise ValueError(f"collection {collection!r:.40} isn't one of {', '.join(sorted(OTHERS)) or 'any'}")
    key = of_plain(str, plain["key"]) if "key" in plain else None
    return Datum(of_plain(str, plain["owner"]), Kept(collection, key, of_plain(OTHERS[collection], plain["value"])))


def kept_of(sections: Iterable[Section], plain: Mapping[str, Any]) -> Iterator[Kept]:
    """What the sections make of a table. Raises ValueError."""
    for section in sections:
        if section.name in plain:
            yield from section.kept(plain[section.name])


def room(plain: Mapping[str, Any]) -> Iterator[Kept]:
    """The same of a table of [[room]]. Raises ValueError."""
    for kept in kept_of(ROOM, plain):
        yield kept._replace(value=in_room(kept.value)) if isinstance(kept.value, Entry) else kept
        if isinstance(kept.value, Member) and kept.value.nick:
            yield Kept(rooms.NICKS, kept.value.nick, kept.key)


def in_room(entry: Entry) -> Entry:
    """A message that somebody wrote into a room's archive is shown to who enters, as is what was said there."""
    message = _in_jabber_client(entry.message)
    entry = replace(entry, message=to_bytes(message))
    has_body = message.find(f"{{{ns.CLIENT}}}body") is not None
    return replace(entry, with_=(*sorted(entry.sides()), HISTORY)) if has_body and not entry.with_ else entry
