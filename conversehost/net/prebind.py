"""BOSH sessions for people who are logged in already: authenticated and bound in this process, without a round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conversehost.bosh.manager import Manager
from conversehost.bosh.session import BoshSession
from conversehost.bosh.stream import BoshStream
from conversehost.draining import WHY
from conversehost.net.reports import warn
from conversehost.server.host import SESSIONS_PER_ACCOUNT
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.turn import Turn
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stream import StreamOpen, lowest

GUESTS = 100
"""Sessions for guests that nobody has come for yet, of one owner: the page that wants it attaches at once."""

REMEMBERED = 1_000
"""Owners before those are looked for that have none."""


@dataclass(frozen=True, slots=True)
class Prebound:
    """What a page needs to attach: the full JID, the session's id, and the rid that its first request must have."""

    jid: str
    sid: str
    rid: int


@dataclass(frozen=True, slots=True)
class Wish:
    """How a session should be: at a resource, "" for one of ours; with BOSH's `wait` (seconds) and `hold`; and present
    at once, for a page that may be reloaded before it has said so itself.
    """

    resource: str = ""
    wait: int = 60
    hold: int = 1
    presence: bool = False


WISH = Wish()
"""What Converse.js would ask for itself."""


class ChatSessions:
    """Prebound sessions, by an owner: the site session they were made for."""

    def __init__(self, router: Router, manager: Manager, turn: Turn, make: Callable[[], ServerStream]) -> None:
        """`make` makes what is behind a session."""
        self._router = router
        self._make = make
        self._manager = manager
        self._turn = turn
        self._guests = GuestRoom()

    def knows(self, account: JID) -> bool:
        """Whether the account exists, still, and may come in."""
        host = self._router.hosts.get(account.domain)
        return host is not None and host.accounts.admit(account)

    def prebind(self, account: JID, owner: str, origin: str = "", wish: Wish = WISH) -> Prebound:
        """A new session, for a client that reaches us by `origin`. When the account has too many, the one that is idle
        for longest gives way: nobody came for it, or its page is gone. Of guests, each of whom is an account, an owner
        has no more that nobody came for.

        Raises StanzaError, resource-constraint when all are in use, service-unavailable when the server is going to
        stop; JIDError for a resource that can't be one.
        """
        if self._manager.draining.on:
            raise StanzaError("service-unavailable", WHY)
        self._warn(account, wish.resource)
        self._make_room(account)
        stream, opening = self._make(), StreamOpen(account.domain, "bosh", origin=origin)
        session, rid = self._manager.prebind(stream, wish.wait, wish.hold)
        try:
            bound = stream.open_as(account, opening, session.streams.first, wish.resource)
        except Exception:
            self._manager.forget(session)
            raise
        session.owner = owner
        if bound.host.rules.anonymous:
            self._guests.enter(session)
        if wish.presence:
            stream.receive(stanza("presence", {}))
        self._turn.end()
        return Prebound(bound.full, session.sid, rid)

    def end(self, account: JID, owner: str) -> None:
        """End all that were made for the owner."""
        for session in tuple(self._router.hosts[account.domain].sessions(account.local)):
            if owner in _owners(session):
                _end(session)
        self._turn.end()

    def end_all(self, account: JID) -> int:
        """End every session of the account, however it came in; how many there were."""
        host = self._router.hosts.get(account.domain)
        sessions = () if host is None else tuple(host.sessions(account.local))
        for session in sessions:
            _end(session)
        self._turn.end()
        return len(sessions)

    def _warn(self, account: JID, resource: str) -> None:
        """Two pages at one resource end each other again and again, and nobody sees why."""
        sessions = self._router.hosts[account.domain].sessions(account.local)
        if resource and any(each.jid.resource == resource for each in sessions):
            warn(
                f"a back end wants {account}/{resource} while another page has it: tabs that share a resource end each"
                " other, so leave it out"
            )

    def _make_room(self, account: JID) -> None:
        sessions = self._router.hosts[account.domain].sessions(account.local)
        if len(sessions) < SESSIONS_PER_ACCOUNT:
            return
        theirs = filter(None, map(bosh_session_of, sessions))
        idle = [(since, each) for each in theirs if (since := each.idle_since) is not None]
        if idle:
            min(idle, key=lambda each: each[0])[1].expire(None)


class GuestRoom:
    """Sessions of guests that nobody has come for, by owner."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[BoshSession]] = {}

    def enter(self, session: BoshSession) -> None:
        """One more; when there are too many of its owner's, the oldest gives way."""
        if session.owner not in self._waiting and len(self._waiting) >= REMEMBERED:
            kept = {owner: _unattached(waiting) for owner, waiting in self._waiting.items()}
            self._waiting = {owner: waiting for owner, waiting in kept.items() if waiting}
        waiting = _unattached(self._waiting.get(session.owner, []))
        if len(waiting) >= GUESTS:
            waiting.pop(0).expire(None)
        self._waiting[session.owner] = [*waiting, session]


def _unattached(sessions: list[BoshSession]) -> list[BoshSession]:
    return [each for each in sessions if not each.attached and not each.ended]


def _owners(session: Session) -> tuple[str, ...]:
    """Whom it was made for, or by whose login to the site it came in."""
    bosh, visit = bosh_session_of(session), session.opened.visit
    return ("" if bosh is None else bosh.owner, "" if visit is None else visit.owner)


def _end(session: Session) -> None:
    bosh = bosh_session_of(session)
    if bosh is not None:
        bosh.expire(None)
    else:
        session.link.close()
        session.host.unbound(session)  # a connection may take its time to close


def bosh_session_of(session: Session) -> BoshSession | None:
    """What a client's session runs over; None when that isn't BOSH."""
    link = lowest(session.link)
    return link.session if isinstance(link, BoshStream) else None
