"""What was said before somebody came in (XEP-0045 sections 7.2.13 and 7.2.14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from conversehost.features.rooms.config import LONGEST_HISTORY
from conversehost.features.rooms.record import HISTORY
from conversehost.features.rooms.room import Room
from conversehost.server.broadcast import Broadcast
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, parse, to_bytes


@dataclass(frozen=True, slots=True)
class Said:
    """A message as all had it, without `to`, and when (seconds since 1970)."""

    message: bytes
    when: float


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


def keep(room: Room, message: Stanza) -> None:
    """A message that went out to all, for those who come later."""
    store, owner = room.host.store, room.jid.bare
    store.append(HISTORY, owner, Said(to_bytes(message), room.host.clock.utc()))
    kept = store.items(HISTORY, owner)
    if len(kept) > LONGEST_HISTORY:
        store.delete(HISTORY, owner, next(iter(kept)))


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
    for said in reversed(tuple(room.host.store.items(HISTORY, room.jid.bare).values())):
        if left <= 0 or said.when < earliest:
            return
        sent = recalled(said, room.jid.full)
        if characters is not None:
            characters -= len(sent.to(client.full).decode())
            if characters < 0:
                return
        left -= 1
        yield sent


@lru_cache(maxsize=1_024)
def recalled(said: Said, room: str) -> Broadcast:
    """With the time, in the room's name, unless somebody has said it already: a chat that became this room."""
    message = parse(said.message)
    assert isinstance(message, Stanza)
    if not message.has(ns.DELAY, "delay"):
        child(message, ns.DELAY, "delay", {"from": room, "stamp": stamp(said.when)})
    return Broadcast(message, said.when)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _time(text: str | None) -> float | None:
    """XEP-0082's DateTime."""
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return when.timestamp() if when.tzinfo is not None else None
