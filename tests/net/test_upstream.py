"""Clients' streams to a server elsewhere: what goes through, what is slowed, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.bosh.manager import Manager
from conversehost.bosh.terms import Ceilings
from conversehost.net.upstream import ABSENCE, AGAIN, HIGH, OPENING, UpstreamStream
from conversehost.net.wire import Terms
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.places import Place
from conversehost.xmpp.xml import Limits
from tests.bosh.stage import Client, Stage

HEADER = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' from='localhost' id='1' version='1.0'>"
FEATURES = f"<stream:features><mechanisms xmlns='{ns.SASL}'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
SUCCESS = f"<success xmlns='{ns.SASL}'/>"
BOUND = f"<iq type='result' id='1'><bind xmlns='{ns.BIND}'><jid>romeo@localhost/r</jid></bind></iq>"


class Far(StringTransport):
    """The way to the server, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class Beyond(Stage):
    """A connection manager whose server is elsewhere; `far` are the connections to it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Place, bool]] = []
        self.failed: Callable[[StreamError], None] = lambda error: None
        self.connected: Callable[[Place], Protocol]
        self.given_up = 0
        self.terms = Terms(
            self._reach,
            lambda domain: domain,  # type: ignore[arg-type, return-value]
            self.clock,
            self.turn,
            clear=lambda address: True,
            keep_alive=60,
        )
        self.manager = Manager(
            lambda domain: UpstreamStream(Place("far.example"), self.terms),
            clock=self.clock,
            turn=self.turn,
            limits=Limits(),
            ceilings=Ceilings(),
        )

    def _reach(self, domain: str, place: Place, connected: object, failed: object, *, named: bool) -> Beyond:
        self.asked.append((domain, place, named))
        self.connected, self.failed = connected, failed  # type: ignore[assignment]
        return self

    def cancel(self) -> None:
        self.given_up += 1

    def arrives(self) -> None:
        """The connection is there."""
        self.far, self.wire = Far(), self.connected(Place("far.example"))
        self.wire.makeConnection(self.far)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wire.dataReceived(text.encode())

    def heard(self) -> str:
        """What has been said to the server since it was last asked."""
        said = self.far.value().decode()
        self.far.clear()
        return said


@pytest.fixture
def beyond(failures: list[str]) -> Beyond:
    return Beyond()


@pytest.fixture
def romeo(beyond: Beyond) -> Client:
    """Logged in and bound."""
    client = Client(beyond)
    created = client.create()
    beyond.arrives()
    beyond.says(HEADER + FEATURES)
    client.sid = created.get("sid")
    client.send(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AHIAcA==</auth>")
    beyond.says(SUCCESS)
    client.restart()
    beyond.says(HEADER + "<stream:features/>")
    client.send(f"<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='{ns.BIND}'/></iq>")
    beyond.says(BOUND)
    beyond.heard()
    return client


def message(id: str, size: int = 0) -> str:
    return f"<message id='{id}' from='juliet@localhost/j' type='chat'><body>{'x' * size}</body></message>"


def test_a_session_is_answered_when_the_server_has_said_its_features(beyond):
    client = Client(beyond)
    created = client.create()
    assert beyond.asked == [("localhost", Place("far.example"), True)]
    beyond.arrives()
    assert created.held
    beyond.says(HEADER, FEATURES)
    assert created.body[0].tag == f"{{{ns.STREAM}}}features"


def test_stanzas_go_both_ways_untouched(beyond, romeo):
    held = romeo.hold()
    romeo.send("<message xmlns='jabber:client' to='juliet@localhost'><body>&lt;hi&gt;</body></message>")
    assert beyond.heard() == '<message xmlns="jabber:client" to="juliet@localhost"><body>&lt;hi&gt;</body></message>'
    beyond.says(message("1") + message("2"))
    assert (held.said, romeo.last.said) == ([], ["1", "2"])


def test_a_server_that_cannot_be_reached(beyond):
    created = Client(beyond).create()
    beyond.failed(WayError("remote-connection-failed", "nobody is there"))
    assert created.ends == "remote-connection-failed"
    assert len(created.body) == 0


def test_a_server_that_was_there_before_is_waited_for_a_while(beyond, romeo):
    beyond.wire.connectionLost(Failure(ConnectionLost()))
    created = Client(beyond).create()
    for _ in range(4):
        beyond.failed(WayError("remote-connection-failed", "nobody is there"))
        assert created.held
        beyond.advance(AGAIN)
    assert len(beyond.asked) == 6
    beyond.arrives()
    beyond.says(HEADER + FEATURES)
    assert created.body[0].tag == f"{{{ns.STREAM}}}features"


def test_but_not_for_ever(beyond, romeo):
    created = Client(beyond).create()
    beyond.advance(ABSENCE)
    beyond.failed(WayError("remote-connection-failed", "nobody is there"))
    assert created.ends == "remote-connection-failed"


def test_nobody_waits_for_it_any_more_when_the_client_went(beyond, romeo):
    asked = len(beyond.asked)
    Client(beyond).create()
    beyond.failed(WayError("remote-connection-failed", "nobody is there"))
    beyond.manager.close_all("system-shutdown")
    beyond.advance(ABSENCE)
    assert len(beyond.asked) == asked + 1


def test_a_place_that_is_not_allowed_is_not_waited_for(beyond, romeo):
    created = Client(beyond).create()
    beyond.failed(WayError("host-unknown", "not there"))
    assert created.ends == "host-unknown"


def test_a_server_that_says_nothing(beyond):
    created = Client(beyond).create()
    beyond.arrives()
    beyond.advance(OPENING)
    assert created.ends == "remote-connection-failed"


def test_a_client_that_does_not_log_in(beyond):
    client = Client(beyond)
    created = client.create()
    beyond.arrives()
    beyond.says(HEADER + FEATURES)
    client.sid = created.get("sid")
    for _ in range(4):
        last = client.hold()
        beyond.advance(40)
        if not last.held and last.ends:
            break
    assert last.ends == "remote-stream-error"


def test_the_client_hears_at_once_that_the_server_died(beyond, romeo):
    held = romeo.hold()
    beyond.wire.connectionLost(Failure(ConnectionLost()))
    assert held.ends == "remote-connection-failed"


def test_an_error_of_the_server_is_in_the_last_body(beyond, romeo):
    held = romeo.hold()
    beyond.says(f"<stream:error><conflict xmlns='{ns.STREAM_ERROR}'/></stream:error></stream:stream>")
    assert held.ends == "remote-stream-error"
    assert [etree.QName(each).localname for each in held.body[0]] == ["conflict"]
    assert beyond.heard().endswith("</stream:stream>")


def test_a_goodbye_is_passed_on(beyond, romeo):
    romeo.terminate("<presence xmlns='jabber:client' type='unavailable'/>")
    assert beyond.heard() == '<presence xmlns="jabber:client" type="unavailable"/></stream:stream>'
    assert beyond.far.disconnecting


def test_what_a_lost_client_never_got_is_told_to_the_sender(beyond, romeo):
    beyond.says(message("1"))
    beyond.advance(61)
    assert "recipient-unavailable" in beyond.heard()
    assert beyond.terms.streams == {}


def test_what_came_while_the_client_took_nothing_is_told_too(beyond, romeo):
    beyond.says("".join(message(str(number), 1_000) for number in range(300)))
    assert beyond.far.producerState == "paused"
    beyond.advance(61)
    said = beyond.heard()
    assert said.count("recipient-unavailable") == 300
    assert beyond.far.producerState == "producing"
    beyond.says(message("late"))
    assert "recipient-unavailable" in beyond.heard()
    (question,) = re.findall("parting-[0-9a-f]+", said)
    beyond.says(f"<iq type='result' id='{question}'/>")
    assert beyond.heard() == "</stream:stream>"
    assert beyond.far.disconnecting


@pytest.mark.parametrize("end", ["silence", "</stream:stream>", "a break"])
def test_a_server_that_does_not_answer_is_left_all_the_same(beyond, romeo, end):
    beyond.says("".join(message(str(number), 1_000) for number in range(300)))
    beyond.advance(61)
    beyond.heard()
    if end == "a break":
        beyond.wire.connectionLost(Failure(ConnectionLost()))
    elif end != "silence":
        beyond.says(end)
    beyond.advance(5)
    assert beyond.heard() == ("" if end == "a break" else "</stream:stream>")


def test_a_session_that_can_be_resumed_is_left_to_the_server(beyond, romeo):
    romeo.send(f"<enable xmlns='{ns.SM}' resume='true'/>")
    beyond.says(f"<enabled xmlns='{ns.SM}' id='x' resume='true'/>", message("1"))
    beyond.heard()
    beyond.advance(61)
    assert beyond.heard().strip() == ""
    assert beyond.far.disconnecting


ENABLED = f"<enabled xmlns='{ns.SM}' id='x' resume='true'/>"
RESUMED = f"<resumed xmlns='{ns.SM}' previd='x' h='0'/>"


@pytest.mark.parametrize(("left", "jid"), [("lost", "romeo@localhost/r"), ("said goodbye", "")])
def test_who_comes_back_to_a_session_is_known(beyond, romeo, left, jid):
    beyond.says(ENABLED)
    if left == "lost":
        beyond.advance(61)
    else:
        romeo.terminate()
    again = Client(beyond)
    created = again.create()
    beyond.arrives()
    beyond.says(HEADER + FEATURES)
    again.sid = created.get("sid")
    beyond.says(SUCCESS, RESUMED)
    (stream,) = beyond.terms.streams
    assert stream.managed
    assert stream.jid == jid


def test_an_idle_server_is_sent_a_space(beyond, romeo):
    romeo.hold()
    beyond.advance(50)
    romeo.hold()
    beyond.advance(11)
    assert beyond.heard() == " "


def test_a_server_is_not_heard_while_its_client_takes_nothing(beyond, romeo):
    beyond.says("".join(message(str(number), 1_000) for number in range(300)))
    assert beyond.far.producerState == "paused"
    (session,) = beyond.manager.sessions()
    assert session.streams.first.waiting < 2 * HIGH
    got: list[str] = []
    while len(got) < 300:
        got += romeo.hold().said
        beyond.advance(0)
    assert got == [str(number) for number in range(300)]
    assert beyond.far.producerState == "producing"


def test_a_client_is_not_asked_for_more_while_the_server_takes_nothing(beyond, romeo):
    held = romeo.hold()
    beyond.wire._outlet.pauseProducing()
    romeo.send("<message xmlns='jabber:client'/>")
    assert held.held
    beyond.wire._outlet.room()
    assert not held.held
    assert romeo.last.held


def test_it_goes_where_the_server_says_that_it_is_but_not_for_ever(beyond):
    created = Client(beyond).create()
    moved = f"<stream:error><see-other-host xmlns='{ns.STREAM_ERROR}'>b.example:5223</see-other-host></stream:error>"
    for _ in range(3):
        assert created.held
        beyond.arrives()
        beyond.says(HEADER + moved)
    assert [place for _, place, _ in beyond.asked[1:]] == [Place("b.example", 5223)] * 2
    assert created.ends == "remote-stream-error"


@pytest.mark.parametrize("honoured", [True, False])
def test_a_route_counts_only_where_that_is_allowed(beyond, honoured):
    beyond.terms = replace(beyond.terms, route=honoured)
    Client(beyond).create(route="xmpp:10.0.0.1:5555")
    assert beyond.asked == [
        ("localhost", Place("10.0.0.1", 5555), False) if honoured else ("localhost", Place("far.example"), True)
    ]


def test_where_a_client_went_by_a_route_nobody_sends_it_to_what_the_operator_may_name(beyond):
    beyond.terms = replace(beyond.terms, route=True)
    Client(beyond).create(route="xmpp:evil.example:5222")
    beyond.arrives()
    moved = f"<stream:error><see-other-host xmlns='{ns.STREAM_ERROR}'>127.0.0.1:6379</see-other-host></stream:error>"
    beyond.says(HEADER + moved)
    assert beyond.asked[1:] == [("localhost", Place("127.0.0.1", 6379), False)]


def test_nobody_is_looked_for_any_more_when_the_client_went(beyond):
    client = Client(beyond)
    client.create()
    (session,) = beyond.manager.sessions()
    session.expire(None)
    assert beyond.given_up == 1
