"""permessage-deflate: RFC 7692."""

from __future__ import annotations

import zlib
from time import process_time

import pytest
from wsproto.extensions import PerMessageDeflate

from conversehost.net.handshake import Manners
from tests.bosh.stage import message
from tests.net.front import Front
from tests.net.websockets import OPEN, Socket, frame

TEXT, CONTINUATION, PING, COMPRESSED = 1, 0, 9, 4


def compressed(text: str) -> bytes:
    """As RFC 7692 section 7.2.1 has it."""
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (made.compress(text.encode()) + made.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.fixture
def deflating(front: Front) -> Socket:
    front.shared.manners = Manners(deflate=True)
    offer = PerMessageDeflate()
    made = Socket(front, Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    assert b"Sec-WebSocket-Extensions: permessage-deflate" in made.head
    offer.finalize("permessage-deflate")
    made.frames = type(made.frames)(client=True, extensions=[offer])
    return made.say(OPEN)


def test_messages_may_be_compressed(front, deflating):
    front.server.link.restarting()
    deflating.say(message("a", 5_000))
    assert front.server.heard == ["a"]
    before = len(deflating.wire.raw)
    front.server.link.send(message("b", 5_000).encode())
    front.turn.end()
    assert deflating.read().messages[-1] == message("b", 5_000)
    assert len(deflating.wire.raw) - before < 500


def test_a_bomb_does_not_go_off(front, deflating):
    front.server.link.restarting()
    deflating.say("<" + "a" * 20_000_000)
    assert deflating.codes == [1009]


def test_compression_is_off_unless_switched_on(front):
    assert b"Extensions" not in Socket(front, Sec_WebSocket_Extensions="permessage-deflate").head


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=99",
        "permessage-deflate; server_max_window_bits=x",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits=10; client_max_window_bits=12",
        "permessage-deflate; x=1",
    ],
)
def test_offers_that_can_not_be_met(front, offer):
    front.shared.manners = Manners(deflate=True)
    assert b"Extensions" not in Socket(front, Sec_WebSocket_Extensions=offer).head


def test_a_ping_between_compressed_fragments(front, deflating):
    """wsproto's own takes the rest for plain text then."""
    front.server.link.restarting()
    data = compressed(message("a", 500))
    deflating.send(frame(TEXT, data[:20], fin=False, rsv=COMPRESSED))
    deflating.send(frame(PING, b"here?"))
    deflating.send(frame(CONTINUATION, data[20:]))
    assert deflating.pongs == [b"here?"]
    assert front.server.heard == ["a"]


def test_a_control_frame_is_never_compressed(deflating):
    assert deflating.send(frame(PING, b"x", rsv=COMPRESSED)).codes == [1002]


def test_after_a_bomb_nothing_is_unpacked_any_more(front, deflating):
    front.server.link.restarting()
    bomb = frame(TEXT, compressed("<" + "a" * 200_000_000), rsv=COMPRESSED)
    begun = process_time()
    for at in range(0, len(bomb), 65_536):
        deflating.wire.send(bomb[at : at + 65_536])
    assert process_time() - begun < 0.1  # all of it takes half a second
