"""XEP-0175: guests on a domain of their own, beside one for accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.features import chosen
from conversehost.server.authentication import LoginRules
from conversehost.server.host import Host
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.stage import Client, Stage, condition, offered

GUESTS = "anon.localhost"


@pytest.fixture
def house(stage: Stage) -> Stage:
    host = Host(
        GUESTS,
        store=stage.store,
        clock=stage.clock,
        router=stage.router,
        accounts=stage.accounts,
        rules=LoginRules(stage.accounts, anonymous=True),
    )
    for feature in chosen(guests=True):
        feature.install(host)
    return stage


@pytest.fixture
def come(house: Stage) -> Callable[[], Client]:
    """A guest comes in, as any client does: logs in, binds, is available."""

    def come() -> Client:
        guest = house.open(GUESTS)
        guest.take()
        guest.write(f"<auth xmlns='{ns.SASL}' mechanism='ANONYMOUS'/>")
        assert guest.take()[-1].tag == f"{{{ns.SASL}}}success"
        guest.restart()
        guest.ask("set", f"<bind xmlns='{ns.BIND}'/>")
        guest.available()
        guest.take()
        return guest

    return come


def accounts(house: Stage) -> list[str]:
    return [jid.full for jid, _ in house.accounts.of(GUESTS)]


def test_nothing_but_anonymous_is_offered_there_and_it_nowhere_else(house: Stage):
    assert list(offered(house.open(GUESTS).take()[0])) == ["ANONYMOUS"]
    assert "ANONYMOUS" not in offered(house.open("localhost").take()[0])


def test_each_guest_is_somebody_else(house: Stage, come: Callable[[], Client]):
    one, other = come(), come()
    assert one.bare != other.bare
    assert one.bare.endswith("@anon.localhost")
    assert accounts(house) == [one.bare, other.bare]


@pytest.mark.parametrize("leave", [Client.drop, lambda client: client.presence("unavailable") or client.drop()])
def test_a_guest_who_leaves_is_gone_with_all_that_was_kept(
    house: Stage, come: Callable[[], Client], leave: Callable[[Client], None]
):
    guest = come()
    guest.ask("set", "<vCard xmlns='vcard-temp'><FN>G</FN></vCard>")
    guest.ask("set", "<query xmlns='jabber:iq:private'><a xmlns='a:b'/></query>")
    leave(guest)
    assert accounts(house) == []
    snapshot = house.store.snapshot()
    assert not [name for name, table in snapshot.items() if any(GUESTS in owner for owner in table)]


def test_guests_and_people_talk(romeo: Client, come: Callable[[], Client]):
    guest = come()
    guest.say(romeo.bare, "May I?")
    assert romeo.heard() == ["May I?"]
    romeo.say(guest.bare, "Do.")
    assert guest.heard() == ["Do."]
    other = come()
    guest.say(other.bare, "hi")
    assert other.heard() == ["hi"]


def test_a_message_for_a_guest_who_has_left_comes_back(romeo: Client, come: Callable[[], Client]):
    guest = come()
    guest.drop()
    romeo.say(guest.bare)
    assert condition(romeo.only("message")) == "service-unavailable"


@pytest.mark.parametrize("type", ["subscribe", "subscribed", "unsubscribe", "unsubscribed"])
def test_guests_have_no_lasting_contacts(romeo: Client, come: Callable[[], Client], type: str):
    guest = come()
    guest.presence(type, romeo.bare)
    assert condition(guest.only("presence")) == "not-allowed"
    assert not romeo.take()


def test_whoever_asks_a_guest_is_told_no(romeo: Client, come: Callable[[], Client]):
    guest = come()
    romeo.presence("subscribe", guest.bare)
    assert not guest.take()
    assert (guest.bare, "unsubscribed") in romeo.seen()
    assert guest.bare not in [jid for jid, item in romeo.roster().items() if item["subscription"] != "none"]


def test_presence_sent_to_somebody_arrives_and_ends(romeo: Client, come: Callable[[], Client]):
    guest = come()
    guest.available(to=romeo.bare)
    assert romeo.seen() == [(guest.jid, None)]
    guest.drop()
    assert romeo.seen() == [(guest.jid, "unavailable")]


def test_guests_cannot_look_for_people(come: Callable[[], Client]):
    asked = come().ask("set", f"<query xmlns='{ns.SEARCH}'/>", "localhost")
    assert condition(asked) == "forbidden"


def test_whoever_has_an_account_cannot_log_in_there(house: Stage):
    house.accounts.put(parse("romeo@anon.localhost"), "secret")
    client = house.open(GUESTS)
    client.take()
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>AHJvbWVvAHNlY3JldA==</auth>")
    assert client.take()[-1][0].tag == f"{{{ns.SASL}}}invalid-mechanism"


def test_guests_get_no_tokens(house: Stage):
    guest = house.open(GUESTS)
    assert f"{{{ns.FAST}}}fast" not in {each.tag for each in guest.take()[0].iter()}
    wanted = f"<request-token xmlns='{ns.FAST}' mechanism='HT-SHA-256-NONE'/>"
    agent = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>"
    guest.write(f"<authenticate xmlns='{ns.SASL2}' mechanism='ANONYMOUS'>{agent}{wanted}</authenticate>")
    assert list(house.store.owners("fast")) == []
