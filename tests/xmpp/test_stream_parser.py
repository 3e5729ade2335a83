from __future__ import annotations

import gc
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Limits, StreamHeader, StreamParser, XMLError, to_bytes
from tests.xmpp.elements import STANZAS, STREAM, TEXT, Node, infoset

HEADER = "header"


def feed(parser: StreamParser, packets: Iterable[bytes]) -> list[object]:
    """What comes out, spelt so that it can be compared; an error is the last of it."""
    found: list[object] = []
    try:
        for packet in packets:
            for each in parser.feed(packet):
                if isinstance(each, StreamHeader):
                    found.append((HEADER, each.tag, sorted(each.attributes.items()), each.default_namespace))
                else:
                    found.append(None if each is None else to_bytes(each))
    except XMLError as error:
        found.append((error.condition, error.text if error.text == "stanza too big" else ""))
    return found


def parse(*packets: bytes, limits: Limits | None = None) -> list[object]:
    return feed(StreamParser(limits or Limits()), packets)


def error(*packets: bytes) -> str:
    """The condition that the stream ends with."""
    last = parse(*packets)[-1]
    assert isinstance(last, tuple) and last[0] != HEADER, last
    return str(last[0])


def test_a_stream_from_header_to_end():
    found = parse(
        b"<?xml version='1.0'?>\n" + STREAM + b"<presence/> <iq id='1'><x xmlns='urn:x'/></iq></stream:stream>"
    )
    attributes = [("to", "localhost"), ("version", "1.0")]
    assert found == [
        (HEADER, f"{{{ns.STREAM}}}stream", attributes, ns.CLIENT),
        b'<presence xmlns="jabber:client"/>',
        b'<iq xmlns="jabber:client" id="1"><x xmlns="urn:x"/></iq>',
        None,
    ]


@pytest.mark.parametrize(
    "packet",
    [
        b"<presence/><message to='a@b'><body>&lt;&amp;</body></message>",
        b" <presence/>\n\t<iq id='1'><x xmlns='urn:x'><y xml:lang='de'/></x></iq>",
        b"<presence xmlns='jabber:client'><c xmlns='' n='1'><d xmlns='jabber:client'/></c></presence>",
        b"<presence/>text<presence/>",
        b"text<presence/>",
        b"<presence/></stream><stream><presence/>",
        b"<presence/></stream:stream>",
        b"<stream:features/>",
        b"<presence/><!-- --><presence/>",
        b"<presence/><?x y?><presence/>",
        b"<message><![CDATA[<]]></message>",
        b"<message>&x;</message>",
        b"<message>\xff</message>",
        b"<p:message xmlns:p='jabber:client'><p:body/></p:message>",
        b"<a>" * 64 + b"</a>" * 64,
        b"<a>" * 63 + b"</a>" * 63,
        b"<a " + b" ".join(b"a%d=''" % number for number in range(129)) + b"/>",
        b"<message>%s</message>" % (b"x" * 981),
        b"<message>%s</message>" % (b"x" * 982),
    ],
)
def test_a_packet_of_whole_stanzas_is_read_like_its_bytes_one_by_one(packet: bytes):
    limits = Limits(unauthenticated=1_000)
    byte_by_byte = (packet[n : n + 1] for n in range(len(packet)))
    assert parse(STREAM, packet, limits=limits) == parse(STREAM, *byte_by_byte, limits=limits)


def test_stanzas_have_their_words():
    parser = StreamParser(Limits())
    _, stanza = list(parser.feed(STREAM + b"<message to='a@b'/>"))
    assert isinstance(stanza, Stanza)
    assert str(stanza.to) == "a@b"


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        (b"<message p:x='1'/>", b'<message xmlns="jabber:client" xmlns:p="urn:p" p:x="1"/>'),
        (b"<message><p:x/></message>", b'<message xmlns="jabber:client" xmlns:p="urn:p"><p:x/></message>'),
        (
            b"<c:message xmlns:c='jabber:client'><c:body/></c:message>",
            b'<message xmlns="jabber:client"><body/></message>',
        ),
        (b"<message><c:body xmlns:c='jabber:client'/></message>", b'<message xmlns="jabber:client"><body/></message>'),
        (b"<message><x xmlns=''/></message>", b'<message xmlns="jabber:client"><x xmlns=""/></message>'),
        (b"<a xmlns='urn:a'/>", b'<a xmlns="urn:a"/>'),
        (b"<message>\n</message>", b'<message xmlns="jabber:client">\n</message>'),
        (
            b"<message><body><![CDATA[<&>]]></body></message>",
            b'<message xmlns="jabber:client"><body>&lt;&amp;&gt;</body></message>',
        ),
        (b"<message a='&quot;&lt;&#9;&#13;'/>", b'<message xmlns="jabber:client" a="&quot;&lt;&#9;&#13;"/>'),
    ],
)
def test_a_stanza_brings_all_its_namespaces(sent: bytes, came: bytes):
    assert parse(STREAM + sent)[1:] == [came]


@pytest.mark.parametrize(
    "sent",
    [
        b"<!DOCTYPE stream>" + STREAM,
        b"<?xml version='1.0'?><!DOCTYPE stream [<!ENTITY x 'y'>]>" + STREAM + b"<message>&x;</message>",
        b"<!-- x -->" + STREAM,
        b"<?x y?>" + STREAM,
        b"<?xml-stylesheet href='x'?>" + STREAM,
        STREAM + b"<!-- x -->",
        STREAM + b"<?x y?>",
        STREAM + b"<message><!-- x --></message>",
        STREAM + b"<message><?x y?></message>",
        STREAM + b"<message>&x;</message>",
        STREAM + b"<message x='&x;'/>",
    ],
)
def test_restricted_xml(sent: bytes):
    assert error(sent) == "restricted-xml"


@pytest.mark.parametrize(
    "sent",
    [
        STREAM.decode().encode("utf-16"),
        STREAM.decode().encode("utf-16-le"),
        STREAM.decode().encode("utf-16-be"),
        b"<?xml version='1.0' encoding='UTF-16'?>" + STREAM,
        b'<?xml version="1.0" encoding="latin1"?>' + STREAM,
        STREAM + b"<message>\xff</message>",
        STREAM + b"<message>\xc3</message>",
        STREAM + b"<message>\xc0\xaf</message>",
        STREAM + b"<message>\xed\xa0\x80</message>",
        STREAM + b"<message x='\xff'/>",
        STREAM + b"<\xff/>",
    ],
)
def test_an_encoding_other_than_utf_8(sent: bytes):
    assert error(sent) == "unsupported-encoding"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n",
        b"\xef\xbb\xbf" + STREAM,
        b"<stream>" + b"</strem>",
        b"<stream:stream>",
        STREAM + b"<message></presence>",
        STREAM + b"<message><body></message>",
        STREAM + b"</message>",
        STREAM + b"<message to=x/>",
        STREAM + b"<message a='1' a='2'/>",
        STREAM + b"<x:message/>",
        STREAM + b"<message><x:body/></message>",
        STREAM + b"<message x:a='1'/>",
        STREAM + b"<message>\x01</message>",
        STREAM + b"<message>&#1;</message>",
        STREAM + b"<message><![CDATA[</message>]]]></message>" + b"<",
        STREAM + b"<?xml version='1.0'?>",
        STREAM + b"<!DOCTYPE x>",
    ],
)
def test_xml_that_is_not_well_formed(sent: bytes):
    assert error(sent + b">") in ("not-well-formed", "restricted-xml")


def test_a_stanza_whose_prefix_is_not_declared_is_never_seen():
    assert parse(STREAM + b"<message/><message><x:body/></message>")[2:] == [("not-well-formed", "")]


def test_nothing_counts_after_the_end():
    assert parse(STREAM + b"</stream:stream><message/>garbage", b"<<<") == parse(STREAM + b"</stream:stream>")


def test_a_stream_that_ends_as_it_begins():
    assert parse(STREAM[:-1] + b"/>")[1:] == [None]


def test_text_between_stanzas_has_no_place():
    assert parse(STREAM + b"<iq/>\n\t <iq/>hello<iq/>")[3:] == [("bad-format", "")]


def test_white_space_before_the_header_is_overlooked():
    assert parse(b"\r\n<?xml version='1.0'?>" + STREAM + b"<iq/>")[1:] == [b'<iq xmlns="jabber:client"/>']


# Limits: bytes of a header or stanza, counted before they are parsed


def filled(size: int, open: bytes = b"<message><body>", end: bytes = b"</body></message>") -> bytes:
    return open + b"x" * (size - len(open) - len(end)) + end


SMALL = Limits(unauthenticated=300, stanza=300)


@pytest.mark.parametrize(
    "stanza",
    [
        lambda size: filled(size),
        lambda size: filled(size, b"<message x='", b"'/>"),
        lambda size: filled(size, b"<message ", b"/>").replace(b"x", b" "),
        lambda size: filled(size, b"<message>", b"</message>").replace(b"xxxxxx", b"&#120;"),
        lambda size: filled(size, b"<message><![CDATA[", b"]]></message>"),
    ],
    ids=["text", "attribute", "spaces", "references", "cdata"],
)
def test_a_stanza_may_have_as_many_bytes_as_the_limit_says(stanza):
    assert len(stanza(300)) == 300
    too_big = ("policy-violation", "stanza too big")
    for before in (b"", filled(300) * 3, b" " * 1000, b"<iq/>"):
        assert parse(STREAM + before + stanza(300), limits=SMALL)[-1] != too_big
        assert parse(STREAM + before + stanza(301), limits=SMALL)[-1] == too_big


def test_one_that_is_not_complete_counts_too():
    parser = StreamParser(SMALL)
    assert feed(parser, [STREAM, b"<message><body>" + b"x" * 200])[1:] == []
    assert feed(parser, [b"x" * 85]) == []
    assert feed(parser, [b"x"]) == [("policy-violation", "stanza too big")]


@pytest.mark.parametrize("start", [b"<stream:stream x='", b"<", b"<?xml version='1.0'", b"<?xml version='1.0'?><a"])
def test_so_does_a_header(start: bytes):
    parser = StreamParser(SMALL)
    assert feed(parser, [start + b"x" * (300 - len(start))]) == []
    assert feed(parser, [b"x"]) == [("policy-violation", "stanza too big")]


def test_the_limit_can_be_raised_meanwhile():
    parser = StreamParser(SMALL)
    list(parser.feed(STREAM))
    parser.limit = 1000
    assert len(list(parser.feed(filled(1000)))) == 1
    assert feed(parser, [filled(1001)]) == [("policy-violation", "stanza too big")]


def test_keep_alives_cost_nothing():
    parser = StreamParser(SMALL)
    list(parser.feed(STREAM))
    for _ in range(1000):
        assert not list(parser.feed(b" "))
    assert len(list(parser.feed(filled(300)))) == 1


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (b"<a>" * 62 + b"<b/>" + b"</a>" * 62, b"<a>" * 63 + b"<b/>" + b"</a>" * 63),
        (b"<a>" + b"<b/>" * 4096 + b"</a>", b"<a>" + b"<b/>" * 4097 + b"</a>"),
        tuple(b"<a" + b"".join(b" a%d=''" % n for n in range(count)) + b"/>" for count in (128, 129)),
    ],
    ids=["depth", "children", "attributes"],
)
def test_the_shape_is_limited(within: bytes, beyond: bytes):
    limits = Limits(unauthenticated=100_000)
    assert len(parse(STREAM + within, limits=limits)) == 2
    assert parse(STREAM + beyond, limits=limits)[1:] == [("policy-violation", "")]


def test_depth_is_limited_before_the_stanza_is_complete():
    assert error(STREAM + b"<a>" * 64) == "policy-violation"


# Packets


def split(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


PLACES = st.lists(st.integers(0, 10_000), max_size=8)
HARMLESS = STANZAS.map(lambda node: node.write().encode())
HARMFUL = st.sampled_from(
    [
        b"<!DOCTYPE x>",
        b"<!-- > -->",
        b"<?x > ?>",
        b"<message>&x;</message>",
        b"<message>\xff</message>",
        b"<x:y/>",
        b"<message><x:y/></message>",
        b"</message>",
        b"<message to='>'",
        b"<<",
        b"text",
        b"\xc3",
        b"\0",
        b"</stream:stream>",
        filled(301),
        filled(400)[:350],
    ]
)
STARTS = st.sampled_from(
    [STREAM] * 8
    + [
        b"<?xml version='1.0'?>" + STREAM,
        b"<?xml version='1.0' encoding='utf-16'?>" + STREAM,
        b"<!DOCTYPE x>" + STREAM,
        b"\xff\xfe" + STREAM,
        STREAM.decode().encode("utf-16-le"),
    ]
)


@given(start=STARTS, stanzas=st.lists(st.one_of(HARMLESS, HARMLESS, HARMFUL), max_size=4), places=PLACES)
def test_it_does_not_matter_how_bytes_are_spread_over_packets(start: bytes, stanzas: list[bytes], places: list[int]):
    data = start + b"".join(stanzas)
    limits = Limits(unauthenticated=300)
    whole = parse(data, limits=limits)
    assert parse(*split(data, places), limits=limits) == whole
    assert parse(start, *stanzas, limits=limits) == whole
    assert parse(start, b"".join(stanzas), limits=limits) == whole
    assert parse(*(data[n : n + 1] for n in range(len(data))), limits=limits) == whole


@given(garbage=st.binary(max_size=40), places=PLACES)
def test_garbage_is_refused_the_same_way_in_any_packets(garbage: bytes, places: list[int]):
    for data in (garbage, STREAM + garbage, STREAM + b"<message>" + garbage + b"</message>"):
        assert parse(*split(data, places)) == parse(data)


@given(node=STANZAS)
def test_what_goes_in_comes_out(node: Node):
    parser = StreamParser(Limits())
    _, stanza = list(parser.feed(STREAM + node.write().encode()))
    assert stanza is not None and not isinstance(stanza, StreamHeader)
    (again,) = list(StreamParser(Limits()).feed(STREAM + to_bytes(stanza)))[1:]
    assert infoset(again) == infoset(stanza) == node.infoset()  # type: ignore[arg-type]
    assert to_bytes(stanza).startswith(f'<{node.name} xmlns="jabber:client"'.encode())


@given(body=TEXT)
def test_text_arrives_exactly(body: str):
    node = Node(ns.CLIENT, "message", "", {("p", "", "id"): body}, [body], [])
    (_, stanza) = list(StreamParser(Limits()).feed(STREAM + node.write().encode()))
    assert isinstance(stanza, Stanza)
    assert (stanza.text or "", stanza.id) == (body, body)


# Memory


def resident() -> int:
    """KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


@pytest.mark.parametrize(
    "stanza",
    [
        b"<message to='romeo@localhost' id='%d'><body>%d</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
        b"<iq id='%d' type='get'><vCard xmlns='vcard-temp'>%d</vCard></iq>",  # libxml2 warns of that namespace
        b"<message to='romeo@localhost' id='%d'><body>%d</body></message>\n",  # not read at once, because of the end
        b"<iq id='%d' type='get'><vCard xmlns='vcard-temp'>%d</vCard></iq>\n",
    ],
    ids=["message", "warning", "message-in-pieces", "warning-in-pieces"],
)
def test_a_stream_can_go_on_for_ever(stanza: bytes):
    parser = StreamParser(Limits())
    list(parser.feed(STREAM))

    def converse(count: int) -> None:
        for number in range(count):
            assert len(list(parser.feed(stanza % (number, number)))) == 1
        gc.collect()

    converse(10_000)
    before = resident()
    converse(50_000)
    assert resident() - before < 1_000
