"""The groups of a directory that somebody is in, and who else is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from ldaptor.protocols import pureldap
from twisted.internet.defer import gatherResults, inlineCallbacks

from conversehost.auth.groups import Group
from conversehost.auth.guarded import Trouble
from conversehost.auth.ldap import Directory
from conversehost.clock import Clock
from conversehost.net.ldap_logins import (
    BASE,
    Client,
    Connect,
    DirectoryError,
    Entry,
    LdapSource,
    Steps,
    all_of,
    equal,
    one_of,
    read_filter,
    search,
)
from conversehost.xmpp.jid import JID, JIDError, prepare_local

GROUPS, MEMBERS = 50, 500
"""Of one account at most, and of all its groups together."""
FRESH = 60
"""Seconds that it is remembered who somebody is."""
REMEMBERED = 10_000
BY_ENTRY, BY_NAME = ("member", "uniqueMember"), "memberUid"
"""Attributes of groups: names of entries (groupOfNames, groupOfUniqueNames, Active Directory), and of accounts."""
CALLED = ("displayName", "cn")


class LdapGroups(LdapSource):
    """A `auth.groups.GroupSource`, too."""

    def __init__(self, directory: Directory, connect: Connect, *, clock: Clock) -> None:
        """`directory` says which groups there are. Raises ConfigError."""
        super().__init__(directory, connect, clock=clock)
        self._wanted = read_filter(directory.groups, "--ldap-groups")
        self._anybody = pureldap.LDAPFilter_present("objectClass") if self._filter is None else self._filter
        self._known: dict[str, tuple[float, Entry | None]] = {}  # by name of the entry, the oldest first

    def groups(self, account: JID, done: Callable[[Sequence[Group] | Trouble], None]) -> None:
        self._run(lambda client: self._groups(client, account), done)

    @inlineCallbacks
    def _groups(self, client: Client, account: JID) -> Steps:
        own = yield self._entry(client, account)
        if own is None:
            return []
        is_member = one_of([*(equal(each, own.dn) for each in BY_ENTRY), equal(BY_NAME, account.local)])
        wanted = all_of([self._wanted, is_member])
        found: dict[str, Entry] = {}
        for base in self._directory.bases:
            for each in (yield search(client, base, wanted, ("cn", *BY_ENTRY, BY_NAME), limit=GROUPS)):
                found[each.dn.lower()] = each
        groups = list(found.values())[:GROUPS]
        names = list(dict.fromkeys(dn for group in groups for dn in _values(group, BY_ENTRY)))[:MEMBERS]
        entries = yield gatherResults([self._member(client, dn) for dn in names], consumeErrors=True)
        people: dict[str, tuple[JID, str]] = {}
        for dn, entry in zip(names, entries, strict=True):
            if entry is not None:
                is_own = dn.lower() == own.dn.lower()  # by whichever of several names he has come
                member = account if is_own else self._account(entry, account.domain)
                if member is not None:
                    people[dn] = member, next(iter(_values(entry, CALLED)), member.local)
        return [_group(each, people, account.domain) for each in groups]

    def _account(self, entry: Entry, domain: str) -> JID | None:
        """By the first of the attributes that names one of the domain."""
        for naming in self._directory.namings:
            for value in _values(entry, (naming.attribute,)):
                if name := naming.name(value, domain):
                    return JID(name, domain)
        return None

    @inlineCallbacks
    def _member(self, client: Client, dn: str) -> Steps:
        """Whoever may log in; None for anybody and anything else."""
        until, entry = self._known.get(dn, (0.0, None))
        if until > self._clock.now():
            return entry
        attributes = [*(each.attribute for each in self._directory.namings), *CALLED]
        try:
            found = yield search(client, dn, self._anybody, attributes, scope=BASE, limit=1)
        except DirectoryError:  # it is gone, or isn't shown
            found = []
        self._known.pop(dn, None)
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        entry = found[0] if found else None
        self._known[dn] = self._clock.now() + FRESH, entry
        return entry


def _group(entry: Entry, people: dict[str, tuple[JID, str]], domain: str) -> Group:
    """`people`: those that are known, by the names of their entries."""
    members = dict(people[dn] for dn in _values(entry, BY_ENTRY) if dn in people)
    for value in _values(entry, (BY_NAME,))[:MEMBERS]:
        with suppress(JIDError):
            members.setdefault(JID(prepare_local(value), domain), value)
    in_order = sorted(members.items(), key=lambda each: each[0].full)  # a directory's values have none
    return Group(next(iter(_values(entry, ("cn",))), entry.dn), tuple(in_order))


def _values(entry: Entry, attributes: Sequence[str]) -> list[str]:
    """Active Directory gives the first of very many as `member;range=0-1499`."""
    wanted = {each.lower() for each in attributes}
    return [value for name, values in entry.attributes.items() if name.partition(";")[0] in wanted for value in values]
