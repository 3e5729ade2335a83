"""Who may put which file where, and until when it is there (XEP-0363). The files themselves are somebody else's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from conversehost.clock import Clock
from conversehost.store import Store
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.times import stamp

PUT_WITHIN = 300.0
"""Seconds that a slot waits for its file (section 8)."""

SLOTS_PER_ACCOUNT = 1_000
"""Files, and those to come: small ones cost something too."""

_SLOTS = "upload"
_OWNERS = "upload_owner"


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bytes of one file, of an account's and of all together; `seconds` that a file is kept."""

    file: int = 10_000_000
    account: int = 100_000_000
    all: int = 1_000_000_000
    seconds: int = 86_400


NORMAL = UploadLimits()


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one file. `type` is "" where nobody said; `secret` lets one put it there, until it `stored` is.

    `until`: seconds since 1970 when the place is gone; None for never. `keep` is what that becomes once it is stored.
    """

    token: str
    owner: str
    name: str
    size: int
    type: str
    secret: str
    until: float | None
    keep: float | None
    stored: bool = False


class Uploads:
    """All slots, which are data like any other: in the store."""

    def __init__(self, store: Store, clock: Clock, limits: UploadLimits = NORMAL) -> None:
        self.limits = limits
        self._store = store
        self._clock = clock

    def ask(self, account: JID, name: str, size: int, type: str, keep: float | None) -> Slot:
        """One more slot, for a file that is kept until then. Raises StanzaError(resource-constraint) at a quota."""
        owner, now = account.bare, self._clock.utc()
        own = list(self.of(owner))
        if len(own) >= SLOTS_PER_ACCOUNT or sum(each.size for each in own) + size > self.limits.account:
            raise full("you have no room left", own)
        everybody = tuple(self._store.owners(_SLOTS))
        if sum(each.size for one in everybody for each in self.of(one)) + size > self.limits.all:
            raise full("the server has no room left", own)
        token = secrets.token_urlsafe(24)
        slot = Slot(token, owner, name, size, type, secrets.token_urlsafe(24), now + PUT_WITHIN, keep)
        self._store.put(_SLOTS, owner, token, slot)
        self._store.put(_OWNERS, token, "", owner)
        return slot

    def find(self, token: str) -> Slot | None:
        """The slot, unless its time is over."""
        owner: str | None = self._store.get(_OWNERS, token, "")
        slot: Slot | None = None if owner is None else self._store.get(_SLOTS, owner, token)
        return slot if slot is not None and not self._is_over(slot) else None

    def stored(self, token: str) -> Slot | None:
        """Its file is there now; None when the slot has gone meanwhile."""
        slot = self.find(token)
        if slot is None:
            return None
        slot = replace(slot, stored=True, until=slot.keep)
        self._store.put(_SLOTS, slot.owner, token, slot)
        return slot

    def of(self, owner: str) -> Iterator[Slot]:
        """An account's (a bare JID); those whose time is over are forgotten by the way."""
        for slot in tuple(self._store.items(_SLOTS, owner).values()):
            if self._is_over(slot):
                self.forget(slot)
            else:
                yield slot

    def forget(self, slot: Slot) -> None:
        """It is gone."""
        self._store.delete(_SLOTS, slot.owner, slot.token)
        self._store.delete(_OWNERS, slot.token, "")

    def _is_over(self, slot: Slot) -> bool:
        return slot.until is not None and slot.until <= self._clock.utc()


class UploadsOf:
    """The slots of several stores, for who has no more than a token."""

    def __init__(self, stores: Callable[[], Iterable[Store]], clock: Clock) -> None:
        """`stores` answers those that there are at the time."""
        self._stores = stores
        self._clock = clock

    def find(self, token: str) -> Slot | None:
        """The slot, unless its time is over."""
        return next(filter(None, (each.find(token) for each in self._all())), None)

    def stored(self, token: str) -> Slot | None:
        """Its file is there now; None when the slot has gone meanwhile."""
        return next(filter(None, (each.stored(token) for each in self._all())), None)

    def _all(self) -> Iterator[Uploads]:
        return (Uploads(store, self._clock) for store in self._stores())


def full(why: str, own: list[Slot]) -> StanzaError:
    """With the time when something of the asker's own goes, where it does (section 6)."""
    ends = [each.until for each in own if each.until is not None]
    retry = {"stamp": stamp(min(ends))} if ends else None
    return StanzaError("resource-constraint", why, application=(ns.UPLOAD, "retry") if retry else None, said=retry)
