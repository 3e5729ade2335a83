"""Questions from one occupant to another, through the room: neither learns the other's address (XEP-0045 section 17.4).
With XEP-0410: whether somebody is still in the room, answered by the room itself.
"""

from __future__ import annotations

import secrets
from copy import copy
from dataclasses import dataclass

from conversehost.features.rooms.room import Room
from conversehost.server.host import Host
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

WAITING = 1_000
"""Questions on their way; more make the oldest ones lapse."""

ASKED = 100
"""Those of one client, so that nobody's questions make those of others lapse."""

ERROR = f"{{{ns.CLIENT}}}error"
_PING = f"{{{ns.PING}}}ping"
_OF_ACCOUNTS = (ns.VCARD, "http://jabber.org/protocol/pubsub")
"""Answered by an account, whichever of its clients is here."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who has asked whom, and by which id."""

    room: JID
    client: JID
    nick: str
    asked: JID
    id: str


class Relay:
    """Those that wait for an answer, by the id that the room has given them; and the ids of each client's, in order."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiting: dict[str, Question] = {}
        self._asked: dict[JID, dict[str, None]] = {}

    def ask(self, room: Room, nick: str, client: JID, iq: Stanza) -> None:
        """To an occupant by that nick. Raises StanzaError."""
        occupant = room.crowd.by_client.get(client)
        payload = iq.payload
        assert payload is not None
        if occupant is None:
            raise _stranger(payload.tag)
        if payload.tag == _PING and occupant.nick == nick:
            self._host.router.send(result(iq))
            return
        other = room.crowd.by_nick.get(nick)
        if other is None or other.shown is None:
            raise StanzaError("item-not-found", f"nobody is called {nick} here")
        to = other.account if str(payload.tag)[1:].partition("}")[0] in _OF_ACCOUNTS else other.shown
        id = secrets.token_hex(8)
        self._waiting[id] = Question(room.jid, client, nick, to, iq.id or "")
        own = self._asked.setdefault(client, {})
        own[id] = None
        if len(own) > ASKED:
            self._forget(next(iter(own)))
        elif len(self._waiting) > WAITING:
            self._forget(next(iter(self._waiting)))
        self._pass(iq, id, room.at(occupant.nick), to)

    def answered(self, room: Room, client: JID, iq: Stanza) -> None:
        """Only who was asked answers, once; what nobody has asked goes nowhere."""
        question = self._waiting.get(iq.id or "")
        if question is None or question.room != room.jid or question.asked != client:
            return
        self._forget(iq.id or "")
        self._pass(iq, question.id, room.at(question.nick), question.client)

    def _forget(self, id: str) -> None:
        client = self._waiting.pop(id).client
        del self._asked[client][id]
        if not self._asked[client]:
            del self._asked[client]

    def _pass(self, iq: Stanza, id: str, sender: str, to: JID) -> None:
        passed = copy(iq)
        passed.set("id", id)
        passed.set("from", sender)
        passed.set("to", to.full)
        for error in passed.iterchildren(ERROR):
            without_reporter(error)
        self._host.router.send(passed)


def without_reporter(error: Element) -> None:
    """Without the address of who has found it (RFC 6120 section 8.3.1), which isn't for who is asked through a room."""
    error.attrib.pop("by", "")


def _stranger(tag: str) -> StanzaError:
    """Section 6.6, and XEP-0410 section 3.3."""
    if tag.startswith((f"{{{ns.DISCO_INFO}}}", f"{{{ns.DISCO_ITEMS}}}")):
        return StanzaError("bad-request", "enter the room first")
    return StanzaError("not-acceptable", "enter the room first")
