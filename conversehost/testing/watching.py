"""What a test sees of what is said: to look at, to wait for, to expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from conversehost.testing.calls import ANSWER, TestBedError, User, name_of
from conversehost.testing.faults import Ask


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


class UnmetError(TestBedError, AssertionError):
    """Something that was expected wasn't said, or what shouldn't have been was; the message has what came nearest."""


class Expectation:
    """What `TestBed.expect` has set. It ends with `remove`, or with a reset. `name`: what the control API calls it."""

    def __init__(self, ask: Ask, told: Mapping[str, Any]) -> None:
        self.name: str = told["name"]
        self._ask = ask
        self._told = told
        self._gone = False

    @property
    def state(self) -> str:
        """ "met", "unmet" so far, or "violated": it can't be met any more."""
        return str(self._look()["state"])

    @property
    def count(self) -> int:
        """How often it was said."""
        return int(self._look()["count"])

    @property
    def why(self) -> str:
        """Why it isn't met, with what came nearest; "" for one that is."""
        return self._look()["why"] or ""

    def verify(self, timeout: float = 5) -> None:
        """Waits until it is met. Raises UnmetError."""
        _verify(self._ask, f"{self._path}/verify", timeout)

    def remove(self) -> None:
        """It isn't expected any more; twice is no mistake."""
        if not self._gone:
            self._gone = True
            self._told = self._ask("DELETE", self._path, None)

    def __repr__(self) -> str:
        return f"<Expectation {self.name}: {self._told['state']}>"

    @property
    def _path(self) -> str:
        return f"expectations/{quote(self.name, safe='')}"

    def _look(self) -> Mapping[str, Any]:
        if not self._gone:
            self._told = self._ask("GET", self._path, None)
        return self._told


class Watching:
    """The part of `TestBed` that looks on."""

    api: str | None

    def traffic(self, xpath: str | None = None, *, after: Record | int = 0, **wanted: User | str) -> list[Record]:
        """What clients and the server said to each other since the last reset, the oldest first.

        `xpath` is tried on each stanza, such as "message[body='hi']" or "iq[@type='set']/*[local-name()='query']";
        namespaces have the prefixes of docs/testing.md, stanzas need none. `wanted`: kind="message", direction="in"
        (to the server) or "out", account="alice", session="alice@localhost/x", type="chat", sender=..., to=...,
        text=... (anywhere in it). `after`: only later ones.
        """
        query = urlencode(_filter(xpath, after, wanted))
        return [_record(each) for each in self._ask("GET", f"traffic?{query}")["records"]]

    def wait_for(
        self, xpath: str | None = None, *, timeout: float = 5, after: Record | int = 0, **wanted: User | str
    ) -> Record:
        """The first that matches, as in `traffic`: one that came already, or the next.

        Raises TestBedError after `timeout` seconds; it says what came nearest.
        """
        fields = {**_filter(xpath, after, wanted), "timeout": timeout}
        return _record(self._ask("POST", "traffic/wait", fields, ANSWER + timeout))

    def transcript(self, xpath: str | None = None, *, after: Record | int = 0, **wanted: User | str) -> str:
        """The same for people: a line for each element, with the time, whose stream it was, and its direction."""
        lines = []
        for each in self.traffic(xpath, after=after, **wanted):
            arrow = "->" if each.direction == "in" else "<-"
            lines.append(
                f"{each.at:%H:%M:%S.%f}"[:-3] + f" {each.session or f'stream {each.stream}'} {arrow} {each.xml}"
            )
        return "\n".join(lines)

    @property
    def last(self) -> int:
        """For `after`: nothing that has come so far."""
        last: int = self._ask("GET", "traffic?limit=0")["last"]
        return last

    def expect(
        self,
        xpath: str | None = None,
        *,
        times: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        never: bool = False,
        group: str | None = None,
        within: float | None = None,
        name: str | None = None,
        **wanted: User | str,
    ) -> Expectation:
        """What shall be said, from now on; `xpath` and `wanted` as in `traffic`. At least once, unless `times`,
        `at_least`, `at_most` or `never` say something else; what one client says to another counts once.

        Those of one `group` are met in the order in which they were set. `within`: seconds, by the server's clock.
        `verify` waits for them all; the fixture `testbed` does so at a test's end.
        """
        given: dict[str, Any] = {"times": times, "at_least": at_least, "at_most": at_most, "never": never or None}
        given |= {"group": group, "within": within, "name": name}
        fields = {key: value for key, value in given.items() if value is not None}
        return Expectation(self._ask, self._ask("POST", "expectations", _filter(xpath, 0, wanted) | fields))

    @contextmanager
    def expecting(self, xpath: str | None = None, *, timeout: float = 5, **fields: Any) -> Iterator[Expectation]:
        """The same for what a `with` block causes: at its end, or `timeout` seconds later, it has been said.

        Raises UnmetError, which says what came nearest.
        """
        expectation = self.expect(xpath, **fields)
        try:
            yield expectation
            expectation.verify(timeout)
        finally:
            expectation.remove()

    def verify(self, timeout: float = 5) -> None:
        """Waits until all that `expect` was told has been said. Raises UnmetError: what hasn't, and why."""
        _verify(self._ask, "expectations/verify", timeout)

    def _ask(self, method: str, path: str, fields: Mapping[str, Any] | None = None, timeout: float = ANSWER) -> Any:
        raise NotImplementedError


def _record(data: Mapping[str, Any]) -> Record:
    known = {name: data[name] for name in Record.__dataclass_fields__}
    return Record(**known | {"at": datetime.fromisoformat(data["at"])})


def _filter(xpath: str | None, after: Record | int, wanted: Mapping[str, User | str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name.replace("sender", "from"): name_of(value) for name, value in wanted.items()}
    if xpath is not None:
        fields["xpath"] = xpath
    number = after.number if isinstance(after, Record) else after
    return fields | ({"after": number} if number else {})


def _verify(ask: Ask, path: str, timeout: float) -> None:
    try:
        ask("GET", f"{path}?timeout={timeout:g}", None, ANSWER + timeout)
    except TestBedError as error:
        if error.code in ("request-timeout", "conflict"):
            raise UnmetError(str(error), error.code) from None
        raise
