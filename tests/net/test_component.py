"""XEP-0114: programs of their own that serve a domain."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest
from lxml import etree
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.net.component import CLOSING, HANDSHAKE, QUEUE, ComponentFactory
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.xml import Limits
from tests.stage import Client, Stage, condition, xml

NAME, SECRET = "bridge.localhost", "hush"
HEADER = f"<stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{ns.STREAM}' to='{NAME}'>"
ITEMS = f"<query xmlns='{ns.DISCO_ITEMS}'/>"


class Line:
    """A component's connection, in memory."""

    def __init__(self, stage: Stage, factory: ComponentFactory) -> None:
        self._stage = stage
        self._seen = 0
        self.transport = StringTransport()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, text: str) -> None:
        self.protocol.dataReceived(text.encode())

    def shake(self, secret: str = SECRET) -> None:
        id = re.search(r" id='(\w+)'", self.said)
        assert id is not None
        self.send(f"<handshake>{hashlib.sha1((id[1] + secret).encode()).hexdigest()}</handshake>")

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionLost()))

    @property
    def said(self) -> str:
        return self.transport.value().decode()

    def take(self) -> str:
        """What was said since it was last looked at."""
        said, self._seen = self.said[self._seen :], len(self.said)
        return said

    @property
    def error(self) -> str | None:
        """The stream error, when there was one."""
        found = re.search(r"<stream:error[^>]*><([\w-]+)", self.said)
        assert found is None or self.said.endswith("</stream:stream>")
        return found and found[1]


@pytest.fixture
def factory(stage: Stage) -> ComponentFactory:
    return ComponentFactory(
        {NAME: SECRET, "other.example": "x"},
        stage.router,
        clock=stage.clock,
        turn=stage.turn,
        limits=Limits(unauthenticated=1000, stanza=5000),
        items_of=lambda domain: stage.host.items,
    )


@pytest.fixture
def line(stage: Stage, factory: ComponentFactory) -> Callable[[], Line]:
    return lambda: Line(stage, factory)


@pytest.fixture
def bridge(line: Callable[[], Line]) -> Line:
    """A component that is connected."""
    bridge = line()
    bridge.send(HEADER)
    bridge.shake()
    assert bridge.take().endswith("<handshake/>")
    return bridge


def test_it_shows_that_it_knows_the_secret(line: Callable[[], Line]):
    component = line()
    component.send(HEADER)
    header = component.take()
    assert f"xmlns='{ns.COMPONENT}'" in header
    assert 'from="bridge.localhost"' in header
    component.shake()
    assert component.take() == "<handshake/>"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (HEADER.replace(ns.COMPONENT, ns.CLIENT), "invalid-namespace"),
        (HEADER.replace(NAME, "nobody.localhost"), "host-unknown"),
        (HEADER.replace(NAME, "localhost"), "host-unknown"),
        (HEADER.replace(NAME, "@"), "host-unknown"),
        (HEADER.replace(f" to='{NAME}'", ""), "host-unknown"),
        ("<!DOCTYPE x>" + HEADER, "restricted-xml"),
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        (HEADER + "<message/>", "not-authorized"),
        (HEADER + f"<message>{'x' * 1000}</message>", "policy-violation"),
    ],
)
def test_who_is_turned_away(line: Callable[[], Line], header: str, error: str):
    component = line()
    component.send(header)
    assert component.error == error
    assert "<stream:stream" in component.said
    assert component.transport.disconnecting


def test_a_wrong_secret(line: Callable[[], Line], stage: Stage):
    component = line()
    component.send(HEADER)
    component.shake("guess")
    assert component.error == "not-authorized"
    assert NAME not in stage.host.items


def test_there_is_one_of_each(bridge: Line, line: Callable[[], Line]):
    second = line()
    second.send(HEADER)
    assert second.error == "conflict"
    assert bridge.error is None


def test_of_two_at_once_the_first_is_it(line: Callable[[], Line]):
    one, two = line(), line()
    one.send(HEADER)
    two.send(HEADER)
    two.shake()
    one.shake()
    assert (one.error, two.error) == ("conflict", None)


def test_whoever_does_not_shake_hands_must_go(line: Callable[[], Line], stage: Stage):
    component = line()
    component.send(HEADER)
    stage.clock.advance(HANDSHAKE)
    assert component.error == "connection-timeout"
    stage.clock.advance(CLOSING)
    assert component.transport.disconnected


def test_there_is_an_end_to_those_who_do_not(
    bridge: Line, factory: ComponentFactory, line: Callable[[], Line], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("conversehost.net.component.STRANGERS", 2)
    strangers = [line(), line()]
    assert factory.buildProtocol(None) is None
    strangers[0].lose()
    assert factory.buildProtocol(None) is not None
    assert bridge.error is None


def test_time_does_not_matter_afterwards(bridge: Line, stage: Stage):
    stage.clock.advance(10 * HANDSHAKE)
    assert bridge.error is None


# Both ways


def test_a_message_for_anybody_there(bridge: Line, romeo: Client):
    romeo.say("nurse@bridge.localhost/x", "hi")
    message = etree.fromstring(bridge.take())
    assert message.tag == f"{{{ns.COMPONENT}}}message"
    assert (message.get("from"), message.get("to")) == (romeo.jid, "nurse@bridge.localhost/x")
    assert message.findtext(f"{{{ns.COMPONENT}}}body") == "hi"


def test_what_a_stanza_carries_keeps_its_namespace(bridge: Line, romeo: Client):
    inner = (
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>old</body></message></forwarded>"
    )
    romeo.write(f"<message to='{NAME}'>{inner}</message>")
    message = etree.fromstring(bridge.take())
    assert message.findtext(f"*/{{{ns.CLIENT}}}message/{{{ns.CLIENT}}}body") == "old"


@pytest.mark.parametrize("xmlns", ["", f" xmlns='{ns.COMPONENT}'"])
def test_a_message_from_anybody_there(bridge: Line, romeo: Client, xmlns: str):
    bridge.send(f"<message{xmlns} from='nurse@{NAME}' to='{romeo.bare}' type='chat'><body>hi</body></message>")
    message = romeo.only("message")
    assert (message.get("from"), message.text_of("body")) == ("nurse@bridge.localhost", "hi")


def test_split_anywhere_it_is_the_same(bridge: Line, romeo: Client):
    for letter in f"<message from='{NAME}' to='{romeo.bare}' type='chat'><body>a&amp;b</body></message>":
        bridge.send(letter)
    assert romeo.heard() == ["a&b"]


def test_a_question_and_its_answer(bridge: Line, romeo: Client):
    romeo.write(f"<iq type='get' id='1' to='{NAME}'><ping xmlns='{ns.PING}'/></iq>")
    assert 'id="1"' in bridge.take()
    bridge.send(f"<iq type='result' id='1' from='{NAME}' to='{romeo.jid}'/>")
    assert romeo.only("iq").type == "result"
    bridge.send(f"<iq type='get' id='2' from='{NAME}' to='localhost'><ping xmlns='{ns.PING}'/></iq>")
    assert etree.fromstring(bridge.take()).get("type") == "result"


def test_presence_and_subscriptions(bridge: Line, romeo: Client):
    romeo.presence("subscribe", f"nurse@{NAME}")
    assert "subscribe" in bridge.take()
    bridge.send(f"<presence from='nurse@{NAME}' to='{romeo.bare}' type='subscribed'/>")
    bridge.send(f"<presence from='nurse@{NAME}/x' to='{romeo.bare}'/>")
    assert (f"nurse@{NAME}/x", None) in romeo.seen()
    assert romeo.roster()[f"nurse@{NAME}"]["subscription"] == "to"


@pytest.mark.parametrize(
    ("stanza", "error"),
    [
        (
            f"<iq type='get' id='1' from='{NAME}' to='romeo@localhost'><nothing xmlns='a:b'/></iq>",
            "service-unavailable",
        ),
        (f"<iq type='get' id='1' from='{NAME}' to='localhost'/>", "bad-request"),
        (f"<message id='1' from='{NAME}' to='a@nowhere.example'><body>x</body></message>", "remote-server-not-found"),
        (f"<message id='1' from='{NAME}' to='a@@b'><body>x</body></message>", "jid-malformed"),
    ],
)
def test_what_cannot_be_done_comes_back(bridge: Line, romeo: Client, stanza: str, error: str):
    bridge.send(stanza)
    answer = etree.fromstring(bridge.take())
    assert (answer.get("type"), answer.get("id"), answer[0][0].tag) == ("error", "1", f"{{{ns.STANZA_ERROR}}}{error}")
    assert bridge.error is None


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("<message from='romeo@localhost' to='juliet@localhost'/>", "invalid-from"),
        ("<message to='juliet@localhost'/>", "invalid-from"),
        (f"<message from='a@b@{NAME}' to='juliet@localhost'/>", "invalid-from"),
        (f"<message from='{NAME}'/>", "improper-addressing"),
        (f"<hello from='{NAME}' to='localhost'/>", "unsupported-stanza-type"),
        ("<message", None),
        ("<a></b>", "not-well-formed"),
        (f"<message from='{NAME}' to='a@localhost'><body>{'x' * 5000}</body></message>", "policy-violation"),
    ],
)
def test_what_ends_the_stream(bridge: Line, juliet: Client, sent: str, error: str | None):
    bridge.send(sent)
    assert bridge.error == error
    assert not juliet.take("message")


# Coming and going


def items(client: Client) -> list[str | None]:
    """Beside the services that the host has of its own."""
    listed = [each.get("jid") for each in client.ask("get", ITEMS, "localhost")[0]]
    return [each for each in listed if each in (NAME, "other.example")]


def test_it_is_listed_while_it_is_there(bridge: Line, mercutio: Client):
    assert items(mercutio) == [NAME]
    bridge.send("</stream:stream>")
    bridge.lose()
    assert items(mercutio) == []


@pytest.mark.usefixtures("factory")
def test_while_it_is_not_there_all_comes_back(romeo: Client):
    romeo.say(NAME)
    error = romeo.only("message")
    assert condition(error) == "service-unavailable"
    assert error[0].get("type") == "wait"


def test_once_it_has_left_too_and_it_can_come_again(bridge: Line, line: Callable[[], Line], romeo: Client):
    bridge.lose()
    romeo.say(NAME)
    assert condition(romeo.only("message")) == "service-unavailable"
    again = line()
    again.send(HEADER)
    again.shake()
    romeo.say(NAME, "there?")
    assert "there?" in again.take()


def test_what_it_had_not_read_comes_back(bridge: Line, romeo: Client, stage: Stage):
    """The connection breaks in the turn in which something came for it."""
    romeo.stream.receive(xml(f"<message to='{NAME}' type='chat'><body>lost</body></message>"))
    bridge.lose()
    stage.turn.end()
    assert [condition(each) for each in romeo.take("message")] == ["service-unavailable"]


def test_what_comes_after_its_end_comes_back(bridge: Line, romeo: Client):
    bridge.send("</stream:stream>")
    romeo.say(NAME)
    assert condition(romeo.only("message")) == "service-unavailable"


def test_one_that_does_not_read_is_cut_off(bridge: Line, romeo: Client):
    bridge.transport.dataBuffer = b"x" * (QUEUE + 1)
    romeo.say(NAME)
    assert bridge.transport.disconnected
    bridge.lose()
    assert condition(romeo.only("message")) == "service-unavailable"


def test_the_end_of_the_server(bridge: Line, factory: ComponentFactory):
    factory.close_all(StreamError("system-shutdown"))
    assert bridge.error == "system-shutdown"
