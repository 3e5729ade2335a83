"""What is kept of a room: everything that outlasts its occupants, and nothing but immutable values in the store."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.standing import Affiliation, Role
from conversehost.store import Store
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID

ROOM, MEMBERS, NICKS, ROLES = "room", "room member", "room nick", "room role"
ARCHIVE, REQUESTS, VISITS, HATS, WEARERS = "room archive", "room request", "room visit", "room hat", "room wearer"
COLLECTIONS = (ROOM, MEMBERS, NICKS, ROLES, ARCHIVE, REQUESTS, VISITS, HATS, WEARERS)
AFFILIATED = 5_000
"""Accounts that have something to do with one room."""

REMEMBERED_ROLES = 1_000
"""Of one room."""


@dataclass(frozen=True, slots=True)
class Member:
    """An account that has an affiliation; `nick` is reserved for it, "" when none is."""

    affiliation: Affiliation
    nick: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the room talks about: the message that said so, without `to`, and when (seconds since 1970)."""

    message: bytes
    text: str
    when: float


class Record:
    """One room in the store. Where there is no configuration there is no room."""

    __slots__ = ("_address", "_store")

    def __init__(self, store: Store, address: str) -> None:
        self._store = store
        self._address = address

    @property
    def exists(self) -> bool:
        return self._store.get(ROOM, self._address, "config") is not None

    def create(self, config: RoomConfig, *, locked: bool) -> None:
        """A room that wasn't there; `locked`: until its creator has decided how it is (XEP-0045 section 10.1)."""
        self.config = config
        self._store.put(ROOM, self._address, "key", secrets.token_hex(16))
        self.locked = locked

    def destroy(self) -> None:
        """Nothing stays."""
        for collection in COLLECTIONS:
            self._store.clear(collection, self._address)

    @property
    def config(self) -> RoomConfig:
        """How it is set up; of a room that isn't there any more, as rooms are."""
        found: RoomConfig | None = self._store.get(ROOM, self._address, "config")
        return found or RoomConfig()

    @config.setter
    def config(self, config: RoomConfig) -> None:
        self._store.put(ROOM, self._address, "config", config)

    @property
    def locked(self) -> bool:
        """Whether only its owner may enter yet."""
        return self._store.get(ROOM, self._address, "locked") is not None

    @locked.setter
    def locked(self, locked: bool) -> None:
        if locked:
            self._store.put(ROOM, self._address, "locked", True)
        else:
            self._store.delete(ROOM, self._address, "locked")

    @property
    def subject(self) -> Subject | None:
        """None where it never had one."""
        found: Subject | None = self._store.get(ROOM, self._address, "subject")
        return found

    @subject.setter
    def subject(self, subject: Subject) -> None:
        self._store.put(ROOM, self._address, "subject", subject)

    # Affiliations

    def member(self, account: JID) -> Member | None:
        """What is kept of an account (a bare JID), or of a domain."""
        found: Member | None = self._store.get(MEMBERS, self._address, account.bare)
        return found

    def affiliation(self, account: JID) -> Affiliation:
        """The account's own, else that of its domain (section 9.2)."""
        own = self.member(account) or self.member(JID("", account.domain))
        return Affiliation.NONE if own is None else own.affiliation

    def members(self, affiliation: Affiliation | None = None) -> Iterator[tuple[str, Member]]:
        """All who have one, or that one, by address."""
        for address, each in tuple(self._store.items(MEMBERS, self._address).items()):
            if affiliation in (None, each.affiliation):
                yield address, each

    def check_space(self, accounts: Iterable[JID]) -> None:
        """Whether they all may have an affiliation. Raises StanzaError(resource-constraint)."""
        kept = self._store.items(MEMBERS, self._address)
        new = {each.bare for each in accounts if each.bare not in kept}
        if new and len(kept) + len(new) > AFFILIATED:
            raise StanzaError("resource-constraint", f"at most {AFFILIATED} accounts have an affiliation with a room")

    def affiliate(self, account: JID, affiliation: Affiliation, nick: str | None = None, reason: str = "") -> None:
        """From now on; "none" and outcasts have no reserved nick. None for a nick leaves it as it is."""
        before = self.member(account) or Member(Affiliation.NONE)
        if before.nick:
            self._store.delete(NICKS, self._address, before.nick)
        if affiliation == Affiliation.NONE:
            self._store.delete(MEMBERS, self._address, account.bare)
            return
        kept = "" if affiliation == Affiliation.OUTCAST else before.nick if nick is None else nick
        if kept:
            self._store.put(NICKS, self._address, kept, account.bare)
        self._store.put(MEMBERS, self._address, account.bare, Member(affiliation, kept, reason))

    def holder(self, nick: str) -> str | None:
        """The account (a bare JID) that the nick is reserved for."""
        found: str | None = self._store.get(NICKS, self._address, nick)
        return found

    # Roles

    def role(self, account: JID) -> Role | None:
        """The voice that a moderator gave or took, which lasts in a moderated room (section 5.1)."""
        found: Role | None = self._store.get(ROLES, self._address, account.bare)
        return found

    def remember_role(self, account: JID, role: Role | None) -> None:
        """None: it is again what its affiliation makes it."""
        if role is None:
            self._store.delete(ROLES, self._address, account.bare)
            return
        if len(self._store.items(ROLES, self._address)) < REMEMBERED_ROLES:
            self._store.put(ROLES, self._address, account.bare, role)

    # Pseudonyms

    def occupant_id(self, account: JID) -> str:
        """Of an account in this room, by which it is known whatever its nick; nobody can tell whose it is (XEP-0421
        section 4.1).
        """
        key: str = self._store.get(ROOM, self._address, "key") or ""
        return hmac.digest(key.encode(), account.bare.encode(), "sha256").hex()[:40]
