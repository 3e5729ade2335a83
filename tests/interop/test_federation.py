"""conversehost and Debian's Prosody, and two conversehosts, as servers that speak to one another."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from conversehost.client.client import Client
from conversehost.client.tcp import TcpWire
from conversehost.client.wire import Manners
from conversehost.testing import TestBed
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import Element
from conversehost.xmpp.xml import parse as parse_xml
from tests.bench.servers import wait_until_it_listens

from .fronts import free_port
from .tools import program

US = "127.0.0.77"
"""Our domain is an address: so Prosody, which asks DNS alone, finds who says so."""

MANNERS = Manners(patience=15)
MUC = "http://jabber.org/protocol/muc"
CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "tls", "dialback", "disco", "ping" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = {strict}
s2s_secure_auth = false
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {c2s} }}
s2s_ports = {{ {s2s} }}
interfaces = {{ "127.0.0.1" }}
log = {{ info = "{folder}/prosody.log" }}
{ssl}
VirtualHost "far.example"
Component "rooms.far.example" "muc"
  restrict_room_creation = false
  muc_room_locking = false
"""


@pytest.fixture(scope="module", params=["clear", "tls"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where clients of ours and of Prosody connect; `tls`: neither speaks to the other without."""
    strict, folder = request.param == "tls", tmp_path_factory.mktemp("prosody")
    accounts = folder / "far%2eexample" / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "juliet.dat").write_text('return { ["password"] = "pw" };\n')
    c2s, s2s = free_port(), free_port()
    text = CONFIG.format(folder=folder, c2s=c2s, s2s=s2s, strict=str(strict).lower(), ssl=tls_of(folder, strict=strict))
    config = folder / "prosody.cfg.lua"
    config.write_text(text)
    command = [program("prosody", "prosody"), "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = ["--domain", US, "--interface", US, "--user", "romeo:pw", "--s2s-port", "5269"]
    known = [part for each in ("far.example", "rooms.far.example") for part in ("--s2s", f"{each}=127.0.0.1:{s2s}")]
    try:
        wait_until_it_listens(process, s2s)
        with TestBed.start(*ours, *known, *([] if strict else ["--no-starttls"])) as bed:
            yield f"{US}:{bed.c2s.rpartition(':')[2]}", f"127.0.0.1:{c2s}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def tls_of(folder: Path, *, strict: bool) -> str:
    if not strict:
        return 'modules_disabled = { "tls" }'
    certificate = trustme.CA().issue_cert("far.example")
    (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    return f'ssl = {{ certificate = "{folder}/cert.pem", key = "{folder}/key.pem" }}'


def login(where: str, jid: str) -> Client:
    host, _, port = where.rpartition(":")
    client = Client(TcpWire(host, int(port), MANNERS), parse(jid), "pw")
    client.open()
    client.log_in()
    client.take_all()
    return client


def says(client: Client, text: str) -> None:
    client.send(parse_xml(text.replace(" ", f" xmlns='{ns.CLIENT}' ", 1).encode()))


def hears(client: Client, kind: str, **attributes: str) -> Element:
    """The next of that kind with these attributes (`sender` is `from`)."""
    wanted = {name.replace("sender", "from"): value for name, value in attributes.items()}
    while True:
        got = client.receive()
        if got.tag == f"{{{ns.CLIENT}}}{kind}" and all(got.get(name) == value for name, value in wanted.items()):
            return got


@pytest.fixture(scope="module")
def people(servers: tuple[str, str]) -> Iterator[tuple[Client, Client]]:
    romeo, juliet = login(servers[0], f"romeo@{US}/r"), login(servers[1], "juliet@far.example/j")
    says(romeo, "<presence />")
    says(juliet, "<presence />")
    yield romeo, juliet
    romeo.drop()
    juliet.drop()


def test_messages_go_both_ways(people):
    romeo, juliet = people
    says(romeo, "<message to='juliet@far.example/j' id='1' type='chat'><body>&lt;é 漢&gt;</body></message>")
    message = hears(juliet, "message", id="1", sender=f"romeo@{US}/r")
    assert message.findtext(f"{{{ns.CLIENT}}}body") == "<é 漢>"
    says(juliet, f"<message to='romeo@{US}/r' id='2' type='chat'><body>hi</body></message>")
    hears(romeo, "message", id="2", sender="juliet@far.example/j")


def test_contacts_see_each_other(people):
    romeo, juliet = people
    says(romeo, "<presence to='juliet@far.example' type='subscribe'/>")
    hears(juliet, "presence", type="subscribe", sender=f"romeo@{US}")
    says(juliet, f"<presence to='romeo@{US}' type='subscribed'/>")
    hears(romeo, "presence", type="subscribed", sender="juliet@far.example")
    says(juliet, "<presence ><show>away</show></presence>")
    while (seen := hears(romeo, "presence", sender="juliet@far.example/j")).find(f"{{{ns.CLIENT}}}show") is None:
        pass
    assert seen.findtext(f"{{{ns.CLIENT}}}show") == "away"


def test_a_room_there(people):
    romeo, juliet = people
    room = "verona@rooms.far.example"
    for client, nick in ((juliet, "J"), (romeo, "R")):
        says(client, f"<presence to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")
        hears(client, "presence", sender=f"{room}/{nick}")
    says(romeo, f"<message to='{room}' type='groupchat' id='g'><body>hi all</body></message>")
    for client in people:
        assert (
            hears(client, "message", sender=f"{room}/R", type="groupchat").findtext(f"{{{ns.CLIENT}}}body") == "hi all"
        )


def test_errors_come_back(people):
    romeo, _ = people
    says(romeo, "<message to='nobody@far.example/x' id='e1'><body>x</body></message>")
    hears(romeo, "message", id="e1", type="error", sender="nobody@far.example/x")
    says(romeo, "<message to='a@other.example' id='e2'><body>x</body></message>")
    error = hears(romeo, "message", id="e2", type="error")
    assert error.find(f".//{{{ns.STANZA_ERROR}}}remote-server-not-found") is not None


def test_two_of_ours():
    """Over TLS, as each offers it."""
    ports = {"one.example": free_port(), "two.example": free_port()}
    with ExitStack() as stack:
        beds = []
        for ours, theirs in (("one.example", "two.example"), ("two.example", "one.example")):
            known = f"{theirs}=127.0.0.1:{ports[theirs]}"
            options = ["--domain", ours, "--user", "me:pw", "--s2s", known, "--s2s-port", str(ports[ours])]
            beds.append(stack.enter_context(TestBed.start(*options)))
        clients = [login(bed.c2s, f"me@{bed.domain}/r") for bed in beds]
        says(clients[0], "<message to='me@two.example/r' id='1'><body>x</body></message>")
        hears(clients[1], "message", id="1", sender="me@one.example/r")
        says(clients[1], "<message to='me@one.example/r' id='2'><body>x</body></message>")
        hears(clients[0], "message", id="2", sender="me@two.example/r")
