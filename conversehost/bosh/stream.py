"""One XML stream of a BOSH session; mostly it is the only one (XEP-0124 section 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from conversehost.bosh.body import Body, BodyError
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stream import Backend, StreamOpen, check_version
from conversehost.xmpp.xml import Element, to_bytes

if TYPE_CHECKING:
    from conversehost.bosh.session import BoshSession

QUEUE, QUEUE_BYTES = 1_000, 1_048_576
"""What may wait for a client that has no request open; more ends the stream, and all of it is stored or bounced."""


def opening(body: Body, domain: str, session: BoshSession) -> StreamOpen:
    """What the server behind is told of a new stream, or one that restarts."""
    limits = session.manager.limits
    return StreamOpen(
        domain,
        "bosh",
        session.address,
        body.get("from") or "",
        body.get(f"{{{ns.XML}}}lang") or "en",
        secure=session.secure,
        early_bytes=limits.unauthenticated,
        max_bytes=limits.stanza,
        origin=session.origin,
        route=body.get("route") or "",
        visit=session.visit,
    )


def check_xmpp_version(body: Body) -> None:
    """XEP-0206 section 3; clients that say none are forgiven. Raises BodyError(remote-stream-error)."""
    said = body.get(f"{{{ns.XBOSH}}}version")
    try:
        check_version("1.0" if said is None else said)
    except StreamError as error:
        raise ending(error) from None


def ending(error: StreamError | None) -> BodyError:
    """How the end of a stream is told (XEP-0206 section 6)."""
    if error is None:
        return BodyError("", "the server ended the stream")
    text = f": {error.text}" if error.text else ""
    if isinstance(error, WayError):
        return BodyError(error.condition, f"{error.condition}{text}")
    reason = f"the server says {error.condition}{text}"
    return BodyError("remote-stream-error", reason, [to_bytes(stream_error(error))])


class BoshStream:
    """The `Link` for the server behind it. `queue` waits for a request to go out with."""

    __slots__ = (
        "backend",
        "closed",
        "drained",
        "farewell",
        "greeting",
        "name",
        "queue",
        "queued",
        "ready",
        "said",
        "session",
    )

    def __init__(self, session: BoshSession, name: str, backend: Backend) -> None:
        self.session = session
        self.name = name
        self.backend = backend
        self.queue: list[bytes] = []
        self.queued = 0  # bytes
        self.greeting: Mapping[str, str] | None = None  # attributes of its first answer, where it has its own
        self.farewell: BodyError | None = None  # how it ended, where the session goes on
        self.ready = False  # its turn comes
        self.closed = False
        self.drained: Callable[[], None] | None = None
        self.said = b""

    def receive(self, stanza: Element, said: bytes) -> None:
        """One from the client; it is in `said` meanwhile as it was written, where that is known."""
        self.said = said
        self.backend.receive(stanza)
        self.said = b""

    def send(self, stanza: bytes) -> None:
        """Queue for the client."""
        if self.closed:
            return
        queue = self.queue
        if not queue:
            self.session.has_something(self)
        queue.append(stanza)
        self.queued += len(stanza)
        if len(queue) > QUEUE or self.queued > QUEUE_BYTES:
            self.session.relieve(self)

    def restart(self, body: Body) -> None:
        """The client restarts the stream (XEP-0206 section 5)."""
        session = self.session
        self.backend.restart(opening(body, body.get("to") or "", session))

    def restarting(self) -> None:
        self.session.trust()

    def trusted(self) -> None:
        """Logged in: stanzas may be larger from now on."""
        self.session.trust()

    def flush(self) -> None:
        """The turn ends: the session has its own part in that."""

    def close(self, error: StreamError | None = None) -> None:
        """The server ends the stream (XEP-0206 section 6)."""
        if not self.closed:
            self.session.stream_ended(self, error)

    @property
    def waiting(self) -> int:
        """Bytes in the queue; in a long one each counts for more."""
        return max(self.queued, len(self.queue) * QUEUE_BYTES // QUEUE)

    def stall(self) -> None:
        """The server behind takes no more for now: requests aren't answered, so that no others come."""
        self.session.slowed = True

    def go_on(self) -> None:
        self.session.slowed = False
        self.session.manager.turn.add(self.session)

    def take(self) -> list[bytes]:
        """All that waits."""
        taken, self.queue, self.queued = self.queue, [], 0
        if self.drained is not None:
            self.drained()
        return taken

    def put_back(self, stanzas: list[bytes]) -> None:
        """They didn't reach the client: before all else, once more."""
        if not self.queue:
            self.session.has_something(self)
        self.queue[:0] = stanzas
        self.queued += sum(map(len, stanzas))
