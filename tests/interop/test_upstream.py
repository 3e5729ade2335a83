"""conversehost in front of Debian's Prosody and ejabberd: dialogues, clients in Node, TLS, a server that dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from conversehost.client import prebind
from conversehost.play.command import main
from conversehost.testing import TestBed
from tests.bench.load import Target
from tests.bench.servers import PROGRAMS, SERVERS
from tests.clients.bosh import CLIENT, BoshClient

from .elsewhere import PASSWORD, prosody
from .people import Node, Person
from .tools import program

DIALOGUE = str(Path(__file__).with_name("elsewhere.txt"))
HERE = ("--domain", "here.example")
"""So that there is a control API, and localhost is the other server's."""


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
        prosody(tmp_path, authority) as server,
        TestBed.start(
            *HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", "--upstream-ca", str(tmp_path / "ca.pem")
        ) as bed,
    ):
        client = BoshClient(bed.bosh, "localhost")
        client.log_in("alice", "pw")
        server.kill()
        with pytest.raises(AssertionError, match="remote-connection-failed"):
            client.wait_for("message")
        server.start()
        assert BoshClient(bed.bosh, "localhost").log_in("alice", "pw").startswith("alice@localhost/")


def test_clients_in_node_are_told_at_once_that_the_server_died_and_come_back(tmp_path, authority):
    kinds = [("strophe", "bosh"), ("strophe", "websocket"), ("xmpp", "websocket")]
    with (
        prosody(tmp_path, authority) as server,
        TestBed.start(
            *HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", "--upstream-ca", str(tmp_path / "ca.pem")
        ) as bed,
        ExitStack() as stack,
    ):
        people = []
        for client, transport in kinds:
            people.append(Person(stack.enter_context(Node(client)), "alice", getattr(bed, transport)))
            people[-1].connects(password=PASSWORD, returns=True)
        for each in people:
            each.comes_online()
        server.kill()
        for each in people:
            each.next("offline")
        server.start()
        for each in people:
            each.comes_online()
            each.appears()


@pytest.mark.parametrize("fault", ["another name", "another authority"])
def test_a_server_that_cannot_prove_who_it_is_gets_no_password(tmp_path, authority, fault):
    name = "other.example" if fault == "another name" else "localhost"
    issuer = authority if fault == "another name" else trustme.CA()
    with (
        prosody(tmp_path, issuer, name) as server,
        TestBed.start(
            *HERE, "--upstream", f"localhost=xmpp://127.0.0.1:{server.port}", "--upstream-ca", str(tmp_path / "ca.pem")
        ) as bed,
        pytest.raises(AssertionError, match="remote-connection-failed"),
    ):
        BoshClient(bed.bosh, "localhost")
