"""XEP-0227 with servers that others have made: what they write is read here, and what is written here they read."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conversehost.auth import Attempt
from conversehost.client.client import Client
from conversehost.client.tcp import TcpWire
from conversehost.client.wire import Manners
from conversehost.testbed.noun import API
from conversehost.testbed.xep0227 import PIE, Import
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, element, parse, to_bytes
from tests.bench.servers import FRIENDS, PROGRAMS, SERVERS, call, free_port, wait_until_it_listens
from tests.testbed.conftest import House

from .tools import program

XML = {"Content_Type": "application/xml"}
CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "disco", "vcard", "private", "pep" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "{authentication}"
storage = "xep0227"
c2s_ports = {{ {port} }}
interfaces = {{ "127.0.0.1" }}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
"""
NOTES = element("urn:x:notes", "notes", text="buy milk")


@contextmanager
def prosody(folder: Path, authentication: str) -> Iterator[int]:
    """It keeps all that it has in such files, one for each account. The port that it listens on."""
    port = free_port()
    config = folder / "prosody.cfg.lua"
    config.write_text(CONFIG.format(folder=folder, port=port, authentication=authentication))
    command = [program("prosody", "prosody"), "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_listens(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def logged_in(port: int, name: str, password: str) -> Client:
    client = Client(TcpWire("127.0.0.1", port, Manners()), parse_jid(f"{name}@localhost/x"), password)
    client.open()
    client.log_in()
    return client


def ask(client: Client, type: str, payload: Element) -> Element:
    client.send(stanza("iq", {"type": type, "id": "asked"}, payload))
    while True:
        got = client.receive()
        if got.get("id") == "asked":
            assert got.get("type") == "result", to_bytes(got)
            return got


def lived_in() -> House:
    """Alice has something of everything that is carried over."""
    house = House()
    alice = house.person("alice")
    alice.says(stanza("iq", {"type": "set", "id": "p"}, element(ns.PRIVATE, "query", None, NOTES)))
    alice.says(stanza("presence", {"to": "romeo@localhost", "type": "unsubscribed"}))
    return house


def split(written: bytes, folder: Path) -> None:
    """Into a file for each account."""
    for host in parse(written):
        for user in host:
            root = element(PIE, "server-data", None, element(PIE, "host", {"jid": host.get("jid", "")}, user))
            (folder / f"{user.get('name')}@{host.get('jid')}.xml").write_bytes(to_bytes(root))


@pytest.mark.parametrize("authentication", ["internal_plain", "internal_hashed"])
def test_there_and_back_with_prosody(tmp_path: Path, authentication: str):
    house = lived_in()
    split(house.api.send("GET", f"{API}/state", b"", {"Accept": "application/xml"}).body, tmp_path)
    with prosody(tmp_path, authentication) as port:
        alice = logged_in(port, "alice", "secret")
        items = {
            each.get("jid"): each.get("subscription") for each in ask(alice, "get", element(ns.ROSTER, "query"))[0]
        }
        assert (items["bob@localhost"], items["romeo@localhost"]) == ("both", "to")
        assert ask(alice, "get", element(ns.VCARD, "vCard"))[0].findtext(f"{{{ns.VCARD}}}NICKNAME") == "Alice"
        kept = ask(alice, "get", element(ns.PRIVATE, "query", None, element("urn:x:notes", "notes")))
        assert kept[0][0].text == "buy milk"
        new = element(ns.ROSTER, "item", {"jid": "new@localhost", "name": "New"}, element(ns.ROSTER, "group", text="G"))
        ask(alice, "set", element(ns.ROSTER, "query", None, new))
        later = element("urn:x:notes", "notes", text="buy bread")
        ask(alice, "set", element(ns.PRIVATE, "query", None, later))
        alice.close()
    found = Import((tmp_path / "alice@localhost.xml").read_bytes(), datetime.now(UTC)).document
    there = {each["jid"]: each for each in found["account"][0]["roster"]}
    assert there["new@localhost"] == {
        "jid": "new@localhost",
        "name": "New",
        "subscription": "none",
        "groups": ["G"],
    }
    data = (tmp_path / "alice@localhost.xml").read_bytes()
    assert house.api.send("PUT", f"{API}/state", data, XML).status == 204
    told: list[Any] = []
    check_password(house, "alice@localhost", "secret", told.append)
    assert [type(each).__name__ for each in told] == ["Accepted"]
    assert b"buy bread" in house.server.store.get("private", "alice@localhost", "{urn:x:notes}notes")


def check_password(house: House, name: str, password: str, done: Callable[[Any], None]) -> None:
    house.server.domains.accounts.check(Attempt(parse_jid(name), password), done)


def test_an_account_that_prosody_made(tmp_path: Path):
    """With SCRAM keys only: nobody knows its password."""
    with prosody(tmp_path, "internal_hashed"):
        config = str(tmp_path / "prosody.cfg.lua")
        command = [program("prosodyctl", "prosody"), "--config", config, "register", "zoe", "localhost", "her own"]
        subprocess.run(command, check=True, capture_output=True)
    data = (tmp_path / "zoe@localhost.xml").read_bytes()
    assert b"her own" not in data
    house = House()
    assert house.api.send("PUT", f"{API}/state", data, XML).status == 204
    told: list[Any] = []
    for password in ("her own", "wrong"):
        check_password(house, "zoe@localhost", password, told.append)
    assert [type(each).__name__ for each in told] == ["Accepted", "Refused"]


def test_what_ejabberd_exports(tmp_path: Path):
    program(PROGRAMS["ejabberd"], "ejabberd")
    with SERVERS["ejabberd"]() as running, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # it runs as a user of its own
        call(running.target, "export_piefxis", {"dir": name})
        (main,) = (each for each in folder.glob("*.xml") if b"<server-data" in each.read_bytes())
        house = House("--scenario", str(main))
    accounts = house.api("GET", "/accounts").json["accounts"]
    assert {each["jid"]: each["password"] for each in accounts}["u399@localhost"] == "pw"
    contacts = {
        item.jid: item for item in house.server.domains.hosts["localhost"].rosters.of(parse_jid("u399@localhost"))
    }
    assert len(contacts) == len(FRIENDS) - 1
    assert {each.subscription for each in contacts.values()} == {"both"}
