"""Scenario files: a `Scenario` as TOML, written by hand or by the server itself."""

from __future__ import annotations

import itertools
import sys
import tomllib
import unicodedata
from base64 import b64decode
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from conversehost.auth.accounts import Credentials
from conversehost.errors import ConfigError
from conversehost.features.rooms.record import MEMBERS, Member
from conversehost.features.rooms.service import NAME as ROOMS
from conversehost.features.rooms.standing import Affiliation
from conversehost.options import did_you_mean
from conversehost.testbed.bots import BOTS
from conversehost.testbed.guests import check_room
from conversehost.testbed.scenario import Bot, Circle, Person, Scenario
from conversehost.testbed.scripts import Script, of_python, read_script
from conversehost.testbed.sections import ROOM, SECTIONS, Datum, Kept, kept_of, read_datum, room
from conversehost.xmpp.jid import JID, JIDError, parse_account
from conversehost.xmpp.sasl import SCRAM

T = TypeVar("T")

VERSION = 1
"""Of the format. What a later one means isn't known here."""

TABLES = ("account", "circle", "bot", "room", "data")
BY_NAME = {section.name: section for section in SECTIONS}
ACCOUNT = ("name", "password", "nickname", "credentials", "disabled", *BY_NAME)
SCRIPT = ("kind", "status", "on", "rooms")
BOT = ("name", "nickname", *SCRIPT, *BY_NAME)
ROOM_KEYS = ("name", "owners", *(section.name for section in ROOM))
CREDENTIALS = ("mechanism", "iterations", "salt", "stored_key", "server_key")
MOST_ITERATIONS = 1_000_000
"""More would keep the whole server busy whenever the account logs in by PLAIN."""


def load(path: Path, domains: Iterable[str]) -> Scenario:
    """Read a scenario; names without a domain are of the first. Raises ConfigError, a line that names file and key."""
    try:
        return read(path.read_bytes(), tuple(domains), path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def read(data: bytes, domains: tuple[str, ...], folder: Path | None = None) -> Scenario:
    """The same from what such a file holds, TOML or XEP-0227; `folder` is where that includes others from.

    Raises ValueError, which names the key.
    """
    try:
        if data.removeprefix(BOM_UTF8).lstrip().startswith(b"<"):
            from conversehost.testbed.xep0227 import of_xml  # few files are of another server

            return of_document(of_xml(data, datetime.now(UTC), folder), domains)
        return of_document(tomllib.loads(data.decode()), domains, imports=folder is not None)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8, at byte {error.start}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def of_document(document: Mapping[str, Any], domains: tuple[str, ...], *, imports: bool = False) -> Scenario:
    """The same from plain data; `imports`: it is the operator's, who may name Python of his. Raises ValueError."""
    return _Reader(domains, imports).read(document)


class _Reader:
    """Checks as it goes; everything wrong is a ValueError that names the key."""

    def __init__(self, domains: tuple[str, ...], imports: bool) -> None:
        self._domains = domains
        self._imports = imports
        self._people: set[JID] = set()

    def read(self, data: Mapping[str, Any]) -> Scenario:
        version = data.get("version", VERSION)
        if version != VERSION:
            raise ValueError(f"version {version!r:.40} of this format isn't known here: there is {VERSION}")
        for name in data:
            if name not in (*TABLES, "version"):
                raise ValueError(f"unknown table {name!r}; there are [[account]], [[circle]], [[bot]] and [[data]]")
        people = _read_tables(data, "account", self._person, ACCOUNT)
        self._people = {person.jid for person in people}
        circles = _read_tables(data, "circle", self._circle, ("group", "members"))
        bots = _read_tables(data, "bot", self._bot, BOT)
        rooms = _read_tables(data, "room", self._room, ROOM_KEYS)
        rows = _read_tables(data, "data", read_datum, ("collection", "owner", "key", "value"))
        _refuse_doubles([each.jid for each in people + bots], "name")
        return Scenario(people, circles, bots, (*itertools.chain.from_iterable(rooms), *rows))

    def _person(self, data: Mapping[str, Any]) -> Person:
        jid, known = self._jid("name", _text(data, "name")), "credentials" in data
        password = _text(data, "password", "" if known else None)
        credentials = tuple(map(_credentials, data["credentials"])) if known else ()
        if not password and not credentials:
            raise ValueError("password must not be empty")
        disabled = data.get("disabled", False)
        if not isinstance(disabled, bool):
            raise ValueError("disabled must be true or false")
        return Person(jid, password, _nickname(data, jid), credentials, disabled, tuple(kept_of(SECTIONS, data)))

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
        written = {key: data[key] for key in SCRIPT if key in data}
        script = read_bot(data, imports=self._imports)
        return Bot(jid, _nickname(data, jid), script, written, tuple(kept_of(SECTIONS, data)), "roster" in data)

    def _room(self, data: Mapping[str, Any]) -> list[Datum]:
        """A name alone is one of the first domain's rooms."""
        name = _text(data, "name")
        try:
            jid = parse_account(name, f"{ROOMS}.{self._domains[0]}")
        except JIDError as error:
            raise ValueError(f"name: {name!r} is not the address of a room: {error}") from None
        service, _, domain = jid.domain.partition(".")
        if service != ROOMS or domain not in self._domains:
            raise ValueError(f"name: {jid.domain}, of {jid}, has no rooms here")
        by_default: dict[str, Any] = {"config": {"persistent": True}, "key": token_hex(16)}
        owners = [self._jid("owners", each) for each in _texts(data, "owners")]
        owned = [Kept(MEMBERS, each.bare, Member(Affiliation.OWNER)) for each in owners]
        return [Datum(jid.bare, each) for each in (*owned, *room(by_default | dict(data)))]

    def _jid(self, key: str, text: str) -> JID:
        try:
            jid = parse_account(text, self._domains[0])
        except JIDError as error:
            raise ValueError(f"{key}: {text!r} is not the address of an account: {error}") from None
        if jid.domain not in self._domains:
            raise ValueError(f"{key}: {jid.domain}, of {jid}, is not served (--domain {jid.domain} would)")
        return jid


def read_bot(data: Mapping[str, Any], *, imports: bool = False) -> Script:
    """What a bot does, by its keys: a `kind`, or `on` and `status`; and the `rooms` where it is.

    Without `imports` a function must be of a module that is loaded already: who may call the control API may not, with
    that, have the server run what it likes. Raises ValueError.
    """
    rooms = data.get("rooms", [])
    if not isinstance(rooms, list) or not all(isinstance(each, str) for each in rooms):
        raise ValueError('rooms must be a list, such as ["lobby"]')
    return replace(_read_script(data, imports), rooms=tuple(map(check_room, rooms)))


def _read_script(data: Mapping[str, Any], imports: bool) -> Script:
    if "on" in data and "kind" in data:
        raise ValueError("kind and on don't go together: on says what the bot does")
    if "on" in data:
        return read_script(data)
    kind = _text(data, "kind")
    if ":" in kind:
        module = kind.partition(":")[0]
        if not imports and module not in sys.modules:
            raise ValueError(
                f"kind {kind!r}: the server hasn't loaded {module}; a scenario file or --bot can have it do so"
            )
        try:
            return of_python(kind, f"kind {kind!r}")
        except ConfigError as error:
            raise ValueError(str(error)) from None
    if kind not in BOTS:
        known = ", ".join(sorted(BOTS))
        raise ValueError(f"kind {kind!r} isn't one of {known}, nor a package.module:function; or write rules: on")
    return BOTS[kind]


def _nickname(data: Mapping[str, Any], jid: JID) -> str:
    """Where there is a whole vCard, that counts."""
    return _text(data, "nickname", "" if "vcard" in data else jid.local.capitalize())


def _credentials(data: Any) -> Credentials:
    """Keys are base64. Raises ValueError."""
    if not isinstance(data, dict) or set(data) != set(CREDENTIALS):
        raise ValueError(f"credentials must be a list of tables, each with {', '.join(CREDENTIALS)}")
    if data["mechanism"] not in SCRAM:
        raise ValueError(f"credentials: mechanism must be one of {', '.join(SCRAM)}")
    iterations = data["iterations"]
    if not isinstance(iterations, int) or not 0 < iterations <= MOST_ITERATIONS:
        raise ValueError(f"credentials: iterations must be from 1 to {MOST_ITERATIONS}")
    try:
        salt, stored, server = (b64decode(_text(data, name), validate=True) for name in CREDENTIALS[2:])
    except ValueError as error:
        raise ValueError(f"credentials: not base64: {error}") from None
    return Credentials(data["mechanism"], iterations, salt, stored, server)


def _read_tables(
    data: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T], keys: Sequence[str]
) -> tuple[T, ...]:
    tables = data.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ValueError(f"write [[{name}]], with double brackets")
    found: list[T] = []
    for number, table in enumerate(tables, 1):
        try:
            for key in table:
                if key not in keys:
                    near = did_you_mean(key, keys) or f"; there are {', '.join(keys)}"
                    raise ValueError(f"unknown key {key!r}{near}")
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


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    values = data.get(key, [])
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(f'{key} must be a list, such as ["alice"]')
    return values


def _refuse_doubles(jids: list[JID], key: str) -> None:
    for jid, count in Counter(jids).items():
        if count > 1:
            raise ValueError(f"{key}: {jid} stands there twice")
