"""What is like what a dialogue expects, what isn't, and how the difference is shown."""

from __future__ import annotations

from copy import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.testbed.dialogue import read
from conversehost.testbed.likeness import UnknownNameError, difference, fill, literally, match, render
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, element, to_bytes
from tests.stage import xml

HEAD = "[Client] Romeo\n    jid: romeo@localhost\n    password: secret\nRomeo receives:\n    "


def expected(text: str) -> Element:
    """As a dialogue has it."""
    return read(HEAD + text).steps[0].stanzas[0]


def are_alike(one: str, other: str, **memory: str) -> bool:
    return match(expected(one), xml(other), memory) is not None


def diff(one: str, other: str, **memory: str) -> list[str]:
    return difference(expected(one), xml(other), memory)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<message/>", "<message/>"),
        ("<message/>", "<message to='a@b' from='c@d/e' id='1' xml:lang='en'/>"),
        ("<message\n  type='chat'>\n  <body>Hi</body>\n</message>", "<message type='chat'><body>Hi</body></message>"),
        ("<iq><a xmlns='x'/><b xmlns='x'/></iq>", "<iq><b xmlns='x'/><a xmlns='x'/></iq>"),
        ("<iq><a xmlns='x'/></iq>", "<iq><p:a xmlns:p='x'/></iq>"),
        ("<iq><error type='wait'/></iq>", "<iq><error type='wait' by='a.b'/></iq>"),
        ("<iq><a><message/></a></iq>", "<iq><a><message id='1' xml:lang='en'/></a></iq>"),
        ("<message><body/></message>", "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/><body/></message>"),
        (
            "<message><stanza-id xmlns='urn:xmpp:sid:0' id='...' by='a@b'/></message>",
            "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/></message>",
        ),
        ("<iq id='...'/>", "<iq id='1'/>"),
        ("<iq from='romeo@localhost/...'/>", "<iq from='romeo@localhost/orchard'/>"),
        ("<iq><a>...</a></iq>", "<iq><a/></iq>"),
        ("<iq><a>...</a></iq>", "<iq><a>b</a></iq>"),
        ("<iq><a>...</a></iq>", "<iq><a><b/><c/>d</a></iq>"),
        ("<iq><a><c/>...</a></iq>", "<iq><a><b/><c/></a></iq>"),
        ("<iq id='{scansion:any}'><a>{scansion:any}</a></iq>", "<iq id='1'><a>b</a></iq>"),
        ("<iq><a scansion:strict='false'><b/></a></iq>", "<iq><a x='1'><b/><c/></a></iq>"),
    ],
)
def test_these_are_alike(one, other):
    assert are_alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<message/>", "<presence/>"),
        ("<iq><error by='a.b'/></iq>", "<iq><error by='a.c'/></iq>"),
        ("<iq><a/></iq>", "<iq><a by='a.b'/></iq>"),
        ("<iq><a/></iq>", "<iq><a><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/></a></iq>"),
        ("<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/></message>", "<message/>"),
        (
            "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@b'/></message>",
            "<message><stanza-id xmlns='urn:xmpp:sid:0' id='1' by='a@c'/></message>",
        ),
        ("<message/>", "<message type='chat'/>"),
        ("<message type='chat'/>", "<message/>"),
        ("<message to='a@b'/>", "<message to='a@c'/>"),
        ("<message to='a@b'/>", "<message/>"),
        ("<iq id='...'/>", "<iq/>"),
        ("<message><body>Hi</body></message>", "<message><body>Hi </body></message>"),
        ("<message><body>...and so on</body></message>", "<message><body>x and so on</body></message>"),
        ("<message><body>Hi</body></message>", "<message><body>Hi</body><x/></message>"),
        ("<message><body>Hi</body></message>", "<message/>"),
        ("<iq><a/></iq>", "<iq><a id='1'/></iq>"),
        ("<iq><a/></iq>", "<iq><a xmlns='x'/></iq>"),
        ("<iq><a/><a/></iq>", "<iq><a/></iq>"),
        ("<iq><a><c/>...</a></iq>", "<iq><a><b/></a></iq>"),
        ("<iq><a/></iq>", "<iq>b<a/></iq>"),
        ("<iq><a scansion:strict='false'><b/></a></iq>", "<iq><a><c/></a></iq>"),
    ],
)
def test_these_are_not(one, other):
    assert not are_alike(one, other)


def test_a_name_remembers():
    memory = match(expected("<iq id='{id}'><a>{b} and {c}</a></iq>"), xml("<iq id='7'><a>x and y</a></iq>"), {})
    assert memory == {"id": "7", "b": "x", "c": "y"}


def test_what_is_remembered_must_come_again():
    assert are_alike("<iq id='{id}'/>", "<iq id='7'/>", id="7")
    assert not are_alike("<iq id='{id}'/>", "<iq id='8'/>", id="7")
    assert are_alike("<iq id='{x}-{x}'/>", "<iq id='1-1'/>")
    assert not are_alike("<iq id='{x}-{x}'/>", "<iq id='1-2'/>")


def test_what_differs_is_not_remembered():
    memory: dict[str, str] = {}
    assert match(expected("<iq id='{id}' type='get'/>"), xml("<iq id='7' type='set'/>"), memory) is None
    assert match(expected("<iq><a x='{x}'/><a x='2'/></iq>"), xml("<iq><a x='1'/><a x='3'/></iq>"), memory) is None
    assert memory == {}


def test_a_dollar_makes_no_difference():
    assert are_alike("<iq to='${Romeo's full JID}'/>", "<iq to='a@b/c'/>", **{"Romeo's full JID": "a@b/c"})


def test_what_is_remembered_is_sent():
    filled = fill(expected("<iq id='{id}'><a>say {what}</a></iq>"), {"id": "7", "what": "<friend>"})
    assert to_bytes(filled) == b'<iq xmlns="jabber:client" id="7"><a>say &lt;friend&gt;</a></iq>'


def test_what_is_not_remembered_is_not_sent():
    with pytest.raises(UnknownNameError, match=r"\{id\} is to be sent, but nothing has been remembered by that name"):
        fill(expected("<iq id='{id}'/>"), {})


def test_only_what_differs_shows():
    one = "<message from='...' type='chat'><body>Hi</body><x xmlns='y' id='{id}'/></message>"
    other = "<message to='a@b' from='c@d' type='chat'><body>Ho</body><x xmlns='y' id='9'/></message>"
    assert diff(one, other) == [
        '  <message from="c@d" to="a@b" type="chat">',
        "-   <body>Hi</body>",
        "+   <body>Ho</body>",
        '    <x xmlns="y" id="9"/>',
        "  </message>",
    ]


def test_what_is_missing_and_what_is_too_much_show():
    assert diff("<iq type='get'><a/><b/></iq>", "<iq type='get'><b/><c d='e'/></iq>") == [
        '  <iq type="get">',
        "    <b/>",
        "-   <a/>",
        '+   <c d="e"/>',
        "  </iq>",
    ]


def test_what_else_may_be_there_does_not_show():
    assert diff("<iq><a><b/><c x='1'/>...</a></iq>", "<iq><a><d/><b/><c x='2'/></a></iq>") == [
        "  <iq>",
        "    <a>",
        "      <d/>",
        "      <b/>",
        '-     <c x="1"/>',
        '+     <c x="2"/>',
        "    </a>",
        "  </iq>",
    ]


def test_how_strict_one_is_does_not_show():
    assert diff("<iq><a scansion:strict='false'><b/></a></iq>", "<iq><a x='1'><c/></a></iq>") == [
        "  <iq>",
        '    <a x="1">',
        "      <c/>",
        "-     <b/>",
        "    </a>",
        "  </iq>",
    ]


def test_something_quite_different_shows_in_full():
    assert diff("<presence/>", "<message><body>Hi</body></message>") == [
        "- <presence/>",
        "+ <message>",
        "+   <body>Hi</body>",
        "+ </message>",
    ]


def test_comparing_changes_nothing():
    one, other = expected("<iq><a/><b><c/>...</b></iq>"), xml("<iq><b><d/></b></iq>")
    before = to_bytes(one), to_bytes(other)
    match(one, other, {})
    difference(one, other, {})
    assert (to_bytes(one), to_bytes(other)) == before


def test_xml_is_written_to_be_read():
    text = "<iq xml:lang='en'><a xmlns='x' b='1'>c &lt; d<e/>f</a></iq>"
    assert list(render(xml(text))) == [
        '<iq xml:lang="en">',
        '  <a xmlns="x" b="1">',
        "    c &lt; d f",
        "    <e/>",
        "  </a>",
        "</iq>",
    ]


def message(text: str, value: str = "") -> Element:
    made = element(ns.CLIENT, "message", {"id": value})
    made.append(element(ns.CLIENT, "body", {"id": value}, text=text or None))
    return made


@given(st.text(st.sampled_from(list("ab\\{}.$'\" \n<&")), max_size=12), st.text("ab\\{}.$'\"", max_size=12))
@settings(max_examples=200, deadline=None)
def test_what_is_written_literally_is_sent_and_expected_as_it_is(text: str, value: str):
    said = message(text, value)
    escaped = copy(said)
    literally(escaped)
    read_again = expected("\n    ".join(line.replace("\n", "&#10;") for line in render(escaped)))
    assert to_bytes(fill(read_again, {})) == to_bytes(said)
    assert match(read_again, said, {}) == {}
    for other in (text + "a", text[1:]):
        if other != text:
            (body,) = (changed := copy(said))
            body.text = other
            assert match(read_again, changed, {}) is None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (r"\{a}", "{a}"),
        (r"\\{a}", r"\x"),
        (r"\\\{a}", r"\{a}"),
        (r"$\{a}", "${a}"),
        (r"\...", "..."),
        ("...", "..."),
        (r"C:\new", r"C:\new"),
    ],
)
def test_what_stands_behind_a_backslash_is_itself(written: str, sent: str):
    stanza = message(written)
    assert fill(stanza, {"a": "x"})[0].text == sent
    (body,) = (came := copy(stanza))
    body.text = sent
    assert match(stanza, came, {"a": "x"}) is not None
