"""XEP-0198: Stream Management, over any transport: acknowledgements, and sessions that outlive their connection."""

from __future__ import annotations

import secrets

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.resume import Resumable
from conversehost.server.sasl2 import Arrival, Inline
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(198, "Stream Management", "1.6.1", "complete, over TCP, WebSocket and BOSH")
_RESUME = f"{{{ns.SM}}}resume"
REMEMBERED = 10_000
"""Sessions that are over and whose last count can still be told."""


def install(host: Host) -> None:
    feature = StreamManagementFeature(host)
    host.hooks.stream_features.append(offer)
    host.hooks.session_closed.append(feature.closed)
    host.inline.append(Inline(lambda stream: element(ns.SM, "sm"), feature.arrived))
    host.on_bind(ns.SM, "enable", feature.enable)
    for name, handler in (
        ("enable", lambda stream, asked: stream.send(feature.enable(stream, asked))),
        ("resume", feature.resume),
        ("r", feature.asked),
        ("a", feature.answered),
    ):
        host.on_nonza(ns.SM, name, handler)


def offer(logged_in: bool) -> list[Element]:
    return [element(ns.SM, "sm")] if logged_in else []


class StreamManagementFeature:
    """`_resumable`: sessions by their SM-ID; `_over`: how much was handled of those that ended, oldest first."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._resumable: dict[str, Resumable] = {}
        self._over: dict[str, tuple[str, int]] = {}

    def enable(self, stream: ServerStream, asked: Element) -> Element:
        """Section 3; the answer. What the client sends, and is sent, counts from there on."""
        session = stream.session
        if session is None or stream.managed is not None:
            return failed("unexpected-request")
        seconds = self._seconds(asked) if asked.get("resume") in ("true", "1") else 0
        managed = Resumable(session, stream, secrets.token_urlsafe(18) if seconds else "", seconds)
        answer = element(ns.SM, "enabled")
        if seconds:
            self._resumable[managed.id] = managed
            for name, value in (("id", managed.id), ("resume", "true"), ("max", str(seconds))):
                answer.set(name, value)
            if self._host.policy.resume_location:
                answer.set("location", self._host.policy.resume_location)
        stream.manage(managed)
        return answer

    def resume(self, stream: ServerStream, asked: Element) -> None:
        """Section 5: in place of binding a resource."""
        answer, managed = self._resumed(stream, asked)
        stream.send(answer)
        if managed is not None:
            managed.attach(stream)

    def arrived(self, arrival: Arrival) -> None:
        """The same with a login by SASL2 (section 9)."""
        asked, stream = arrival.request.find(_RESUME), arrival.stream
        if asked is None:
            return
        answer, managed = self._resumed(stream, asked)
        arrival.answers.append(answer)
        if managed is not None:
            arrival.resumed = True
            arrival.afterwards.append(lambda: managed.attach(stream))

    def _resumed(self, stream: ServerStream, asked: Element) -> tuple[Element, Resumable | None]:
        """The answer, and the session that is the stream's now. A connection that it seems to have still is closed."""
        if stream.account is None or stream.session is not None:
            return failed("unexpected-request"), None
        id, h = asked.get("previd", ""), count(asked)
        managed = self._resumable.get(id)
        if managed is None or managed.session.account != stream.account or self._is_denied(stream):
            return self._unknown(id, stream.account.bare), None
        managed.acknowledged(h)
        if managed.stream is not None:
            managed.stream.replaced()
        stream.manage(managed)
        return element(ns.SM, "resumed", {"previd": id, "h": str(managed.handled)}), managed

    def asked(self, stream: ServerStream, received: Element) -> None:
        """<r/>: how much of what the client sent has come (section 4)."""
        stream.send(element(ns.SM, "a", {"h": str(managed_of(stream).handled)}))

    def answered(self, stream: ServerStream, received: Element) -> None:
        """<a/>: how much of what it was sent has come, asked for or not."""
        managed = managed_of(stream)
        managed.acknowledged(count(received))
        managed.answered()

    def closed(self, session: Session) -> None:
        """Nobody can come back to it; but who tries is told how far it got."""
        managed = session.link
        if isinstance(managed, Resumable) and self._resumable.pop(managed.id, None) is not None:
            self._over[managed.id] = (session.bare, managed.handled)
            if len(self._over) > REMEMBERED:
                del self._over[next(iter(self._over))]

    def _seconds(self, asked: Element) -> int:
        """The client may want less than we would give."""
        wanted, ours = asked.get("max", ""), self._host.policy.resume_time
        return min(int(wanted), ours) if wanted.isascii() and wanted.isdecimal() and 0 < len(wanted) < 10 else ours

    def _is_denied(self, stream: ServerStream) -> bool:
        return any(hook(stream) for hook in self._host.hooks.resuming)

    def _unknown(self, id: str, account: str) -> Element:
        owner, handled = self._over.get(id, ("", 0))
        return failed("item-not-found", {"h": str(handled)} if owner == account else None)


def managed_of(stream: ServerStream) -> Resumable:
    """Raises StreamError when the client hasn't enabled stream management."""
    if stream.managed is None:
        raise StreamError("unsupported-stanza-type", "stream management isn't enabled")
    return stream.managed


def count(received: Element) -> int:
    """`h`. Raises StreamError(invalid-xml): RFC 6120 has that for what a schema forbids."""
    h = received.get("h", "")
    if not (h.isascii() and h.isdecimal() and len(h) <= 10):
        raise StreamError("invalid-xml", "h must be a number")
    return int(h)


def failed(condition: str, attributes: dict[str, str] | None = None) -> Element:
    """`<failed/>` (section 6)."""
    made = element(ns.SM, "failed", attributes)
    child(made, ns.STANZA_ERROR, condition)
    return made
