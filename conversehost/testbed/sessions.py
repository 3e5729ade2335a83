"""`/sessions`: which clients are logged in, and the end of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus

from conversehost.bosh.stream import BoshStream
from conversehost.net.tcp import ClientConnection
from conversehost.net.websocket import WebSocketConnection
from conversehost.server.resume import Resumable, is_waiting
from conversehost.server.session import Session
from conversehost.testbed.beyond import Visit
from conversehost.testbed.ends import BOSH_CONDITIONS
from conversehost.testbed.faulty_stream import stream_of
from conversehost.testbed.fields import Choice, Fields, Flag, Text, Whole
from conversehost.testbed.holding import Hold
from conversehost.testbed.noun import MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.shapes import Shape, boolean, integer, listed, nullable, text, time, whole
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import lowest
from conversehost.xmpp.times import stamp

CONDITIONS = frozenset(
    (
        "bad-format",
        "bad-namespace-prefix",
        "conflict",
        "connection-timeout",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "invalid-from",
        "invalid-namespace",
        "invalid-xml",
        "not-authorized",
        "not-well-formed",
        "policy-violation",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "restricted-xml",
        "system-shutdown",
        "undefined-condition",
        "unsupported-encoding",
        "unsupported-feature",
        "unsupported-stanza-type",
        "unsupported-version",
    )
)
"""RFC 6120 section 4.9.3, without see-other-host, which would have to name one."""

UNSENT = (1004, 1005, 1006, 1015)
"""Codes of WebSocket close frames that mustn't be sent (RFC 6455 section 7.4)."""
UNENDED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
WAYS = ("close", "error", "reset", "terminate", "code", "expire")
ENDING = (
    Choice(
        "how",
        "close: as a server that hangs up; error: with `condition`; reset: the connection breaks without a word, and "
        "the server keeps what can be resumed; terminate: BOSH, with a `condition` of XEP-0124; code: WebSocket, a "
        "close frame with that `code`; expire: it waited to be resumed, and now no more. By default error where there "
        "is a `condition`, else close",
        words=WAYS,
        example="error",
    ),
    Choice(
        "condition",
        "a stream error (RFC 6120 section 4.9.3), or with terminate a BOSH condition (XEP-0124 section 17.2)",
        words=tuple(sorted(CONDITIONS | BOSH_CONDITIONS)),
        example="policy-violation",
    ),
    Whole("code", "of a WebSocket close frame, such as 1001 or 1011", low=1000, high=4999),
)
ACCOUNT = Text("account", "only those of this account", example="alice@localhost", format="account")
RESUMABLE = Shape(
    "Resumable",
    "Stream management (XEP-0198).",
    {
        "waiting": boolean("the connection is gone: it waits to be resumed"),
        "handled": whole("stanzas from the client"),
        "unacknowledged": whole("stanzas that the client hasn't acknowledged"),
    },
)
BOSH = Shape(
    "Bosh",
    "Where its requests and answers are (XEP-0124).",
    {
        "rid": whole("the highest that was taken in order"),
        "answered": whole("the highest that has its answer"),
        "queued": whole("stanzas that wait for a request to leave with"),
    },
)
SESSION = Shape(
    "Session",
    "A client that is logged in.",
    {
        "id": text("tells it from a later one at the same address"),
        "jid": text("the full JID", examples=["alice@localhost/converse.js-1"]),
        "account": text("the bare JID", examples=["alice@localhost"]),
        "transport": text("bosh, websocket, tcp or memory"),
        "address": nullable(text("where its stream was opened from; null for one made in this process")),
        "since": time("when it logged in"),
        "available": boolean("it has sent presence"),
        "priority": integer("of its presence"),
        "resumable": nullable(RESUMABLE),
        "bosh": nullable(BOSH),
    },
)
SESSIONS = Shape("Sessions", "Sessions, the oldest first.", {"sessions": listed(SESSION)})


class Sessions(Noun):
    """All sessions; those of bots only when asked for."""

    key = Text("id", "the session's id, or its full JID", example="alice@localhost/converse.js-1", format="session")

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=(ACCOUNT, Flag("bots", "those of bots too")), answer=SESSIONS, errors=MISSING),
            "DELETE": Verb(
                self.end,
                query=(replace(ACCOUNT, about="whose sessions shall end? (reset ends all)", required=True),),
                body=ENDING,
                answer=SESSIONS,
                errors=UNENDED,
            ),
        }

    def item(self, name: str) -> Noun:
        return OneSession(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """Who is logged in: all, or one account's sessions."""
        name, bots = query.text("account"), query.flag("bots")
        if name is not None:
            return Reply({"sessions": [describe(each) for each in self._of(name)]})
        shown: list[Session | Visit] = [
            each for each in every(self.world) if bots or not self.world.is_bot(each.account)
        ]
        shown += self.world.visits
        return Reply({"sessions": [describe(each) for each in sorted(shown, key=lambda each: each.since)]})

    def end(self, query: Fields, body: Fields) -> Reply:
        """End all sessions of one account; the answer lists them as they were."""
        ending, ended = read_ending(body), list(self._of(query.needed("account")))
        told = [describe(each) for each in ended]
        for session in ended:
            ending(session)
        return Reply({"sessions": told})

    def _of(self, name: str) -> Iterator[Session | Visit]:
        account = self.world.client(name, "account")
        if account.domain not in self.world.hosts:
            return (each for each in tuple(self.world.visits) if each.bare == account.bare)
        account = self.world.existing(name, "account")
        return iter(self.world.hosts[account.domain].sessions(account.local))


class OneSession(Noun):
    """`/sessions/{id}`, or the full JID in its place."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name
        self.putChild(b"hold", HoldNoun(self))
        self.putChild(b"release", ReleaseNoun(self))

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=SESSION, errors=MISSING),
            "DELETE": Verb(self.end, body=ENDING, errors=UNENDED),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One session."""
        return Reply(describe(self.find()))

    def end(self, query: Fields, body: Fields) -> Reply:
        """End the session, in any way that a session can die."""
        read_ending(body)(self.find())
        return Reply()

    def find(self) -> Session | Visit:
        there: list[Session | Visit] = [*every(self.world), *self.world.visits]
        for session in there:
            if self._name in (session.full, identity(session)):
                return session
        raise ApiError(HTTPStatus.NOT_FOUND, f"there is no session {self._name} (an id, or user@domain/resource)")


class HoldNoun(Noun):
    """POST: the connection stops."""

    def __init__(self, session: OneSession) -> None:
        super().__init__(session.world)
        self._session = session

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.hold, errors=UNENDED)}

    def hold(self, query: Fields, body: Fields) -> Reply:
        """The session's connection stops: nothing comes in, nothing goes out, until it is released."""
        session = self._session.find()
        stream = session.stream if isinstance(session, Visit) else stream_of(session.link)
        held = self.world.faults.held
        if stream is None:
            raise ApiError(HTTPStatus.CONFLICT, f"{session.full} has no connection")
        if session.full not in held:
            held[session.full] = Hold(stream)
        return Reply()


class ReleaseNoun(Noun):
    """POST: it goes on."""

    def __init__(self, session: OneSession) -> None:
        super().__init__(session.world)
        self._session = session

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.release, errors=UNENDED)}

    def release(self, query: Fields, body: Fields) -> Reply:
        """A session that was held goes on: first with all that has waited."""
        session = self._session.find()
        hold = self.world.faults.held.pop(session.full, None)
        if hold is None:
            raise ApiError(HTTPStatus.CONFLICT, f"{session.full} isn't held")
        hold.release()
        return Reply()


def every(world: World) -> list[Session]:
    """All sessions of all domains here, the oldest first."""
    found: list[Session] = [session for host in world.hosts.values() for session in host.all_sessions()]
    return sorted(found, key=lambda session: session.since)


def describe(session: Session | Visit) -> dict[str, object]:
    """A session as JSON. `address`: where its stream was opened from, null for one made in this process."""
    return {
        "id": identity(session),
        "jid": session.full,
        "account": session.bare,
        "transport": session.opened.transport,
        "address": session.opened.address or None,
        "since": stamp(session.since),
        "available": session.presence is not None,
        "priority": session.priority,
        "resumable": resumable(session),
        "bosh": bosh(session),
    }


def resumable(session: Session | Visit) -> dict[str, object] | None:
    """Where it has stream management that lets it outlive its connection (XEP-0198): null where not."""
    managed = session.link
    if not isinstance(managed, Resumable) or not managed.id:
        return None
    return {"waiting": is_waiting(managed), "handled": managed.handled, "unacknowledged": managed.unacknowledged}


def bosh(session: Session | Visit) -> dict[str, object] | None:
    """Where its requests and answers are; null where it isn't there over BOSH."""
    link = lowest(session.link)
    if not isinstance(link, BoshStream):
        return None
    window = link.session.window
    return {"rid": window.last, "answered": window.answered, "queued": len(link.queue)}


def identity(session: Session | Visit) -> str:
    """Tells a session from a later one at the same address; made of what it is, so that nobody has to remember it."""
    return hashlib.sha256(f"{session.full} {session.since!r}".encode()).hexdigest()[:16]


def read_ending(body: Fields) -> Callable[[Session | Visit], None]:
    """How a session is to end. Raises ApiError(400); what it answers raises ApiError(409) for a session that can't."""
    how, condition, code = body.text("how"), body.text("condition"), body.whole("code")
    if how is None:
        how = "close" if condition is None else "error"
    known = {"error": CONDITIONS, "terminate": BOSH_CONDITIONS}.get(how, frozenset())
    if condition is not None and condition not in known:
        there = f"must be one of {', '.join(sorted(known))}" if known else f"makes no sense with {how}"
        raise ApiError(HTTPStatus.BAD_REQUEST, f"condition {there}")
    if how == "code" and (code is None or code in UNSENT):
        raise ApiError(HTTPStatus.BAD_REQUEST, "code must be one of a WebSocket close frame, such as 1001 or 1011")
    return lambda session: HOW[how](session, condition, code)


def close(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """As a server that hangs up. Over BOSH that is a `terminate`, after which Converse.js begins anew, by prebind_url
    if it has one.
    """
    error(session, None, code)


def error(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """With a stream error."""
    session.link.close(StreamError(condition, "ended through the control API") if condition else None)
    if isinstance(session, Session):
        session.host.unbound(session)  # a TCP connection may take its time to close


def reset(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """The connection breaks, that of a BOSH session again and again; the server finds out as it always does."""
    link = lowest(session.link)
    if isinstance(link, BoshStream):
        link.session.cut()
    elif isinstance(link, ClientConnection | WebSocketConnection):
        link.cut()
    else:
        raise ApiError(HTTPStatus.CONFLICT, f"{session.full} has no connection")


def terminate(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """BOSH alone: the body says so, with a condition of its own."""
    link = lowest(session.link)
    if not isinstance(link, BoshStream):
        raise ApiError(HTTPStatus.CONFLICT, f"{session.full} isn't there over BOSH")
    link.session.expire(condition, "ended through the control API")


def code(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """WebSocket alone: a close frame with a code."""
    link = lowest(session.link)
    if not isinstance(link, WebSocketConnection):
        raise ApiError(HTTPStatus.CONFLICT, f"{session.full} isn't there over WebSocket")
    assert code is not None
    link.close_with(code)


def expire(session: Session | Visit, condition: str | None, code: int | None) -> None:
    """One that waits to be resumed waits no more."""
    if not is_waiting(session.link):
        raise ApiError(HTTPStatus.CONFLICT, f"{session.full} doesn't wait to be resumed: its client is there")
    session.link.close()


HOW: Mapping[str, Callable[[Session | Visit, str | None, int | None], None]] = {
    "close": close,
    "error": error,
    "reset": reset,
    "terminate": terminate,
    "code": code,
    "expire": expire,
}
"""In which a session can die."""
