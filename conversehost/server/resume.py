"""A session that outlives its connection: what goes out is kept until the client says that it has it (XEP-0198)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from conversehost.clock import Deadline
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import Link

if TYPE_CHECKING:
    from conversehost.server.session import Session
    from conversehost.server.stream import ServerStream

COUNT = 1 << 32
"""Counters begin anew there (section 4)."""

UNACKED, UNACKED_BYTES = 2_000, 1_048_576
"""What may wait for a client's word; more ends its session, and all of it is stored or bounced."""

_ASK = f'<r xmlns="{ns.SM}"/>'.encode()


class Resumable:
    """The `Link` of a session with stream management, whatever the connection below it, or none for a while.

    `handled`: stanzas that came from the client. `id` is "" where the session ends with its connection.
    """

    __slots__ = (
        "_asked",
        "_asked_at",
        "_bytes",
        "_deadline",
        "_over",
        "_sent",
        "_unacked",
        "handled",
        "id",
        "seconds",
        "session",
        "stream",
    )

    def __init__(self, session: Session, stream: ServerStream, id: str, seconds: int) -> None:
        """`seconds`: how long it waits for the client to come back."""
        self.session = session
        self.stream: ServerStream | None = stream
        self.id = id
        self.seconds = seconds
        self.handled = 0
        self._sent = 0
        self._unacked: deque[tuple[float, bytes]] = deque()  # each with the time it was sent
        self._bytes = 0
        self._asked = False  # our <r/> waits for its answer
        self._asked_at = 0  # what was sent before it
        self._deadline: Deadline | None = None
        self._over = False  # too much waited

    # Link

    def send(self, stanza: bytes) -> None:
        """Every one is counted, kept, and asked for once there is no other question."""
        self._unacked.append((self.session.host.clock.utc(), stanza))
        self._bytes += len(stanza)
        self._sent = (self._sent + 1) % COUNT
        if self.stream is not None:
            self.stream.link.send(stanza)
            self._ask()
        if (len(self._unacked) > UNACKED or self._bytes > UNACKED_BYTES) and not self._over:
            self._over = True
            self.close(StreamError("policy-violation", f"{len(self._unacked)} stanzas weren't acknowledged"))

    def flush(self) -> None:
        """The connection below does that."""

    def restarting(self) -> None:
        """Logged in long since."""

    def trusted(self) -> None:
        """As above."""

    def close(self, error: StreamError | None = None) -> None:
        """For good."""
        if self.stream is None:
            self._expire()
        else:
            self.stream.link.close(error)

    @property
    def below(self) -> Link | None:
        """The connection's own link, where there is a connection."""
        return None if self.stream is None else self.stream.link

    # Acknowledgements

    @property
    def unacknowledged(self) -> int:
        """How many stanzas the client hasn't said to have."""
        return len(self._unacked)

    def acknowledged(self, h: int) -> None:
        """The client has handled that many. Raises StreamError when it can't have."""
        fresh = (h - self._sent + len(self._unacked)) % COUNT
        if fresh > len(self._unacked):
            said = {"h": str(h), "send-count": str(self._sent)}
            text = f"you acknowledged {h} stanzas, but only {self._sent} were sent"
            raise StreamError("undefined-condition", text, application=(ns.SM, "handled-count-too-high"), said=said)
        for _ in range(fresh):
            self._bytes -= len(self._unacked.popleft()[1])

    def answered(self) -> None:
        """An <a/> came: time for the next question, where something has been sent since. Not where nothing has: a
        client that hasn't handled all would be asked as often as it answers.
        """
        self._asked = False
        if self._unacked and self._sent != self._asked_at:
            self._ask()

    def _ask(self) -> None:
        if not self._asked and self.stream is not None:
            self._asked, self._asked_at = True, self._sent
            self.stream.link.send(_ASK)

    # Connections

    def detach(self) -> None:
        """The connection broke: the session stays present for a while, and what comes for it waits."""
        self.stream = None
        self._asked = False
        self._deadline = self.session.host.clock.after(self.seconds, self._expire)

    def attach(self, stream: ServerStream) -> None:
        """The client is back, and has said what it has: the rest goes out once more, in order."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.stream = stream
        for _, stanza in self._unacked:
            stream.link.send(stanza)
        self._asked = False
        if self._unacked:
            self._ask()
        for hook in self.session.host.hooks.session_resumed:
            hook(self.session)

    def give_up(self) -> None:
        """The session has ended: what the client may not have got goes where messages go that find nobody."""
        unacked, self._unacked = self._unacked, deque()
        if self._deadline is not None:
            self._deadline.cancel()
        for sent, stanza in unacked:
            self.session.host.delivery.undelivered(stanza, sent)

    def _expire(self) -> None:
        self.session.host.unbound(self.session)
        self.give_up()


def is_waiting(link: Link) -> bool:
    """There is nobody beyond it at the moment."""
    return isinstance(link, Resumable) and link.stream is None
