"""XMPP over TCP: headers, errors, ends, and clients that don't read. RFC 6120 section 4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from lxml import etree
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.net.clock import ReactorClock
from conversehost.net.tcp import CLOSING, OPENING, QUEUE, ClientFactory, Manners
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.xml import Limits
from tests.bosh.stage import Server, message
from tests.net.loop import Loop, Peer

HEADER = (
    f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost' version='1.0'>"
)


class Station:
    """A listener for clients, with a server that is played behind each of them."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.turn = Turn()
        self.servers: list[Server] = []
        self.on_open: Callable[[Server], object] = lambda server: None
        clock = ReactorClock(self.loop, self.turn)
        limits = Limits(unauthenticated=1000, stanza=5000)
        self.factory = ClientFactory(self._server, clock=clock, turn=self.turn, limits=limits)

    def _server(self) -> Server:
        server = Server(self.turn, self.factory.clock)
        server.on_open = lambda: self.on_open(server)
        self.servers.append(server)
        return server

    @property
    def server(self) -> Server:
        return self.servers[-1]

    def advance(self, seconds: float) -> None:
        self.loop.advance(seconds)
        self.loop.serve()

    def line(self) -> Line:
        return Line(self)


class Line:
    """A connection in memory."""

    def __init__(self, station: Station) -> None:
        self.transport = StringTransport()
        self.protocol = station.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, data: str | bytes) -> None:
        self.protocol.dataReceived(data.encode() if isinstance(data, str) else data)

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionLost()))

    @property
    def said(self) -> str:
        return self.transport.value().decode()

    @property
    def stream(self) -> etree._Element:
        """All that was said, closed where it isn't."""
        text = self.said.removeprefix("<?xml version='1.0'?>")
        return etree.fromstring(text if text.endswith("</stream:stream>") else text + "</stream:stream>")

    @property
    def error(self) -> str | None:
        """The stream error's condition, if there was one; the stream has ended then."""
        for each in self.stream:
            if each.tag == f"{{{ns.STREAM}}}error":
                assert self.said.endswith("</stream:stream>")
                assert self.transport.disconnecting
                return etree.QName(each[0]).localname
        return None


@pytest.fixture
def station(failures: list[str]) -> Iterator[Station]:
    yield Station()
    assert failures == [], "a failure that nobody expected was logged"


@pytest.fixture
def line(station: Station) -> Line:
    return station.line()


@pytest.fixture
def open_line(line: Line) -> Line:
    line.send(HEADER)
    return line


@pytest.fixture
def connect(station: Station) -> Iterator:
    peers: list[Peer] = []

    def make(*, small: bool = False) -> Peer:
        peers.append(Peer(station.loop, station.factory, small=small))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


# Opening


def test_a_stream_is_opened(station, line):
    line.send(HEADER.replace(" to=", " xml:lang='it' from='romeo@localhost' to="))
    station.server.says("features")
    root = line.stream
    assert root.tag == f"{{{ns.STREAM}}}stream"
    assert root.nsmap == {None: ns.CLIENT, "stream": ns.STREAM}
    assert (root.get("from"), root.get("version"), root.get(f"{{{ns.XML}}}lang")) == ("localhost", "1.0", "en")
    assert root.get("to") == "romeo@localhost"
    assert len(root.get("id")) == 16
    assert [each.get("id") for each in root] == ["features"]
    opening = station.server.opening
    assert (opening.to, opening.sender, opening.lang) == ("localhost", "romeo@localhost", "it")
    assert (opening.transport, opening.address, opening.secure) == ("tcp", "192.168.1.1", False)
    assert (opening.can_secure, opening.channel) == (False, None)
    assert (opening.early_bytes, opening.max_bytes, opening.idle) == (1000, 5000, 86_400)


def test_our_header_does_not_wait_for_the_server(line):
    line.send(HEADER)
    assert line.said.startswith("<?xml version='1.0'?><stream:stream ")


def test_who_answers_is_somebody_who_is_here(station, line):
    """RFC 6120 section 4.9.1.3."""
    station.factory.named = lambda domain: "localhost"
    line.send(HEADER.replace("localhost", "elsewhere.example"))
    assert line.stream.get("from") == "localhost"


@pytest.mark.parametrize("sender", ["", " from='@'"])
def test_our_header_is_to_nobody_else(line, sender):
    line.send(HEADER.replace(" to=", f"{sender} to="))
    assert line.stream.get("to") is None


def test_what_a_header_says_is_escaped(line):
    line.send(HEADER.replace("localhost", "a&quot;b&#39;&lt;&amp;"))
    assert line.stream.get("from") == "a\"b'<&"


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (HEADER.replace(ns.CLIENT, "jabber:server"), "invalid-namespace"),
        (HEADER.replace(f"xmlns='{ns.CLIENT}' ", ""), "invalid-namespace"),
        (
            HEADER.replace("stream:stream", "stream")
            .replace(f"xmlns='{ns.CLIENT}' ", "")
            .replace("xmlns:stream", "xmlns"),
            "bad-namespace-prefix",
        ),
        (HEADER.replace(ns.STREAM, "urn:other"), "invalid-namespace"),
        (HEADER.replace("stream:stream", "stream:flow"), "invalid-namespace"),
        (HEADER.replace(" version='1.0'>", ">"), "unsupported-version"),
        (HEADER.replace(" version='1.0'>", " version='0.9'>"), "unsupported-version"),
        (HEADER.replace(" version='1.0'>", " version='new'>"), "unsupported-version"),
        (HEADER.replace("'1.0'?>", "'1.0' encoding='iso-8859-1'?>"), "unsupported-encoding"),
        ("<!DOCTYPE stream>" + HEADER[21:], "restricted-xml"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not-well-formed"),
        ("\x16\x03\x01\x02<>", "not-well-formed"),
        (HEADER.replace("localhost", "x" * 1000), "policy-violation"),
    ],
)
def test_headers_that_cannot_be(station, header, condition):
    for packets in ([header], list(header)):
        line = station.line()
        for packet in packets:
            line.send(packet)
        assert line.error == condition, line.said
        line.lose()
    assert all(server.closed in ([], [[]]) for server in station.servers)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.10", "2.0"])
def test_newer_versions_are_spoken_to(line, version):
    """RFC 6120 section 4.7.5: the lower one counts."""
    line.send(HEADER.replace("version='1.0'>", f"version='{version}'>"))
    assert line.error is None
    assert line.stream.get("version") == "1.0"


# Stanzas


def test_stanzas_in_and_out(station, open_line):
    open_line.send(message("a") + message("b"))
    station.server.says("c", "d")
    assert station.server.heard == ["a", "b"]
    assert [each.get("id") for each in open_line.stream] == ["c", "d"]


def test_byte_by_byte(station, line):
    for byte in (HEADER + message("a") + " \n" + message("b") + "</stream:stream>").encode():
        line.send(bytes([byte]))
    assert station.server.heard == ["a", "b"]
    assert line.said.endswith("</stream:stream>")


def test_all_of_a_turn_is_one_write(station, open_line):
    station.server.on_receive = lambda stanza: station.server.link.send(message("re").encode())
    writes = []
    open_line.transport.write = writes.append
    open_line.send(message("a") + message("b"))
    assert writes == [(message("re") * 2).encode()]


def test_keep_alives(station, open_line):
    open_line.send(" \n" * 5000)
    assert open_line.error is None
    open_line.send(message("a"))
    assert station.server.heard == ["a"]


@pytest.mark.parametrize(
    ("sent", "condition"),
    [
        ("<message>", None),
        ("<message></presence>", "not-well-formed"),
        ("<message>&nbsp;</message>", "restricted-xml"),
        ("<message a='1' a='2'/>", "not-well-formed"),
        ("<!-- -->", "restricted-xml"),
        ("<message><!-- --></message>", "restricted-xml"),
        ("<?php ?>", "restricted-xml"),
        (message("a", size=2000), "policy-violation"),
        ("<message>" + "x" * 2000, "policy-violation"),
    ],
)
def test_what_a_stream_may_not_carry(station, open_line, sent, condition):
    open_line.send(message("before"))
    open_line.send(sent)
    assert open_line.error == condition
    assert station.server.heard == ["before"]


def test_a_stanza_that_is_too_big_is_called_so(open_line):
    open_line.send(message("a", size=2000))
    assert f'<stanza-too-big xmlns="{ns.STANZA_TOO_BIG}"/>' in open_line.said


def test_nothing_after_an_error_counts(station, open_line):
    open_line.send("<?php ?>" + message("a"))
    open_line.send(message("b"))
    assert station.server.heard == []
    assert open_line.said.count("</stream:stream>") == 1


def test_a_server_that_fails(station, open_line, failures):
    def fails(stanza):
        raise ServerFailsError

    station.server.on_receive = fails
    open_line.send(message("a"))
    assert open_line.error == "internal-server-error"
    assert failures == ["ServerFailsError"]
    failures.clear()
    open_line.lose()
    assert station.server.given_back == []


class ServerFailsError(Exception):
    pass


# Logging in


def test_a_client_that_says_nothing_is_told_so_in_a_stream(station, line):
    station.advance(OPENING - 0.1)
    assert line.said == ""
    station.advance(0.2)
    assert line.error == "connection-timeout"
    assert station.servers == []


def test_how_long_a_login_may_take_is_for_the_server_to_say(station, line):
    line.send(HEADER)
    station.advance(10 * OPENING)
    assert line.error is None


def test_after_login_the_stream_begins_anew(station, open_line):
    station.server.on_receive = lambda stanza: station.server.link.restarting()
    first = open_line.stream.get("id")
    open_line.send(message("auth") + "\n")
    open_line.transport.clear()
    open_line.send(HEADER)
    assert station.server.restarts == 1
    assert len(station.servers) == 1
    assert open_line.stream.get("id") != first
    station.server.on_receive = lambda stanza: None
    open_line.send(message("a", size=4000))
    assert station.server.heard == ["auth", "a"]


def test_a_client_need_not_wait_to_hear_that_it_is_in(station, open_line):
    """What follows a login in the same packet belongs to the new stream."""
    station.server.on_receive = lambda stanza: stanza.get("id") == "auth" and station.server.link.restarting()
    open_line.send(message("auth") + HEADER + message("a", size=4000) + message("b"))
    assert station.server.restarts == 1
    assert station.server.heard == ["auth", "a", "b"]


def test_what_is_no_new_stream_there_is_not_read(station, open_line):
    station.server.on_receive = lambda stanza: station.server.link.restarting()
    open_line.send(message("auth") + message("early"))
    assert station.server.heard == ["auth"]
    assert "<invalid-namespace " in open_line.said


# Silence


@pytest.fixture
def member(station, open_line) -> Line:
    """Logged in, with its new stream open."""
    station.server.link.restarting()
    open_line.send(HEADER)
    open_line.transport.clear()
    return open_line


def test_a_silent_client_is_kept_alive(station, member):
    station.advance(59)
    assert member.said == ""
    station.advance(1)
    assert member.said == " "
    station.advance(60)
    assert member.said == "  "
    station.advance(30)
    station.server.says("a")
    station.advance(59)
    assert member.said == "  " + message("a")


def test_nothing_is_said_between_login_and_the_new_stream(station, open_line):
    open_line.transport.clear()
    station.server.link.restarting()
    station.advance(600)
    assert open_line.said == ""


def test_a_client_that_says_nothing_for_too_long(station, member):
    station.factory.manners = Manners(keep_alive=60, idle=200)
    station.advance(199)
    member.send(" ")
    station.advance(199)
    assert "error" not in member.said
    station.advance(1)
    assert "<connection-timeout " in member.said
    assert "nothing heard for 200 seconds" in member.said
    member.lose()
    assert station.server.broken


# Elsewhere


def test_clients_can_be_sent_elsewhere(station, line):
    station.factory.moved = "chat.example"
    line.send(HEADER)
    assert line.error == "see-other-host"
    assert '<see-other-host xmlns="urn:ietf:params:xml:ns:xmpp-streams">chat.example<' in line.said
    assert station.servers == []


# Ends


def test_the_client_ends_the_stream(station, open_line):
    open_line.send(message("a") + "</stream:stream>")
    assert station.server.heard == ["a"]
    assert open_line.said.endswith("></stream:stream>")
    assert open_line.error is None
    open_line.lose()
    assert station.server.given_back == []
    assert not station.server.broken


def test_the_connection_breaks(station, open_line):
    open_line.lose()
    assert station.server.given_back == []
    assert station.server.broken


def test_the_server_ends_the_stream(station, open_line):
    station.server.link.send(message("last").encode())
    station.server.link.close(StreamError("conflict", "you came again"))
    station.turn.end()
    assert open_line.error == "conflict"
    assert open_line.stream[0].get("id") == "last"
    assert "you came again" in open_line.said


def test_what_could_not_be_sent_any_more_is_given_back(station, open_line):
    station.server.link.close()
    station.server.says("late")
    assert "late" not in open_line.said
    open_line.lose()
    assert station.server.given_back == ["late"]
    assert not station.server.broken


def test_what_waits_for_the_end_of_the_turn_is_given_back(station, open_line):
    station.server.link.send(message("a").encode())
    open_line.lose()
    assert station.server.given_back == ["a"]


def test_everybody_hears_of_the_end(station):
    lines = [station.line() for _ in range(3)]
    for line in lines[1:]:
        line.send(HEADER)
    station.factory.close_all(StreamError("system-shutdown"))
    assert [line.error for line in lines] == ["system-shutdown"] * 3


def test_a_lost_connection_leaves_nothing_behind(station, line):
    line.send(HEADER)
    line.lose()
    assert station.factory.connections == set()
    station.advance(1000)
    assert line.error is None
    assert station.loop.getDelayedCalls() == []


# On real sockets


def test_the_stream_ends_before_the_connection_does(station, connect):
    peer = connect()
    peer.send(HEADER.encode())
    peer.send(b"</stream:stream>")
    assert peer.read().endswith(b"</stream:stream>")
    assert peer.eof
    peer.close()
    assert peer.gone


def test_an_error_can_be_read_by_a_client_that_is_still_sending(station, connect):
    peer = connect()
    peer.send(HEADER.encode() + b"<?php ?>" + b"x" * 500_000)
    assert b"restricted-xml" in peer.read()
    assert peer.eof
    station.advance(CLOSING - 0.1)
    assert not peer.gone
    station.advance(0.2)
    assert peer.gone


def test_a_client_that_never_reads(station, connect):
    peer = connect(small=True)
    peer.send(HEADER.encode())
    station.server.link.restarting()
    ids = []
    while not peer.gone:
        ids.append(f"m{len(ids)}")
        station.server.link.send(message(ids[-1], size=50_000).encode())
        station.turn.end()
        station.loop.serve()
    assert len(ids) * 50_000 < 2 * QUEUE
    given_back = station.server.given_back
    assert given_back == ids[-len(given_back) :]
    assert len(given_back) >= QUEUE // 51_000


def test_what_was_cut_short_is_given_back_and_nothing_else(station, connect):
    peer = connect(small=True)
    peer.send(HEADER.encode())
    for n in range(15):
        station.server.link.send(message(str(n), size=50_000).encode())
    station.server.says()
    received = peer.read(200_000)
    peer.reset()
    complete = re.findall(rb"id='(\d+)'>x+</message>", received)
    given_back = station.server.given_back
    assert given_back == [str(n) for n in range(15 - len(given_back), 15)]
    assert 0 < len(given_back) <= 15 - len(complete)


def test_an_end_in_front_of_a_client_that_never_reads(station, connect):
    peer = connect(small=True)
    peer.send(HEADER.encode())
    station.server.link.restarting()
    for n in range(15):
        station.server.link.send(message(str(n), size=50_000).encode())
    station.server.link.close(StreamError("conflict"))
    station.turn.end()
    station.advance(CLOSING + 0.1)
    assert peer.gone
    assert station.server.given_back[-1] == "14"
