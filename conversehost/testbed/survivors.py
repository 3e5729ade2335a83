"""Sessions that go on while all data is replaced below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from conversehost.server.broadcast import Broadcast
from conversehost.server.roster import RosterItem, is_hidden
from conversehost.server.session import Session
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza

Roster = Mapping[str, RosterItem]


class Survivors:
    """Made before the data changes. `tell` then tells clients what they know otherwise: their rosters, whom they see
    and who sees them, what they have blocked, and messages that wait for them.
    """

    def __init__(self, sessions: Iterable[Session]) -> None:
        """Of accounts that are there before and after."""
        self.sessions = frozenset(sessions)
        self._rosters = {each.account: roster_of(each) for each in self.sessions}
        self._sights = self._look()

    def tell(self) -> None:
        """The data has changed, and bots are back."""
        hosts = {each.account: each.host for each in self.sessions}
        for account, before in self._rosters.items():
            self._tell_roster(account, before)
        sights = self._look()
        for shown, watcher in self._sights - sights:
            gone = stanza("presence", {"type": "unavailable", "from": shown.full})
            watcher.host.router.announce(watcher.jid, Broadcast(gone, hosts[shown.account].clock.utc()))
        for shown, watcher in sights - self._sights:
            assert shown.shown is not None
            now = shown.shown.recalled(shown.host.domain, shown.host.clock.utc())
            watcher.host.router.announce(watcher.jid, now)
        for session in sorted(self.sessions, key=lambda each: each.since):
            for hook in session.host.hooks.restored:
                hook(session)
            if session.presence is not None and session.priority >= 0:
                for ready in session.host.hooks.became_available:
                    ready(session)

    def _tell_roster(self, account: JID, before: Roster) -> None:
        session = next(each for each in self.sessions if each.account == account)
        after = roster_of(session)
        for jid in {**before, **after}:
            old = before.get(jid) or RosterItem(jid, listed=False)
            new = after.get(jid) or replace(old, removed=True, listed=False, to=False, from_=False, ask=False)
            if old != new and not is_hidden(before.get(jid), new):
                for hook in session.host.hooks.roster_changed:
                    hook(account, old, new)

    def _look(self) -> set[tuple[Session, Session]]:
        """Whose presence whom is shown to."""
        present = [each for each in self.sessions if each.presence is not None]
        return {(shown, watcher) for shown in present for watcher in present if sees(watcher, shown)}


def sees(watcher: Session, shown: Session) -> bool:
    """The same account's sessions do, and subscribers where neither side has blocked the other."""
    if watcher.account == shown.account:
        return watcher is not shown
    return (
        shown.host.may_see(shown.account, watcher.jid)
        and not any(hides(shown.account, watcher.jid) for hides in shown.host.hooks.hides)
        and not any(hides(watcher.account, shown.jid) for hides in watcher.host.hooks.hides)
    )


def roster_of(session: Session) -> Roster:
    """As it is now."""
    return {item.jid: item for item in session.host.rosters.of(session.account)}
