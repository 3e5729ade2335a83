"""Invitations (XEP-0379, 0401, 0445): by one, somebody gets an account here or becomes a contact, once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID

if TYPE_CHECKING:
    from conversehost.server.host import Host

WEEK = 7 * 86_400.0
"""Seconds that an invitation can be followed."""

GRACE = 3_600.0
"""Seconds that it is kept beyond that: who showed it in time may take as long to choose a name."""

INVITATIONS_PER_ACCOUNT = 100


@dataclass(frozen=True, slots=True)
class Invitation:
    """Of an account here, to whoever has the token, until `expires` (seconds since 1970).

    `newcomer`: it makes an account, of any name or of `username`; `contact`: who follows it becomes a contact.
    """

    token: str
    inviter: JID
    expires: float
    newcomer: bool
    contact: bool
    username: str = ""

    @property
    def uri(self) -> str:
        """For people's clients: add the inviter, or register (XEP-0401 sections 4.1 and 4.4)."""
        if self.contact and not self.username:
            return f"xmpp:{_escaped(self.inviter)}?roster;preauth={self.token}{';ibr=y' if self.newcomer else ''}"
        return f"xmpp:{_escaped(JID(self.username, self.inviter.domain))}?register;preauth={self.token}"

    def page(self, site: str) -> str:
        """For people's browsers, of a site that is at that URL."""
        return f"{site}invite/{self.token}"


class Invitations:
    """Those of a host, in the store: collection "invitations", by domain, then by token."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def make(self, inviter: JID, *, newcomer: bool, contact: bool, username: str = "") -> Invitation:
        """A new one; a `username` (prepared) is the invited one's from now on.

        Raises StanzaError(conflict, resource-constraint).
        """
        self._drop_old()
        if username and self.is_taken(username, None):
            raise StanzaError("conflict", "that name is taken")
        if sum(each.inviter == inviter for each in self._all()) >= INVITATIONS_PER_ACCOUNT:
            raise StanzaError("resource-constraint", f"at most {INVITATIONS_PER_ACCOUNT} invitations at a time")
        expires = self._host.clock.utc() + WEEK
        made = Invitation(secrets.token_hex(16), inviter, expires, newcomer, contact, username)
        self._host.store.put("invitations", self._host.domain, made.token, made)
        return made

    def find(self, token: str) -> Invitation | None:
        """One that can be followed still."""
        found: Invitation | None = self._host.store.get("invitations", self._host.domain, token)
        return found if found is not None and found.expires > self._host.clock.utc() else None

    def open(self) -> list[Invitation]:
        """All that can be followed still, the oldest first."""
        return [each for each in self._all() if each.expires > self._host.clock.utc()]

    def is_taken(self, username: str, invitation: Invitation | None) -> bool:
        """Whether nobody can have that name, or nobody but those whom another invitation is for."""
        account = JID(username, self._host.domain)
        return (
            self._host.accounts.exists(account)
            or account in self._host.policy.admins
            or any(each.username == username and each != invitation for each in self.open())
        )

    def register(self, invitation: Invitation, username: str, password: str) -> JID:
        """The account (`username` is prepared) that somebody has made by an invitation. Nobody asks whether that is
        over: they showed it in time (XEP-0445 section 5). Raises StanzaError.
        """
        if self._host.store.get("invitations", self._host.domain, invitation.token) != invitation:
            raise StanzaError("not-allowed", "that invitation was followed already, or withdrawn")
        if invitation.username not in ("", username):
            raise StanzaError("not-acceptable", f"the invitation is for {invitation.username}")
        if self.is_taken(username, invitation):
            raise StanzaError("conflict", "that name is taken")
        account = JID(username, self._host.domain)
        self.use(invitation)
        self._host.create_account(account, password)
        if invitation.contact:
            befriend(self._host, invitation.inviter, account)
        return account

    def use(self, invitation: Invitation) -> None:
        """It was followed: nobody else can."""
        self._host.store.delete("invitations", self._host.domain, invitation.token)

    def forget(self, account: JID) -> None:
        """The inviter is gone."""
        for each in [each for each in self._all() if each.inviter == account]:
            self.use(each)

    def _all(self) -> Iterator[Invitation]:
        return iter(tuple(self._host.store.items("invitations", self._host.domain).values()))

    def _drop_old(self) -> None:
        for each in [each for each in self._all() if each.expires + GRACE <= self._host.clock.utc()]:
            self.use(each)


def befriend(host: Host, one: JID, other: JID) -> None:
    """Two accounts of the host see one another from now on; their clients are told (RFC 6121 section 2.1.6)."""
    for account, contact in ((one, other), (other, one)):
        before = host.rosters.get(account, contact)
        after = replace(before, to=True, from_=True, listed=True, ask=False, approved=False, pending=None)
        host.rosters.put(account, after)
        for hook in host.hooks.roster_changed:
            hook(account, before, after)


def _escaped(jid: JID) -> str:
    """As in a URI (RFC 5122 section 2.2)."""
    return f"{quote(jid.local, safe='')}@{jid.domain}" if jid.local else jid.domain
