"""Two servers that speak to one another: contacts, rooms, and domains that aren't who they say they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.federation.dialback import Keys
from conversehost.federation.receiving import CLAIMS
from conversehost.net import federation
from conversehost.net.federation import Federation
from conversehost.net.server_streams import CLOSING, PROVING, ServerFactory
from conversehost.xmpp import ns
from conversehost.xmpp.errors import WayError
from conversehost.xmpp.places import Place
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Limits
from tests.stage import Client, Stage, condition

HEADER = (
    f"<stream:stream xmlns='{ns.SERVER}' xmlns:stream='{ns.STREAM}' xmlns:db='{ns.DIALBACK}' version='1.0'"
    " from='far.example' to='here.example'>"
)
CLAIM = "<db:result from='far.example' to='here.example'>key</db:result>"
MUC = f"<x xmlns='{ns.MUC}'/>"


class Quest:
    """Found at once."""

    def cancel(self) -> None:
        """Nothing to give up."""


class Cable:
    """Two protocols, joined: what one writes the other reads when the world goes on."""

    def __init__(self, *protocols: Any) -> None:
        self.ends = [(each, StringTransport()) for each in protocols]
        for protocol, transport in self.ends:
            protocol.makeConnection(transport)
        self.is_cut = False

    def carry(self) -> bool:
        """Whether there was something."""
        moved = False
        for (_, source), (reader, _) in (self.ends, self.ends[::-1]):
            data = source.value()
            if data and not self.is_cut:
                source.clear()
                moved = True
                reader.dataReceived(data)
        if not moved and not self.is_cut and any(transport.disconnecting for _, transport in self.ends):
            self.cut()
            moved = True
        return moved

    def cut(self) -> None:
        self.is_cut = True
        for protocol, _ in self.ends:
            protocol.connectionLost(Failure(ConnectionLost()))


class World:
    """Servers that find each other, by domain."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.cables: list[Cable] = []

    def node(self, *domains: str, knows: Sequence[str] = ("*",)) -> Node:
        made = Node(self, domains, knows)
        self.nodes |= dict.fromkeys(made.stage.router.routes, made)
        return made

    def go_on(self) -> None:
        while sum(each.carry() for each in self.cables):
            for node in self.nodes.values():
                node.stage.turn.end()


class Node:
    """One of them."""

    def __init__(self, world: World, domains: Sequence[str], knows: Sequence[str]) -> None:
        self._world = world
        self.stage = stage = Stage(*domains)
        self.sought: list[str] = []
        keys = Keys(f"secret of {domains[0]}")
        places = {domain: Place() for domain in knows}
        parts: dict[str, Any] = {"clock": stage.clock, "turn": stage.turn}
        self.federation = Federation(places, stage.router, keys, self._reach, lambda domain: None, **parts)
        limits = Limits(unauthenticated=1000, stanza=5000)
        self.factory = ServerFactory(self.federation, keys, limits=limits, **parts)

    def login(self, name: str, resource: str = "r") -> Person:
        return Person(self, self.stage.login(name, resource))

    def _reach(
        self,
        domain: str,
        place: Place,
        connected: Callable[[Place], Any],
        failed: Callable[[Any], None],
        *,
        named: bool,
    ) -> Quest:
        self.sought.append(domain)
        other = self._world.nodes.get(domain)
        if other is None:
            failed(WayError("remote-connection-failed", f"nobody is at {domain}"))
        else:
            self._world.cables.append(Cable(connected(place), other.factory.buildProtocol(None)))
        return Quest()


class Person:
    """Somebody who is logged in; whatever he does, the world goes on."""

    def __init__(self, node: Node, client: Client) -> None:
        self._node = node
        self.client = client

    def says(self, text: str) -> None:
        self.client.write(text)
        self._node.stage.turn.end()
        self._node._world.go_on()

    def hears(self) -> list[Any]:
        self._node.stage.turn.end()
        return self.client.take()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def here(world: World) -> Node:
    return world.node("here.example")


@pytest.fixture
def far(world: World) -> Node:
    return world.node("far.example")


@pytest.fixture
def romeo(here: Node, far: Node) -> Person:
    return here.login("romeo")


@pytest.fixture
def juliet(here: Node, far: Node) -> Person:
    return far.login("juliet")


def test_a_message_goes_there_and_one_comes_back(romeo, juliet, here, far):
    romeo.says("<message to='juliet@far.example' id='1' type='chat'><body>&lt;é 漢&gt;</body></message>")
    (message,) = juliet.hears()
    assert (message.get("from"), message.get("id")) == ("romeo@here.example/r", "1")
    assert message.text_of("body") == "<é 漢>"
    juliet.says("<message to='romeo@here.example/r' id='2'><body>hi</body></message>")
    assert [each.get("id") for each in romeo.hears()] == ["2"]
    romeo.says("<message to='juliet@far.example' id='3'><body>again</body></message>")
    assert [each.get("id") for each in juliet.hears()] == ["3"]
    assert here.sought == ["far.example"] * 2  # once for the messages, once for the other's key
    assert here.stage.unexpected == far.stage.unexpected == []


def test_what_is_said_before_they_know_one_another_keeps_its_order(romeo, juliet):
    for number in range(5):
        romeo.client.write(f"<message to='juliet@far.example' id='{number}'><body>x</body></message>")
    romeo.says("<message to='juliet@far.example' id='5'><body>x</body></message>")
    assert [each.get("id") for each in juliet.hears()] == ["0", "1", "2", "3", "4", "5"]


def test_contacts_see_each_other_come_and_go(romeo, juliet):
    romeo.says("<presence to='juliet@far.example' type='subscribe'/>")
    assert [each.get("type") for each in juliet.hears()] == ["subscribe"]
    juliet.says("<presence to='romeo@here.example' type='subscribed'/>")
    seen = [each for each in romeo.hears() if each.kind == "presence"]
    assert [(each.get("from"), each.get("type")) for each in seen] == [
        ("juliet@far.example", "subscribed"),
        ("juliet@far.example/r", None),
    ]
    juliet.says("<presence><show>away</show></presence>")
    assert [each.text_of("show") for each in romeo.hears()] == ["away"]
    juliet.says("<presence type='unavailable'/>")
    assert [each.get("type") for each in romeo.hears()] == ["unavailable"]


def test_an_iq_is_answered_from_there(romeo):
    romeo.says(f"<iq type='get' to='far.example' id='p'><ping xmlns='{ns.PING}'/></iq>")
    (answer,) = romeo.hears()
    assert (answer.get("type"), answer.get("from"), answer.get("id")) == ("result", "far.example", "p")


def test_a_room_elsewhere(romeo, juliet):
    juliet.says(f"<presence to='verona@conference.far.example/J'>{MUC}</presence>")
    juliet.says(
        "<iq type='set' id='c' to='verona@conference.far.example'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    romeo.says(f"<presence to='verona@conference.far.example/R'>{MUC}</presence>")
    there = [each.get("from") for each in romeo.hears() if each.kind == "presence"]
    assert there == ["verona@conference.far.example/J", "verona@conference.far.example/R"]
    juliet.hears()
    romeo.says("<message to='verona@conference.far.example' type='groupchat' id='g'><body>hi</body></message>")
    for each in (romeo, juliet):
        (message,) = each.hears()
        assert (message.get("from"), message.text_of("body")) == ("verona@conference.far.example/R", "hi")


def test_nobody_there(romeo):
    romeo.says("<message to='a@nowhere.example' id='1'><body>x</body></message>")
    (error,) = romeo.hears()
    assert condition(error) == "remote-server-not-found"
    assert "nobody is at nowhere.example" in error.findtext(f".//{{{ns.STANZA_ERROR}}}text")


def test_a_domain_that_isnt_named(world):
    here = world.node("here.example", knows=["friend.example"])
    world.node("far.example")
    romeo = here.login("romeo")
    romeo.says("<message to='a@far.example' id='1'><body>x</body></message>")
    assert [condition(each) for each in romeo.hears()] == ["remote-server-not-found"]
    assert here.sought == []


def test_presence_for_all_that_cant_be_delivered_says_nothing(romeo, here):
    romeo.says("<presence to='a@nowhere.example' type='subscribe'/>")
    romeo.hears()
    romeo.says("<presence/>")
    assert [each for each in romeo.hears() if each.get("type") == "error"] == []


def test_a_server_that_says_nothing(romeo, here, world):
    romeo.client.write("<message to='juliet@far.example' id='1'><body>x</body></message>")
    here.stage.turn.end()
    here.stage.clock.advance(PROVING)
    assert [condition(each) for each in romeo.hears()] == ["remote-server-timeout"]


class Demanding(Protocol):
    """A server with a feature that nobody else knows, and that all must negotiate."""

    heard = b""

    def dataReceived(self, data: bytes) -> None:
        if not self.heard:
            features = "<stream:features><x xmlns='urn:x'><required/></x></stream:features>"
            self.transport.write(f"{HEADER}{features}".encode())
        self.heard += data


def test_a_server_that_demands_what_we_cant_do_is_told_so(romeo, here, world):
    """RFC 6120 section 4.9.3.23."""
    far = Demanding()
    world.nodes["far.example"] = SimpleNamespace(stage=here.stage, factory=SimpleNamespace(buildProtocol=lambda _: far))
    romeo.says("<message to='juliet@far.example' id='1'><body>x</body></message>")
    assert f'<unsupported-feature xmlns="{ns.STREAM_ERROR}"/>'.encode() in far.heard
    assert far.heard.endswith(b"</stream:error></stream:stream>")
    assert [condition(each) for each in romeo.hears()] == ["remote-server-not-found"]


def test_a_server_that_goes_is_looked_for_again(romeo, juliet, here, world):
    romeo.says("<message to='juliet@far.example' id='1'><body>x</body></message>")
    for each in world.cables:
        if not each.is_cut:
            each.cut()
    romeo.says("<message to='juliet@far.example' id='2'><body>x</body></message>")
    assert [each.get("id") for each in juliet.hears()] == ["1", "2"]


# Who isn't who he says he is


class Stranger:
    """A connection that somebody makes to us."""

    def __init__(self, world: World, node: Node) -> None:
        self._world = world
        self.transport = StringTransport()
        self.protocol = node.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def says(self, text: str) -> str:
        self.transport.clear()
        self.protocol.dataReceived(text.encode())
        self._world.go_on()
        return self.transport.value().decode()

    @property
    def is_out(self) -> bool:
        return self.transport.disconnecting


@pytest.fixture
def stranger(world: World, here: Node, far: Node) -> Stranger:
    return Stranger(world, here)


MESSAGE = "<message from='juliet@far.example' to='romeo@here.example' id='1'><body>x</body></message>"


def test_it_is_told_what_it_can_do(stranger):
    said = stranger.says(HEADER)
    assert f"<dialback xmlns='{ns.DIALBACK_FEATURE}'>" in said
    assert "starttls" not in said


def test_a_key_that_the_domain_doesnt_know(stranger, romeo):
    stranger.says(HEADER)
    said = stranger.says(CLAIM)
    assert '<db:result from="here.example" to="far.example" type=\'error\'>' in said
    assert "not-authorized" in said
    assert "invalid-from" in stranger.says(MESSAGE)
    assert stranger.is_out
    assert romeo.hears() == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (MESSAGE, "invalid-from"),
        ("<message to='romeo@here.example'/>", "improper-addressing"),
        ("<message from='@' to='romeo@here.example'/>", "improper-addressing"),
        ("<nonsense/>", "unsupported-stanza-type"),
        ("<db:result from='' to='here.example'>key</db:result>", "improper-addressing"),
        ("<db:result from='here.example' to='here.example'>key</db:result>", "invalid-from"),
        ("<!-- x -->", "restricted-xml"),
        ("<message><x></message>", "not-well-formed"),
        (f"<message id='{'x' * 2000}'/>", "policy-violation"),
    ],
)
def test_what_ends_its_stream(stranger, said, error):
    stranger.says(HEADER)
    assert f"<{error}" in stranger.says(said)
    assert stranger.is_out


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (HEADER.replace(ns.SERVER + "'", ns.CLIENT + "'", 1), "invalid-namespace"),
        (HEADER.replace("here.example", "other.example"), "host-unknown"),
        (HEADER.replace("here.example", "old.example"), "host-gone"),
    ],
)
def test_a_header_that_isnt_for_us(stranger, here, header, error):
    here.stage.router.gone["old.example"] = None
    said = stranger.says(header)
    assert said.count("<stream:stream") == 1
    assert f"<{error}" in said


def test_who_says_it_again_and_again_makes_nobody_be_asked_so_often(stranger, here, world):
    stranger.says(HEADER)
    stranger.protocol.dataReceived(CLAIM.encode() * 1_000)
    assert len(world.cables) == 1


def test_nor_whoever_says_it_anew_after_each_answer(stranger):
    stranger.says(HEADER)
    said = [stranger.says(CLAIM) for _ in range(CLAIMS + 1)]
    assert all("not-authorized" in each for each in said[:-1])
    assert "policy-violation" in said[-1]
    assert stranger.is_out


def test_who_has_proven_it_hears_so_again(world, here, far, juliet, romeo):
    juliet.says("<message to='romeo@here.example' id='1'><body>x</body></message>")
    (inward,) = here.factory.connections
    asked = len(world.cables)
    inward.dataReceived(CLAIM.encode())
    assert b"type='valid'" in inward.transport.value()
    assert len(world.cables) == asked


def test_only_so_many_are_asked_at_once(world, here, far, monkeypatch):
    monkeypatch.setattr(federation, "QUESTIONS", 1)
    one, other = Stranger(world, here), Stranger(world, here)
    one.protocol.dataReceived((HEADER + CLAIM).encode())
    other.protocol.dataReceived((HEADER + CLAIM).encode())
    assert b"not-authorized" in other.transport.value()
    assert b"not-authorized" not in one.transport.value()
    world.go_on()
    assert "not-authorized" in one.transport.value().decode()
    assert "not-authorized" in Stranger(world, here).says(HEADER + CLAIM)
    assert len(world.cables) == 2


def test_a_domain_that_isnt_here(stranger):
    stranger.says(HEADER)
    said = stranger.says("<db:result from='far.example' to='nobody.example'>key</db:result>")
    assert "item-not-found" in said
    assert not stranger.is_out


def test_we_say_whether_a_key_is_ours(stranger):
    stranger.says(HEADER)
    good = Keys("secret of here.example").key("far.example", "here.example", "s1")
    ask = "<db:verify from='far.example' to='here.example' id='{}'>{}</db:verify>"
    assert "type='valid'" in stranger.says(ask.format("s1", good))
    assert "type='invalid'" in stranger.says(ask.format("s2", good))
    assert "type='invalid'" in stranger.says(ask.format("s1", "é"))


def test_who_proves_nothing_must_go(stranger, here):
    stranger.says(HEADER)
    here.stage.clock.advance(PROVING)
    assert "connection-timeout" in stranger.transport.value().decode()
    here.stage.clock.advance(CLOSING)
    assert stranger.transport.disconnected or stranger.is_out


def test_keys_are_those_of_xep_0185():
    """Its example."""
    assert Keys("s3cr3tf0rd14lb4ck").key("xmpp.example.com", "example.org", "D60000229F") == (
        "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"
    )


def test_the_other_server_reads_stanzas_in_its_own_namespace(romeo, juliet, world):
    romeo.says("<message to='juliet@far.example' id='1'><body>x</body></message>")
    (message,) = juliet.hears()
    assert isinstance(message, Stanza)
    assert {each.tag for each in message.iter(f"{{{ns.SERVER}}}*")} == set()
    assert message.text_of("body") == "x"
