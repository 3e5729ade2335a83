"""The HTTP front on real sockets: answers that don't fit, clients that don't read, connections that break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.web.static import Data, File

from conversehost.net.http import IDLE, LINGER, WEB_BODY
from tests.bosh.stage import message
from tests.net.front import Front, parse, post, request, said
from tests.net.loop import Loop, Peer

LARGE = 3_000_000
"""More than the kernel takes for a client that doesn't read."""


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def front(loop: Loop, failures: list[str]) -> Iterator[Front]:
    yield Front(loop)
    assert failures == [], "a failure that nobody expected was logged"


@pytest.fixture
def chat(front: Front):
    return front.session()


@pytest.fixture
def connect(loop: Loop, front: Front) -> Iterator:
    peers: list[Peer] = []

    def make(*, small: bool = False) -> Peer:
        peers.append(Peer(loop, front.factory, small=small))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def says(chat, *ids: str, size: int = 0) -> None:
    for id in ids:
        chat.server.link.send(message(id, size=size).encode())
    chat.server.says()


def test_a_small_answer_leaves_without_a_round_through_the_reactor(connect, chat, loop):
    peer = connect()
    peer.send(post(chat.body()))
    says(chat, "a")
    assert loop.writers == set()
    (answer,) = parse(peer.socket.recv(65536))
    assert said(answer) == ["a"]


def test_a_large_answer_arrives_whole(connect, chat):
    peer = connect(small=True)
    peer.send(post(chat.body()))
    says(chat, "a", "b", size=400_000)
    says(chat, "c")
    assert len(peer.read(1000)) < 200_000
    peer.send(post(chat.body()) + request("GET", "/page"))
    first, second, page = parse(peer.read())
    assert said(first) == ["a", "b"]
    assert said(second) == ["c"]
    assert page.body == b"GET /page "


def test_an_answer_that_is_cut_short_is_not_delivered(connect, chat):
    peer = connect(small=True)
    peer.send(post(chat.body()))
    says(chat, "a", size=500_000)
    peer.read(10_000)
    peer.reset()
    assert peer.gone
    again = connect()
    again.send(post(chat.body()))
    assert said(parse(again.read())[0]) == ["a"]


def test_an_answer_that_is_cut_short_can_be_asked_for_again(connect, chat):
    peer = connect(small=True)
    body = chat.body()
    peer.send(post(body))
    says(chat, "a", size=500_000)
    peer.reset()
    again = connect()
    again.send(post(body))
    assert said(parse(again.read())[0]) == ["a"]


def test_only_what_was_cut_short_is_not_delivered(connect, front, chat):
    """Answers of two sessions over one connection: the first one is out, the second isn't."""
    other = front.session()
    peer = connect(small=True)
    peer.send(post(chat.body()) + post(other.body()))
    says(chat, "a", size=100_000)
    says(other, "b", size=500_000)
    peer.read(200_000)
    peer.reset()
    for session, expected in ((chat, "x"), (other, "b")):
        again = connect()
        again.send(post(session.body()))
        says(session, "x")
        assert said(parse(again.read())[0])[0] == expected


def test_an_answer_for_a_connection_that_has_just_been_reset(connect, chat):
    """Nobody has looked at the socket since."""
    peer = connect()
    peer.send(post(chat.body()))
    peer.vanish()
    says(chat, "a")
    peer.loop.serve()
    assert peer.gone
    again = connect()
    again.send(post(chat.body()))
    assert said(parse(again.read())[0]) == ["a"]


# Clients that don't read


def test_a_client_that_asks_and_never_reads_is_not_read_from(connect, front):
    front.root.putChild(b"large", Data(b"x" * 100_000, "text/plain"))
    peer = connect(small=True)
    for _ in range(2000):
        if not peer.is_read:
            break
        peer.send(request("GET", "/large"))
    assert not peer.is_read
    assert peer.protocol.outlet.waiting() < 500_000


def test_nothing_more_is_read_while_an_answer_waits_to_be(connect, front):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large"))
    assert not peer.is_read
    peer.read()
    assert peer.is_read


def test_it_gets_everything_once_it_reads(connect, front):
    front.root.putChild(b"large", Data(b"x" * 100_000, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large") * 50)
    answers = parse(peer.read(), ["GET"] * 50)
    assert [len(answer.body) for answer in answers] == [100_000] * 50
    assert peer.is_read


def test_bosh_requests_behind_unread_answers_are_processed_once_there_is_room(connect, front, chat):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large") + post(chat.body(message("a"))) + post(chat.body(message("b"))))
    assert chat.server.heard == []
    peer.read()
    assert chat.server.heard == ["a", "b"]
    says(chat, "c")
    assert said(parse(peer.read())[2]) == ["c"]


def test_a_client_that_stops_reading_is_cut_off(connect, front, loop):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large"))
    front.advance(IDLE + 1)
    loop.serve()
    assert not peer.gone
    front.advance(IDLE + 1)
    loop.serve()
    assert peer.gone


def test_a_client_that_reads_slowly_is_not(connect, front, loop):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large"))
    for _ in range(6):
        peer.read(50_000)
        front.advance(IDLE - 1)
        assert not peer.gone
    (answer,) = parse(peer.read(), ["GET"])
    assert len(answer.body) == LARGE


def test_one_that_asked_to_close_and_never_reads_is_cut_off_too(connect, front, loop):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large", Connection="close"))
    front.advance(2 * IDLE + 2)
    loop.serve()
    assert peer.gone


def test_the_last_answer_arrives_before_the_connection_ends(connect, front):
    front.root.putChild(b"large", Data(b"x" * LARGE, "text/plain"))
    peer = connect(small=True)
    peer.send(request("GET", "/large", Connection="close"))
    (answer,) = parse(peer.read(), ["GET"])
    assert len(answer.body) == LARGE
    assert peer.eof
    assert peer.gone


def test_a_file_is_streamed(connect, front, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789" * 500_000)
    front.root.putChild(b"file", File(str(path)))
    peer = connect(small=True)
    peer.send(request("GET", "/file") + request("GET", "/page"))
    assert peer.protocol.outlet.waiting() < 300_000
    answer, page = parse(peer.read(), ["GET", "GET"])
    assert answer.body == path.read_bytes()
    assert page.body == b"GET /page "


def test_a_part_of_a_file(connect, front, tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"0123456789")
    front.root.putChild(b"file", File(str(path)))
    peer = connect()
    peer.send(request("GET", "/file", Range="bytes=2-4") + request("HEAD", "/file"))
    part, head = parse(peer.read(), ["GET", "HEAD"])
    assert (part.code, part.body) == (206, b"234")
    assert (head.fields["content-length"], head.body) == ("10", b"")


def test_a_file_that_nobody_reads_to_the_end_is_let_go(connect, front, tmp_path, loop):
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * LARGE)
    front.root.putChild(b"file", File(str(path)))
    peer = connect(small=True)
    peer.send(request("GET", "/file"))
    peer.reset()
    assert peer.gone
    assert front.factory.connections == set()


# Refusals


def test_a_refusal_can_be_read_by_a_client_that_is_still_sending(connect):
    peer = connect()
    peer.send(b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    (answer,) = parse(peer.read())
    assert answer.code == 413
    assert peer.eof
    assert not peer.gone
    peer.close()
    assert peer.gone


def test_a_refused_client_that_stays_is_cut_off(connect, front, loop):
    peer = connect()
    peer.send(post("x" * (WEB_BODY + 1), "/page"))
    front.advance(LINGER - 0.1)
    peer.send(b"x" * 100_000)
    assert not peer.gone
    front.advance(0.2)
    loop.serve()
    assert peer.gone


def test_a_client_that_closes_its_side_is_gone(connect, front, chat):
    peer = connect()
    peer.send(post(chat.body()))
    peer.close()
    assert peer.gone
    assert front.factory.connections == set()
