"""Contacts that answer, so that somebody alone can chat. To the server they are clients like any other."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conversehost.net.memory import MemoryClient
from conversehost.server.router import Router
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import refusal, result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element

RESOURCE = "bot"

WELCOME = (
    "Hello! This chat server lives in memory: whatever you do here is gone when it stops, so try anything. "
    "Write to echo and it says the same back; log in as somebody else in a private window and talk to yourself."
)


def echo(body: str) -> str:
    """The same again."""
    return body


def welcome(body: str) -> str:
    """What this place is."""
    return WELCOME


BOTS: dict[str, tuple[Callable[[str], str], str]] = {
    "echo": (echo, "I say what you say"),
    "welcome": (welcome, "Write to me and I'll tell you what this is"),
}
"""By kind: what it answers, and its status text."""


class ContactBot:
    """Available from the start, a friend to everybody who asks, and with one answer to each message."""

    def __init__(self, router: Router, turn: Turn, account: JID, kind: str) -> None:
        self._router = router
        self._answer, status = BOTS[kind]
        self._client = MemoryClient(router, turn, account, self._received, resource=RESOURCE)
        self._client.say(stanza("presence", {}, element(ns.CLIENT, "status", text=status)))

    def leave(self) -> None:
        """Log out."""
        self._client.leave()

    def _received(self, received: Stanza) -> None:
        if received.kind == "message":
            self._message(received)
        elif received.kind == "presence":
            self._presence(received)
        elif received.type in ("get", "set"):
            self._client.say(self._asked(received))

    def _asked(self, iq: Stanza) -> Stanza:
        """Clients ask one another what they can do (XEP-0030), and whether they are there (XEP-0199)."""
        asked = iq.payload
        if asked is not None and iq.type == "get" and asked.tag == f"{{{ns.PING}}}ping":
            return result(iq)
        if asked is not None and iq.type == "get" and asked.tag == f"{{{ns.DISCO_INFO}}}query":
            query = element(ns.DISCO_INFO, "query")
            child(query, ns.DISCO_INFO, "identity", {"category": "client", "type": "bot", "name": "conversehost"})
            for feature in (ns.DISCO_INFO, ns.PING):
                child(query, ns.DISCO_INFO, "feature", {"var": feature})
            return result(iq, query)
        return refusal(iq, StanzaError("service-unavailable"))

    def _message(self, message: Stanza) -> None:
        """Only what people say: an answer to an answer would never end."""
        body, sender = message.text_of("body"), message.sender
        if not body or sender is None or message.type not in (None, "normal", "chat") or self._is_bot(sender):
            return
        answer = stanza("message", {"to": sender.full, "type": "chat", "id": secrets.token_hex(8)})
        answer.append(element(ns.CLIENT, "body", text=self._answer(body)))
        self._client.say(answer)

    def _is_bot(self, sender: JID) -> bool:
        host = self._router.hosts.get(sender.domain)
        session = None if host is None else host.session(sender)
        return sender.resource == RESOURCE and session is not None and session.opened.transport == "memory"

    def _presence(self, presence: Stanza) -> None:
        sender = presence.get("from")
        if presence.type == "subscribe" and sender is not None:
            for type in ("subscribed", "subscribe"):
                self._client.say(stanza("presence", {"to": sender, "type": type}))
