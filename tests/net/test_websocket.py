"""XMPP over WebSocket: RFC 7395 and RFC 6455, frame by frame."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.net.handshake import PATHS
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from tests.bosh.elsewhere import FarServer
from tests.bosh.stage import Server, message
from tests.net.front import STANZA_LIMIT, Front
from tests.net.websockets import ACCEPT, CLOSE, FRAMING, KEY, OPEN, Socket, frame, handshake

TEXT, BINARY, CONTINUATION, BYE, PING, PONG = 1, 2, 0, 8, 9, 10
NO_CODE = 1005
"""How a close frame without one is read."""


@pytest.fixture(params=[Server, FarServer], ids=["here", "elsewhere"])
def behind(request: pytest.FixtureRequest) -> type[Server]:
    """What holds doesn't depend on where the server is."""
    return request.param


HERE = pytest.mark.parametrize("behind", [Server], indirect=True, ids=["here"])
"""About what passes unchanged, or what a server here sees and does to its client."""


@pytest.fixture
def socket(front: Front) -> Socket:
    """Open, and with features."""
    made = Socket(front).say(OPEN)
    front.server.says("features")
    return made.read()


# The handshake


@pytest.mark.parametrize("path", PATHS)
def test_paths_that_users_know(front, path):
    assert b"101 Switching Protocols" in Socket(front, path=path.decode()).head


def test_the_answer_to_a_handshake(front):
    head = Socket(front, Sec_WebSocket_Protocol="foo, xmpp").head.decode()
    assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n" in head + "\r\n"
    assert "Sec-WebSocket-Protocol: xmpp\r\n" in head + "\r\n"
    assert "Sec-WebSocket-Extensions" not in head


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Sec_WebSocket_Protocol": None}, 400),
        ({"Sec_WebSocket_Protocol": "mqtt"}, 400),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": KEY[:-4]}, 400),
        ({"Sec_WebSocket_Key": "*" * 24}, 400),
        ({"Upgrade": None}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "keep-alive"}, 400),
    ],
)
def test_handshakes_that_are_refused(front, changes, code):
    wire = front.wire()
    wire.send(handshake(**changes))
    (answer,) = wire.answers
    assert answer.code == code
    if code == 426:
        assert answer.fields["sec-websocket-version"] == "13"
        assert answer.fields["upgrade"] == "websocket"


def test_a_handshake_behind_a_request_that_waits_is_refused(front):
    chat = front.session()
    wire = front.wire()
    wire.post(chat.body())
    wire.send(handshake())
    chat.server.says("a")
    assert wire.codes == [200, 400]


def test_a_browser_gets_a_page(front):
    wire = front.wire()
    wire.get("/ws/")
    (answer,) = wire.answers
    assert answer.code == 426
    assert b"RFC 7395" in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(front, method):
    wire = front.wire()
    wire.send(f"{method} /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
    assert wire.answers[0].code == 405


def test_pages_of_other_origins_may_unless_told_otherwise():
    for origins, code in ((("*",), b"101"), (("https://a.example",), b"403")):
        front = Front(origins=origins)
        wire = front.wire()
        wire.send(handshake(Origin="https://b.example"))
        assert wire.raw.split(b" ")[1] == code


# A stream


def test_a_stream_begins(front):
    socket = Socket(front).say(
        f"<open xmlns='{ns.FRAMING}' to='localhost' from='a@localhost' xml:lang='it' version='1.0'/>"
    )
    (opened,) = socket.elements
    assert socket.messages[0].startswith("<open ")
    assert (opened.tag, opened.get("from"), opened.get("version")) == (f"{FRAMING}open", "localhost", "1.0")
    assert opened.get("id")
    opening = front.server.opening
    assert (opening.to, opening.sender, opening.lang, opening.transport) == (
        "localhost",
        "a@localhost",
        "it",
        "websocket",
    )
    assert opening.address == "192.168.1.1"


def test_one_stanza_a_message_both_ways(front, socket):
    socket.say(message("a"), message("b"))
    assert front.server.heard == ["a", "b"]
    front.server.says("x", "y")
    assert [each.get("id") for each in socket.read().elements[-2:]] == ["x", "y"]


def test_a_restart_is_another_open(front, socket):
    first = socket.elements[0].get("id")
    socket.say(OPEN)
    assert front.server.restarts == 1
    assert front.server.opening.transport == "websocket"
    assert len(front.servers) == 1
    again = socket.elements[-1]
    assert again.tag == f"{FRAMING}open"
    assert again.get("id") != first


def test_an_xml_declaration_is_tolerated(front, socket):
    socket.say("<?xml version='1.0'?>" + message("a"))
    assert front.server.heard == ["a"]


@pytest.mark.parametrize("size", [10, 125, 126, 5_000])
@HERE
def test_sizes(front, socket, size):
    front.server.link.restarting()
    socket.say(message("a", size))
    front.server.link.send(message("b", size).encode())
    front.turn.end()
    assert front.server.heard == ["a"]
    assert socket.read().messages[-1] == message("b", size)


@HERE
def test_a_large_message_to_the_client(front, socket):
    front.server.link.send(message("b", 70_000).encode())
    front.turn.end()
    assert socket.read().messages[-1] == message("b", 70_000)


def test_what_follows_the_handshake_at_once_is_read(front):
    wire = front.wire()
    wire.send(handshake() + frame(TEXT, OPEN.encode()))
    assert front.server.opening.to == "localhost"


# Errors


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (message("a"), "bad-format"),
        (OPEN.replace(ns.FRAMING, "urn:x"), "invalid-namespace"),
        ("<open/>", "invalid-namespace"),
        (f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost'/>", "bad-format"),
        (f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost'>", "not-well-formed"),
        (OPEN.replace(" version='1.0'", ""), "unsupported-version"),
        (" " + OPEN, "not-well-formed"),
        ("<open", "not-well-formed"),
    ],
)
def test_a_wrong_beginning(front, text, condition):
    socket = Socket(front).say(text)
    assert socket.tags == ["open", "error", "close"]
    assert socket.error == condition
    assert socket.codes == []
    assert socket.say(CLOSE).codes == [1000]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (message("a") + message("b"), "not-well-formed"),
        (message("a")[:-3], "not-well-formed"),
        ("", "not-well-formed"),
        (" ", "not-well-formed"),
        ("<!DOCTYPE a><a xmlns='b'/>", "restricted-xml"),
        ("<!-- a -->" + message("a"), "restricted-xml"),
        (f"<message xmlns='{ns.CLIENT}'>&a;</message>", "restricted-xml"),
        ("<?xml version='1.0' encoding='utf-16'?>" + message("a"), "unsupported-encoding"),
        ("<close xmlns='urn:x'/>", "invalid-namespace"),
    ],
)
def test_what_is_no_stanza(front, socket, text, condition):
    socket.say(text)
    assert socket.tags[-2:] == ["error", "close"]
    assert socket.error == condition
    assert front.server.heard == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, b"<a/>"), 1003),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"<a/>", mask=None), 1002),
        (frame(TEXT, b"<a/>", rsv=4), 1002),
        (frame(3, b""), 1002),
        (frame(11, b""), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"<a", fin=False) + frame(TEXT, b"/>"), 1002),
        (frame(BYE, (1005).to_bytes(2, "big")), 1002),
        (frame(BYE, b"x"), 1002),
        (frame(BYE, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    ],
)
def test_frames_against_the_rules(front, socket, data, code):
    socket.send(data)
    assert socket.codes == [code]
    assert socket.tags[-2:] == ["error", "close"]
    assert front.server.closed == [[]]
    assert socket.advance(5.1).wire.closed


def test_a_message_that_is_too_large(front, socket):
    front.server.link.restarting()
    socket.say(message("a", STANZA_LIMIT))
    assert socket.error == "policy-violation"
    assert socket.codes == [1009]
    assert front.server.heard == []


def test_in_fragments_as_well(front, socket):
    front.server.link.restarting()
    for _ in range(11):
        socket.frame(TEXT if not socket.pongs else CONTINUATION, b"<" + b"a" * 999, fin=False)
        socket.frame(PING)
    assert socket.codes == [1009]


def test_before_login_less_is_taken(front):
    front.shared.limits = type(front.shared.limits)(unauthenticated=1_000, stanza=STANZA_LIMIT)
    socket = Socket(front).say(OPEN)
    socket.say(message("a", 2_000))
    assert socket.codes == [1009]


@pytest.mark.parametrize(
    "length", [b"\xfe" + (STANZA_LIMIT + 1).to_bytes(2, "big"), b"\xff" + (2**62).to_bytes(8, "big")]
)
def test_a_length_that_is_too_large_is_refused_at_once(front, socket, length):
    """Nobody waits for what is to come."""
    front.server.link.restarting()
    socket.send(b"\x81" + length + b"mask")
    assert socket.error == "policy-violation"
    assert socket.codes == [1009]


def test_a_length_that_is_just_right_is_waited_for(front, socket):
    front.server.link.restarting()
    socket.send(b"\x81\xfe" + STANZA_LIMIT.to_bytes(2, "big") + b"mask")
    assert socket.codes == []


# Ends


def test_a_client_closes_its_stream(front, socket):
    socket.say(CLOSE)
    assert socket.tags[-1] == "close"
    assert front.server.closed == [[]]
    assert not front.server.broken
    assert socket.codes == []
    socket.frame(BYE, (1000).to_bytes(2, "big"))
    assert socket.codes == [1000]
    assert socket.wire.closed


def test_the_end_is_said_as_strophe_wants_it(socket):
    assert socket.say(CLOSE).messages[-1] == '<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" />'


def test_a_client_that_then_does_nothing_is_closed(front, socket):
    socket.say(CLOSE)
    assert socket.advance(5.1).codes == [1000]
    assert not socket.wire.closed
    assert socket.advance(5.1).wire.closed


def test_nothing_is_heard_after_the_end(front, socket):
    socket.say(CLOSE, message("a"))
    assert front.server.heard == []


@HERE
def test_a_client_closes_without_a_word(front, socket):
    socket.frame(BYE)
    assert socket.codes == [NO_CODE]
    assert socket.wire.closed
    socket.wire.lose()
    assert front.server.closed == [[]]
    assert front.server.broken  # RFC 7395 section 3.6: no <close/> was said


@pytest.mark.parametrize("code", [1000, 1001, 4000])
def test_a_close_code_is_echoed(socket, code):
    assert socket.frame(BYE, code.to_bytes(2, "big")).codes == [code]


def test_the_server_closes_a_stream(front, socket):
    front.server.link.send(message("last").encode())
    front.server.link.close(StreamError("conflict"))
    assert socket.read().tags[-3:] == ["message", "error", "close"]
    assert socket.codes == []
    assert socket.say(CLOSE).codes == [1000]
    assert front.server.closed == [[]]
    assert not front.server.broken


def test_a_client_that_does_not_answer_that(front, socket):
    front.server.link.close()
    assert socket.advance(5.1).codes == [1000]
    assert socket.advance(5.1).wire.closed


def test_at_shutdown_nobody_waits(front, socket):
    front.websocket.close_all(StreamError("system-shutdown"))
    assert socket.read().error == "system-shutdown"
    assert socket.codes == [1001]


@HERE
def test_a_connection_that_breaks_gives_back_what_was_not_out(front, socket):
    front.server.link.send(message("a").encode())
    front.turn.end()
    socket.wire.transport.dataBuffer = b"not out"
    front.server.link.send(message("b").encode())
    socket.wire.lose()
    assert front.server.given_back == ["a", "b"]
    assert front.server.broken


def test_a_client_can_be_sent_elsewhere(front):
    front.websocket._moved = "https://b.example:5281"
    socket = Socket(front).say(OPEN)
    (told,) = socket.elements
    assert (told.tag, told.get("see-other-uri")) == (f"{FRAMING}close", "wss://b.example:5281/xmpp-websocket")
    assert front.servers == []


# Time


def test_pings_are_answered(socket):
    assert socket.frame(PING, b"hello").pongs == [b"hello"]


@HERE
def test_a_silent_client_is_pinged_and_then_given_up(front, socket):
    front.server.link.restarting()
    socket.advance(59)
    assert socket.pings == 0
    socket.advance(2)
    assert socket.pings == 1
    socket.advance(235)
    assert (socket.pings, socket.codes) == (4, [])
    socket.advance(10)
    assert socket.error == "connection-timeout"
    socket.wire.lose()
    assert front.server.broken


def test_a_client_that_answers_pings_stays(front, socket):
    front.server.link.restarting()
    for _ in range(20):
        socket.advance(61)
        socket.frame(PONG)
    assert socket.codes == []
    assert front.server.closed == []


def test_whoever_opens_no_stream_must_go(front):
    socket = Socket(front)
    for _ in range(4):
        socket.advance(7)
        socket.frame(PONG)
    assert socket.codes == []
    assert socket.advance(3).error == "connection-timeout"
    assert front.servers == []


def test_the_time_limits_of_http_are_over(front, socket):
    front.server.link.restarting()
    for _ in range(10):
        socket.advance(50)
        socket.frame(PONG)
    socket.say(message("a"))
    assert front.server.heard == ["a"]


# Readers that don't read


def test_who_does_not_read_is_cut_off(front, socket):
    transport = socket.wire.transport
    transport.dataBuffer = b""
    for number in range(200):
        front.server.link.send(message(f"m{number}", 1_000).encode())
        front.turn.end()
        transport.dataBuffer += b"x" * 1_100
        if transport.disconnected:
            break
    assert 80 < number < 100


# Any cut


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_however_it_is_cut_each_stanza_comes_once_and_in_order(data):
    front = Front()
    socket = Socket(front).say(OPEN)
    raw, sent = b"", []
    for number in range(data.draw(st.integers(1, 5))):
        text = message(f"é{number}", data.draw(st.sampled_from([0, 1, 100, 200]))).encode()
        sent.append(f"é{number}")
        cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=3))})
        parts = [text[a:b] for a, b in pairwise(cuts)]
        for index, part in enumerate(parts):
            raw += frame(CONTINUATION if index else TEXT, part, fin=index == len(parts) - 1)
            if data.draw(st.booleans()):
                raw += frame(PING, b"p")
    cuts = sorted({0, len(raw), *data.draw(st.lists(st.integers(0, len(raw)), max_size=6))})
    for a, b in pairwise(cuts):
        socket.send(raw[a:b])
    assert front.server.heard == sent
    assert socket.codes == []


@HERE
def test_a_close_frame_with_any_code(front, socket):
    front.server.link.close_with(1011)
    assert socket.read().codes == [1011]
    assert front.server.broken


@HERE
def test_a_connection_that_is_cut(front, socket):
    front.server.link.cut()
    assert socket.read().codes == []


def test_a_server_that_drains_begins_no_connection(front, socket):
    front.shared.draining.on = True
    (refused,) = front.exchange(handshake())
    assert (refused.code, refused.fields["retry-after"]) == (503, "2")
    assert socket.codes == []
