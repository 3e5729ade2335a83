"""WebSocket clients that are slow, broken or evil harm nobody but themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversehost.net.handshake import Manners
from conversehost.net.tcp import CLOSING, OPENING
from conversehost.xmpp.errors import StreamError
from tests.bosh.stage import message
from tests.net.front import Front
from tests.net.loop import Loop, Peer
from tests.net.websockets import CLOSE, OPEN, Socket, frame, handshake

TEXT, CONTINUATION, BYE, PING = 1, 0, 8, 9
UNMASKED = frame(TEXT, b"x", mask=None)


@pytest.fixture
def socket(front: Front) -> Socket:
    made = Socket(front).say(OPEN)
    front.server.link.restarting()
    return made


# Frames


def test_nothing_is_looked_at_or_kept_after_a_broken_frame(front, socket):
    """RFC 6455 section 7.1.7."""
    (connection,) = front.shared.connections
    socket.send(UNMASKED + frame(TEXT, message("a").encode()))
    assert socket.codes == [1002]
    for _ in range(10):
        connection.dataReceived(b"y" * 65_536)  # until the client reads why, it may be sending
    assert len(connection.frames._protocol._frame_decoder.buffer) < 100
    assert front.server.heard == []


def test_empty_fragments_do_not_pile_up(front, socket):
    (connection,) = front.shared.connections
    socket.send(frame(TEXT, b"<message xmlns='jabber:client' id='a'", fin=False))
    for _ in range(1_000):
        socket.send(frame(CONTINUATION, b"", fin=False))
    assert len(connection._message) == 1
    socket.send(frame(CONTINUATION, b"/>"))
    assert front.server.heard == ["a"]


def test_an_end_behind_a_wrong_element_is_seen_at_once(socket):
    socket.send(frame(TEXT, b"<a><b></a>") + frame(TEXT, CLOSE.encode()) + frame(BYE, b"\x03\xe8"))
    assert socket.error == "not-well-formed"
    assert socket.codes == [1000]
    assert socket.wire.closed


def test_a_message_that_is_too_large_is_refused_while_a_stream_ends(front, socket):
    front.server.link.close()
    limit = front.shared.limits.stanza
    for _ in range(limit // 1_000 + 2):
        socket.send(frame(TEXT if not _ else CONTINUATION, b"x" * 1_000, fin=False))
    assert socket.codes == [1009]
    assert socket.wire.closed


def test_one_write_a_turn(front, socket):
    writes: list[bytes] = []
    socket.wire.transport.write = writes.append
    front.server.says("a", "b", "c")
    assert len(writes) == 1
    assert writes[0].count(b"<message ") == 3


def test_the_name_of_the_subprotocol_is_written_small(front):
    wire = front.wire()
    wire.methods.append("GET")
    wire.send(handshake(Sec_WebSocket_Protocol="XMPP"))
    assert wire.codes == [400]


# Time


def test_pings_do_not_put_off_the_end_of_a_client_that_opens_no_stream(front):
    front.shared.manners = Manners(ping=20)
    socket = Socket(front).advance(OPENING - 0.5)
    assert "error" not in socket.tags
    assert socket.pings == 1
    assert socket.advance(1).error == "connection-timeout"


def test_a_client_is_given_up_in_time_though_no_ping_is_due(front):
    front.shared.manners = Manners(ping=60, timeout=40)
    socket = Socket(front).say(OPEN)
    front.server.link.restarting()
    assert "error" not in socket.advance(39).tags
    assert socket.advance(2).error == "connection-timeout"


def test_pings_go_on_while_they_are_answered(front, socket):
    for minute in range(1, 20):
        assert socket.advance(60.5).pings == minute
        socket.frame(10)
    assert "error" not in socket.tags


# On real sockets


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def real(loop: Loop, failures: list[str]) -> Iterator[Front]:
    yield Front(loop)
    assert failures == [], "a failure that nobody expected was logged"


@pytest.fixture
def connect(loop: Loop, real: Front) -> Iterator:
    peers: list[Peer] = []

    def make(*, small: bool = False) -> Peer:
        peers.append(Peer(loop, real.factory, small=small))
        peers[-1].send(handshake() + frame(TEXT, OPEN.encode()))
        real.server.link.restarting()
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def test_why_can_be_read_by_a_client_that_is_still_sending(real, loop, connect):
    peer = connect()
    peer.send(UNMASKED + b"x" * 500_000)
    received = peer.read()
    assert b"bad-format" in received
    assert b"\x03\xea" in received.rpartition(b"<close ")[2]  # 1002
    assert peer.eof
    real.advance(CLOSING + 1)
    assert peer.gone


def test_what_was_cut_short_is_given_back_and_nothing_else(real, loop, connect):
    peer = connect(small=True)
    for number in range(15):
        real.server.link.send(message(str(number), size=5_000).encode())
    real.server.says()
    received = peer.read(30_000)
    peer.reset()
    complete = received.count(b"</message>")
    given_back = real.server.given_back
    assert given_back == [str(number) for number in range(15 - len(given_back), 15)]
    assert len(given_back) <= 15 - complete


def test_a_reader_that_does_not_read_gets_the_rest_at_its_next_login(real, loop, connect):
    peer = connect(small=True)
    sent = []
    while not peer.gone:
        sent.append(f"m{len(sent)}")
        real.server.link.send(message(sent[-1], size=9_000).encode())
        real.turn.end()
        loop.serve()
    given_back = real.server.given_back
    assert len(given_back) * 9_100 > real.shared.manners.queue
    assert given_back == sent[-len(given_back) :]


def test_an_end_in_front_of_a_client_that_never_reads(real, loop, connect):
    peer = connect(small=True)
    for number in range(10):
        real.server.link.send(message(str(number), size=9_000).encode())
    real.server.link.close(StreamError("conflict"))
    real.turn.end()
    real.advance(4 * CLOSING)
    assert peer.gone
    assert real.server.given_back[-1] == "9"


def test_one_that_floods_with_pings_and_does_not_read_is_read_no_more(real, connect):
    real.shared.manners = Manners(queue=1_000_000)
    flooding, other = connect(small=True), connect()
    flooding.send(frame(PING, b"x" * 125) * 20_000)
    assert not flooding.is_read
    assert not flooding.gone
    other.send(frame(TEXT, message("a").encode()))
    assert real.server.heard == ["a"]
