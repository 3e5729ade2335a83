"""Many waits over many records: how little of them is looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversehost.testbed import traffic as traffic_module
from conversehost.testbed.traffic import Filter, Record, Stream, Traffic, attribute
from tests.testbed.conftest import Waiter

HI = b'<message xmlns="jabber:client" to="bob@localhost"><body>hi</body></message>'
ASKED = b'<iq xmlns="jabber:client" type="get" id="p"><ping xmlns="urn:xmpp:ping"/></iq>'
WANTED = Filter(xpath="message[body='ho']")


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(lambda: 0.0)


@pytest.fixture
def parsed(monkeypatch) -> Iterator[list[bytes]]:
    """What was made a tree of, since."""
    found: list[bytes] = []
    below = traffic_module.etree.fromstring

    class Watched:
        XPath = traffic_module.etree.XPath

        @staticmethod
        def fromstring(data: bytes):
            found.append(data)
            return below(data)

    monkeypatch.setattr(traffic_module, "etree", Watched)
    return found


def say(traffic: Traffic, *stanzas: bytes) -> None:
    stream = traffic.stream("tcp", "")
    for each in stanzas:
        traffic.add("in", stream, each)


def test_who_asks_again_is_shown_only_what_came_since(traffic, parsed):
    say(traffic, HI, HI)
    assert traffic.first(WANTED) is None
    assert len(parsed) == 2
    say(traffic, HI, HI.replace(b"hi", b"ho"), HI)
    for _ in range(3):
        found = traffic.first(WANTED)
        assert found is not None
        assert found.number == 4
    assert len(parsed) == 2 + 2 + 1 + 1
    assert traffic.first(WANTED, after=4) is None
    assert traffic.first(WANTED).number == 4


def test_who_begins_later_has_not_seen_what_was_before(traffic):
    say(traffic, HI.replace(b"hi", b"ho"), HI)
    assert traffic.first(WANTED, after=1) is None
    assert traffic.first(WANTED).number == 1


def test_what_was_forgotten_is_not_found_and_what_comes_then_is(traffic):
    say(traffic, HI.replace(b"hi", b"ho"))
    assert traffic.first(WANTED).number == 1
    traffic.clear()
    assert traffic.first(WANTED) is None
    say(traffic, HI.replace(b"hi", b"ho"))
    assert traffic.first(WANTED).number == 2


def test_of_how_many_it_is_known_what_they_have_seen_has_an_end(traffic, monkeypatch):
    monkeypatch.setattr(traffic_module, "WAITS", 3)
    say(traffic, HI)
    for number in range(10):
        assert traffic.first(Filter(text=str(number))) is None
        assert len(traffic._vain) <= 3


def test_another_element_is_not_read_for_xpath(traffic, parsed):
    say(traffic, ASKED, ASKED)
    assert traffic.first(WANTED) is None
    assert traffic.first(Filter(kind="message", xpath="*[body='ho']")) is None
    assert parsed == []


def test_all_who_wait_read_a_new_record_once(house, api, parsed):
    waiting = [Waiter(house, "POST", "/traffic/wait", {"xpath": f"message[body='{n}']"}) for n in range(20)]
    parsed.clear()
    say(house.server.traffic, HI.replace(b"hi", b"7"))
    assert [number for number, each in enumerate(waiting) if each.answer] == [7]
    assert len(parsed) == 1


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'<message to="bob@localhost"/>', "bob@localhost"),
        (b"<message\n id='1' to = 'bob@localhost' ><body to='no'/></message>", "bob@localhost"),
        (b"""<message id='a>b="to"' to="a&amp;b&#x40;localhost"/>""", "a&b@localhost"),
        ('<message to="jürgen@localhost"/>'.encode(), "jürgen@localhost"),
        (b'<message to="a\tb"/>', "a b"),
        (b'<message to=""/>', ""),
        (b'<message x:to="no" xmlns:x="urn:x"><a to="no"/></message>', ""),
        (b"<message/>", ""),
    ],
)
def test_an_attribute_is_read_as_a_parser_does(data, value):
    record = Record(1, 0.0, "in", Stream(1, "tcp", ""), "", data)
    assert attribute(record, "to") == value == record.element().get("to", "")
