"""XEP-0012 and XEP-0256."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.xmpp import ns
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

LAST = "<query xmlns='jabber:iq:last'/>"


def told(client: Client, to: str | None) -> tuple[str | None, str | None]:
    """Seconds and status."""
    query = client.ask("get", LAST, to)[0]
    return query.get("seconds"), query.text


def test_how_long_ago_a_contact_left_and_what_it_said(romeo: Client, juliet: Client, clock: Clock):
    juliet.write("<presence type='unavailable'><status>Heading home</status></presence>")
    clock.advance(903.9)
    assert told(romeo, juliet.bare) == ("903", "Heading home")


def test_a_connection_that_broke_is_a_leave_too(romeo: Client, juliet: Client, clock: Clock):
    juliet.drop()
    clock.advance(60)
    assert told(romeo, juliet.bare) == ("60", None)


def test_whoever_is_here_has_been_active_just_now(stage: Stage, romeo: Client, juliet: Client, clock: Clock):
    other = stage.login("juliet", "chamber")
    other.drop()
    clock.advance(60)
    assert told(romeo, juliet.bare) == ("0", None)


@pytest.mark.parametrize("to", [None, "romeo@localhost"])
def test_ones_own(romeo: Client, to: str | None):
    assert told(romeo, to) == ("0", None)


def test_somebody_who_has_not_been_here_since_the_start(stage: Stage, romeo: Client, clock: Clock):
    stage.befriend("romeo", "benvolio")
    clock.advance(7)
    assert told(romeo, "benvolio@localhost") == ("7", None)


def test_strangers_are_not_told(juliet: Client, mercutio: Client):
    assert condition(mercutio.ask("get", LAST, juliet.bare)) == "forbidden"


def test_nor_do_they_reach_a_client_with_it(juliet: Client, mercutio: Client):
    assert condition(mercutio.ask("get", LAST, juliet.jid)) == "forbidden"
    assert condition(mercutio.ask("get", LAST, "juliet@localhost/gone")) == "forbidden"
    assert not juliet.take()


def test_a_stranger_elsewhere_is_not_told(stage: Stage, juliet: Client):
    elsewhere = Elsewhere(stage)
    elsewhere.send(f"<iq type='get' id='1' from='a@elsewhere.example/x' to='{juliet.bare}'>{LAST}</iq>")
    assert condition(elsewhere.take()[0]) == "forbidden"


def test_a_client_answers_for_itself(romeo: Client, juliet: Client):
    romeo.write(f"<iq type='get' id='1' to='{juliet.jid}'>{LAST}</iq>")
    assert juliet.only().get("from") == romeo.jid
    juliet.write(f"<iq type='result' id='1' to='{romeo.jid}'><query xmlns='jabber:iq:last' seconds='123'/></iq>")
    assert romeo.only()[0].get("seconds") == "123"


def test_how_long_the_server_runs(mercutio: Client, clock: Clock):
    clock.advance(123_456)
    assert told(mercutio, "localhost") == ("123456", None)


def test_what_is_kept_goes_with_the_account(stage: Stage, romeo: Client, juliet: Client, clock: Clock):
    juliet.drop()
    clock.advance(5)
    stage.host.delete_account(juliet.session.account)
    stage.befriend("romeo", "juliet")
    clock.advance(5)
    assert told(romeo, "juliet@localhost") == ("10", None)


def test_in_presence_it_is_passed_on_as_it_is(romeo: Client, juliet: Client):
    juliet.write("<presence><show>away</show><query xmlns='jabber:iq:last' seconds='600'/></presence>")
    query = romeo.only("presence").find(f"{{{ns.LAST}}}query")
    assert query is not None
    assert query.get("seconds") == "600"
