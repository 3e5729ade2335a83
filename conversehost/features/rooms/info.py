"""What a room says of itself (XEP-0045 sections 6.4 to 6.6 and 7.12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conversehost.features.rooms.config import FORM_TYPE, PREFIX, RoomConfig
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.discovery import answer, feature, identity, item
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

RESERVED_NICK, TRAFFIC = "x-roomuser-item", f"{ns.MUC}#traffic"

FEATURES = (
    ns.DISCO_INFO,
    ns.DISCO_ITEMS,
    ns.MUC,
    f"{ns.MUC}#stable_id",
    f"{ns.MUC}#self-ping-optimization",
    FORM_TYPE,
    f"{ns.MUC}#roominfo",
    ns.OCCUPANT_ID,
)


class RoomInfo:
    """`features` are those of every room; `more` answers those of one, `fields` what else there is to know of it, and
    `lists` what there is at a node.
    """

    def __init__(self) -> None:
        self.features: list[str] = list(FEATURES)
        self.more: list[Callable[[Room], Sequence[str]]] = [kinds]
        self.fields: list[Callable[[Room, JID], Sequence[Field]]] = [facts]
        self.lists: dict[str, Callable[[Room, Stanza], Sequence[Element]]] = {}

    def info(self, room: Room, iq: Stanza) -> Reply:
        """Raises StanzaError(item-not-found, service-unavailable) for nodes."""
        node, client = iq[0].get("node"), iq.sender
        assert client is not None
        if node == RESERVED_NICK:
            return answer(iq, reserved_nick(room, client))
        if node == TRAFFIC:
            raise StanzaError("service-unavailable", "everything goes through")
        if node:
            raise StanzaError("item-not-found", "there is no such node")
        features = [*self.features, *(each for more in self.more for each in more(room))]
        fields = tuple(each for about in self.fields for each in about(room, client))
        form = Form(fields, f"{ns.MUC}#roominfo")
        named = room.config.name or room.jid.local
        return answer(iq, [identity("conference", "text", named), *map(feature, features), form.result()])

    def items(self, room: Room, iq: Stanza) -> Reply:
        """Who is in it is for those who are in it (section 6.5)."""
        node = iq[0].get("node")
        if node in self.lists:
            return answer(iq, self.lists[node](room, iq))
        if node:
            raise StanzaError("item-not-found", "there is no such node")
        inside = iq.sender in room.crowd.by_client
        return answer(iq, [item(room.at(each.nick)) for each in room.crowd if each.visible] if inside else [])


def kinds(room: Room) -> Sequence[str]:
    """Section 16.3."""
    config = room.config
    whois = {"anyone": "muc_nonanonymous", "moderators": "muc_semianonymous", "none": "muc_fullyanonymous"}
    return (
        "muc_membersonly" if config.members_only else "muc_open",
        "muc_moderated" if config.moderated else "muc_unmoderated",
        "muc_passwordprotected" if config.password else "muc_unsecured",
        "muc_persistent" if config.persistent else "muc_temporary",
        "muc_public" if config.public else "muc_hidden",
        whois[config.whois],
    )


def facts(room: Room, client: JID) -> Sequence[Field]:
    """What the room is about is no secret where everybody finds it and may come in; else it is for who belongs to it
    (section 14.4).
    """
    config, record = room.config, room.record
    found = [
        Field("muc#roominfo_description", label="Description", values=(config.description,)),
        Field("muc#roominfo_lang", label="Language", values=(config.language,)),
        Field("muc#maxhistoryfetch", label="Messages shown to who enters", values=(str(config.max_history),)),
        Field(f"{PREFIX}changesubject", "boolean", values=(str(int(config.change_subject)),)),
        Field("muc#roominfo_subjectmod", "boolean", values=(str(int(config.change_subject)),)),
        Field(f"{PREFIX}roomname", label="Name", values=(config.name,)),
    ]
    if config.slow_mode:
        found.append(Field(f"{PREFIX}slow_mode_duration", values=(str(config.slow_mode),)))
    if config.pubsub:
        found.append(Field("muc#roominfo_pubsub", values=(config.pubsub,)))
    if is_open(config) or belongs(room, client):
        subject = "" if record.subject is None else record.subject.text
        found.append(Field("muc#roominfo_occupants", label="Occupants", values=(str(len(room.crowd)),)))
        found.append(Field("muc#roominfo_subject", label="Subject", values=(subject,)))
    if config.whois == "anyone":
        owners = tuple(address for address, _ in record.members(Affiliation.OWNER))
        found.append(Field("muc#roominfo_contactjid", "jid-multi", label="Owners", values=owners))
    return found


def is_open(config: RoomConfig) -> bool:
    """Whether everybody finds the room and may come in."""
    return config.public and not config.members_only and not config.password


def belongs(room: Room, client: JID) -> bool:
    """Whether it is a member, or inside."""
    return client in room.crowd.by_client or room.record.affiliation(client) >= Affiliation.MEMBER


def reserved_nick(room: Room, client: JID) -> Sequence[Element]:
    """Section 7.12: nothing where there is none."""
    member = room.record.member(client)
    return [identity("conference", "text", member.nick)] if member is not None and member.nick else []
