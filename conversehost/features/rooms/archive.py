"""XEP-0313 for rooms: what was said, for who may come in; and XEP-0359: the id that the room gives each message."""

from __future__ import annotations

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.info import belongs
from conversehost.features.rooms.record import ARCHIVE
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.said import HISTORY, id_given, is_worth_keeping, with_author, without_author
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.archive import Archive, Archived, mark
from conversehost.server.host import Reply
from conversehost.xmpp import mam, ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes


class RoomArchive:
    """All that lasts of what was said, with the real address of who has said it, which few get to see."""

    def __init__(self, service: RoomService) -> None:
        self._archive = Archive(service.host.store, ARCHIVE)
        service.hooks.publishing.append(self.identify)
        service.hooks.spoken.append(self.keep)
        service.info.more.append(offered)
        service.on_room_iq("set", ns.MAM, "query", self.query)
        service.on_room_iq("get", ns.MAM, "query", self.form)
        service.on_room_iq("get", ns.MAM, "metadata", self.metadata)

    # What is kept

    def identify(self, room: Room, speaker: Occupant | None, message: Stanza) -> None:
        """Before it goes out it gets the id by which the room keeps it."""
        if is_worth_keeping(message):
            id = self._archive.new_id(room.jid.bare, room.host.clock.utc())
            mark(message, room.jid.bare, id)

    def keep(self, room: Room, speaker: Occupant | None, message: Stanza) -> None:
        """Once it went out."""
        id = id_given(room, message)
        if id is None:
            return
        kept, labels = message, [message.get("from", "")]
        if speaker is not None and speaker.shown is not None:
            kept = with_author(message, speaker, speaker.shown)
            labels += [speaker.account.bare, speaker.shown.full]
        if message.text_of("body"):
            labels.append(HISTORY)
        self._archive.add(room.jid.bare, id, to_bytes(kept), labels)

    def get(self, room: Room, id: str) -> Archived | None:
        """The message with that id."""
        return self._archive.get(room.jid.bare, id)

    def replace(self, room: Room, id: str, message: Stanza) -> None:
        """By what is left of it."""
        self._archive.replace(room.jid.bare, id, to_bytes(message))

    # What is asked

    def query(self, room: Room, iq: Stanza) -> Reply:
        """Section 4, for rooms: real addresses only for who sees them in the room as well, in what is shown and in what
        can be searched for.
        """
        client = _reader(room, iq)
        knows = room.sees_jids(room.standing(client))
        with_ = mam.read_query(iq[0]).with_
        if with_ is not None and with_.bare != room.jid.bare and not knows:
            raise StanzaError("forbidden", "in this room people are known by their nicks")
        return self._archive.answer(room.jid.bare, iq, room.host.router, None if knows else without_author)

    def form(self, room: Room, iq: Stanza) -> Reply:
        """Section 4.1.5."""
        _reader(room, iq)
        return mam.form()

    def metadata(self, room: Room, iq: Stanza) -> Reply:
        """Section 5."""
        _reader(room, iq)
        return self._archive.metadata(room.jid.bare)


def offered(room: Room) -> tuple[str, ...]:
    """Where the room lets its archive be read; ids there are always."""
    archive = (ns.MAM, ns.MAM_EXTENDED, ns.FULLTEXT, ns.RSM) if room.config.archiving else ()
    return (ns.STANZA_ID, *archive)


def _reader(room: Room, iq: Stanza) -> JID:
    """Who might come in (section 6.1.2). Raises StanzaError."""
    client = iq.sender
    assert client is not None
    if not room.config.archiving:
        raise StanzaError("service-unavailable", "this room's archive isn't read")
    affiliation = room.record.affiliation(client)
    closed = room.config.members_only or room.config.password
    if affiliation == Affiliation.OUTCAST or (closed and not belongs(room, client)):
        raise StanzaError("forbidden", "the archive is for those who may come in")
    return client
