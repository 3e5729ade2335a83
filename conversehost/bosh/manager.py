"""The connection manager: all BOSH sessions, and how one begins (XEP-0124 section 7)."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

from conversehost.bosh.body import Body, BodyError, ClosedError, parse_body, see_other_uri, terminate
from conversehost.bosh.exchange import Exchange
from conversehost.bosh.keys import KeySequence
from conversehost.bosh.session import BoshSession
from conversehost.bosh.stream import BoshStream, check_xmpp_version, opening
from conversehost.bosh.terms import PLAIN, Ceilings, Manner, Terms, agree, greeting, lower_version, manner
from conversehost.clock import Clock
from conversehost.draining import WHY, Draining
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.stream import Backend, Visit
from conversehost.xmpp.xml import Limits

_SID = re.compile(rb"""\bsid=["']([\w-]{32})["']""")


class Peer(Protocol):
    """Where a request came from, as far as it matters here."""

    @property
    def address(self) -> str: ...
    @property
    def secure(self) -> bool: ...
    @property
    def origin(self) -> str: ...


class Manager:
    """`backend_for(domain)` gives what is behind a domain, or None when it isn't served."""

    def __init__(
        self,
        backend_for: Callable[[str], Backend | None],
        *,
        clock: Clock,
        turn: Turn,
        limits: Limits,
        ceilings: Ceilings,
        moved: str = "",
        draining: Draining | None = None,
        absence: Callable[[str], str] = lambda domain: "host-unknown",
    ) -> None:
        """`moved`: the URL of another connection manager, to which clients are sent instead. `draining`: whether
        sessions may begin. `absence`: the condition for a domain with nothing behind it.
        """
        self.draining = draining or Draining()
        self._moved = moved
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.ceilings = ceilings
        self._backend_for = backend_for
        self._absence = absence
        self._sessions: dict[str, BoshSession] = {}
        self.refused: Counter[str] = Counter()  # bodies, by condition; for whoever counts

    def sessions(self) -> Iterator[BoshSession]:
        """Those that live."""
        return (session for session in tuple(self._sessions.values()) if not session.ended)

    def request(
        self,
        data: bytes,
        exchange: Exchange,
        peer: Peer,
        *,
        parse: Callable[[bytes, Limits], Body] = parse_body,
        visit: Callable[[], Visit | None] = lambda: None,
    ) -> BoshSession | None:
        """One HTTP request; its answer goes to `exchange`, now or later. The session it belongs to, if there is one.
        `visit` is asked when it creates one.

        An unexpected exception ends the session with internal-server-error, and is raised again.
        """
        session: BoshSession | None = None
        answers = PLAIN
        try:
            body = parse(data, self.limits)
            sid = body.sid
            if sid is None:
                answers = manner(body)
                session, first = self._create(body, answers, peer)
                session.visit = visit()
                session.greet(body.rid, body, exchange, first, opening(body, first["from"], session))
                return session
            session = self._sessions.get(sid)
            if session is None:
                raise BodyError("item-not-found", "no such session: it ended, or never was")
            if session.secure and not peer.secure:
                raise BodyError("", "it goes over TLS")  # which hangs up
            session.request(body, exchange)
        except BodyError as error:
            session = session or self._named_in(data)
            if session is not None and session.secure and not peer.secure:
                exchange.hang_up()
                return None
            self._refuse(session, error, exchange, answers)
        except Exception:
            self._refuse(session, BodyError("internal-server-error", "see the server's log"), exchange, answers)
            raise
        return session

    def add_stream(self, session: BoshSession, body: Body) -> None:
        """One more stream in a session (section 16.3); when that can't be, the client hears why."""
        streams = session.streams
        try:
            streams.check_room()
            domain = domain_of(body)
            stream = BoshStream(session, unguessable(), self._backend(domain))
        except BodyError as error:
            streams.add_refused(BoshStream(session, unguessable(), streams.first.backend), error)
            return
        stream.greeting = about_stream(domain)
        streams.add(stream)
        stream.backend.open(opening(body, domain, session), stream)

    def prebind(self, backend: Backend, wait: int = 60, hold: int = 1) -> tuple[BoshSession, int]:
        """A session without a client yet, and the rid that its first request must have. The backend isn't opened.
        `wait` (seconds) and `hold` are for its client to say; the ceilings count here as well.
        """
        rid = int.from_bytes(secrets.token_bytes(4), "big") + 1
        ceilings = self.ceilings
        wait, hold = min(wait, ceilings.wait), min(hold, ceilings.hold)
        terms = Terms(wait, hold, ceilings.inactivity, ceilings.polling, ceilings.maxpause)
        session = self._add(rid, terms, backend)
        session.trust()
        return session, rid

    def forget(self, session: BoshSession) -> None:
        """It ended, and its client knows or will never ask."""
        if self._sessions.pop(session.sid, None) is not None:
            session.retire()

    def close_all(self, condition: str, reason: str = "the server ended the session") -> None:
        """End every session, with a condition of XEP-0124 section 17.2, and a reason for people."""
        for session in self.sessions():
            session.expire(condition, reason)

    def refuse(self, session: BoshSession, error: BodyError, exchange: Exchange) -> None:
        """A request that breaks the rules of its session ends it."""
        self.refused[error.condition] += 1
        session.refuse(error, exchange)

    def _refuse(self, session: BoshSession | None, error: BodyError, exchange: Exchange, answers: Manner) -> None:
        if session is not None:
            self.refuse(session, error, exchange)
        else:
            self.refused[error.condition] += 1
            exchange.answer(terminate(error.condition, error.payload), answers, error)

    def _named_in(self, data: bytes) -> BoshSession | None:
        """Whose an ill-formed body is: its client takes the session for ended, so it shall be."""
        found = _SID.search(data)
        return None if found is None else self._sessions.get(found[1].decode())

    def _create(self, body: Body, answers: Manner, peer: Peer) -> tuple[BoshSession, dict[str, str]]:
        """A session as it is asked for, and the attributes of its first answer. Raises BodyError."""
        if self.draining.on:
            raise ClosedError("system-shutdown", WHY)
        rid, domain = body.rid, domain_of(body)
        if self._moved and peer.secure <= self._moved.startswith("https:"):  # never to less security
            raise see_other_uri(self._moved)
        check_xmpp_version(body)
        terms, version = agree(body, self.ceilings, answers), lower_version(body.get("ver"))
        keys = KeySequence(newkey, terms.requests + 1) if (newkey := body.get("newkey")) is not None else None
        name = unguessable() if terms.streams > 1 else ""
        session = self._add(rid, terms, self._backend(domain), name)
        session.address, session.secure, session.origin, session.keys = peer.address, peer.secure, peer.origin, keys
        first = greeting(terms, sid=session.sid, rid=rid, version=version, secure=peer.secure) | about_stream(domain)
        if name:
            first["stream"] = name
        return session, first

    def _backend(self, domain: str) -> Backend:
        """What is behind a domain. Raises BodyError(host-unknown, host-gone)."""
        backend = self._backend_for(domain)
        if backend is None:
            raise BodyError(self._absence(domain), f"{domain} isn't served here")
        return backend

    def _add(self, rid: int, terms: Terms, backend: Backend, name: str = "") -> BoshSession:
        sid = unguessable()
        session = self._sessions[sid] = BoshSession(self, sid, rid, terms, backend, name)
        return session


def unguessable() -> str:
    """192 random bits, for what only the client shall know: sid, names of streams."""
    return secrets.token_urlsafe(24)


def domain_of(body: Body) -> str:
    """Which domain a stream is for: `to`, or else the host in `route` (section 7.1). Raises BodyError."""
    asked = body.get("to")
    if not asked:
        _, _, target = (body.get("route") or "").partition(":")
        asked = target.rpartition(":")[0]
    if not asked:
        raise BodyError("improper-addressing", "a session needs a domain in 'to'")
    try:
        return prepare_domain(asked)
    except JIDError as error:
        raise BodyError("improper-addressing", f"'to' is no domain: {error}") from None


def about_stream(domain: str) -> dict[str, str]:
    """The attributes of a stream's first answer about the stream itself (XEP-0124 section 7.2, XEP-0206 section 4)."""
    return {
        "from": domain,
        "authid": secrets.token_hex(8),
        "xmlns:xmpp": ns.XBOSH,
        "xmpp:version": "1.0",
    }
