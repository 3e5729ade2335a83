"""What clients and the server say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from conversehost.testing.calls import ANSWER, Call, Steps
from conversehost.testing.verbs import asked, verb
from conversehost.testing.verbs.accounts import User, named

ALL = 10**9
"""No limit, said to who has one otherwise."""


@dataclass(frozen=True)
class Record:
    """One element that went over a client's stream.

    `direction` is "in" (to the server) or "out" (to the client); `session` the full JID of that client, None before it
    has logged in; `kind` is the element's name: "message", "presence", "iq", "auth"...; `xml` is the element as it
    went over the wire, without passwords and tokens.
    """

    number: int
    at: datetime
    direction: str
    stream: int
    transport: str
    session: str | None
    kind: str
    xml: str


class TrafficVerbs:
    """Look, and wait."""

    @verb
    def traffic(
        self, xpath: str | None = None, *, after: Record | int = 0, **wanted: User | str
    ) -> Steps[list[Record]]:
        """What clients and the server said to each other since the last reset, the oldest first.

        `xpath` is tried on each stanza, such as "message[body='hi']" or "iq[@type='set']/*[local-name()='query']";
        namespaces have the prefixes of docs/testing.md, stanzas need none. `wanted`: kind="message", direction="in"
        (to the server) or "out", account="alice", session="alice@localhost/x", type="chat", sender=..., to=...,
        text=... (anywhere in it). `after`: only later ones.
        """
        return (yield from _traffic(xpath, after, wanted))

    @verb
    def wait_for(
        self, xpath: str | None = None, *, timeout: float = 5, after: Record | int = 0, **wanted: User | str
    ) -> Steps[Record]:
        """The first that matches, as in `traffic`: one that came already, or the next.

        Raises TestBedError after `timeout` seconds; it says what came nearest.
        """
        fields = {**wanted_fields(xpath, after, wanted), "timeout": timeout}
        return record_of((yield Call("POST", "traffic/wait", fields, ANSWER + timeout)))

    @verb
    def transcript(self, xpath: str | None = None, *, after: Record | int = 0, **wanted: User | str) -> Steps[str]:
        """The same for people: a line for each element, with the time, whose stream it was, and its direction."""
        return (yield from transcript(xpath, after, wanted))

    @verb
    def exchanges(self, *, after: int = 0, secrets: bool = False, **wanted: User | str | int) -> Steps[list[Any]]:
        """The requests over HTTP and their answers, each as the control API tells it, without cookies, passwords and
        tokens unless `secrets` are wanted. `wanted`: path="/prebind", method=..., status=..., account=..., text=...,
        transport="bosh", "websocket" or "site".
        """
        return (yield from _carriers("http", after, secrets, wanted))

    @verb
    def frames(self, *, after: int = 0, secrets: bool = False, **wanted: User | str | int) -> Steps[list[Any]]:
        """The same for frames of WebSocket and bodies of BOSH. `wanted`: direction=..., kind="text", "ping", "pong",
        "close" or "body", account=..., text=..., transport=...
        """
        return (yield from _carriers("frame", after, secrets, wanted))

    @verb
    def export(self, format: str = "har", *, secrets: bool = False) -> Steps[Any]:
        """What was recorded: "har", a dictionary to be written as JSON into a file for a browser's developer tools; or
        retold as a text, "dialogue" for `play`, or "pytest", which is a whole test.
        """
        return (yield Call("GET", f"traffic/export?format={format}&secrets={int(secrets)}"))

    @asked
    def last(self) -> Steps[int]:
        """For `after`: nothing that has come so far."""
        last: int = (yield Call("GET", "traffic?limit=0"))["last"]
        return last


def wanted_fields(xpath: str | None, after: Record | int, wanted: Mapping[str, User | str]) -> dict[str, Any]:
    """What is looked for, as the control API has it."""
    fields: dict[str, Any] = {name.replace("sender", "from"): named(value) for name, value in wanted.items()}
    if xpath is not None:
        fields["xpath"] = xpath
    number = after.number if isinstance(after, Record) else after
    return fields | ({"after": number} if number else {})


def transcript(
    xpath: str | None = None, after: Record | int = 0, wanted: Mapping[str, User | str] | None = None
) -> Steps[str]:
    """What was said, for people."""
    lines = []
    for each in (yield from _traffic(xpath, after, wanted or {})):
        arrow = "->" if each.direction == "in" else "<-"
        lines.append(f"{each.at:%H:%M:%S.%f}"[:-3] + f" {each.session or f'stream {each.stream}'} {arrow} {each.xml}")
    return "\n".join(lines)


def _traffic(xpath: str | None, after: Record | int, wanted: Mapping[str, User | str]) -> Steps[list[Record]]:
    told = yield Call("GET", f"traffic?{urlencode({'limit': ALL, **wanted_fields(xpath, after, wanted)})}")
    return [record_of(each) for each in told["records"]]


def _carriers(level: str, after: int, secrets: bool, wanted: Mapping[str, User | str | int]) -> Steps[list[Any]]:
    fields = {"level": level, "limit": ALL, "after": after, "secrets": int(secrets)}
    query = urlencode(fields | {name: named(value) for name, value in wanted.items()})
    found: list[Any] = (yield Call("GET", f"traffic?{query}"))["records"]
    return found


def record_of(data: Mapping[str, Any]) -> Record:
    """From JSON, which may say more than is known here."""
    known = {name: data[name] for name in Record.__dataclass_fields__}
    return Record(**known | {"at": datetime.fromisoformat(data["at"])})
