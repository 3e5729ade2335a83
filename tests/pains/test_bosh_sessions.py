"""BOSH sessions that die, stay, or were never there."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from conversehost.testing import TestBed
from tests.pains.pages import HTTPBIND, PRESENCE, Page, end_of, plain

CLIENT = "{jabber:client}"
XBOSH = "xmlns:xmpp='urn:xmpp:xbosh'"


def test_a_page_that_was_reloaded_is_attached_and_alive(bed: TestBed):
    """ "Attached, but presence and roster are dead": the same session goes on, with the next rid, every time."""
    page = Page(bed)
    page.enter()
    for number in range(5):
        answer = page.ping(f"after-reload-{number}")
        assert answer.find(f"{CLIENT}iq[@type='result']") is not None
    (session,) = bed.sessions("alice")
    assert (session.jid, session.available) == (page.jid, True)


def test_prebind_gives_the_rid_that_comes_next(bed: TestBed):
    """Off by one: neither the last one that was used, nor one further."""
    page = Page(bed)
    told = page.attach()
    assert end_of(page.ping("first", told["rid"])) is None


@pytest.mark.parametrize(("offset", "reason"), [(-1, "rid"), (50, "rid")])
def test_a_rid_that_is_off_ends_the_session_and_the_answer_says_why(bed: TestBed, offset: int, reason: str):
    page = Page(bed)
    told = page.attach()
    assert end_of(page.ping("wrong", told["rid"] + offset)) == "item-not-found"
    assert reason in page.reason


def test_a_session_that_nobody_asks_for_dies_after_its_inactivity(bed: TestBed):
    """ "404: no session for that sid", a minute after the laptop was closed: no test needs to wait for that."""
    page = Page(bed)
    page.enter()
    bed.advance(61)
    assert bed.sessions("alice") == []
    assert end_of(page.ping()) == "item-not-found"
    assert page.reason


def test_the_same_request_again_gets_the_same_answer(bed: TestBed):
    """A request that was aborted, or whose answer was lost, is repeated; it isn't processed twice."""
    page = Page(bed)
    page.enter()
    with bed.fault("lost-response", account="alice", count=1), pytest.raises(ConnectionError):
        page.ping("lost")
    lost = page.rid - 1
    again = page.ping("lost", lost)
    assert again.find(f"{CLIENT}iq[@id='lost'][@type='result']") is not None
    assert ET.tostring(page.ping("lost", lost)) == ET.tostring(again)
    assert len(bed.traffic("iq[@id='lost']", direction="in")) == 1


def test_a_client_that_asks_too_often_is_told_so(bed: TestBed):
    """Overactivity: a client that polls, and doesn't keep to the time that it was told, gets "policy-violation"."""
    page = Page(bed)
    opening = f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost' wait='0' hold='0' ver='1.6'/>"
    opened = ET.fromstring(page.http("POST", "/http-bind", opening, {"Content-Type": "text/xml"}).read())
    page.sid, page.rid = opened.attrib["sid"], 1001
    assert int(opened.attrib["polling"]) > 0
    assert "policy-violation" in (end_of(page.post()), end_of(page.post()))


def test_every_tab_has_a_session_and_a_resource_of_its_own(bed: TestBed):
    """With one fixed resource, tabs throw one another out."""
    page = Page(bed)
    jids = {page.attach()["jid"] for _ in range(5)}
    assert len(jids) == 5
    assert {each.jid for each in bed.sessions("alice")} == jids


def test_a_forgotten_tab_makes_room_for_a_new_one(bed: TestBed):
    """Prebind goes on working however many pages were opened and never closed."""
    page = Page(bed)
    for _ in range(25):
        page.attach()
    assert end_of(page.ping()) is None


def test_a_closed_tab_is_gone_at_once_where_the_page_says_so(bed: TestBed):
    """No ghost for a minute: a page that is left sends its last body by sendBeacon, which makes it text/plain."""
    page = Page(bed)
    page.enter()
    page.post(attributes="type='terminate'", kind="text/plain")
    assert bed.sessions("alice") == []


def test_a_tab_that_crashed_is_a_ghost_for_as_long_as_its_inactivity(bed: TestBed):
    page, bob = Page(bed), Page(bed, "bob")
    page.enter()
    bob.enter()
    bed.advance(59)
    bob.ping()
    assert [each.account for each in bed.sessions()] == ["alice@localhost", "bob@localhost"]
    bed.advance(2)
    assert [each.account for each in bed.sessions()] == ["bob@localhost"]
    assert bed.wait_for("presence[@type='unavailable']", sender="alice@localhost", account="bob")


def test_requests_that_a_page_repeats_for_ever_are_seen(bed: TestBed):
    """A loop after prebind: a test says how often a page may ask."""
    page = Page(bed)
    page.enter()
    few = bed.expect("presence", account="alice", direction="in", at_most=2)
    for _ in range(3):
        page.post(PRESENCE)
    with pytest.raises(AssertionError, match="presence"):
        few.verify(0)


def test_a_session_that_the_server_ends_says_why(bed: TestBed):
    page = Page(bed)
    page.enter()
    bed.kill_session("alice", "system-shutdown", how="terminate")
    assert end_of(page.ping()) in ("system-shutdown", "item-not-found")


def test_a_stream_that_restarts_is_told_what_there_is_now(bed: TestBed):
    """Some servers answer a restart without features, and the page waits for them."""
    page = Page(bed)
    opening = (
        f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost' wait='1' hold='1' ver='1.6' {XBOSH} xmpp:version='1.0'/>"
    )
    page.sid = ET.fromstring(page.http("POST", "/http-bind", opening, {"Content-Type": "text/xml"}).read()).attrib[
        "sid"
    ]
    page.rid = 1001
    page.post(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain('alice')}</auth>")
    restarted = page.post(attributes=f"to='localhost' {XBOSH} xmpp:restart='true'")
    assert restarted.find(".//{urn:ietf:params:xml:ns:xmpp-bind}bind") is not None


def test_the_end_that_a_page_asks_for_is_an_end(bed: TestBed):
    """The answer to `terminate` says so, too."""
    page = Page(bed)
    page.enter()
    assert page.post(attributes="type='terminate'").get("type") == "terminate"


def test_a_pause_is_no_longer_than_was_agreed_on(bed: TestBed):
    page = Page(bed)
    page.enter()
    assert end_of(page.post(attributes="pause='100000'")) == "policy-violation"
