"""The connection manager: all BOSH sessions, and how one begins (XEP-0124 section 7)."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from conversehost.bosh.body import Body, BodyError, parse_body, terminate
from conversehost.bosh.session import BoshSession, Exchange, Terms
from conversehost.clock import Clock
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.stream import Backend, StreamOpen
from conversehost.xmpp.xml import Limits

VERSION = (1, 11)
_SID = re.compile(rb"""\bsid=["']([\w-]{32})["']""")


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What clients may ask for at most, and what they are told; seconds, and `hold` requests."""

    wait: int = 120
    hold: int = 10
    inactivity: int = 60
    polling: int = 5
    maxpause: int = 120


class Peer(Protocol):
    """Where a request came from, as far as it matters here."""

    @property
    def address(self) -> str: ...
    @property
    def secure(self) -> bool: ...


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
    ) -> None:
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.ceilings = ceilings
        self._backend_for = backend_for
        self._sessions: dict[str, BoshSession] = {}
        self.refused: Counter[str] = Counter()  # bodies, by condition; for whoever counts

    def sessions(self) -> Iterator[BoshSession]:
        """Those that live."""
        return (session for session in tuple(self._sessions.values()) if not session.ended)

    def request(self, data: bytes, exchange: Exchange, peer: Peer) -> BoshSession | None:
        """One HTTP request; its answer goes to `exchange`, now or later. The session it belongs to, if there is one.

        An unexpected exception ends the session with internal-server-error, and is raised again.
        """
        session: BoshSession | None = None
        try:
            body = parse_body(data, self.limits)
            if body.sid is None:
                session, first = self._create(body)
                session.greet(body.rid, exchange, first, opening(body, first["from"], peer))
                return session
            session = self._sessions.get(body.sid)
            if session is None:
                raise BodyError("item-not-found", "no such session: it ended, or never was")
            session.request(body, exchange)
        except BodyError as error:
            self._refuse(session or self._named_in(data), error, exchange)
        except Exception:
            self._refuse(session, BodyError("internal-server-error"), exchange)
            raise
        return session

    def prebind(self, backend: Backend) -> tuple[BoshSession, int]:
        """A session without a client yet, and the rid that its first request must have. The backend isn't opened."""
        rid = secrets.randbelow(2**32) + 1
        ceilings = self.ceilings
        terms = self._terms(wait=min(60, ceilings.wait), hold=min(1, ceilings.hold))
        session = self._add(rid, terms, backend)
        session.restarting()
        return session, rid

    def forget(self, session: BoshSession) -> None:
        """It ended, and its client knows or will never ask."""
        if self._sessions.pop(session.sid, None) is not None:
            session.retire()

    def close_all(self, condition: str) -> None:
        """End every session, with a condition of XEP-0124 section 17.2."""
        for session in self.sessions():
            session.expire(condition)

    def _refuse(self, session: BoshSession | None, error: BodyError, exchange: Exchange) -> None:
        self.refused[error.condition] += 1
        if session is None:
            exchange.answer(terminate(error.condition))
        else:
            session.refuse(error, exchange)

    def _named_in(self, data: bytes) -> BoshSession | None:
        """Whose an ill-formed body is: its client takes the session for ended, so it shall be."""
        found = _SID.search(data)
        return None if found is None else self._sessions.get(found[1].decode())

    def _create(self, body: Body) -> tuple[BoshSession, dict[str, str]]:
        """A session as it is asked for, and the attributes of its first answer. Raises BodyError."""
        rid = body.rid
        asked = body.get("to")
        if not asked:
            raise BodyError("improper-addressing", "a session needs a domain in 'to'")
        try:
            domain = prepare_domain(asked)
        except JIDError as error:
            raise BodyError("improper-addressing", str(error)) from None
        ceilings = self.ceilings
        terms = self._terms(
            wait=min(body.number("wait", 60), ceilings.wait), hold=min(body.number("hold", 1), ceilings.hold)
        )
        version = lower_version(body.get("ver"))
        backend = self._backend_for(domain)
        if backend is None:
            raise BodyError("host-unknown", f"{domain} isn't served here")
        session = self._add(rid, terms, backend)
        return session, greeting(session.sid, domain, terms, version)

    def _terms(self, *, wait: int, hold: int) -> Terms:
        ceilings = self.ceilings
        inactivity = ceilings.inactivity
        if wait == 0 or hold == 0:
            inactivity += 2 * ceilings.polling  # section 12: raised by more than `polling`
        return Terms(wait, hold, inactivity, ceilings.polling, ceilings.maxpause)

    def _add(self, rid: int, terms: Terms, backend: Backend) -> BoshSession:
        sid = secrets.token_urlsafe(24)
        session = self._sessions[sid] = BoshSession(self, sid, rid, terms, backend)
        return session


def opening(body: Body, domain: str, peer: Peer) -> StreamOpen:
    """What the server behind is told of a new session."""
    lang = body.get(f"{{{ns.XML}}}lang") or "en"
    return StreamOpen(domain, "bosh", peer.address, body.get("from") or "", lang, peer.secure)


def lower_version(asked: str | None) -> str:
    """The lower of the client's version and ours, compared as numbers (section 7.2). Raises BodyError(bad-request)."""
    if asked is None:
        return ".".join(map(str, VERSION))
    major, dot, minor = asked.partition(".")
    if not (dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit() and len(asked) < 12):
        raise BodyError("bad-request", "ver must look like 1.6")
    return ".".join(map(str, min((int(major), int(minor)), VERSION)))


def greeting(sid: str, domain: str, terms: Terms, version: str) -> dict[str, str]:
    """The attributes of a session's first answer (XEP-0124 section 7.2, XEP-0206 sections 3 and 5)."""
    return {
        "sid": sid,
        "wait": str(terms.wait),
        "requests": str(terms.requests),
        "hold": str(terms.hold),
        "ver": version,
        "polling": str(terms.polling),
        "inactivity": str(terms.inactivity),
        "maxpause": str(terms.maxpause),
        "from": domain,
        "authid": secrets.token_hex(8),
        "xmlns:xmpp": ns.XBOSH,
        "xmpp:version": "1.0",
        "xmpp:restartlogic": "true",
    }
