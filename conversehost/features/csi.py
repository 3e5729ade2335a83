"""XEP-0352: Client State Indication: a client that nobody looks at isn't woken for what can wait."""

from __future__ import annotations

import itertools
from collections.abc import Hashable

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, parse

XEP = Xep(352, "Client State Indication", "1.0.0", "complete: presence, chat states and events wait, in order")
STANZAS, BYTES = 256, 262_144
"""What may wait for one client; more than that goes out at once."""

_BODY = f"{{{ns.CLIENT}}}body"
_STATUS = f"{{{ns.MUC_USER}}}x/{{{ns.MUC_USER}}}status"
_ACCOMPANYING = (ns.CHAT_STATES, ns.HINTS, ns.DELAY, ns.STANZA_ID, ns.OCCUPANT_ID, ns.CARBONS)
_order = itertools.count()


def install(host: Host) -> None:
    feature = CsiFeature()
    host.on_nonza(ns.CSI, "inactive", feature.inactive)
    host.on_nonza(ns.CSI, "active", feature.active)
    host.on_bind(ns.CSI, "inactive", feature.inactive)
    host.on_bind(ns.CSI, "active", feature.active)
    host.hooks.stream_features.append(offer)
    host.hooks.session_resumed.append(feature.resumed)
    host.hooks.session_closed.append(feature.closed)


def offer(logged_in: bool) -> list[Element]:
    """Section 4.1."""
    return [element(ns.CSI, "csi")] if logged_in else []


class CsiFeature:
    """`_waiting`: what waits for those clients that are inactive. Nobody else learns who is (section 6)."""

    def __init__(self) -> None:
        self._waiting: dict[Session, Waiting] = {}

    def inactive(self, stream: ServerStream, received: Element) -> None:
        session = stream.session
        if session is not None and session not in self._waiting:
            self._waiting[session] = Waiting(session)
            session.hold = self._waiting[session].hold

    def active(self, stream: ServerStream, received: Element) -> None:
        """What waits goes out before the answer to anything that the client says next (section 5.1)."""
        if stream.session is not None:
            self.resumed(stream.session)

    def resumed(self, session: Session) -> None:
        """A stream that is resumed begins as active (section 5.2)."""
        waiting = self._waiting.pop(session, None)
        if waiting is not None:
            session.hold = None
            waiting.flush()

    def closed(self, session: Session) -> None:
        """Nobody misses what waits."""
        self._waiting.pop(session, None)
        session.hold = None


class Waiting:
    """Presence and chat states, the latest of each sender, and events; in the order in which they came."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stanzas: dict[Hashable, tuple[str, bytes]] = {}
        self._size = 0

    def hold(self, kind: str, data: bytes) -> bool:
        """Keep a stanza back; or all that waits goes, and it comes next."""
        subject = subject_of(kind, data)
        if subject is None:
            self.flush()
            return False
        self._size += len(data) - len(self._stanzas.pop(subject, ("", b""))[1])
        self._stanzas[subject] = (kind, data)
        if len(self._stanzas) > STANZAS or self._size > BYTES:
            self.flush()
        return True

    def flush(self) -> None:
        """Let it go out."""
        stanzas, self._stanzas, self._size = self._stanzas, {}, 0
        for kind, data in stanzas.values():
            self._session.transmit(kind, data)


def subject_of(kind: str, data: bytes) -> Hashable:
    """None for what matters, or might; for what can wait, of all that is about the same only the latest counts."""
    if kind == "iq":
        return None
    stanza = parse(data)
    if not isinstance(stanza, Stanza):
        return None
    if kind == "presence":
        shown = stanza.type in (None, "unavailable") and not is_own_in_room(stanza)
        return ("presence", stanza.get("from")) if shown else None
    return subject_of_message(unwrapped(stanza))


def subject_of_message(message: Stanza) -> Hashable:
    """Chat states can wait, and events: headlines without a body, such as those of XEP-0163."""
    if is_chat_state(message):
        return ("chat state", message.get("from"), message.get("to"))
    return next(_order) if message.type == "headline" and message.find(_BODY) is None else None


def is_chat_state(message: Stanza) -> bool:
    """That, and nothing besides what messages are marked with."""
    spaces = [each.tag[1:].partition("}")[0] for each in message if each.tag != f"{{{ns.CLIENT}}}thread"]
    return message.type != "error" and ns.CHAT_STATES in spaces and all(space in _ACCOMPANYING for space in spaces)


def is_own_in_room(presence: Stanza) -> bool:
    """The last one in answer to joining a room (XEP-0045 section 7.2.2)."""
    return any(each.get("code") == "110" for each in presence.findall(_STATUS))


def unwrapped(message: Stanza) -> Stanza:
    """What is in a carbon copy; else the message itself."""
    for direction in ("sent", "received"):
        path = f"{{{ns.CARBONS}}}{direction}/{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message"
        found = message.find(path)
        if isinstance(found, Stanza):
            return found
    return message
