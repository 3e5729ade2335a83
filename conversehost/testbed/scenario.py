"""Scenario files: who exists, and who knows whom, as TOML."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

from conversehost.errors import ConfigError
from conversehost.server.host import Host
from conversehost.testbed.bots import BOTS
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.xml import child, element, to_bytes


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
    """A contact of everybody in its domain, played by the test bed."""

    jid: JID
    kind: str
    nickname: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says, checked."""

    people: tuple[Person, ...] = ()
    circles: tuple[Circle, ...] = ()
    bots: tuple[Bot, ...] = ()


def load(path: Path, domains: Iterable[str]) -> Scenario:
    """Read a scenario; names without a domain are of the first one. Raises ConfigError, one line that names the file."""
    try:
        with path.open("rb") as file:
            return _Reader(tuple(domains)).read(tomllib.load(file))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None


class _Reader:
    """Checks as it goes; everything wrong is a ValueError."""

    def __init__(self, domains: tuple[str, ...]) -> None:
        self._domains = domains

    def read(self, data: Mapping[str, Any]) -> Scenario:
        unknown = set(data) - {"account", "circle", "bot"}
        if unknown:
            raise ValueError(f"unknown table {sorted(unknown)[0]!r}; there are [[account]], [[circle]] and [[bot]]")
        people = tuple(self._person(each) for each in _tables(data, "account", {"name", "password", "nickname"}))
        known = {person.jid for person in people}
        circles = tuple(self._circle(each, known) for each in _tables(data, "circle", {"group", "members"}))
        bots = tuple(self._bot(each) for each in _tables(data, "bot", {"name", "kind", "nickname"}))
        _refuse_doubles([person.jid for person in people] + [bot.jid for bot in bots])
        return Scenario(people, circles, bots)

    def _person(self, data: Mapping[str, Any]) -> Person:
        jid = self._jid(_text(data, "name"))
        password = _text(data, "password")
        if not password:
            raise ValueError(f"the password of {jid} must not be empty")
        return Person(jid, password, _text(data, "nickname", jid.local.capitalize()))

    def _circle(self, data: Mapping[str, Any], known: set[JID]) -> Circle:
        members = data.get("members", [])
        if not isinstance(members, list) or not all(isinstance(each, str) for each in members):
            raise ValueError('members of a [[circle]] must be a list such as ["alice", "bob"]')
        jids = tuple(self._jid(each) for each in members)
        for jid in jids:
            if jid not in known:
                raise ValueError(f"{jid} is in a [[circle]] but has no [[account]]")
        return Circle(_text(data, "group", ""), jids)

    def _bot(self, data: Mapping[str, Any]) -> Bot:
        jid, kind = self._jid(_text(data, "name")), _text(data, "kind")
        if kind not in BOTS:
            raise ValueError(f"there is no [[bot]] of kind {kind!r}; there are {', '.join(sorted(BOTS))}")
        return Bot(jid, kind, _text(data, "nickname", jid.local.capitalize()))

    def _jid(self, text: str) -> JID:
        try:
            jid = parse(text if "@" in text else f"{text}@{self._domains[0]}")
        except JIDError as error:
            raise ValueError(f"{text!r} is not an address: {error}") from None
        if jid.domain not in self._domains:
            raise ValueError(f"{jid}: {jid.domain} is not served (--domain {jid.domain} would)")
        if jid.resource or not jid.local:
            raise ValueError(f"{text!r} is not the address of an account")
        return jid


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


def add_bot(host: Host, bot: Bot) -> None:
    """Its account (nobody knows the password), and a place in the roster of everybody in its domain."""
    host.accounts.put(bot.jid, secrets.token_urlsafe(24))
    put_nickname(host, bot.jid, bot.nickname)
    for jid, _ in host.accounts.of(host.domain):
        if jid != bot.jid and not host.rosters.get(jid, bot.jid).to:
            befriend(host, jid, bot.jid, bot.nickname, "Bots")
            befriend(host, bot.jid, jid, jid.local.capitalize(), "")


def befriend(host: Host, account: JID, contact: JID, name: str, group: str) -> None:
    """`contact` is in the account's roster, in that group too, subscribed both ways."""
    item = host.rosters.get(account, contact)
    groups = item.groups if not group or group in item.groups else (*item.groups, group)
    host.rosters.put(account, replace(item, name=name, groups=groups, to=True, from_=True, listed=True))


def put_nickname(host: Host, account: JID, nickname: str) -> None:
    """A vCard that says how the account is called."""
    vcard = element(ns.VCARD, "vCard")
    for field in ("FN", "NICKNAME"):
        child(vcard, ns.VCARD, field).text = nickname
    host.store.put("vcard", account.bare, "", to_bytes(vcard))


def _tables(data: Mapping[str, Any], name: str, keys: set[str]) -> list[Mapping[str, Any]]:
    tables = data.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ValueError(f"write [[{name}]], with double brackets")
    for table in tables:
        for key in table:
            if key not in keys:
                raise ValueError(f"unknown key {key!r} in [[{name}]]; there are {', '.join(sorted(keys))}")
    return tables


def _text(data: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is missing" if value is None else f"{key} must be text in quotes, not {value!r}")
    return value


def _refuse_doubles(jids: list[JID]) -> None:
    for jid in jids:
        if jids.count(jid) > 1:
            raise ValueError(f"{jid} stands there twice")


