"""XEP-0280: Message Carbons, in which all clients of an account see its conversations, wrapped as XEP-0297 has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Literal

from conversehost.features.xep import Xep
from conversehost.server.delivery import Copies
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, to_bytes

XEP = Xep(280, "Message Carbons", "1.0.1", "complete, with the rules of section 6 (`urn:xmpp:carbons:rules:0`)")
FORWARDING = Xep(297, "Stanza Forwarding", "1.0", "complete: carbons and archives")
REMEMBERED = 200
"""Messages of an account for which an answering error is copied too."""

LONGEST_ID = 256
"""Characters; a message with a longer id isn't remembered."""

_BODY = f"{{{ns.CLIENT}}}body"
_PRIVATE = f"{{{ns.CARBONS}}}private"
_NO_COPY = f"{{{ns.HINTS}}}no-copy"
_INVITATION = f"{{{ns.CONFERENCE}}}x"
_MUC_USER = f"{{{ns.MUC_USER}}}x"
_MEDIATED = f"{_MUC_USER}/{{{ns.MUC_USER}}}invite"
_OF_CONVERSATIONS = (ns.RECEIPTS, ns.CHAT_STATES, ns.CHAT_MARKERS)
_NOT_NORMAL = ("chat", "groupchat", "headline", "error")


def install(host: Host) -> None:
    feature = CarbonsFeature(host)
    host.advertise(ns.CARBONS)
    host.advertise(ns.CARBONS_RULES)
    host.on_own_iq("set", ns.CARBONS, "enable", feature.enable)
    host.on_own_iq("set", ns.CARBONS, "disable", feature.disable)
    host.on_bind(ns.CARBONS, "enable", feature.enable_at_once)
    host.hooks.sent.append(feature.sent)
    host.hooks.delivered.append(feature.delivered)
    host.hooks.session_closed.append(feature.closed)


class CarbonsFeature:
    """By account: `_enabled`, who wants copies; `_recent`, what an error can be the answer to, by peer and id."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._enabled: dict[str, dict[Session, None]] = {}
        self._recent: dict[str, dict[tuple[str, str | None], None]] = {}

    def enable(self, session: Session, iq: Stanza) -> Reply:
        """Section 4; as often as the client likes (section 10.1)."""
        self._enabled.setdefault(session.bare, {})[session] = None
        return None

    def enable_at_once(self, stream: ServerStream, asked: Element) -> None:
        """With the binding of the resource (XEP-0386)."""
        assert stream.session is not None
        self._enabled.setdefault(stream.session.bare, {})[stream.session] = None

    def disable(self, session: Session, iq: Stanza) -> Reply:
        """Section 5."""
        self.closed(session)
        return None

    def closed(self, session: Session) -> None:
        enabled = self._enabled.get(session.bare, {})
        enabled.pop(session, None)
        if not enabled:
            self._enabled.pop(session.bare, None)
            self._recent.pop(session.bare, None)

    def sent(self, session: Session, message: Stanza) -> None:
        """What one client sends, the others see (section 8)."""
        takers = [each for each in self._enabled.get(session.bare, ()) if each is not session]
        to = message.to if takers else None
        if to is not None and to.bare != session.bare and self._is_eligible(session.bare, to, message):
            for taker, data in copied("sent", message, takers):
                taker.deliver("message", data)

    def delivered(self, to: JID, message: Stanza, sessions: list[Session]) -> None:
        """What some clients get, the others see (section 7). To oneself: once each, and it was sent.

        Who has a copy is one more who has the message, should the client end that it was for.
        """
        enabled = self._enabled.get(to.bare, ())
        if not enabled or all(each in sessions for each in enabled):
            return
        sender = message.sender
        if sender is None or not self._is_eligible(to.bare, sender, message, received=True):
            return
        takers = [each for each in enabled if each not in sessions and each.jid != sender]
        stored, original = not sessions, to_bytes(message)
        if not stored:
            sessions.extend(takers)
        for taker, data in copied("sent" if sender.bare == to.bare else "received", message, takers):
            taker.deliver("message", data if stored else Copies(data, sessions, original))

    def _is_eligible(self, account: str, peer: JID, message: Stanza, *, received: bool = False) -> bool:
        """Section 6.1. An error is, if what it answers was."""
        recent = self._recent.setdefault(account, {})
        subject = (peer.bare, message.id)
        if message.type == "error":
            return subject in recent and not message.has(ns.CARBONS, "private")
        if not is_eligible(message, peer if received else None):
            return False
        if len(message.id or "") <= LONGEST_ID:
            recent[subject] = None
        if len(recent) > REMEMBERED:
            del recent[next(iter(recent))]
        return True


def copied(
    direction: Literal["sent", "received"], message: Stanza, takers: Sequence[Session]
) -> Iterator[tuple[Session, bytes]]:
    """For each of an account's sessions: the message, of the same type, from the account's bare address."""
    if not takers:
        return
    forwarded = element(ns.FORWARD, "forwarded", None, copy(message))
    made = stanza("message", {"from": takers[0].bare}, element(ns.CARBONS, direction, None, forwarded))
    if message.type is not None:
        made.set("type", message.type)
    for taker in takers:
        made.set("to", taker.full)
        yield taker, to_bytes(made)


def is_eligible(message: Stanza, sender: JID | None) -> bool:
    """Section 6.1, for all but errors. `sender`: of a message that was received, from whom.

    What an occupant of a room says in private, the room itself gives to all clients that are in it; XEP-0334's hint
    says the same as <private/>.
    """
    tags = {each.tag for each in message}
    if message.type == "groupchat" or _PRIVATE in tags or _NO_COPY in tags:
        return False
    if _INVITATION in tags or (_MUC_USER in tags and message.find(_MEDIATED) is not None):
        return True
    if _MUC_USER in tags and sender is not None and sender.resource:
        return False
    if message.type == "chat" or (_BODY in tags and message.type not in _NOT_NORMAL):
        return True
    return any(tag[1:].partition("}")[0] in _OF_CONVERSATIONS for tag in tags)
