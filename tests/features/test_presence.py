"""RFC 6121 section 4."""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import unescape

import pytest

from conversehost.features import presence
from conversehost.server.roster import RosterItem
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition, xml


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


def test_whoever_comes_is_seen_and_sees(stage: Stage, romeo: Client):
    stage.login("juliet", "balcony")
    assert romeo.seen() == [("juliet@localhost/balcony", None)]
    juliet = stage.connect("juliet", "chamber")
    juliet.available()
    assert juliet.seen() == [
        ("juliet@localhost/chamber", None),
        ("juliet@localhost/balcony", None),
        ("romeo@localhost/orchard", None),
    ]


def test_presence_is_passed_on_whole(romeo: Client, juliet: Client):
    juliet.write(
        "<presence id='p1'><show>away</show><status>\u00e9</status><priority>3</priority><x xmlns='urn:x'/></presence>"
    )
    for seen, to in ((romeo.only(), "romeo@localhost"), (juliet.only(), juliet.jid)):
        assert (seen.id, seen.text_of("show"), seen.text_of("status")) == ("p1", "away", "\u00e9")
        assert (seen.get("from"), seen.get("to"), seen.has("urn:x", "x")) == (juliet.jid, to, True)


def test_who_comes_later_sees_the_latest(stage: Stage, juliet: Client, romeo: Client):
    for show in ("away", "dnd"):
        juliet.write(f"<presence><show>{show}</show></presence>")
    romeo.drop()
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    assert [each.text_of("show") for each in romeo.take("presence") if each.get("from") == juliet.jid] == ["dnd"]


def test_subscriptions_have_a_direction(stage: Stage, juliet: Client):
    """mercutio may see juliet; she may not see him."""
    mercutio = stage.login("mercutio", "square")
    mercutio.presence("subscribe", "juliet@localhost")
    juliet.presence("subscribed", "mercutio@localhost")
    mercutio.take()
    juliet.take()
    juliet.available()
    mercutio.available()
    assert mercutio.seen() == [("juliet@localhost/balcony", None), ("mercutio@localhost/square", None)]
    assert juliet.seen() == [("juliet@localhost/balcony", None)]


def test_a_stranger_sees_nothing(romeo: Client, juliet: Client, mercutio: Client):
    juliet.available()
    juliet.drop()
    assert mercutio.take() == []


def test_a_session_that_says_nothing_is_not_seen(stage: Stage, romeo: Client):
    stage.connect("juliet", "balcony").drop()
    assert romeo.take() == []


def test_a_contact_who_is_away_is_seen_to_be(romeo: Client, stage: Stage):
    stage.account("juliet")
    romeo.drop()
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    assert ("juliet@localhost", "unavailable") in romeo.seen()


# Going (section 4.5)


def test_saying_goodbye(romeo: Client, juliet: Client, stage: Stage):
    other = stage.login("juliet", "chamber")
    romeo.take()
    juliet.take()
    juliet.write("<presence type='unavailable'><status>good night</status></presence>")
    for each in (romeo, other, juliet):
        seen = each.only()
        assert (seen.get("from"), seen.type, seen.text_of("status")) == (juliet.jid, "unavailable", "good night")
    juliet.drop()
    assert romeo.take() == []


def test_who_has_said_goodbye_can_come_back(romeo: Client, juliet: Client):
    juliet.presence("unavailable")
    romeo.say("juliet@localhost", "later")
    romeo.take()
    juliet.take()
    juliet.available()
    assert romeo.seen() == [("juliet@localhost/balcony", None)]
    assert juliet.seen() == [("juliet@localhost/balcony", None), ("romeo@localhost/orchard", None)]
    assert juliet.heard() == ["later"]


def test_goodbye_is_said_once(romeo: Client, juliet: Client):
    juliet.presence("unavailable")
    juliet.presence("unavailable")
    assert romeo.seen() == [("juliet@localhost/balcony", "unavailable")]


ENDS = {
    "the connection breaks": lambda stage, client: client.drop(),
    "the client says goodbye": lambda stage, client: client.stream.close(),
    "the server ends it": lambda stage, client: client.session.link.close(StreamError("reset")),
    "a violation": lambda stage, client: client.write("<message from='x@y'/>"),
    "the same resource": lambda stage, client: stage.connect("juliet", "balcony"),
    "the account goes": lambda stage, client: stage.host.delete_account(client.session.account),
    "from outside": lambda stage, client: stage.host.unbound(client.session),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_however_a_session_ends_it_is_seen(stage: Stage, romeo: Client, juliet: Client, mercutio: Client, end):
    juliet.available(to="mercutio@localhost")
    juliet.available(to="romeo@localhost")  # who is subscribed, and hears of the end once all the same
    romeo.take()
    mercutio.take()
    end(stage, juliet)
    stage.turn.end()
    assert [each for each in romeo.seen() if each[1] == "unavailable"] == [("juliet@localhost/balcony", "unavailable")]
    assert mercutio.seen() == [("juliet@localhost/balcony", "unavailable")]


# Priority (section 4.7.2.3)


@pytest.mark.parametrize("text", ["127", "-128", "0", "+1", " 5 ", "007"])
def test_a_priority(mercutio: Client, text: str):
    mercutio.write(f"<presence><priority>{text}</priority></presence>")
    assert mercutio.session.priority == int(text)
    assert mercutio.seen() == [("mercutio@localhost/square", None)]


@pytest.mark.parametrize("text", ["128", "-129", "", "high", "1.5", "1_0", "\u0661", "99999999999999999999"])
def test_what_is_no_priority(romeo: Client, juliet: Client, text: str):
    juliet.write(f"<presence><priority>{text}</priority></presence>")
    assert condition(juliet.only()) == "bad-request"
    assert romeo.take() == []
    assert juliet.session.priority == 0


def test_messages_wait_until_the_priority_is_not_negative(stage: Stage, mercutio: Client):
    stage.account("juliet")
    mercutio.say("juliet@localhost", "waits")
    juliet = stage.login("juliet", "balcony", -1)
    assert juliet.heard() == []
    juliet.available(0)
    assert juliet.heard() == ["waits"]


# Directed presence (section 4.6)


def test_presence_for_one(juliet: Client, mercutio: Client, romeo: Client):
    juliet.write("<presence to='mercutio@localhost'><show>chat</show></presence>")
    seen = mercutio.only()
    assert (seen.get("from"), seen.get("to"), seen.text_of("show")) == (juliet.jid, "mercutio@localhost", "chat")
    assert romeo.take() == []
    juliet.available()
    assert mercutio.take() == []


def test_presence_for_one_says_nothing_of_oneself(stage: Stage, mercutio: Client):
    juliet = stage.connect("juliet", "balcony")
    juliet.available(to="mercutio@localhost")
    assert mercutio.seen() == [("juliet@localhost/balcony", None)]
    assert juliet.take() == []
    mercutio.say("juliet@localhost")
    assert juliet.take() == []
    juliet.drop()
    assert mercutio.seen() == [("juliet@localhost/balcony", "unavailable")]


def test_who_was_told_and_is_subscribed_hears_of_the_end(stage: Stage, romeo: Client):
    juliet = stage.connect("juliet", "balcony")
    juliet.available(to="romeo@localhost")
    juliet.drop()
    assert romeo.seen() == [("juliet@localhost/balcony", None), ("juliet@localhost/balcony", "unavailable")]


def test_goodbye_for_one(juliet: Client, mercutio: Client, romeo: Client):
    juliet.available(to="mercutio@localhost")
    juliet.presence("unavailable", "mercutio@localhost")
    juliet.drop()
    assert mercutio.seen() == [("juliet@localhost/balcony", None), ("juliet@localhost/balcony", "unavailable")]
    assert romeo.seen() == [("juliet@localhost/balcony", "unavailable")]


def test_goodbye_to_all_is_for_those_who_were_told_by_address(juliet: Client, mercutio: Client):
    juliet.available(to="mercutio@localhost/square")
    juliet.write("<presence type='unavailable'><status>bye</status></presence>")
    assert [each.text_of("status") for each in mercutio.take()] == ["", "bye"]
    juliet.drop()
    assert mercutio.take() == []


def test_only_so_many_are_told(juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(presence, "DIRECTED_PER_SESSION", 2)
    for number in range(3):
        juliet.available(to=f"a{number}@localhost")
    assert condition(juliet.only()) == "resource-constraint"
    juliet.available(to="a0@localhost")
    assert juliet.take() == []


def test_another_domain_is_told_and_hears_of_the_end(juliet: Client, elsewhere: Elsewhere):
    juliet.available(to="room@elsewhere.example/nick")
    juliet.drop()
    assert elsewhere.seen() == [("juliet@localhost/balcony", None), ("juliet@localhost/balcony", "unavailable")]


def test_a_domain_that_cannot_be_reached_is_an_error(juliet: Client):
    juliet.available(to="room@nowhere.example/nick")
    assert condition(juliet.only()) == "remote-server-not-found"


# Probes (sections 4.3.2 and 4.6.6)


def probe(elsewhere: Elsewhere, sender: str, to: str) -> list[tuple[str | None, str | None]]:
    elsewhere.take()
    elsewhere.send(f"<presence from='{sender}' to='{to}' type='probe' id='q'/>")
    return elsewhere.seen()


@pytest.fixture
def friend(juliet: Client, elsewhere: Elsewhere) -> str:
    """Of juliet's, elsewhere."""
    elsewhere.send("<presence from='friend@elsewhere.example' to='juliet@localhost' type='subscribe'/>")
    juliet.presence("subscribed", "friend@elsewhere.example")
    juliet.take()
    return "friend@elsewhere.example"


def test_who_may_know_is_told_everything(stage: Stage, juliet: Client, elsewhere: Elsewhere, friend: str):
    juliet.write("<presence id='p'><show>away</show></presence>")
    stage.login("juliet", "chamber")
    stage.connect("juliet", "cellar")
    elsewhere.take()
    elsewhere.send(f"<presence from='{friend}' to='juliet@localhost' type='probe' id='q'/>")
    first, second = elsewhere.take()
    assert (first.get("from"), first.get("to"), first.id, first.text_of("show")) == (juliet.jid, friend, "p", "away")
    assert second.get("from") == "juliet@localhost/chamber"


def test_who_may_know_is_told_that_nobody_is_there(juliet: Client, elsewhere: Elsewhere, friend: str):
    juliet.presence("unavailable")
    elsewhere.take()
    elsewhere.send(f"<presence from='{friend}' to='juliet@localhost' type='probe' id='q'/>")
    (answer,) = elsewhere.take()
    assert (answer.get("from"), answer.type, answer.id) == ("juliet@localhost", "unavailable", "q")


@pytest.mark.parametrize(
    "to", ["juliet@localhost", "juliet@localhost/balcony", "juliet@localhost/x", "nobody@localhost"]
)
def test_a_stranger_cannot_tell_who_is_there_or_exists(juliet: Client, elsewhere: Elsewhere, to: str):
    assert probe(elsewhere, "stranger@elsewhere.example", to) == [(to.partition("/")[0], "unsubscribed")]
    assert juliet.take() == []


def test_one_session_is_asked_for(stage: Stage, juliet: Client, elsewhere: Elsewhere, friend: str):
    juliet.write("<presence><show>away</show></presence>")
    stage.login("juliet", "chamber")
    elsewhere.take()
    elsewhere.send(f"<presence from='{friend}' to='{juliet.jid}' type='probe'/>")
    (answer,) = elsewhere.take()
    assert (answer.get("from"), answer.type, len(answer)) == (juliet.jid, None, 0)
    assert probe(elsewhere, friend, "juliet@localhost/gone") == [("juliet@localhost/gone", "unavailable")]


def test_who_was_told_by_address_may_ask(juliet: Client, elsewhere: Elsewhere):
    room = "room@elsewhere.example/nick"
    juliet.available(to=room)
    assert probe(elsewhere, room, juliet.jid) == [(juliet.jid, None)]
    assert probe(elsewhere, room, "juliet@localhost") == [("juliet@localhost", "unsubscribed")]
    juliet.presence("unavailable", room)
    assert probe(elsewhere, room, juliet.jid) == [("juliet@localhost", "unsubscribed")]


def test_a_client_may_ask_too(romeo: Client, juliet: Client):
    romeo.presence("probe", "juliet@localhost")
    assert romeo.seen() == [("juliet@localhost/balcony", None)]
    assert juliet.take() == []


@pytest.mark.parametrize("to", [None, "nowhere.example", "a@nowhere.example", "localhost", "nobody@localhost"])
def test_but_gets_no_error(romeo: Client, to: str | None):
    romeo.presence("probe", to)
    assert romeo.take() == []


def test_a_subscription_of_which_the_other_side_knows_nothing_ends(stage: Stage, juliet: Client, romeo: Client):
    stage.host.rosters.remove(juliet.session.account, romeo.session.account)
    romeo.presence("probe", "juliet@localhost")
    assert romeo.seen() == [("juliet@localhost", "unsubscribed")]
    assert romeo.pushes() == [{"jid": "juliet@localhost", "subscription": "from"}]


# When it was sent (XEP-0203)


def delays(presence: Stanza) -> list[tuple[str | None, str | None]]:
    return [(each.get("from"), each.get("stamp")) for each in presence.iter(f"{{{ns.DELAY}}}delay")]


def test_who_comes_later_is_told_since_when_it_is_so(stage: Stage, juliet: Client, romeo: Client):
    juliet.write("<presence><show>away</show></presence>")
    assert delays(romeo.only()) == []
    romeo.drop()
    stage.clock.advance(3600)
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    own, hers = romeo.take("presence")
    assert (own.get("from"), delays(own)) == (romeo.jid, [])
    assert (hers.text_of("show"), delays(hers)) == ("away", [("localhost", "2023-11-14T22:13:20.000Z")])


def test_ones_own_other_sessions_are_told_so_too(stage: Stage, romeo: Client):
    stage.clock.advance(60)
    other = stage.connect("romeo", "garden")
    other.available()
    assert [(each.get("from"), len(delays(each))) for each in other.take("presence")] == [
        ("romeo@localhost/garden", 0),
        ("romeo@localhost/orchard", 1),
        ("juliet@localhost", 0),
    ]


def test_who_is_approved_later_is_told_so_too(stage: Stage, juliet: Client, mercutio: Client):
    mercutio.presence("subscribe", juliet.bare)
    stage.clock.advance(60)
    juliet.presence("subscribed", mercutio.bare)
    assert [(each.type, len(delays(each))) for each in mercutio.take("presence")] == [("subscribed", 0), (None, 1)]


def test_an_update_is_new(stage: Stage, juliet: Client, romeo: Client):
    stage.clock.advance(60)
    juliet.available()
    romeo.take()
    romeo.presence("probe", "juliet@localhost")
    assert delays(romeo.only()) == []


def test_who_is_away_is_told_to_be_so_since(stage: Stage, juliet: Client, romeo: Client):
    romeo.drop()
    for _ in range(2):
        stage.login("juliet", "chamber").drop()
        stage.clock.advance(60)
    juliet.drop()
    stage.clock.advance(60)
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    assert [delays(each) for each in romeo.take("presence") if each.type == "unavailable"] == [
        [("localhost", "2023-11-14T22:15:20.000Z")]
    ]


def test_nothing_is_kept_of_who_is_gone(stage: Stage, juliet: Client):
    juliet.drop()
    assert list(stage.store.owners("left")) == ["juliet@localhost"]
    stage.host.delete_account(juliet.session.account)
    assert list(stage.store.owners("left")) == []


# What features can do


def test_a_feature_may_add_to_what_is_shown(stage: Stage, juliet: Client, romeo: Client):
    stage.host.hooks.available.append(lambda session, presence: presence.append(xml("<x xmlns='urn:x'/>")))
    told: list[str] = []
    stage.host.hooks.broadcast.append(lambda session: told.append(session.full))
    juliet.available()
    juliet.available(to="romeo@localhost")
    assert [each.has("urn:x", "x") for each in romeo.take()] == [True, True]
    assert told == [juliet.jid]


def test_an_account_may_hide(stage: Stage, juliet: Client, romeo: Client):
    """As if she weren't there, and the subscription stays."""
    stage.host.hooks.hides.append(lambda account, watcher: (account.bare, watcher.bare) == (juliet.bare, romeo.bare))
    juliet.available()
    for to in (juliet.bare, juliet.jid):
        romeo.presence("probe", to)
    again = stage.connect("romeo", "garden")
    again.available()
    assert romeo.seen() == [(juliet.bare, "unavailable"), (juliet.jid, "unavailable"), (again.jid, None)]
    assert (juliet.bare, "unavailable") in again.seen()
    assert romeo.roster()[juliet.bare]["subscription"] == "both"


def test_a_stanza_can_be_taken_away_from_one_of_many(stage: Stage, juliet: Client, romeo: Client):
    stage.host.hooks.announced["presence"].append(lambda to, stanza: to.bare == romeo.bare)
    other = stage.login("juliet", "chamber")
    juliet.take()
    juliet.available()
    assert romeo.take() == []
    assert other.seen() == [(juliet.jid, None)]


# Whom the server asks (section 4.3.1)


def test_contacts_elsewhere_are_asked_in_the_accounts_name(stage: Stage, elsewhere: Elsewhere):
    account, contact = stage.account("juliet"), parse("contact@elsewhere.example")
    stage.host.rosters.put(account, RosterItem(contact.bare, to=True))
    stage.connect("juliet", "balcony").available()
    (asked,) = elsewhere.take()
    assert (asked.type, asked.get("from"), asked.get("to")) == ("probe", "juliet@localhost", contact.bare)


def test_contacts_at_another_domain_of_ours(make_stage: Callable[..., Stage]):
    stage = make_stage("localhost", "other.example")
    stage.befriend("romeo", "juliet@other.example")
    romeo, juliet = stage.login("romeo", "orchard"), stage.login("juliet@other.example", "balcony")
    assert romeo.seen() == [("juliet@other.example/balcony", None)]
    romeo.drop()
    assert juliet.seen() == [(romeo.jid, "unavailable")]
    stage.clock.advance(60)
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    assert delays(romeo.take("presence")[-1]) == [("other.example", "2023-11-14T22:13:20.000Z")]


# The end of directed presence (section 4.6.1)


def test_who_left_does_not_hear_of_our_end(juliet: Client, elsewhere: Elsewhere):
    room = "room@elsewhere.example/nick"
    juliet.available(to=room)
    elsewhere.send(f"<presence from='room@elsewhere.example/other' to='{juliet.jid}' type='unavailable'/>")
    elsewhere.send(f"<presence from='{room}' to='{juliet.jid}' type='unavailable'/>")
    elsewhere.take()
    juliet.drop()
    assert elsewhere.take() == []


@pytest.mark.parametrize("resource", ["o&apos;neill", "a &lt;b&gt; &quot;c&quot; &amp; d", "\u6f22"])
def test_an_address_is_escaped(stage: Stage, romeo: Client, resource: str):
    stage.account("juliet")
    juliet = stage.connect("juliet", unescape(resource, {"&apos;": "'", "&quot;": '"'}))
    juliet.available()
    assert {each.get("to") for each in juliet.take("presence")} == {juliet.jid}
