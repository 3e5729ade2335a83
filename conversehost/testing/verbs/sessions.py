"""Who is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from conversehost.testing.calls import Call, Steps, TestBedError
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User, named


@dataclass(frozen=True)
class Session:
    """A client that is logged in, as it was when asked.

    `jid` is the full JID, `account` the bare one. `transport` is "bosh", "websocket" or "tcp". `address` is the
    client's, None for a session that was made by prebind. `available`: it has sent presence.
    """

    id: str
    jid: str
    account: str
    transport: str
    address: str | None
    since: datetime
    available: bool
    priority: int


class SessionVerbs:
    """Sessions that are there, and how they die."""

    @verb
    def sessions(self, account: User | str | None = None) -> Steps[list[Session]]:
        """The clients that are logged in, the oldest first: all, or one account's. Bots don't count."""
        query = "" if account is None else f"?account={quote(named(account), safe='')}"
        told = yield Call("GET", f"sessions{query}")
        return [_session(each) for each in told["sessions"]]

    @verb
    def kill_session(
        self,
        session: Session | User | str,
        condition: str | None = None,
        *,
        how: str | None = None,
        code: int | None = None,
    ) -> Steps[None]:
        """End one session (a `Session`, a full JID), or all of an account (a `User`, a bare JID, a name).

        `condition` is a stream error of RFC 6120 section 4.9.3 that the client is told, such as "conflict" or
        "system-shutdown". Converse.js reconnects; logged in by prebind, it asks prebind_url for a new session.

        `how` it dies: "close" or "error" (as above), "reset" (the connection breaks, without a word; the server keeps
        what can be resumed), "terminate" (BOSH, `condition` then being one of XEP-0124 section 17.2), "code"
        (WebSocket, with that close `code`), "expire" (it waits to be resumed, and now no more).

        Raises TestBedError when there is none to end, or not in that way.
        """
        given = {"condition": condition, "how": how, "code": code}
        yield from _kill(session, {name: value for name, value in given.items() if value is not None})

    @verb
    def kill(self, session: Session | User | str, how: str = "close", **fields: Any) -> Steps[None]:
        """The same in short: `bed.kill("alice", "reset")`, `bed.kill(session, "code", code=1006)`."""
        yield from _kill(session, {"how": how, **fields})

    @verb
    def hold(self, session: Session | str) -> Steps[None]:
        """The connection of a session (a `Session`, a full JID) stops: nothing comes in, nothing goes out."""
        yield Call("POST", f"sessions/{_path(session)}/hold")

    @verb
    def release(self, session: Session | str) -> Steps[None]:
        """It goes on: first with all that has waited."""
        yield Call("POST", f"sessions/{_path(session)}/release")


def _kill(session: Session | User | str, fields: dict[str, Any]) -> Steps[None]:
    one = session.id if isinstance(session, Session) else named(session)
    if isinstance(session, Session) or "/" in one:
        yield Call("DELETE", f"sessions/{quote(one, safe='')}", fields or None)
        return
    ended = yield Call("DELETE", f"sessions?account={quote(one, safe='')}", fields or None)
    if not ended["sessions"]:
        raise TestBedError(f"{one} has no session", "not-found")


def _path(session: Session | str) -> str:
    return quote(session.id if isinstance(session, Session) else session, safe="")


def _session(data: Mapping[str, Any]) -> Session:
    """From JSON, which may say more than is known here."""
    known = {name: data[name] for name in Session.__dataclass_fields__}
    return Session(**known | {"since": datetime.fromisoformat(data["since"])})
