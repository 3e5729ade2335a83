"""Groups that another place has people in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversehost.auth import Accepted, Attempt, BackEnd, Outcome
from conversehost.auth.guarded import Trouble
from conversehost.clock import Clock
from conversehost.xmpp.jid import JID


@dataclass(frozen=True, slots=True)
class Group:
    """`members`: accounts of one domain, and what they are called; each of them once."""

    name: str
    members: tuple[tuple[JID, str], ...]


class GroupSource(Protocol):
    """Where they are known."""

    def groups(self, account: JID, done: Callable[[Sequence[Group] | Trouble], None]) -> None:
        """Those that somebody is in, with all members. Calls `done` exactly once, perhaps before this returns."""


class WithGroups:
    """A `BackEnd` that has them told to `show`, once somebody is in. Where they can't be had, he comes in without."""

    def __init__(
        self,
        people: BackEnd,
        source: GroupSource,
        show: Callable[[JID, Sequence[Group]], None],
        *,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        """`clock` tells real time: its deadlines end a turn. `warn` hears why there are none."""
        self._people = people
        self._source = source
        self._show = show
        self._clock = clock
        self._warn = warn
        self._reason = ""

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`."""

        def decided(outcome: Outcome) -> None:
            if not isinstance(outcome, Accepted):
                done(outcome)
                return

            def found(groups: Sequence[Group] | Trouble) -> None:
                self._clock.after(0, lambda: self._let_in(outcome, done, groups))  # in a turn of its own

            self._source.groups(outcome.account, found)

        self._people.check(attempt, decided)

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """`BackEnd`."""
        self._people.find(account, done)

    def _let_in(self, outcome: Accepted, done: Callable[[Outcome], None], groups: Sequence[Group] | Trouble) -> None:
        done(outcome)  # the account is made by that, where there was none
        reason = groups.reason if isinstance(groups, Trouble) else ""
        if reason and reason != self._reason:
            self._warn(f"--ldap-groups: groups can't be had: {reason}; rosters stay as they are until then")
        self._reason = reason
        if not isinstance(groups, Trouble):
            self._show(outcome.account, groups)
