"""WebSockets that are loaded again, cut, left alone: what stream management (XEP-0198) is for."""

from __future__ import annotations

import pytest

from conversehost.client.client import Client
from conversehost.client.websocket import WebSocketWire
from conversehost.client.wire import Manners
from conversehost.testing import TestBed
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import element

HIBERNATION = 700.0
"""Seconds, and more than anything waits to be resumed."""


class Tab:
    """A page of alice's, over WebSocket."""

    def __init__(self, bed: TestBed, broken: Tab | None = None) -> None:
        """With a session of its own, or with that of one which is gone."""
        self.client = Client(WebSocketWire(bed.websocket or "", Manners()), parse("alice@localhost"), "secret")
        self.client.open()
        if broken is None:
            self.client.log_in()
            self.client.send(element(ns.SM, "enable", {"resume": "true"}))
            assert self.client.receive().tag == f"{{{ns.SM}}}enabled"
            self.client.send(element(ns.CLIENT, "presence"))
        else:
            self.client.resume(broken.client)
        self.client.settle()
        assert self.client.is_managed

    def bodies(self) -> list[str]:
        """Of what has come since."""
        self.client.settle()
        found = (each.findtext(f"{{{ns.CLIENT}}}body") for each in self.client.take_all())
        return [each for each in found if each]


def test_a_page_that_was_reloaded_has_its_session_again(bed: TestBed):
    """ "It logs in anew with each page": with stream management it needn't, and nothing is missing or doubled."""
    page = Tab(bed)
    (before,) = bed.sessions("alice")
    bed.message("bob", "alice", "one")
    assert page.bodies() == ["one"]
    page.client.drop()
    bed.message("bob", "alice", "two")
    page = Tab(bed, page)
    bed.message("bob", "alice", "three")
    assert page.bodies() == ["two", "three"]
    assert [each.jid for each in bed.sessions("alice")] == [before.jid]


def test_tabs_that_were_discarded_do_not_pile_up_for_ever(bed: TestBed):
    """Browsers throw tabs away, and what opens again doesn't always resume: the old sessions end by themselves."""
    for _ in range(3):
        Tab(bed).client.drop()
    last = Tab(bed)
    bed.advance(HIBERNATION)
    (left,) = bed.sessions("alice")
    assert left.jid == str(last.client.jid)


def test_what_was_sent_to_a_tab_that_never_came_back_is_not_lost(bed: TestBed):
    gone = Tab(bed)
    gone.client.drop()
    bed.message("bob", "alice", "hi")
    bed.advance(HIBERNATION)
    assert Tab(bed).bodies() == ["hi"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_proxy_that_closes_what_is_idle_costs_nothing(bed: TestBed, how: str):
    """After a minute without a word it is cut, in one way or another; the page resumes."""
    page = Tab(bed)
    (session,) = bed.sessions("alice")
    bed.kill(session, how if how == "reset" else "code", **({} if how == "reset" else {"code": 1001}))
    bed.message("bob", "alice", "hi")
    assert Tab(bed, page).bodies() == ["hi"]


def test_a_connection_that_is_half_open_looks_alive(bed: TestBed):
    """Nothing comes in, nothing goes out, and nobody is told: what has waited comes once it goes on."""
    page = Tab(bed)
    (session,) = bed.sessions("alice")
    bed.hold(session)
    bed.message("bob", "alice", "hi")
    assert [each.jid for each in bed.sessions("alice")] == [session.jid]
    bed.release(session)
    assert page.bodies() == ["hi"]
