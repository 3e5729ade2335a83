"""People who are in a room and say only what they are told to: to the server they are clients like any other."""

from __future__ import annotations

import secrets

from conversehost.features.rooms.room import Room
from conversehost.net.memory import MemoryClient
from conversehost.server.router import Router
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import refusal, result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element


class Extra(MemoryClient):
    """One of them. What others say goes by unread, so that many of them cost little."""

    def __init__(self, router: Router, turn: Turn, account: JID) -> None:
        """Raises StanzaError when the account has too many sessions."""
        self._listens = True
        self._refused: Stanza | None = None
        super().__init__(router, turn, account, self._received, resource=f"extra-{secrets.token_hex(4)}")

    def send(self, stanza: bytes) -> None:
        if self._listens or stanza.startswith(b"<iq"):
            super().send(stanza)

    def enter(self, room: Room, nick: str, password: str = "") -> None:
        """Raises StanzaError, as the room refuses it; then the client is gone."""
        presence = stanza("presence", {"to": room.at(nick)})
        x = child(presence, ns.MUC, "x")
        child(x, ns.MUC, "history", {"maxstanzas": "0"})
        if password:
            child(x, ns.MUC, "password").text = password
        self.say(presence)
        self._turn.end()
        self._listens = False
        if self.jid not in room.crowd.by_client:
            self.leave()
            raise told(self._refused)

    def _received(self, received: Stanza) -> None:
        """Questions are answered, as any client does."""
        if received.kind == "presence" and received.type == "error":
            self._refused = received
        if received.kind == "iq" and received.type in ("get", "set"):
            self.say(answer(received))


def answer(iq: Stanza) -> Stanza:
    """Only that somebody is there, and nothing special."""
    asked = iq.payload
    if asked is None or iq.type != "get" or asked.tag not in (f"{{{ns.PING}}}ping", f"{{{ns.DISCO_INFO}}}query"):
        return refusal(iq, StanzaError("service-unavailable"))
    if asked.tag.endswith("ping"):
        return result(iq)
    query = element(ns.DISCO_INFO, "query")
    child(query, ns.DISCO_INFO, "identity", {"category": "client", "type": "bot", "name": "conversehost"})
    return result(iq, query)


def told(refused: Stanza | None) -> StanzaError:
    """What a presence error says."""
    error = None if refused is None else refused.find(f"{{{ns.CLIENT}}}error")
    if error is None:
        return StanzaError("conflict", "the room didn't let them in")
    text = error.findtext(f"{{{ns.STANZA_ERROR}}}text") or ""
    condition = next((str(each.tag).rpartition("}")[2] for each in error if not str(each.tag).endswith("text")), "")
    return StanzaError("conflict", f"{text or condition} ({condition})")
