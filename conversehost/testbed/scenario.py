"""Scenarios: who exists, who knows whom, and what is kept for them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from conversehost.auth.accounts import Credentials
from conversehost.server.host import Host
from conversehost.server.roster import RosterItem
from conversehost.store import Store
from conversehost.testbed.scripts import Script
from conversehost.testbed.sections import Datum, Entry, Kept
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import child, clean, element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

BOTS_GROUP = "Bots"
"""Of rosters."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account to make.

    `nickname` becomes a vCard, unless it is "". Where `password` is "" it is known by `credentials` alone. `kept`: what
    there is of it besides.
    """

    jid: JID
    password: str
    nickname: str
    credentials: tuple[Credentials, ...] = ()
    disabled: bool = False
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Circle:
    """People who all have one another in their rosters, in a group, with subscriptions both ways."""

    group: str
    members: tuple[JID, ...]


@dataclass(frozen=True, slots=True)
class Bot:
    """A contact, played by its script, or by a handler of the operator's: of everybody in its domain, or, where it
    `has_roster`, of those there. `written`: the script as the keys of a file have it.
    """

    jid: JID
    nickname: str
    script: Script | None = None
    written: Mapping[str, Any] = field(default_factory=dict, compare=False)
    kept: tuple[Kept, ...] = ()
    has_roster: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says, checked."""

    people: tuple[Person, ...] = ()
    circles: tuple[Circle, ...] = ()
    bots: tuple[Bot, ...] = ()
    data: tuple[Datum, ...] = ()


def populate(hosts: Mapping[str, Host], scenario: Scenario) -> None:
    """Make the accounts, their vCards and rosters, and put in what is kept besides."""
    for person in scenario.people:
        settle(hosts[person.jid.domain], person)
    nicknames = {person.jid: person.nickname for person in scenario.people}
    for circle in scenario.circles:
        for one, other in permutations(circle.members, 2):
            befriend(hosts[one.domain], one, other, nicknames[other], circle.group)
    for datum in scenario.data:
        put(store_of(hosts, datum.owner), datum.owner, datum.kept)


def settle(host: Host, person: Person) -> None:
    """One account, with what is kept for it."""
    if person.credentials:
        host.accounts.put_unknown(person.jid, person.credentials)
    else:
        host.accounts.put(person.jid, person.password)
    if person.disabled:
        host.accounts.disable(person.jid)
    furnish(host, person.jid, person.nickname, person.kept)


def add_bot(host: Host, bot: Bot) -> None:
    """Its account (nobody knows the password), and a place in the roster of everybody who is in its domain."""
    host.accounts.put(bot.jid, secrets.token_urlsafe(24))
    furnish(host, bot.jid, bot.nickname, bot.kept)
    for jid, _ in () if bot.has_roster else host.accounts.of(host.domain):
        if jid != bot.jid:
            introduce({host.domain: host}, jid, bot.jid, BOTS_GROUP)


def furnish(host: Host, account: JID, nickname: str, kept: Iterable[Kept]) -> None:
    """What an account has."""
    if nickname:
        put_nickname(host, account, nickname)
    for each in kept:
        if isinstance(each.value, RosterItem):
            host.rosters.put(account, each.value)  # and a version of the roster
        else:
            put(host.store, account.bare, each)
        for hook in host.hooks.vcard_changed if each.collection == "vcard" else ():
            hook(account)


def put(store: Store, owner: str, kept: Kept) -> None:
    """One value."""
    if isinstance(kept.value, Entry):
        kept.value.add(store.open_log(kept.collection, owner), owner)
    elif kept.key is None:
        store.append(kept.collection, owner, kept.value)
    else:
        store.put(kept.collection, owner, kept.key, kept.value)


def store_of(hosts: Mapping[str, Host], owner: str) -> Store:
    """Where what belongs to an address is kept, or to one at a service of a host; else it is the first host's."""
    domain = owner.partition("/")[0].rpartition("@")[2]
    found = (host for host in hosts.values() if domain == host.domain or domain.endswith(f".{host.domain}"))
    return next(found, next(iter(hosts.values()))).store


def introduce(hosts: Mapping[str, Host], account: JID, contact: JID, group: str) -> None:
    """Each is in the other's roster, subscribed both ways; the contact in that group."""
    for one, other, into in ((account, contact, group), (contact, account, "")):
        befriend(hosts[one.domain], one, other, nickname_of(hosts[other.domain], other) or other.local, into)


def befriend(host: Host, account: JID, contact: JID, name: str, group: str) -> None:
    """`contact` is in the account's roster, in that group too, subscribed both ways."""
    before = host.rosters.get(account, contact)
    groups = before.groups if not group or group in before.groups else (*before.groups, group)
    item = replace(before, name=clean(name), groups=groups, to=True, from_=True, listed=True)
    host.rosters.put(account, item)
    for hook in host.hooks.roster_changed:
        hook(account, before, item)


def put_nickname(host: Host, account: JID, nickname: str) -> None:
    """A vCard that says how the account is called."""
    host.store.put("vcard", account.bare, "", vcard_of(nickname))


def vcard_of(nickname: str) -> bytes:
    """With nothing but that."""
    vcard = element(ns.VCARD, "vCard")
    for name in ("FN", "NICKNAME"):
        child(vcard, ns.VCARD, name).text = clean(nickname)
    return to_bytes(vcard)


def nickname_of(host: Host, account: JID) -> str | None:
    """What its vCard says."""
    stored: bytes | None = host.store.get("vcard", account.bare, "")
    return None if stored is None else parse_xml(stored).findtext(f"{{{ns.VCARD}}}NICKNAME")
