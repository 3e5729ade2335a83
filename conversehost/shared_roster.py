"""Groups of another place in the rosters of their members, who see one another's presence without having to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conversehost.auth.groups import Group
from conversehost.features.roster import GROUPS_PER_ITEM, TEXT
from conversehost.features.subscriptions import tell_gone, tell_here
from conversehost.server.host import Host
from conversehost.server.roster import ITEMS_PER_ACCOUNT, RosterItem
from conversehost.xmpp.jid import JID, parse

SHARED = "shared-roster"
"""In the store, by account and contact: the groups that the contact is in because of the other place."""


class SharedRoster:
    """What is there belongs to the owner otherwise: names and groups of his own stay."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts

    def attend(self, host: Host) -> None:
        """It is one of the hosts now."""

        def forget(account: JID) -> None:
            host.store.clear(SHARED, account.bare)

        host.hooks.account_deleted.append(forget)

    def show(self, owner: JID, groups: Sequence[Group]) -> None:
        """These are all that he is in. Those who have an account here have him, too."""
        host = self._hosts.get(owner.domain)
        if host is None or not host.accounts.exists(owner):
            return
        own_name, contacts = owner.local, dict[JID, tuple[str, list[str]]]()
        for group in groups:
            for member, called in group.members:
                if member == owner:
                    own_name = called
                else:
                    contacts.setdefault(member, (called, []))[1].append(group.name[:TEXT])
        for contact, (called, names) in contacts.items():
            pairs = [(owner, contact)] if put(host, owner, contact, called, names) else []
            if host.accounts.exists(contact) and put(host, contact, owner, own_name, names):
                pairs.append((contact, owner))
            for seen, sees in pairs:  # now that they have one another
                tell_here(host, seen, sees)
        for known in list(host.store.items(SHARED, owner.bare)):
            contact = parse(known)
            if contact not in contacts:
                drop(host, owner, contact)
                drop(host, contact, owner)


def put(host: Host, owner: JID, contact: JID, called: str, groups: Sequence[str]) -> bool:
    """In these groups, and in none that it was shared in before. A roster that is full stays as it is.

    True where the contact sees the owner from now on, and has to be told of him.
    """
    before = host.rosters.get(owner, contact)
    if not before.listed and host.rosters.size(owner) >= ITEMS_PER_ACCOUNT:
        return False
    names = dict.fromkeys((*own_groups(host, owner, before), *groups))
    after = replace(
        before,
        name=before.name or called[:TEXT],
        groups=tuple(names)[:GROUPS_PER_ITEM],
        to=True,
        from_=True,
        ask=False,
        pending=None,
        listed=True,
    )
    host.store.put(SHARED, owner.bare, contact.bare, tuple(groups))
    if after != before:
        host.rosters.put(owner, after)
        tell(host, owner, before, after)
    return not before.from_


def drop(host: Host, owner: JID, contact: JID) -> None:
    """It isn't shared any more: gone, unless the owner has it in groups of his own."""
    before = host.rosters.get(owner, contact)
    own = own_groups(host, owner, before)
    if not host.store.delete(SHARED, owner.bare, contact.bare) or not before.listed:
        return
    if own:
        after = replace(before, groups=own)
        host.rosters.put(owner, after)
        tell(host, owner, before, after)
        return
    host.rosters.remove(owner, contact)
    tell(host, owner, before, replace(before, removed=True))
    tell_gone(host, owner, contact)


def own_groups(host: Host, owner: JID, item: RosterItem) -> tuple[str, ...]:
    """Those that aren't shared."""
    shared = host.store.get(SHARED, owner.bare, item.jid) or ()
    return tuple(each for each in item.groups if each not in shared)


def tell(host: Host, owner: JID, before: RosterItem, after: RosterItem) -> None:
    for changed in host.hooks.roster_changed:
        changed(owner, before, after)
