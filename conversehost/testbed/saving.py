"""All that is in the store as a document, from which `scenario_file` makes the same again."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from conversehost.auth.accounts import Account
from conversehost.net import private
from conversehost.server.host import Host
from conversehost.testbed.plain import to_plain
from conversehost.testbed.scenario import Bot, nickname_of, vcard_of
from conversehost.testbed.scenario_file import VERSION
from conversehost.testbed.sections import OTHERS, ROOM, SECTIONS
from conversehost.testbed.toml import dumps
from conversehost.xmpp.jid import JID

Document = Mapping[str, Any]

log = Logger()
HEAD = "# Written by conversehost: all data, with passwords. conversehost --scenario FILE reads it.\n"


def document(hosts: Mapping[str, Host], bots: Iterable[Bot]) -> Document:
    """All accounts of the hosts, with what is kept for them, and all else. `bots`: those that the test bed plays."""
    scripts = {bot.jid: dict(bot.written) for bot in bots if bot.script is not None}
    found: dict[str, Any] = {"version": VERSION, "account": [], "bot": [], "room": [], "data": list(others(hosts))}
    for host in hosts.values():
        for jid, _ in host.accounts.of(host.domain):
            if jid in scripts:
                bot = {"name": jid.full} | nickname(host, jid) | scripts[jid]
                found["bot"].append(bot | belongings(host, jid))
            else:
                found["account"].append(person(host, jid))
        found["room"].extend(rooms(host))
    return {name: value for name, value in found.items() if value}


def to_toml(document: Document) -> str:
    """As a scenario file."""
    return HEAD + dumps(document)


def save(path: Path, document: Document) -> None:
    """A file that only its owner can read. Where that can't be, the log says so: it is too late for all else."""
    try:
        private.write(path, to_toml(document).encode())
    except OSError as error:
        log.error("{path}: nothing was saved: {error}", path=str(path), error=error.strerror)
    else:
        log.info("all data is in {path}", path=str(path))


def person(host: Host, jid: JID) -> dict[str, Any]:
    """A table of [[account]]."""
    account = host.accounts.get(jid)
    assert account is not None
    return {"name": jid.full} | login(account) | nickname(host, jid) | belongings(host, jid)


def login(account: Account) -> dict[str, Any]:
    """How somebody logs in."""
    made: dict[str, Any] = {"password": account.password} if account.password else {}
    if account.credentials:
        made["credentials"] = [
            {
                "mechanism": each.mechanism,
                "iterations": each.iterations,
                "salt": b64encode(each.salt).decode(),
                "stored_key": b64encode(each.stored_key).decode(),
                "server_key": b64encode(each.server_key).decode(),
            }
            for each in account.credentials
        ]
    return made | ({"disabled": True} if account.disabled else {})


def nickname(host: Host, jid: JID) -> dict[str, Any]:
    """Where the vCard says nothing else; it is "" where there is none, or where it says more."""
    name = nickname_of(host, jid) or ""
    plain = name.isprintable() and host.store.get("vcard", jid.bare, "") == vcard_of(name)
    return {"nickname": name if plain else ""}


def belongings(host: Host, jid: JID) -> dict[str, Any]:
    """All other keys. There is always a `roster`: nobody is to be added to it."""
    made: dict[str, Any] = {"roster": []}
    for section in SECTIONS:
        values = host.store.items(section.collection, jid.bare)
        if section.name == "vcard" and nickname(host, jid)["nickname"]:
            continue
        if values:
            made[section.name] = section.write(values)
    return made


def rooms(host: Host) -> Iterator[dict[str, Any]]:
    """The tables of [[room]]."""
    for owner in tuple(host.store.owners(ROOM[0].collection)):
        if owner.endswith(f".{host.domain}"):
            kept = {each: values for each in ROOM if (values := host.store.items(each.collection, owner))}
            written = {each.name: each.write(values) for each, values in kept.items()}
            yield {"name": owner} | {name: plain for name, plain in written.items() if plain}


def others(hosts: Mapping[str, Host]) -> Iterator[dict[str, Any]]:
    """The rows of [[data]]."""
    for store in {id(host.store): host.store for host in hosts.values()}.values():
        for collection in OTHERS:
            for owner in list(store.owners(collection)):
                for key, value in store.items(collection, owner).items():
                    yield {"collection": collection, "owner": owner, "key": key, "value": to_plain(value)}
