"""Broken bytes on a real TCP stream in front of the real server: a clean error or a close, never an exception."""

from __future__ import annotations

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.net.clock import ReactorClock
from conversehost.net.tcp import ClientFactory
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Limits
from tests.net.loop import Loop
from tests.stage import PASSWORD, Stage, encoded

HEADER = (
    f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost' version='1.0'>"
)
PLAIN = f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}romeo{chr(0)}{PASSWORD}')}</auth>"
BIND = f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'><resource>orchard</resource></bind></iq>"
TALK = (
    f"<enable xmlns='{ns.SM}' resume='true'/>",
    f"<iq type='get' id='r'><query xmlns='{ns.ROSTER}'/></iq>",
    "<presence><priority>1</priority><show>away</show></presence>",
    "<message to='juliet@localhost' type='chat' id='m'><body>&lt;caf\u00e9&gt; \U0001f339 &#x2764; ]]&gt;</body>"
    "<x:active xmlns:x='http://jabber.org/protocol/chatstates'/></message>",
    f"<iq type='set' id='s'><query xmlns='{ns.ROSTER}'><item jid='juliet@localhost' name='J'><group>G</group></item>"
    "</query></iq>",
    "<presence to='juliet@localhost' type='subscribe'/>",
    f"<r xmlns='{ns.SM}'/>",
    f"<iq type='get' id='d' to='localhost'><query xmlns='{ns.DISCO_INFO}'/></iq>",
    "</stream:stream>",
)
PARTS = [part.encode() for part in (HEADER, PLAIN, HEADER, BIND, *TALK)]
WHOLE = b"".join(PARTS)
PIECES = [
    b"<", b">", b"/>", b"</", b"&", b";", b"'", b'"', b"\0", b"\x01", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"<!DOCTYPE x>", b"<!-- -->", b"<?x?>", b"&x;", b"&#0;", b"&#xFFFF;", b"<![CDATA[x]]>", b"xmlns=''", b"xmlns:a='b'",
    b"<a:b/>", b"\xef\xbb\xbf", b" a='1' a='2'", b"</stream:stream>", b"<stream:stream>", HEADER.encode(),
    PLAIN.encode(), BIND.encode(), b"<stream:error/>", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    b"<" * 100, b"<a>" * 100, b"x" * 20_000,
]  # fmt: skip
PLACES = st.integers(0, len(WHOLE))
CHANGES = st.one_of(
    st.tuples(st.just("insert"), PLACES, st.sampled_from(PIECES)),
    st.tuples(st.just("insert"), PLACES, st.binary(max_size=4)),
    st.tuples(st.just("remove"), PLACES, st.integers(1, 200)),
    st.tuples(st.just("repeat"), PLACES, st.integers(1, 200)),
    st.tuples(st.just("end"), PLACES, st.none()),
)


def changed(data: bytes, changes: list[tuple[str, int, object]]) -> bytes:
    for what, place, more in changes:
        before, after = data[:place], data[place:]
        if isinstance(more, bytes):
            data = before + more + after
        elif isinstance(more, int):
            data = before + (after[more:] if what == "remove" else after[:more] + after)
        else:
            data = before
    return data


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """In packets that end at these places."""
    ends = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(ends) if start < end]


def converse(packets: list[bytes]) -> bytes:
    """What the server says to a client that sends these and goes away, in whatever state that was."""
    stage = Stage(registration=True)
    stage.account("romeo")
    stage.login("juliet", "balcony")
    loop = Loop()
    clock = ReactorClock(loop, stage.turn)
    limits = Limits(unauthenticated=5_000, stanza=10_000)
    factory = ClientFactory(lambda: ServerStream(stage.router), clock=clock, turn=stage.turn, limits=limits)
    transport = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 5))
    protocol = factory.buildProtocol(None)
    assert protocol is not None
    protocol.makeConnection(transport)
    for packet in packets:
        protocol.dataReceived(packet)
    protocol.connectionLost(Failure(ConnectionLost()))
    stage.clock.advance(300)  # a session that might be resumed
    stage.turn.end()
    for error, _ in stage.unexpected:
        raise error
    assert stage.host.sessions("romeo") == ()
    return transport.value()


def check(said: bytes) -> None:
    """Streams, each well-formed, at most the last of them with an error, which then is all."""
    streams = said.split(b"<?xml version='1.0'?>")
    assert streams[0] == b""
    for number, stream in enumerate(streams[1:], 1):
        ended = stream.endswith(b"</stream:stream>")
        root = etree.fromstring(stream if ended else stream + b"</stream:stream>")
        errors = root.findall(f"{{{ns.STREAM}}}error")
        assert number == len(streams) - 1 or not ended
        assert not errors or (ended and root[-1] is errors[0] and len(errors) == 1)


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(CHANGES, min_size=1, max_size=4), places=st.lists(PLACES, max_size=5))
@example(changes=[], places=[])
def test_changed_bytes_in_any_packets(changes: list[tuple[str, int, object]], places: list[int]):
    check(converse(cut(changed(WHOLE, changes), places)))


def test_the_conversation_itself_goes_well():
    said = converse(PARTS)
    assert b"<stream:error" not in said
    assert said.endswith(b"</stream:stream>")
    assert b"<enabled " in said
    assert b'type="error"' not in said


def test_it_can_be_cut_short_or_into_two_packets_at_any_byte():
    whole = converse(PARTS)
    login = len(PARTS[0] + PARTS[1])
    for place in range(len(WHOLE)):
        check(converse([WHOLE[:place]]))
        if place % 7 == 0:
            assert len(converse(cut(WHOLE, [place, login]))) == len(whole)
