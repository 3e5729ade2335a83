from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import get_ident

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import (
    _FED,
    Limits,
    XMLError,
    adopt,
    attribute,
    check_shape,
    child,
    clean,
    element,
    has_prefixes,
    parse,
    read_plain,
    to_bytes,
)
from tests.xmpp.elements import STANZAS, TEXT, Node, infoset


def refused(data: bytes) -> str:
    with pytest.raises(XMLError) as caught:
        parse(data)
    return caught.value.condition


# What may come in


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<?xml version='1.0'?><!DOCTYPE a><a/>",
        b"<?xml version='1.0'?>\n <!DOCTYPE a><a/>",
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b"<a><!-- x --></a>",
        b"<!-- x --><a/>",
        b"<a/><!-- x -->",
        b"<a><?x y?></a>",
        b"<?x y?><a/>",
        b"<a/><?x y?>",
        b"<a>&x;</a>",
        b"<a b='&x;'/>",
    ],
)
def test_restricted_xml(data: bytes):
    assert refused(data) == "restricted-xml"


def test_a_doctype_never_reaches_the_parser():
    bomb = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10 if n else 'x' * 100}'>" for n in range(20))
    assert refused(f"<!DOCTYPE a [{bomb}]><a>&e19;</a>".encode()) == "restricted-xml"


@pytest.mark.parametrize(
    "data",
    [
        "<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16"),
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-32"),
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        b'<?xml version="1.0" encoding = "us-ascii" ?><a/>',
        b"<a>\xff</a>",
        b"<a>\xc3</a>",
        b"<a>\xc0\xaf</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xf4\x90\x80\x80</a>",
        b"<a b='\xff'/>",
        b"<\xff/>",
    ],
)
def test_an_encoding_other_than_utf_8(data: bytes):
    assert refused(data) == "unsupported-encoding"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a/>text",
        b"<a b='1' b='2'/>",
        b"<a b=1/>",
        b"<a b='<'/>",
        b"<a>&#0;</a>",
        b"<a>&#xFFFF;</a>",
        b"<a>&#xD800;</a>",
        b"<a>\0</a>",
        b"<a>\x01</a>",
        b"<a>\xef\xbf\xbf</a>",
        b"<a>]]></a>",
        b"<p:a/>",
        b"<a p:b='1'/>",
        b"<a xmlns:p=''/>",
        b"<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>",
        b"<a xmlns:xml='urn:x'/>",
        b"<a><!DOCTYPE b></a>",
        b"<a" + b"<b" * 10_000,
        b"<a>" * 300 + b"</a>" * 300,
    ],
)
def test_xml_that_is_not_well_formed(data: bytes):
    assert refused(data) == "not-well-formed"


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b"<?xml version='1.0'?><a/>",
        b'<?xml version="1.0" encoding="utf-8"?>\n<a/>\n',
        b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
        b"\xef\xbb\xbf<a/>",
        b" <a/> ",
        b"<a xmlns='vcard-temp'/>",
        b"<a xmlns='urn:a'><b xmlns=''/></a>",
    ],
)
def test_what_is_fine(data: bytes):
    assert parse(data).tag.endswith("a")


def test_marked_sections_are_text():
    assert (
        to_bytes(parse(b"<a><![CDATA[<!-- & -->]]><!]]></a>".replace(b"<!]]>", b""))) == b"<a>&lt;!-- &amp; --&gt;</a>"
    )


def test_an_error_says_what_and_where():
    with pytest.raises(XMLError, match=r"not-well-formed: .*line 1") as caught:
        parse(b"<a></b>")
    assert "\n" not in str(caught.value)


# Limits

SMALL = Limits(depth=4, attributes=3, children=5)


def shape(data: bytes, limits: Limits = SMALL) -> str:
    try:
        check_shape(parse(data), limits, len(data))
    except XMLError as error:
        return error.condition
    return ""


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (b"<a><b><c><d/></c></b></a>", b"<a><b><c><d><e/></d></c></b></a>"),
        (b"<a><b x='1' y='2' z='3'/></a>", b"<a><b x='1' y='2' z='3' w='4'/></a>"),
        (b"<a>" + b"<b/>" * 5 + b"</a>", b"<a>" + b"<b/>" * 6 + b"</a>"),
    ],
)
def test_depth_attributes_and_children_are_limited(within: bytes, beyond: bytes):
    assert shape(within) == ""
    assert shape(beyond) == "policy-violation"


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (b"<a>" * 63 + b"<b/>" + b"</a>" * 63, b"<a>" * 64 + b"<b/>" + b"</a>" * 64),
        *[
            tuple(
                b"<a " + b"".join(b" %c%c=''" % (97 + n // 26, 97 + n % 26) for n in range(count)) + b"/>"
                for count in (128, 129)
            )
        ],
        (b"<a>" + b"<b/>" * 4096 + b"</a>", b"<a>" + b"<b/>" * 4097 + b"</a>"),
    ],
)
def test_the_smallest_that_is_too_much_is_looked_at(within: bytes, beyond: bytes):
    assert shape(within, Limits()) == ""
    assert shape(beyond, Limits()) == "policy-violation"


# What goes out


@given(STANZAS)
def test_what_is_written_is_read_as_the_same(node: Node):
    stanza = parse(node.write().encode())
    data = to_bytes(stanza)
    again = parse(data)
    assert infoset(again) == infoset(stanza) == node.infoset()
    assert to_bytes(again) == data


@given(TEXT)
def test_text_arrives_exactly_in_content_and_attributes(text: str):
    again = parse(to_bytes(element("urn:a", "a", {"b": text}, text=text)))
    assert (again.text or "", again.get("b")) == (text, text)


def test_white_space_in_attributes_survives():
    assert (
        to_bytes(element("urn:a", "a", {"b": "\t\n\r"}, text="\r")) == b'<a xmlns="urn:a" b="&#9;&#10;&#13;">&#13;</a>'
    )


def test_namespaces_are_said_where_they_change():
    made = element(ns.CLIENT, "iq", {"type": "result"}, element(ns.ROSTER, "query"))
    child(made[0], ns.ROSTER, "item")
    child(made[0][0], ns.CLIENT, "body")
    assert to_bytes(made) == (
        b'<iq xmlns="jabber:client" type="result"><query xmlns="jabber:iq:roster">'
        b'<item><body xmlns="jabber:client"/></item></query></iq>'
    )


def test_a_stream_element_keeps_its_prefix():
    made = element(ns.STREAM, "features", None, element(ns.BIND, "bind"), prefix="stream")
    assert to_bytes(made).startswith(b"<stream:features xmlns:stream=")


@given(st.text())
def test_clean_text_can_be_written(text: str):
    again = parse(to_bytes(element("urn:a", "a", {"b": clean(text)}, text=clean(text))))
    assert again.get("b") == clean(text)


def test_clean_drops_only_what_xml_cannot_carry():
    assert clean("a\0\x08\x0b\x1f\ud800\ufffe\uffff\t\n\r\x85é漢🎉") == "a\t\n\r\x85é漢🎉"


@given(st.text())
def test_an_attribute_value_can_be_put_into_a_tag(text: str):
    assert parse(f"<a b={attribute(text)}/>".encode()).get("b") == clean(text)


# Taken out of the document that carried it

HTTPBIND = f"<body xmlns='{ns.HTTPBIND}' xmlns:c='{ns.CLIENT}' xmlns:xmpp='{ns.XBOSH}'>%s</body>"


@pytest.mark.parametrize(
    ("carried", "taken"),
    [
        ("<message xmlns='jabber:client'><body>x</body></message>", "<body>x</body>"),
        ("<message><body>x</body></message>", "<body>x</body>"),  # in httpbind's namespace, by mistake
        ("<c:message><c:body>x</c:body></c:message>", "<body>x</body>"),
        ("<message xmlns='jabber:client'><c:body>x</c:body></message>", "<body>x</body>"),
        ("<message><c:body>x</c:body></message>", "<body>x</body>"),
        ("<c:message><x xmlns='urn:x'><c:body/></x></c:message>", '<x xmlns="urn:x"><body xmlns="jabber:client"/></x>'),
        ("<message><body xmlns=''>x</body></message>", '<body xmlns="">x</body>'),
        ("<c:message><x xmlns='' a='1'><y/></x></c:message>", '<x xmlns="" a="1"><y/></x>'),
        ("<message><p:x xmlns:p='urn:p' a='1'/></message>", '<x xmlns="urn:p" a="1"/>'),
    ],
)
def test_a_stanza_leaves_its_envelope_without_prefix(carried: str, taken: str):
    stanza = adopt(parse((HTTPBIND % carried).encode())[0], ns.HTTPBIND)
    assert isinstance(stanza, Stanza)
    assert infoset(stanza) == infoset(parse(f'<message xmlns="jabber:client">{taken}</message>'.encode()))
    assert to_bytes(stanza).decode() == f'<message xmlns="jabber:client">{taken}</message>'


def test_text_around_it_stays_behind():
    root = parse((HTTPBIND % "a<iq xmlns='jabber:client'/>b").encode())
    assert to_bytes(adopt(root[0], ns.HTTPBIND)) == b'<iq xmlns="jabber:client"/>'


@given(STANZAS)
def test_adopting_changes_nothing_else(node: Node):
    root = parse(f"<body xmlns='{ns.HTTPBIND}' xmlns:p='{ns.CLIENT}'>{node.write()}tail</body>".encode())
    taken = adopt(root[0], ns.HTTPBIND)
    again = parse(to_bytes(taken))
    assert infoset(again) == infoset(taken) == node.infoset()
    assert to_bytes(taken).startswith(f'<{node.name} xmlns="jabber:client"'.encode())
    assert all(each.prefix is None for each in again.iter(f"{{{ns.CLIENT}}}*"))


@pytest.mark.parametrize(
    "carried",
    [
        "<message xmlns='jabber:client' xml:lang='de'><body>x</body></message>",
        "<message><body>x</body></message>",
        "<iq xmlns='jabber:client'><x xmlns=''><y/></x></iq>",
        "<iq xmlns='jabber:client'><x xmlns='urn:x'><body xmlns='jabber:client'/></x></iq>",
        "<presence/>",
    ],
)
def test_out_of_a_document_without_prefixes_it_is_taken_as_it_is(carried: str):
    """Each of several: with text around, in order, and the same that a copy would be."""
    data = f"<body xmlns='{ns.HTTPBIND}'>a{carried}b{carried}c<r xmlns='urn:r'/></body>".encode()
    assert not has_prefixes(data)
    copies = [to_bytes(adopt(each, ns.HTTPBIND)) for each in parse(data)]
    taken = [adopt(each, ns.HTTPBIND, prefixes=False) for each in list(parse(data))]
    assert [to_bytes(each) for each in taken] == copies
    assert [infoset(each) for each in taken] == [infoset(parse(each)) for each in copies]


def test_the_words_of_a_stanza():
    stanza = parse(
        b"<message xmlns='jabber:client' to='A@b/c' from='x' id='1' type='chat'>"
        b"<body>hi</body><a xmlns='urn:a'/></message>"
    )
    assert isinstance(stanza, Stanza)
    assert (stanza.kind, stanza.type, stanza.id, str(stanza.to), str(stanza.sender)) == (
        "message",
        "chat",
        "1",
        "a@b/c",
        "x",
    )
    assert stanza.text_of("body") == "hi"
    assert stanza.text_of("subject") == ""
    assert stanza.has("urn:a", "a")
    assert not stanza.has(ns.CLIENT, "a")
    assert stanza.payload is stanza[0]
    assert parse(b"<iq xmlns='jabber:client'/>").payload is None  # type: ignore[attr-defined]
    assert not isinstance(parse(b"<message xmlns='jabber:server'/>"), Stanza)


# What is plain

USUAL = "<message xmlns='jabber:client' to='a&amp;b'><body>hé &#13;&lt; </body><x xmlns='urn:x' a=\"1\"/></message>"
HARM = st.sampled_from(
    [
        *(bytes((byte,)) for byte in b"<>/'\"&;= a:\r\0\x0b\x7f\xff\xc3\xa9"),
        b"<a/>",
        b"</message>",
        b"xmlns",
        b"&#0;",
        b"&x;",
        b"]]>",
    ]
)


@given(edits=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 3), HARM), max_size=3))
def test_a_plain_document_is_read_like_any_other(edits: list[tuple[int, int, bytes]]):
    """And what `parse` refuses isn't plain; nor does it harm the next."""
    data = USUAL.encode()
    for at, removed, inserted in edits:
        data = data[:at] + inserted + data[at + removed :]
    found = read_plain(data, Limits())
    if found is not None:
        assert to_bytes(found) == to_bytes(parse(data))
    elif data[:1] == b"<" and data[1:2].isalpha() and not has_prefixes(data):
        assert refused(data)
    again = read_plain(USUAL.encode(), Limits())
    assert again is not None
    assert to_bytes(again) == to_bytes(parse(USUAL.encode()))


@pytest.mark.parametrize(
    "data",
    [
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-32-be"),
        "<a/>".encode("cp037"),
        b"\xef\xbb\xbf<a/>",
        b"<?xml version='1.0'?><a/>",
        b"<a><!-- --></a>",
        b"<a><?b?></a>",
        b"<a><![CDATA[b]]></a>",
        b"<b:a xmlns:b='urn:b'/>",
        b"<a>" * 33 + b"</a>" * 33,
        b"<a %s/>" % b" ".join(b"b%d=''" % number for number in range(129)),
    ],
)
def test_what_is_not_plain(data: bytes):
    assert read_plain(data, Limits()) is None


def test_what_two_threads_read_is_not_mixed_up():
    ours = _FED[get_ident()]
    ours.feed(b"<ours>")
    with ThreadPoolExecutor() as others:
        assert others.submit(parse, b"<theirs/>").result().tag == "theirs"
    ours.feed(b"</ours>")
    assert ours.close().tag == "ours"
