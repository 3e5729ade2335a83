"""Scenario files: who exists, and who knows whom, as TOML."""

from __future__ import annotations

import secrets
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

from conversehost.errors import ConfigError
from conversehost.server.host import Host
from conversehost.testbed.bots import BOTS
from conversehost.testbed.scripts import Script, of_python, read_script
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError, parse_account
from conversehost.xmpp.xml import child, clean, element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Person:
    """An account to make."""

    jid: JID
    password: str
    nickname: str


@dataclass(frozen=True, slots=True)
class Circle:
    """People who all have one another in their rosters, in a group, with subscriptions both ways."""

    group: str
    members: tuple[JID, ...]


@dataclass(frozen=True, slots=True)
class Bot:
    """A contact of everybody in its domain, played by its script, or by a handler of the operator's."""

    jid: JID
    nickname: str
    script: Script | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says, checked."""

    people: tuple[Person, ...] = ()
    circles: tuple[Circle, ...] = ()
    bots: tuple[Bot, ...] = ()


def load(path: Path, domains: Iterable[str]) -> Scenario:
    """Read a scenario; names without a domain are of the first. Raises ConfigError, a line that names file and key."""
    try:
        with path.open("rb") as file:
            return _Reader(tuple(domains)).read(tomllib.load(file))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8, at byte {error.start}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


class _Reader:
    """Checks as it goes; everything wrong is a ValueError that names the key."""

    def __init__(self, domains: tuple[str, ...]) -> None:
        self._domains = domains
        self._people: set[JID] = set()

    def read(self, data: Mapping[str, Any]) -> Scenario:
        for name in data:
            if name not in ("account", "circle", "bot"):
                raise ValueError(f"unknown table {name!r}; there are [[account]], [[circle]] and [[bot]]")
        people = _read_tables(data, "account", self._person, {"name", "password", "nickname"})
        self._people = {person.jid for person in people}
        circles = _read_tables(data, "circle", self._circle, {"group", "members"})
        bots = _read_tables(data, "bot", self._bot, {"name", "kind", "nickname", "status", "on"})
        _refuse_doubles([each.jid for each in people + bots], "name")
        return Scenario(people, circles, bots)

    def _person(self, data: Mapping[str, Any]) -> Person:
        jid, password = self._jid("name", _text(data, "name")), _text(data, "password")
        if not password:
            raise ValueError("password must not be empty")
        return Person(jid, password, _text(data, "nickname", jid.local.capitalize()))

    def _circle(self, data: Mapping[str, Any]) -> Circle:
        members = data.get("members")
        if not isinstance(members, list) or len(members) < 2 or not all(isinstance(each, str) for each in members):
            raise ValueError('members must be a list of two or more, such as ["alice", "bob"]')
        jids = [self._jid("members", each) for each in members]
        for jid in jids:
            if jid not in self._people:
                raise ValueError(f"members: there is no [[account]] {jid}")
        _refuse_doubles(jids, "members")
        return Circle(_text(data, "group", ""), tuple(jids))

    def _bot(self, data: Mapping[str, Any]) -> Bot:
        jid = self._jid("name", _text(data, "name"))
        return Bot(jid, _text(data, "nickname", jid.local.capitalize()), read_bot(data))

    def _jid(self, key: str, text: str) -> JID:
        try:
            jid = parse_account(text, self._domains[0])
        except JIDError as error:
            raise ValueError(f"{key}: {text!r} is not the address of an account: {error}") from None
        if jid.domain not in self._domains:
            raise ValueError(f"{key}: {jid.domain}, of {jid}, is not served (--domain {jid.domain} would)")
        return jid


def read_bot(data: Mapping[str, Any]) -> Script:
    """What a bot does, by its keys: a `kind`, or `on` and `status`. Raises ValueError."""
    if "on" in data and "kind" in data:
        raise ValueError("kind and on don't go together: on says what the bot does")
    if "on" in data:
        return read_script(data)
    kind = _text(data, "kind")
    if ":" in kind:
        try:
            return of_python(kind, f"kind {kind!r}")
        except ConfigError as error:
            raise ValueError(str(error)) from None
    if kind not in BOTS:
        known = ", ".join(sorted(BOTS))
        raise ValueError(f"kind {kind!r} isn't one of {known}, nor a package.module:function; or write rules: on")
    return BOTS[kind]


def populate(hosts: Mapping[str, Host], scenario: Scenario) -> None:
    """Make the accounts, their vCards and rosters."""
    for person in scenario.people:
        host = hosts[person.jid.domain]
        host.accounts.put(person.jid, person.password)
        put_nickname(host, person.jid, person.nickname)
    nicknames = {person.jid: person.nickname for person in scenario.people}
    for circle in scenario.circles:
        for one, other in permutations(circle.members, 2):
            befriend(hosts[one.domain], one, other, nicknames[other], circle.group)


def add_bot(host: Host, bot: Bot) -> Callable[[], None]:
    """Its account (nobody knows the password), and a place in the roster of everybody in its domain, now and later.

    What is answered ends the latter.
    """

    def meet(account: JID) -> None:
        introduce({host.domain: host}, account, bot.jid, "Bots")

    host.accounts.put(bot.jid, secrets.token_urlsafe(24))
    put_nickname(host, bot.jid, bot.nickname)
    for jid, _ in host.accounts.of(host.domain):
        if jid != bot.jid:
            meet(jid)
    host.hooks.account_created.append(meet)
    return lambda: host.hooks.account_created.remove(meet)


def introduce(hosts: Mapping[str, Host], account: JID, contact: JID, group: str) -> None:
    """Each is in the other's roster, subscribed both ways; the contact in that group."""
    for one, other, into in ((account, contact, group), (contact, account, "")):
        befriend(hosts[one.domain], one, other, nickname_of(hosts[other.domain], other) or other.local, into)


def befriend(host: Host, account: JID, contact: JID, name: str, group: str) -> None:
    """`contact` is in the account's roster, in that group too, subscribed both ways."""
    item = host.rosters.get(account, contact)
    groups = item.groups if not group or group in item.groups else (*item.groups, group)
    item = replace(item, name=clean(name), groups=groups, to=True, from_=True, listed=True)
    host.rosters.put(account, item)
    for hook in host.hooks.roster_changed:
        hook(account, item)


def put_nickname(host: Host, account: JID, nickname: str) -> None:
    """A vCard that says how the account is called."""
    vcard = element(ns.VCARD, "vCard")
    for field in ("FN", "NICKNAME"):
        child(vcard, ns.VCARD, field).text = clean(nickname)
    host.store.put("vcard", account.bare, "", to_bytes(vcard))


def nickname_of(host: Host, account: JID) -> str | None:
    """What its vCard says."""
    stored: bytes | None = host.store.get("vcard", account.bare, "")
    return None if stored is None else parse_xml(stored).findtext(f"{{{ns.VCARD}}}NICKNAME")


def _read_tables(
    data: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T], keys: set[str]
) -> tuple[T, ...]:
    tables = data.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ValueError(f"write [[{name}]], with double brackets")
    found: list[T] = []
    for number, table in enumerate(tables, 1):
        try:
            for key in table:
                if key not in keys:
                    raise ValueError(f"unknown key {key!r}; there are {', '.join(sorted(keys))}")
            found.append(read(table))
        except ValueError as error:
            raise ValueError(f"[[{name}]] number {number}: {error}") from None
    return tuple(found)


def _text(data: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is missing" if value is None else f"{key} must be text in quotes, not {value!r:.40}")
    if any(unicodedata.category(each) == "Cc" for each in value):
        raise ValueError(f"{key} must not have control characters in it, such as those in {value!r:.40}")
    return value


def _refuse_doubles(jids: list[JID], key: str) -> None:
    for jid, count in Counter(jids).items():
        if count > 1:
            raise ValueError(f"{key}: {jid} stands there twice")
