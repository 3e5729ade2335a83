"""What goes to many is what a copy for each would be."""

from __future__ import annotations

from copy import copy

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from conversehost.server.broadcast import Broadcast, absence
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, clean, parse

PRESENCES = [
    "<presence xmlns='jabber:client'/>",
    "<presence xmlns='jabber:client' from='a@b/c' id='1'><show>away</show></presence>",
    "<presence xmlns='jabber:client' id=' xmlns=&quot;jabber:client&quot;'><status>é</status></presence>",
    "<presence xmlns:y='urn:y' xmlns='jabber:client' y:a='1'><y:x/></presence>",
    "<presence xmlns='jabber:client' xmlns:y='urn:y' y:a='1'><x xmlns='urn:x'/></presence>",
    "<presence xmlns='jabber:client' xml:lang='de'><status>x</status> text </presence>",
]
ADDRESSES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10).map(clean)


def presence(text: str) -> Stanza:
    found = parse(text.encode())
    assert isinstance(found, Stanza)
    return found


def canonical(stanza: Element) -> bytes:
    return etree.tostring(stanza, method="c14n")


@given(text=st.sampled_from(PRESENCES), to=ADDRESSES)
def test_it_is_as_if_each_got_a_copy(text: str, to: str):
    broadcast, mine = Broadcast(presence(text), 0), copy(presence(text))
    mine.set("to", to)
    assert canonical(parse(broadcast.to(to))) == canonical(mine) == canonical(broadcast.addressed(to))


def test_what_is_told_at_once_has_no_time_and_what_is_told_later_has():
    broadcast = Broadcast(presence(PRESENCES[1]), 1_000)
    assert broadcast.recalled("localhost", 1_000) is broadcast
    later = broadcast.recalled("localhost", 1_001)
    assert later is broadcast.recalled("localhost", 2_000) is later.recalled("localhost", 3_000)
    (delay,) = later.stanza.iterchildren(f"{{{ns.DELAY}}}delay")
    assert dict(delay.attrib) == {"from": "localhost", "stamp": "1970-01-01T00:16:40.000Z"}
    assert len(broadcast.stanza) == 1


def test_who_was_never_there_was_not_since_any_time():
    assert len(absence("a@localhost", "localhost", None).stanza) == 0
    assert len(absence("a@localhost", "localhost", 5.0).stanza) == 1
