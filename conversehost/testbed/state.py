"""All data of some hosts: as it was, as it began, and as a file has it.

What lives - sessions, streams, the clock - is no data: it ends with the data that it was about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.store import Snapshot, Store
from conversehost.testbed.cast import Cast, Roles
from conversehost.testbed.saving import Document, document
from conversehost.testbed.scenario import Scenario
from conversehost.testbed.scenario_file import of_document
from conversehost.testbed.survivors import Survivors

RESTORED = "the server's state was restored"


class Moment(NamedTuple):
    """What can be gone back to."""

    data: Snapshot
    roles: Roles


class State:
    """Of `hosts`, who have the `store` to themselves. `taken`: snapshots by name."""

    def __init__(
        self,
        hosts: Mapping[str, Host],
        store: Store,
        cast: Cast,
        *,
        end: Callable[[str, Collection[Session], bool], None],
        begin: Callable[[], None],
    ) -> None:
        """As it is now, it began. `end` has all sessions end but some, for that reason, and says whether those who are
        still logging in go as well; `begin` has the bots log in.
        """
        self._hosts = hosts
        self._store = store
        self._cast = cast
        self._end = end
        self._begin = begin
        self._beginning = self.snapshot()
        self.taken: dict[str, Moment] = {}

    def snapshot(self) -> Moment:
        """Everything as it is now."""
        return Moment(self._store.snapshot(), self._cast.roles())

    def restore(self, moment: Moment, *, keep: bool = False) -> None:
        """All sessions end, then everything is as it was. `keep`: those go on whose accounts are there then, and their
        clients are told what they know otherwise.
        """
        bots = self._cast.rest(moment.roles)
        survivors = Survivors((*self._staying(moment.data), *bots) if keep else ())
        self._end(RESTORED, survivors.sessions if keep else bots, not keep)
        self._store.restore(moment.data)
        self._cast.play(moment.roles)
        self._begin()
        survivors.tell()

    def _staying(self, data: Snapshot) -> Iterator[Session]:
        accounts, bots = data.get("accounts", {}), {bot.jid for bot in self._cast.bots}
        for host in self._hosts.values():
            there = accounts.get(host.domain, {})
            for session in host.all_sessions():
                account = there.get(session.jid.local)
                if account is not None and not account.disabled and session.account not in bots:
                    yield session

    def reset(self) -> None:
        """As it began. Snapshots are forgotten."""
        self.restore(self._beginning)
        self.taken.clear()

    def document(self) -> Document:
        """Everything as it is now, as plain data."""
        return document(self._hosts, self._cast.bots)

    def read(self, document: Document) -> Scenario:
        """What such a document means here. Raises ValueError."""
        return of_document(document, tuple(self._hosts))

    def replace(self, scenario: Scenario) -> None:
        """All sessions end, then there is that and nothing else. A reset goes back to the beginning all the same."""
        self._cast.stop()
        self._end(RESTORED, (), True)
        self._store.reset()
        self._cast.replace(self._hosts, scenario)
        self._begin()
