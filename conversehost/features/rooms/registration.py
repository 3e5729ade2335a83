"""Becoming a member, with a nick of one's own (XEP-0045 sections 7.10 and 9.9)."""

from __future__ import annotations

from conversehost.features.rooms.entry import check_nick
from conversehost.features.rooms.nicks import visible
from conversehost.features.rooms.record import REQUESTS
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.delivery import Later
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, form_in, values_of
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

FORM_TYPE = f"{ns.MUC}#register"
NICK, ALLOW = "muc#register_roomnick", "muc#register_allow"
REQUESTED = 100
"""Memberships of a room that wait for an admin's word."""

_FORM = Form(
    (Field(NICK, "text-single", "Desired nickname", required=True),),
    FORM_TYPE,
    "Registration",
    "Choose the nickname that will be yours in this room.",
)


def install(service: RoomService) -> None:
    """For all rooms."""
    service.on_room_iq("get", ns.REGISTER, "query", read_form)
    service.on_room_iq("set", ns.REGISTER, "query", register)
    service.on_room_form(FORM_TYPE, decide)
    service.info.more.append(offered)


def offered(room: Room) -> tuple[str, ...]:
    """A moderated room doesn't say so: there are clients that register whoever comes in, and members are heard."""
    return (ns.REGISTER, FORM_TYPE) if room.config.register and not room.config.moderated else ()


def read_form(room: Room, iq: Stanza) -> Reply:
    """The form; or the nick of who is registered, and the form to choose another one."""
    account = _applicant(room, iq)
    query = element(ns.REGISTER, "query")
    member = room.record.member(account)
    if member is not None and member.nick:
        child(query, ns.REGISTER, "registered")
        child(query, ns.REGISTER, "username").text = member.nick
    query.append(_FORM.question())
    return query


def register(room: Room, iq: Stanza) -> Reply | Later:
    """A nick is reserved, and who was nothing to the room is a member. Where members come in or are heard, and others
    don't or aren't, an admin decides.
    """
    account = _applicant(room, iq)
    if iq[0].find(f"{{{ns.REGISTER}}}remove") is not None:
        return _unregister(room, iq, account)
    nick = read_nick(iq)
    check_nick(room, account, nick)
    affiliation = room.record.affiliation(account)
    if (room.config.members_only or room.config.moderated) and affiliation == Affiliation.NONE:
        _request(room, account, nick)
        return None
    room.record.check_space([account])
    return _settle(room, iq, account, max(affiliation, Affiliation.MEMBER), nick)


def read_nick(iq: Stanza) -> str:
    """Raises StanzaError(bad-request, jid-malformed)."""
    x = form_in(iq[0])
    if x is None:
        raise StanzaError("bad-request", "fill in the form")
    try:
        nick = _FORM.read(x).text(NICK)
    except StanzaError as error:
        raise StanzaError("bad-request", error.text) from None
    try:
        return visible(nick)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None


def decide(room: Room, message: Stanza, x: Element) -> None:
    """What an admin says to a request (section 9.9). Raises StanzaError."""
    client = message.sender
    assert client is not None
    if room.record.affiliation(client) < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's admins and owners")
    given = values_of(x)
    nick = "".join(given.get(NICK, ()))
    asked: str | None = room.host.store.get(REQUESTS, room.jid.bare, nick)
    if asked is None:
        raise StanzaError("item-not-found", "nobody has asked for that nick, or the answer was given")
    room.host.store.delete(REQUESTS, room.jid.bare, nick)
    if given.get(ALLOW) in (("1",), ("true",)) and room.record.affiliation(parse(asked)) == Affiliation.NONE:
        room.affiliate(parse(asked), Affiliation.MEMBER, nick=nick)()


def _applicant(room: Room, iq: Stanza) -> JID:
    """Raises StanzaError: not-allowed where there is no registration, forbidden for who is banned."""
    client = iq.sender
    assert client is not None
    if room.record.affiliation(client) == Affiliation.OUTCAST:
        raise StanzaError("forbidden", "you are banned from this room")
    if not room.config.register:
        raise StanzaError("not-allowed", "in this room members are made by its admins")
    return client.to_bare()


def _request(room: Room, account: JID, nick: str) -> None:
    """All admins and owners are asked; the first answer counts."""
    store, owner = room.host.store, room.jid.bare
    if len(store.items(REQUESTS, owner)) >= REQUESTED:
        raise StanzaError("resource-constraint", "too many wait to become members already", type="wait")
    if store.get(REQUESTS, owner, nick) not in (None, account.bare):
        raise StanzaError("conflict", f"somebody else has asked for the nick {nick}")
    store.put(REQUESTS, owner, nick, account.bare)
    fields = (
        Field(NICK, "text-single", "Desired nickname", (nick,)),
        Field(ALLOW, "boolean", "Allow this person to register with the room?", ("0",)),
    )
    asked = Form(fields, FORM_TYPE, "Registration request", f"{account.bare} would like to become a member.")
    for affiliation in (Affiliation.OWNER, Affiliation.ADMIN):
        for address, _ in room.record.members(affiliation):
            attributes = {"from": room.jid.full, "to": address}
            room.host.router.send(stanza("message", attributes, asked.question()))


def _unregister(room: Room, iq: Stanza, account: JID) -> Later:
    """XEP-0077 section 3.2. Admins and owners stay what they are."""
    affiliation = room.record.affiliation(account)
    left = Affiliation.NONE if affiliation == Affiliation.MEMBER else affiliation
    return _settle(room, iq, account, left, "")


def _settle(room: Room, iq: Stanza, account: JID, affiliation: Affiliation, nick: str) -> Later:
    tell = room.affiliate(account, affiliation, nick=nick)
    room.host.router.send(result(iq))
    tell()
    return Later.LATER
