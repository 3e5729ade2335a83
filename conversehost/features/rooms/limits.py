"""How much one may say: XEP-0500, slow mode, and how long a message may be."""

from __future__ import annotations

from math import ceil

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Role
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza

_BODY = f"{{{ns.CLIENT}}}body"


class Limits:
    """For all but moderators. `_spoken`: when somebody said something last, by room and account."""

    def __init__(self, service: RoomService) -> None:
        self._spoken: dict[JID, dict[JID, float]] = {}
        service.hooks.speaking.append(self.check)
        service.hooks.left.append(self._left)

    def check(self, room: Room, speaker: Occupant, message: Stanza) -> None:
        """What is typed counts, in all languages, not that somebody types. Raises StanzaError(policy-violation)."""
        config, length = room.config, sum(len(each.text or "") for each in message.iterchildren(_BODY))
        if speaker.role >= Role.MODERATOR or not length:
            return
        if config.longest_message and length > config.longest_message:
            raise StanzaError("policy-violation", f"at most {config.longest_message} characters in a message")
        if config.slow_mode:
            self._slow_down(room, speaker, config.slow_mode)

    def _slow_down(self, room: Room, speaker: Occupant, seconds: int) -> None:
        spoken, now = self._spoken.setdefault(room.jid, {}), room.host.clock.now()
        wait = spoken.get(speaker.account, now - seconds) + seconds - now
        if wait > 0:
            text = f"one message every {seconds} seconds: wait {ceil(wait)} more"
            raise StanzaError("policy-violation", text, type="wait")
        spoken[speaker.account] = now

    def _left(self, room: Room, occupant: Occupant, client: JID) -> None:
        """Leaving doesn't shorten the wait, as long as anybody is there to be spared."""
        if not room.crowd:
            self._spoken.pop(room.jid, None)
