"""XEP-0163: what accounts publish, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.xmpp import ns
from tests.features.pubsub.words import (
    TUNE,
    configure,
    content,
    done,
    events,
    interested,
    item,
    news,
    publish,
    read,
    refused,
    request,
    retract,
    subscribe,
)
from tests.stage import Client, Stage

INFO = f"<query xmlns='{ns.DISCO_INFO}'/>"


def tune(client: Client, text: str = "x", id: str = "1", **options: str) -> None:
    done(publish(client, item(id, text), node=TUNE, to=None, **options))


@pytest.mark.parametrize("to", [None, "romeo@localhost"])
def test_to_publish_makes_the_node(romeo: Client, to: str | None):
    answer = done(publish(romeo, item("1"), node=TUNE, to=to))
    assert [each.get("id") for each in answer[0][0]] == ["1"]
    assert read(romeo, TUNE, to) == ["1"]


def test_contacts_who_want_to_hear_of_it_do(romeo: Client, juliet: Client, mercutio: Client):
    for each in (romeo, juliet, mercutio):
        interested(each, TUNE)
        each.take()
    tune(juliet)
    (message,) = events(romeo)
    assert (message.get("from"), message.get("to"), message.type) == (juliet.bare, romeo.jid, "headline")
    assert content(message).get("node") == TUNE
    assert news(juliet) == ["item 1 x"]
    assert news(mercutio) == []


def test_who_has_not_said_so_hears_nothing(stage: Stage, romeo: Client, juliet: Client):
    interested(romeo, "urn:other")
    stage.login("romeo", "garden")
    interested(juliet, TUNE)
    tune(juliet)
    assert (news(romeo), news(juliet)) == ([], ["item 1 x"])


def test_each_client_for_itself(stage: Stage, romeo: Client, juliet: Client):
    garden = stage.login("romeo", "garden", priority=-1)
    interested(garden, TUNE)
    tune(juliet)
    assert (news(romeo), news(garden)) == ([], ["item 1 x"])


def test_one_way_subscriptions_are_not_enough(stage: Stage, romeo: Client, mercutio: Client):
    """XEP-0060 section 9.2: both must see the other."""
    interested(mercutio, TUNE)
    mercutio.presence("subscribe", romeo.bare)
    romeo.presence("subscribed", mercutio.bare)
    mercutio.take()
    tune(romeo)
    assert news(mercutio) == []


def test_who_comes_later_is_sent_the_last_one(stage: Stage, romeo: Client, juliet: Client):
    tune(juliet, "first", "1")
    tune(juliet, "second", "2")
    stage.clock.advance(10)
    garden = stage.connect("romeo", "garden")
    interested(garden, TUNE)
    (message,) = events(garden)
    assert content(message)[0].get("id") == "2"
    delay = message.find(f"{{{ns.DELAY}}}delay")
    assert delay is not None
    assert (delay.get("stamp"), delay.get("from")) == ("2023-11-14T22:13:20.000Z", juliet.bare)


def test_once_only(stage: Stage, romeo: Client, juliet: Client):
    tune(juliet)
    for _ in range(2):
        interested(romeo, TUNE)
    assert news(romeo) == ["item 1 x"]
    romeo.presence("unavailable")
    interested(romeo, TUNE)
    assert news(romeo) == ["item 1 x"]


def test_more_interest_is_more_news(romeo: Client, juliet: Client):
    tune(juliet)
    done(publish(juliet, item("2", "y"), node="urn:n", to=None))
    interested(romeo, TUNE)
    interested(romeo, TUNE, "urn:n")
    assert news(romeo) == ["item 1 x", "item 2 y"]


def test_ones_own_other_clients_too(stage: Stage, romeo: Client):
    tune(romeo)
    garden = stage.connect("romeo", "garden")
    interested(garden, TUNE)
    assert news(garden) == ["item 1 x"]


def test_who_becomes_a_contact_is_sent_it(romeo: Client, mercutio: Client):
    tune(romeo)
    interested(mercutio, TUNE)
    for one, other in ((romeo, mercutio), (mercutio, romeo)):
        assert news(mercutio) == []
        one.presence("subscribe", other.bare)
        other.presence("subscribed", one.bare)
    assert news(mercutio) == ["item 1 x"]
    romeo.ask("set", f"<query xmlns='{ns.ROSTER}'><item jid='{mercutio.bare}' name='M'/></query>")
    assert news(mercutio) == []


def test_who_is_none_any_more_hears_nothing_more(romeo: Client, juliet: Client):
    interested(romeo, TUNE)
    tune(juliet)
    done(subscribe(romeo, TUNE, to=juliet.bare))
    assert news(romeo)
    juliet.presence("unsubscribed", romeo.bare)
    assert news(romeo) == [f"subscription {romeo.bare} none"]
    tune(juliet, "other")
    assert news(romeo) == []
    assert refused(request(romeo, "get", f"<items node='{TUNE}'/>", juliet.bare)) == (
        "not-authorized",
        "presence-subscription-required",
    )


def test_who_is_blocked_hears_nothing(stage: Stage, romeo: Client, juliet: Client):
    interested(romeo, TUNE)
    juliet.ask("set", f"<block xmlns='{ns.BLOCKING}'><item jid='{romeo.bare}'/></block>")
    tune(juliet)
    assert news(romeo) == []
    garden = stage.connect("romeo", "garden")
    interested(garden, TUNE)
    assert news(garden) == []


def test_only_the_last_one_is_kept_unless_more_are_wanted(romeo: Client):
    for id in ("1", "2"):
        tune(romeo, id=id)
    assert read(romeo, TUNE, None) == ["2"]


def test_others_cannot_publish_or_create(romeo: Client, juliet: Client):
    assert refused(publish(romeo, item(), node=TUNE, to=juliet.bare)) == ("item-not-found", None)
    tune(juliet)
    assert refused(publish(romeo, item(), node=TUNE, to=juliet.bare)) == ("forbidden", None)
    assert refused(request(romeo, "set", "<create node='n'/>", juliet.bare)) == ("forbidden", None)


def test_a_stranger_reads_what_is_open(juliet: Client, mercutio: Client):
    tune(juliet, access_model="open")
    assert read(mercutio, TUNE, juliet.bare) == ["1"]


def test_a_private_node_is_for_its_owner(romeo: Client, juliet: Client):
    """XEP-0223."""
    interested(romeo, TUNE)
    interested(juliet, TUNE)
    tune(juliet, access_model="whitelist")
    assert (news(romeo), news(juliet)) == ([], ["item 1 x"])
    assert refused(request(romeo, "get", f"<items node='{TUNE}'/>", juliet.bare)) == ("not-allowed", "closed-node")


def test_a_group_of_the_roster(romeo: Client, juliet: Client):
    interested(romeo, TUNE)
    friends = f"<query xmlns='{ns.ROSTER}'><item jid='{romeo.bare}'><group>Friends</group></item></query>"
    tune(juliet, access_model="roster", roster_groups_allowed="Friends")
    assert news(romeo) == []
    asked = f"<items node='{TUNE}'/>"
    assert refused(request(romeo, "get", asked, juliet.bare)) == ("not-authorized", "not-in-roster-group")
    juliet.ask("set", friends)
    assert news(romeo) == ["item 1 x"]
    assert read(romeo, TUNE, juliet.bare) == ["1"]


def test_who_may_hear_of_it_only_now_is_sent_it(romeo: Client, juliet: Client):
    """XEP-0060 section 12.2: the access model changes."""
    interested(romeo, TUNE)
    tune(juliet, access_model="whitelist")
    done(configure(juliet, TUNE, None, access_model="presence"))
    assert news(romeo) == ["item 1 x"]
    done(configure(juliet, TUNE, None, access_model="open"))
    assert news(romeo) == []


def test_a_stranger_who_sends_presence_hears_of_open_nodes(stage: Stage, juliet: Client, mercutio: Client):
    """XEP-0060 section 9.1.3."""
    tune(juliet, access_model="open")
    done(publish(juliet, item("2"), node="urn:closed", to=None))
    interested(mercutio, TUNE, "urn:closed")
    assert news(mercutio) == []
    for _ in range(2):
        mercutio.available(to=juliet.bare)
    assert news(mercutio) == ["item 1 x"]
    tune(juliet, "y")
    assert news(mercutio) == ["item 1 y"]
    mercutio.presence("unavailable", to=juliet.bare)
    tune(juliet)
    assert news(mercutio) == []


def test_nothing_is_sent_twice(romeo: Client, juliet: Client):
    """A subscription adds nothing where the client has said that it wants to hear of it (section 4.3.2)."""
    interested(romeo, TUNE)
    tune(juliet)
    romeo.available(to=juliet.bare)
    done(subscribe(romeo, TUNE, to=juliet.bare))
    news(romeo)
    tune(juliet, "y")
    assert news(romeo) == ["item 1 y"]


def test_a_subscription_without_presence(romeo: Client, juliet: Client, mercutio: Client):
    tune(juliet, access_model="open")
    done(subscribe(mercutio, TUNE, to=juliet.bare))
    assert news(mercutio) == ["item 1 x"]
    tune(juliet, "y")
    (message,) = events(mercutio)
    assert (message.get("from"), message.get("to")) == (juliet.bare, mercutio.bare)


def test_what_is_retracted(romeo: Client, juliet: Client):
    interested(romeo, TUNE)
    tune(juliet)
    romeo.take()
    done(retract(juliet, "1", node=TUNE, to=None, notify="true"))
    assert news(romeo) == ["retract 1"]
    assert read(juliet, TUNE, None) == []


def test_an_account_says_that_it_does_this(romeo: Client, juliet: Client):
    answer = romeo.ask("get", INFO, juliet.bare)
    identities = [(each.get("category"), each.get("type")) for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}identity")]
    assert ("pubsub", "pep") in identities
    told = {each.get("var") for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}feature")}
    assert {
        ns.PUBSUB,
        *(
            f"{ns.PUBSUB}#{each}"
            for each in (
                "auto-create",
                "auto-subscribe",
                "filtered-notifications",
                "publish-options",
                "access-presence",
            )
        ),
        f"{ns.PUBSUB}#config-node-max",
        f"{ns.PUBSUB}#multi-items",
        f"{ns.PUBSUB}#pubsub-on-a-jid",
    } <= told


def test_its_nodes_are_shown_to_those_who_may_read_them(romeo: Client, juliet: Client):
    tune(juliet)
    done(publish(juliet, item("1"), node="urn:secret", to=None, access_model="whitelist"))
    items = f"<query xmlns='{ns.DISCO_ITEMS}'/>"
    assert [each.get("node") for each in romeo.ask("get", items, juliet.bare)[0]] == [TUNE]
    assert [each.get("node") for each in juliet.ask("get", items)[0]] == [TUNE, "urn:secret"]
    named = f"<query xmlns='{ns.DISCO_ITEMS}' node='{TUNE}'/>"
    assert [dict(each.attrib) for each in romeo.ask("get", named, juliet.bare)[0]] == [
        {"jid": juliet.bare, "name": "1"}
    ]


def test_two_hosts(make_stage: Callable[..., Stage]):
    stage = make_stage("localhost", "other.example")
    stage.befriend("romeo@localhost", "juliet@other.example")
    juliet, romeo = stage.login("juliet@other.example"), stage.login("romeo@localhost")
    tune(juliet)
    interested(romeo, TUNE)
    assert news(romeo) == ["item 1 x"]
    tune(juliet, "y")
    assert news(romeo) == ["item 1 y"]


def test_nothing_is_kept_of_an_account_that_is_gone(stage: Stage, romeo: Client, juliet: Client):
    tune(juliet, access_model="open")
    done(subscribe(romeo, TUNE, to=juliet.bare))
    done(publish(romeo, item("1"), node=TUNE, to=None))
    stage.host.delete_account(romeo.session.account)
    stage.host.delete_account(juliet.session.account)
    for collection in ("nodes", "items", "subscriptions", "affiliations", "bytes", "moved"):
        assert list(stage.store.owners(f"pubsub-{collection}")) == []


def test_without_it_there_is_nothing(make_stage: Callable[..., Stage]):
    romeo = make_stage(disabled=["pep"]).login("romeo")
    assert refused(publish(romeo, item("1"), node=TUNE, to=None)) == ("service-unavailable", None)
    assert b"pubsub" not in b"".join(each.get("type", "").encode() for each in romeo.ask("get", INFO)[0])
