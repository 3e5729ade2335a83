"""Bots in rooms: they come in, and hear what is said to them there by their nick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy

from conversehost.features.rooms.service import NAME
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element

_AFTER_NICK = (":", ",", " ")
_CREATED = f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}status[@code='201']"


class Guest:
    """One bot, by its account's name as the nick."""

    def __init__(self, account: JID, rooms: Iterable[str], say: Callable[[Stanza], None]) -> None:
        """`rooms`: names, of the account's domain, or whole addresses."""
        self.nick = account.local.capitalize()
        self._rooms = tuple(each if "@" in each else f"{each}@{NAME}.{account.domain}" for each in rooms)
        self._say = say

    def enter(self) -> None:
        """All of its rooms; one that isn't there is made, as all are."""
        for room in self._rooms:
            attributes = {"to": f"{room}/{self.nick}"}
            no_history = element(ns.MUC, "history", {"maxstanzas": "0"})
            self._say(stanza("presence", attributes, element(ns.MUC, "x", None, no_history)))

    def saw(self, presence: Stanza) -> bool:
        """Presence from a room of its, which is no concern of its script. True for such."""
        if not presence.has(ns.MUC_USER, "x"):
            return False
        if presence.find(_CREATED) is not None:
            room = presence.get("from", "").partition("/")[0]
            form = element(ns.DATA, "x", {"type": "submit"})
            attributes = {"type": "set", "id": "room", "to": room}
            self._say(stanza("iq", attributes, element(ns.MUC_OWNER, "query", None, form)))
        return True

    def addressed(self, message: Stanza) -> Stanza | None:
        """What was said to it in a room, without its nick in front; None for what wasn't."""
        body, sender = message.text_of("body").removeprefix("@"), message.sender
        said = body[len(self.nick) :]
        if sender is None or sender.bare not in self._rooms or sender.resource in ("", self.nick):
            return None
        if not body.startswith(self.nick) or said[:1] not in _AFTER_NICK:
            return None
        heard = copy(message)
        for each in heard.iterchildren(f"{{{ns.CLIENT}}}body"):
            each.text = said[1:].strip()
        return heard


def check_room(name: str) -> str:
    """A name alone, or an address. Raises ValueError."""
    try:
        parse(name if "@" in name else f"{name}@{NAME}")
    except JIDError as error:
        raise ValueError(f"rooms: {name!r} is not a room: {error}") from None
    return name
