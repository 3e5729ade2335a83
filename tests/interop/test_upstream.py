"""conversehost in front of Debian's Prosody and ejabberd: dialogues, clients in Node, TLS, a server that dies."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from conversehost.client import prebind
from conversehost.play.command import main
from conversehost.testing import TestBed
from tests.bench.load import Target
from tests.bench.servers import PROGRAMS, SERVERS, free_port, wait_until_it_listens
from tests.clients.bosh import CLIENT, BoshClient

from .people import Node, Person
from .tools import program

DIALOGUE = str(Path(__file__).with_name("elsewhere.txt"))
HERE = ("--domain", "here.example")
"""So that there is a control API, and localhost is the other server's."""

CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {port} }}
interfaces = {{ "127.0.0.1" }}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
  ssl = {{ certificate = "{folder}/cert.pem", key = "{folder}/key.pem" }}
"""


class Prosody:
    """A server with TLS, that can die and come back on the same port; a, b and c have accounts."""

    def __init__(self, folder: Path, authority: trustme.CA, name: str) -> None:
        """`name`: what its certificate is for."""
        program("prosody", "prosody")
        self.port = free_port()
        certificate = authority.issue_cert(name)
        (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
        (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        accounts = folder / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for each in "abc":
            (accounts / f"{each}.dat").write_text('return { ["password"] = "pw" };\n')
        self._config = folder / "prosody.cfg.lua"
        self._config.write_text(CONFIG.format(folder=folder, port=self.port))
        self.start()

    def start(self) -> None:
        command = ["prosody", "--config", str(self._config)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        wait_until_it_listens(self._process, self.port)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def secured(folder: Path, authority: trustme.CA, name: str = "localhost") -> Iterator[Prosody]:
    running = Prosody(folder, authority, name)
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return made


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    program(PROGRAMS[request.param], request.param)
    with SERVERS[request.param]() as running:
        yield running.target


@pytest.fixture(scope="module")
def front(target: Target) -> Iterator[TestBed]:
    with TestBed.start(*HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{target.c2s}") as bed:
        yield bed


@pytest.mark.parametrize("transport", ["bosh", "websocket"])
def test_a_dialogue_goes_as_it_goes_there(front, transport, capsys):
    assert main([DIALOGUE, f"--{transport}", getattr(front, transport)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("client", "transport"), [("strophe", "bosh"), ("strophe", "websocket"), ("xmpp", "websocket")]
)
def test_clients_in_node_talk(front, client, transport):
    with Node(client) as node:
        one, other = (Person(node, name, getattr(front, transport)) for name in ("u1", "u2"))
        jids = [each.logs_in(password="pw") for each in (one, other)]
        other.appears()
        one.appears()
        one.does("say", to=jids[1], body="<hi> é 漢 🎉")
        other.hears("<hi> é 漢 🎉", **{"from": jids[0]})


def test_a_page_attaches_to_a_session_that_its_site_made_with_a_password(front):
    made = prebind(front.bosh, "u4@localhost", password="pw", allow_plain=True)
    with Node("strophe") as node:
        person = Person(node, "u4", front.bosh)
        person.does("attach", service=front.bosh, jid=made.jid, sid=made.sid, rid=made.rid)
        assert person.comes_online() == made.jid
        person.appears()


def test_what_is_said_there_is_recorded_here(front):
    client = BoshClient(front.bosh, "localhost")
    jid = client.log_in("u3", "pw")
    answer = client.send(f"<message xmlns='jabber:client' to='{jid}' id='recorded'><body>to myself</body></message>")
    if answer.find(f"{{{CLIENT}}}message") is None:
        client.wait_for("message")
    found = [each for each in front.traffic() if 'id="recorded"' in each.xml or "id='recorded'" in each.xml]
    assert [each.direction for each in found] == ["in", "out"]


def test_tls_is_verified_and_a_death_is_told_at_once(tmp_path, authority):
    with (
        secured(tmp_path, authority) as server,
        TestBed.start(
            *HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", "--upstream-ca", str(tmp_path / "ca.pem")
        ) as bed,
    ):
        client = BoshClient(bed.bosh, "localhost")
        client.log_in("a", "pw")
        server.kill()
        with pytest.raises(AssertionError, match="remote-connection-failed"):
            client.wait_for("message")
        server.start()
        assert BoshClient(bed.bosh, "localhost").log_in("a", "pw").startswith("a@localhost/")


@pytest.mark.parametrize("fault", ["another name", "another authority"])
def test_a_server_that_cannot_prove_who_it_is_gets_no_password(tmp_path, authority, fault):
    name = "other.example" if fault == "another name" else "localhost"
    issuer = authority if fault == "another name" else trustme.CA()
    with (
        secured(tmp_path, issuer, name) as server,
        TestBed.start(
            *HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", "--upstream-ca", str(tmp_path / "ca.pem")
        ) as bed,
        pytest.raises(AssertionError, match="remote-connection-failed"),
    ):
        BoshClient(bed.bosh, "localhost")
