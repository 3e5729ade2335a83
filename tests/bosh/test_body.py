"""`<body/>` both ways."""

from __future__ import annotations

import pytest
from lxml import etree

from conversehost.bosh.body import EMPTY, Body, BodyError, build, parse_body, terminate
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Limits, to_bytes
from tests.bosh.stage import HTTPBIND

LIMITS = Limits()
QUOTES = "''"


def parse(text: str | bytes) -> Body:
    return parse_body(text.encode() if isinstance(text, str) else text, LIMITS)


def test_attributes_stanzas_and_size():
    text = f"<body {HTTPBIND} rid='7' sid='x' xml:lang='en'><message xmlns='jabber:client' id='a'/><iq id='b'/></body>"
    body = parse(text)
    assert (body.rid, body.sid, body.size) == (7, "x", len(text))
    assert body.get(f"{{{ns.XML}}}lang") == "en"
    assert [each.tag for each in body.payload] == ["{jabber:client}message", "{jabber:client}iq"]


def test_stanzas_leave_the_body_in_the_form_that_all_transports_share():
    body = parse(
        f"<b:body xmlns:b='{ns.HTTPBIND}' xmlns:xmpp='{ns.XBOSH}' xmlns='jabber:client' rid='1'>"
        "<message to='a'><body>hi</body></message></b:body>"
    )
    (stanza,) = body.payload
    assert to_bytes(stanza) == b'<message xmlns="jabber:client" to="a"><body>hi</body></message>'


def test_text_between_stanzas_is_ignored():
    body = parse(f"<body {HTTPBIND} rid='1'>\n x <iq xmlns='jabber:client' id='1'/> y\n</body>")
    assert [to_bytes(each) for each in body.payload] == [b'<iq xmlns="jabber:client" id="1"/>']


@pytest.mark.parametrize("value", ["true", "1"])
def test_a_restart_is_said_in_two_ways(value):
    assert parse(f"<body {HTTPBIND} xmlns:xmpp='{ns.XBOSH}' xmpp:restart='{value}'/>").restart


def test_what_is_no_restart():
    assert not parse(f"<body {HTTPBIND} xmlns:xmpp='{ns.XBOSH}' xmpp:restart='false'/>").restart
    assert not parse(f"<body {HTTPBIND} restart='true'/>").restart


USUAL = [
    "<body {0} rid='7' sid='x-Y_1'/>",
    '<body rid="7" xmlns="http://jabber.org/protocol/httpbind" sid="x"/>',
    "<body rid='0' sid='x' {0}></body>",
    "<body rid='7' sid='x' {0} />",
    "<body rid='7' sid='x' {0} ><presence xmlns='jabber:client'/></body>",
    "<body sid='x' rid='7' {0}><message xmlns='jabber:client' to='a&amp;b'><body>&lt;</body> </message></body>",
    "<body sid='x' rid='7' {0}> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YQ==</auth>\n</body>",
    "<body sid='x' rid='7' {0}><iq xmlns='jabber:client' id='1'/><iq xmlns='jabber:client' id='2'/></body>",
    "<body sid='x' rid='7' {0}><message><body>in the namespace around</body></message></body>",
    "<body sid='x' rid='7' {0}><message {0}/></body>",
    "<body sid='x' rid='7' {0}><message xmlns=''/></body>",
    "<body sid='x' rid='7' {0}><a:message xmlns:a='jabber:client'/></body>",
    "<body sid='x' rid='7' {0}><presence xmlns='jabber:client' xml:lang='de'><x xmlns='urn:x'/></presence></body>",
    "<body sid='x' rid='7' {0}>text</body>",
    "<body sid='x' rid='7' {0}><presence xmlns='jabber:client'/>text</body>",
    "<body sid='x' rid='7' {0}><presence xmlns='jabber:client'/></body></body>",
    "<body sid='x' rid='7' {0}><!-- --><presence xmlns='jabber:client'/></body>",
    "<body sid='x' rid='7' {0}><message xmlns='jabber:client'>&x;</message></body>",
    "<body sid='x' rid='7' {0}></body><body {0}></body>",
    "<body rid='7' rid='7' sid='x' {0}/>",
    "<body rid='7' sid='x' sid='x'/>",
    "<body rid='7' sid='x'/>",
    "<body rid='7' {0}/>",
]


@pytest.mark.parametrize("text", USUAL)
def test_what_is_usual_is_read_like_all_else(text):
    def read(data: str) -> object:
        try:
            body = parse(data)
        except BodyError as error:
            return error.condition
        return body.attributes, [to_bytes(each) for each in body.payload]

    usual = text.format(HTTPBIND)
    assert read(usual) == read(usual.replace("<body ", "<body  ", 1))


BAD = {
    "nothing": b"",
    "white space": b"  \n",
    "no XML": b"hello",
    "unclosed": f"<body {HTTPBIND}>".encode(),
    "two roots": f"<body {HTTPBIND}/><body {HTTPBIND}/>".encode(),
    "text after the root": f"<body {HTTPBIND}/>x".encode(),
    "another root": f"<bodies {HTTPBIND}/>".encode(),
    "no namespace": b"<body rid='1'/>",
    "another namespace": b"<body xmlns='jabber:client' rid='1'/>",
    "a comment": f"<body {HTTPBIND}><!-- --></body>".encode(),
    "a comment after the root": f"<body {HTTPBIND}/><!-- -->".encode(),
    "a processing instruction": f"<?php ?><body {HTTPBIND}/>".encode(),
    "a document type": f"<!DOCTYPE body><body {HTTPBIND}/>".encode(),
    "an entity": f"<!DOCTYPE b [<!ENTITY x 'y'>]><body {HTTPBIND}>&x;</body>".encode(),
    "an unknown entity": f"<body {HTTPBIND}>&nbsp;</body>".encode(),
    "NUL": f"<body {HTTPBIND}>\0</body>".encode(),
    "bad UTF-8": f"<body {HTTPBIND} a='\xff'/>".encode("latin-1"),
    "UTF-16": f"<body {HTTPBIND}/>".encode("utf-16"),
    "another encoding": f"<?xml version='1.0' encoding='iso-8859-1'?><body {HTTPBIND}/>".encode(),
    "an undeclared prefix": f"<body {HTTPBIND} x:y='1'/>".encode(),
    "an attribute twice": f"<body {HTTPBIND} rid='1' rid='2'/>".encode(),
    "too deep": f"<body {HTTPBIND}>{'<a>' * 100}{'</a>' * 100}</body>".encode(),
    "depth that takes a parser down": f"<body {HTTPBIND}>{'<a>' * 50_000}".encode(),
    "too many children": f"<body {HTTPBIND}>{'<a/>' * 5000}</body>".encode(),
    "too many attributes": f"<body {HTTPBIND} {' '.join(f'a{n}=' + QUOTES for n in range(200))}/>".encode(),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_body(data):
    with pytest.raises(BodyError) as caught:
        parse(data)
    assert caught.value.condition == "bad-request"
    assert " " in caught.value.reason, "says what is wrong, not only what kind of wrong it is"
    assert "string" not in caught.value.reason, "names a file that nobody has"


def test_an_xml_declaration_is_fine():
    assert parse(f"<?xml version='1.0' encoding='UTF-8'?>\n<body {HTTPBIND} rid='5'/>").rid == 5


def test_building():
    assert etree.fromstring(EMPTY).tag == f"{{{ns.HTTPBIND}}}body"
    data = build({"sid": "a\"b'<&>\n", "n": "1"}, [b"<a xmlns='x'/>", b"<b xmlns='y'/>"])
    root = etree.fromstring(data)
    assert root.get("sid") == "a\"b'<&>\n"
    assert [each.tag for each in root] == ["{x}a", "{y}b"]


def test_terminating():
    assert dict(etree.fromstring(terminate()).attrib) == {"type": "terminate"}
    assert dict(etree.fromstring(terminate("bad-request")).attrib) == {"type": "terminate", "condition": "bad-request"}
