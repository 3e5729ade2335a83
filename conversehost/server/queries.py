"""Questions that the server asks a client, and the answers (RFC 6120 section 8.2.3)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from conversehost.clock import Deadline
from conversehost.server.session import Session
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

if TYPE_CHECKING:
    from conversehost.server.host import Host

PATIENCE = 60.0
"""Seconds that a client has for its answer."""

Done = Callable[[Stanza | None], None]
"""Hears of the answer, a result or an error; None when there will be none. It is called once."""


class Queries:
    """Those of one host that wait, by session and id. Only the session that was asked can answer."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiting: dict[Session, dict[str, tuple[Done, Deadline]]] = {}
        host.hooks.session_closed.append(self._closed)

    def ask(self, session: Session, payload: Element, done: Done) -> None:
        """An iq get in the host's name. `done` may be called before this returns, when the session ends over it."""
        id = secrets.token_hex(8)
        deadline = self._host.clock.after(PATIENCE, partial(self._end, session, id, None))
        self._waiting.setdefault(session, {})[id] = (done, deadline)
        attributes = {"type": "get", "id": id, "from": self._host.domain, "to": session.full}
        session.send(stanza("iq", attributes, payload))

    def asked(self, session: Session) -> int:
        """How many of its answers are waited for."""
        return len(self._waiting.get(session, ()))

    def answered(self, session: Session, iq: Stanza) -> None:
        """A result or an error for the host; what nobody asked for is ignored."""
        self._end(session, iq.id or "", iq)

    def _end(self, session: Session, id: str, answer: Stanza | None) -> None:
        waiting = self._waiting.get(session, {})
        if id not in waiting:
            return
        done, deadline = waiting.pop(id)
        if not waiting:
            del self._waiting[session]
        deadline.cancel()
        done(answer)

    def _closed(self, session: Session) -> None:
        for id in tuple(self._waiting.get(session, ())):
            self._end(session, id, None)
