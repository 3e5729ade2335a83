"""What was said before somebody came in (XEP-0045 sections 7.2.13 and 7.2.14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from conversehost.features.rooms.room import Room
from conversehost.features.rooms.said import is_dated, latest, without_author
from conversehost.server.archive import Archived
from conversehost.server.broadcast import Broadcast
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.times import read, stamp
from conversehost.xmpp.xml import Element, child

_DELAY = f"{{{ns.DELAY}}}delay"


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """How much a client wants of it; None where it doesn't care. `since` is in seconds since 1970."""

    characters: int | None = None
    stanzas: int | None = None
    seconds: int | None = None
    since: float | None = None

    @classmethod
    def of(cls, history: Element | None) -> HistoryRequest:
        """What can't be read isn't asked for."""
        if history is None:
            return cls()
        characters, stanzas, seconds = (_number(history.get(name)) for name in ("maxchars", "maxstanzas", "seconds"))
        return cls(characters, stanzas, seconds, _time(history.get("since")))


def replay(room: Room, client: JID, asked: HistoryRequest) -> None:
    """To who has come in: the least of all that is asked for and allowed, in whole messages, the latest ones."""
    for each in reversed(tuple(chosen(room, client, asked))):
        room.send(client, each)


def chosen(room: Room, client: JID, asked: HistoryRequest) -> Iterator[Broadcast]:
    """The latest first."""
    now = room.host.clock.utc()
    earliest = max(asked.since or 0.0, 0.0 if asked.seconds is None else now - asked.seconds)
    limit = room.config.max_history
    left = limit if asked.stanzas is None else min(limit, asked.stanzas)
    characters = asked.characters
    for said in latest(room, left):
        if said.at < earliest:
            return
        sent = recalled(said, room.jid.full)
        if sent is None:
            continue
        if characters is not None:
            characters -= len(sent.to(client.full).decode())
            if characters < 0:
                return
        yield sent


@lru_cache(maxsize=1_024)
def recalled(said: Archived, room: str) -> Broadcast | None:
    """With the time, in the room's name, unless an owner has said it already: a chat that became this room. None where
    it was retracted.
    """
    message = said.parsed()
    if not is_dated(message):
        for forged in list(message.iterchildren(_DELAY)):
            message.remove(forged)
    without_author(message)
    if not message.text_of("body"):
        return None
    if not message.has(ns.DELAY, "delay"):
        child(message, ns.DELAY, "delay", {"from": room, "stamp": stamp(said.at)})
    return Broadcast(message, said.at)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else read(text)
    except ValueError:
        return None
