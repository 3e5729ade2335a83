"""`/sessions`: which clients are logged in, and the end of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from conversehost.server.session import Session
from conversehost.testbed.noun import ApiError, Fields, Noun, Reply, Verb, World
from conversehost.xmpp.errors import StreamError
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


class Sessions(Noun):
    """All sessions; those of bots only when asked for."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=("account", "bots")),
            "DELETE": Verb(self.end, query=("account",), body=("condition",)),
        }

    def item(self, name: str) -> Noun:
        return OneSession(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list: all, or one account's."""
        name, bots = query.text("account"), query.flag("bots")
        if name is not None:
            return Reply({"sessions": [describe(each) for each in self._of(name)]})
        shown = [each for each in every(self.world) if bots or not self.world.is_bot(each.account)]
        return Reply({"sessions": [describe(each) for each in shown]})

    def end(self, query: Fields, body: Fields) -> Reply:
        """End all of one account; the answer lists them as they were."""
        name, condition = query.text("account"), read_condition(body)
        if name is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "account is missing: whose sessions shall end? (reset ends all)")
        ended = list(self._of(name))
        told = [describe(each) for each in ended]
        for session in ended:
            end(session, condition)
        return Reply({"sessions": told})

    def _of(self, name: str) -> Iterator[Session]:
        account = self.world.existing(name, "account")
        return iter(self.world.hosts[account.domain].sessions(account.local))


class OneSession(Noun):
    """`/sessions/{id}`, or the full JID in its place."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.end, body=("condition",))}

    def read(self, query: Fields, body: Fields) -> Reply:
        """The session."""
        return Reply(describe(self._find()))

    def end(self, query: Fields, body: Fields) -> Reply:
        """End it."""
        condition = read_condition(body)
        end(self._find(), condition)
        return Reply()

    def _find(self) -> Session:
        for session in every(self.world):
            if self._name in (session.full, identity(session)):
                return session
        raise ApiError(HTTPStatus.NOT_FOUND, f"there is no session {self._name} (an id, or user@domain/resource)")


def every(world: World) -> list[Session]:
    """All sessions of all domains, the oldest first."""
    found = [session for host in world.hosts.values() for session in host.all_sessions()]
    return sorted(found, key=lambda session: session.since)


def describe(session: Session) -> dict[str, object]:
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
    }


def identity(session: Session) -> str:
    """Tells a session from a later one at the same address; made of what it is, so that nobody has to remember it."""
    return hashlib.sha256(f"{session.full} {session.since!r}".encode()).hexdigest()[:16]


def read_condition(body: Fields) -> str | None:
    """Raises ApiError(400)."""
    condition = body.text("condition")
    if condition is not None and condition not in CONDITIONS:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"condition must be one of {', '.join(sorted(CONDITIONS))}")
    return condition


def end(session: Session, condition: str | None) -> None:
    """With a stream error; without one as a server that hangs up.

    Over BOSH that is a `terminate` in either case, after which Converse.js begins anew, by prebind_url if it has one.
    """
    session.link.close(StreamError(condition, "ended through the control API") if condition else None)
    session.host.unbound(session)  # a TCP connection may take its time to close
