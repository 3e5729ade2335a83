"""XEP-0191: what who is blocked sees of the user, and the other way round."""

from __future__ import annotations

import pytest

from conversehost.server.roster import RosterItem
from conversehost.xmpp.jid import parse
from tests.features.elsewhere import Elsewhere
from tests.features.test_blocking import block, unblock
from tests.stage import Client, Stage


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


@pytest.mark.parametrize("item", ["romeo@localhost", "romeo@localhost/orchard", "localhost"])
def test_who_may_see_the_user_sees_them_leave_and_come_back(stage: Stage, romeo: Client, juliet: Client, item: str):
    stage.login("juliet", "chamber")
    romeo.take()
    block(juliet, item)
    here = ["juliet@localhost/balcony", "juliet@localhost/chamber"]
    assert romeo.seen() == [(each, "unavailable") for each in here]
    block(juliet, item)
    assert romeo.take() == []
    unblock(juliet, item)
    assert romeo.seen() == [(each, None) for each in here]
    unblock(juliet, item)
    assert romeo.take() == []


def test_who_is_blocked_twice_is_shown_nothing_after_one_unblocking(romeo: Client, juliet: Client):
    block(juliet, "localhost")
    block(juliet, "romeo@localhost")
    assert romeo.seen() == [("juliet@localhost/balcony", "unavailable")]
    unblock(juliet, "localhost")
    assert romeo.take() == []
    unblock(juliet)
    assert romeo.seen() == [("juliet@localhost/balcony", None)]


@pytest.mark.parametrize("items", [("localhost", "romeo@localhost"), ("romeo@localhost", "localhost")])
def test_who_is_meant_twice_is_told_once(romeo: Client, juliet: Client, items: tuple[str, str]):
    block(juliet, *items)
    assert romeo.seen() == [(juliet.jid, "unavailable")]
    unblock(juliet, *items)
    assert romeo.seen() == [(juliet.jid, None)]


def test_strangers_are_shown_nothing_either_way(juliet: Client, mercutio: Client):
    block(juliet, "mercutio@localhost")
    unblock(juliet)
    assert mercutio.take() == []


def test_what_they_have_shown_meanwhile_comes_after_unblocking(romeo: Client, juliet: Client):
    block(juliet, "romeo@localhost")
    romeo.write("<presence><show>away</show></presence>")
    assert juliet.take() == []
    unblock(juliet, "romeo@localhost")
    seen = juliet.only("presence")
    assert (seen.get("from"), seen.text_of("show")) == (romeo.jid, "away")


def test_presence_does_not_go_either_way(stage: Stage, romeo: Client, juliet: Client):
    block(juliet, "romeo@localhost")
    romeo.take()
    juliet.available()
    chamber = stage.login("juliet", "chamber")
    romeo.available()
    garden = stage.login("romeo", "garden")
    juliet.presence("unavailable")
    chamber.drop()
    for client in (juliet, chamber, romeo, garden):
        assert {sender.partition("/")[0] for sender, _ in client.seen()} <= {client.bare}


def test_a_contact_elsewhere_is_neither_told_nor_asked(stage: Stage, juliet: Client, elsewhere: Elsewhere):
    account, contact = juliet.session.account, parse("friend@elsewhere.example")
    stage.host.rosters.put(account, RosterItem(contact.bare, to=True, from_=True))
    block(juliet, contact.bare)
    assert elsewhere.seen() == [(juliet.jid, "unavailable")]
    juliet.available()
    stage.login("juliet", "chamber").drop()
    juliet.presence("unavailable")
    assert elsewhere.take() == []
    juliet.available()
    unblock(juliet)
    assert elsewhere.seen() == [(juliet.jid, None), (juliet.bare, "probe")]


@pytest.mark.parametrize("item", ["room@elsewhere.example", "room@elsewhere.example/nick", "elsewhere.example"])
def test_who_was_told_by_address_sees_the_user_leave_too(juliet: Client, elsewhere: Elsewhere, item: str):
    for to in ("room@elsewhere.example/nick", "other.example"):
        juliet.available(to=to)
    juliet.take()
    elsewhere.take()
    block(juliet, item)
    assert elsewhere.seen() == [(juliet.jid, "unavailable")]
    unblock(juliet)
    juliet.drop()
    assert elsewhere.take() == []


def test_who_is_subscribed_and_was_told_by_address_sees_it_once(romeo: Client, juliet: Client):
    juliet.available(to=romeo.jid)
    romeo.take()
    block(juliet, romeo.bare)
    assert romeo.seen() == [(juliet.jid, "unavailable")]


def test_of_a_user_who_is_away_there_is_nothing_to_see(stage: Stage, romeo: Client):
    juliet = stage.connect("juliet", "balcony")
    block(juliet, "romeo@localhost")
    unblock(juliet)
    assert romeo.take() == juliet.take() == []


def test_subscriptions_stay_as_they_are(romeo: Client, juliet: Client):
    before = (romeo.roster(), juliet.roster())
    block(juliet, "romeo@localhost")
    assert (romeo.roster(), juliet.roster()) == before
    assert romeo.pushes() == juliet.pushes() == []
