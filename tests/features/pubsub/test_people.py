"""XEP-0060 sections 5.6, 5.7, 6.1 to 6.4, 8.6, 8.8 and 8.9: who subscribes, and whom owners let do what."""

from __future__ import annotations

import pytest

from conversehost.features.pubsub import service
from conversehost.xmpp import ns
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.stanza import Stanza
from tests.features.pubsub.words import (
    NODE,
    SERVICE,
    TUNE,
    create,
    done,
    events,
    form,
    item,
    news,
    own,
    publish,
    read,
    refused,
    request,
    subscribe,
    values,
)
from tests.stage import Client, Stage, condition


def subscription(answer: Stanza) -> dict[str, str]:
    return dict(done(answer)[0][0].attrib)


def unsubscribe(client: Client, jid: str | None = None, node: str = NODE) -> Stanza:
    return request(client, "set", f"<unsubscribe node='{node}' jid='{jid or client.bare}'/>")


def rows(answer: Stanza) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in done(answer)[0][0]]


# Subscribing (section 6.1)


def test_whoever_subscribes_hears_of_it(romeo: Client, juliet: Client):
    create(romeo)
    told = subscription(subscribe(juliet))
    assert told.pop("subid")
    assert told == {"node": NODE, "jid": juliet.bare, "subscription": "subscribed"}
    publish(romeo, item("1"))
    assert news(juliet) == ["item 1 x"]


def test_one_client_of_an_account(stage: Stage, romeo: Client, juliet: Client):
    create(romeo)
    chamber = stage.login("juliet", "chamber")
    done(subscribe(chamber, jid=chamber.jid))
    publish(romeo, item("1"))
    assert (news(juliet), news(chamber)) == ([], ["item 1 x"])


def test_the_last_item_comes_with_it(stage: Stage, romeo: Client, juliet: Client):
    create(romeo)
    publish(romeo, item("1"))
    stage.clock.advance(1)
    done(subscribe(juliet))
    (message,) = events(juliet)
    delay = message.find(f"{{{ns.DELAY}}}delay")
    assert delay is not None
    assert delay.get("stamp") == "2023-11-14T22:13:20.000Z"
    done(subscribe(juliet))
    assert news(juliet) == []


def test_unless_the_node_never_does_that(romeo: Client, juliet: Client):
    create(romeo, send_last_published_item="never")
    publish(romeo, item("1"))
    done(subscribe(juliet))
    assert news(juliet) == []


@pytest.mark.parametrize(("when", "told"), [("on_sub_and_presence", ["item 1 x"]), ("on_sub", []), ("never", [])])
def test_a_subscriber_who_comes_back(romeo: Client, juliet: Client, when: str, told: list[str]):
    create(romeo, send_last_published_item=when)
    done(subscribe(juliet))
    publish(romeo, item("1"))
    news(juliet)
    juliet.available()
    juliet.presence("unavailable")
    assert news(juliet) == []
    juliet.available()
    assert news(juliet) == told
    juliet.available()
    assert news(juliet) == []


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        (f"node='{NODE}' jid='romeo@localhost'", ("bad-request", "invalid-jid")),
        (f"node='{NODE}' jid='@'", ("bad-request", "invalid-jid")),
        (f"node='{NODE}'", ("bad-request", "invalid-jid")),
        ("jid='juliet@localhost'", ("bad-request", "nodeid-required")),
        ("node='none' jid='juliet@localhost'", ("item-not-found", None)),
    ],
)
def test_who_cannot_subscribe(romeo: Client, juliet: Client, attributes: str, error: tuple[str, str | None]):
    create(romeo)
    assert refused(request(juliet, "set", f"<subscribe {attributes}/>")) == error


@pytest.mark.parametrize(
    ("node", "affiliation", "error"),
    [
        ({"access_model": "whitelist"}, "none", ("not-allowed", "closed-node")),
        ({"access_model": "presence"}, "none", ("not-authorized", "presence-subscription-required")),
        ({"access_model": "roster"}, "none", ("not-authorized", "presence-subscription-required")),
        ({}, "outcast", ("forbidden", None)),
        ({"subscribe": "0"}, "none", ("feature-not-implemented", "unsupported subscribe")),
    ],
)
def test_where_one_cannot_subscribe(
    romeo: Client, mercutio: Client, node: dict[str, str], affiliation: str, error: tuple[str, str | None]
):
    create(romeo, **node)
    affiliate(romeo, mercutio, affiliation)
    assert refused(subscribe(mercutio)) == error
    done(subscribe(romeo))


def test_there_is_an_end(romeo: Client, juliet: Client, mercutio: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "SUBSCRIPTIONS", 1)
    create(romeo)
    done(subscribe(juliet))
    assert refused(subscribe(mercutio)) == ("policy-violation", "too-many-subscriptions")
    done(subscribe(juliet))


def test_who_loses_access_hears_nothing_more(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    done(own(romeo, "set", f"<configure node='{NODE}'>{whitelist()}</configure>"))
    publish(romeo, item("1"))
    assert news(juliet) == []


def whitelist() -> str:
    return form(f"{ns.PUBSUB}#node_config", access_model="whitelist")


def test_only_while_available(romeo: Client, juliet: Client):
    create(romeo, presence_based_delivery="1", notification_type="normal")
    done(subscribe(juliet))
    juliet.presence("unavailable")
    publish(romeo, item("1"))
    juliet.available()
    publish(romeo, item("2"))
    assert news(juliet) == ["item 2 x"]


# Unsubscribing (section 6.2)


def test_whoever_unsubscribes_hears_no_more(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    assert subscription(unsubscribe(juliet))["subscription"] == "none"
    publish(romeo, item("1"))
    assert news(juliet) == []
    assert refused(unsubscribe(juliet)) == ("unexpected-request", "not-subscribed")


def test_others_cannot_do_that(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    assert refused(unsubscribe(romeo, juliet.bare)) == ("forbidden", None)
    assert refused(unsubscribe(juliet, node="none")) == ("item-not-found", None)


def test_a_client_that_is_gone_for_good(stage: Stage, romeo: Client, juliet: Client):
    """Section 12.4."""
    create(romeo, notification_type="normal")
    done(subscribe(juliet, jid=juliet.jid))
    juliet.leave()
    publish(romeo, item("1"))
    assert rows(own(romeo, "get", f"<subscriptions node='{NODE}'/>")) == []


def test_an_account_that_is_away_keeps_its_subscription(romeo: Client, juliet: Client):
    create(romeo, notification_type="normal")
    done(subscribe(juliet))
    juliet.leave()
    publish(romeo, item("1"))
    assert len(rows(own(romeo, "get", f"<subscriptions node='{NODE}'/>"))) == 1


# Options (sections 6.3 and 6.4)


def options(client: Client, **fields: str | tuple[str, ...]) -> str:
    return f"<options node='{NODE}' jid='{client.bare}'>{form(f'{ns.PUBSUB}#subscribe_options', **fields)}</options>"


def test_a_subscription_that_rests(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    asked = f"<options node='{NODE}' jid='{juliet.bare}'/>"
    assert values(done(request(juliet, "get", asked)))["deliver"] == ("1",)
    done(request(juliet, "set", options(juliet, deliver="0")))
    assert values(done(request(juliet, "get", asked)))["deliver"] == ("0",)
    publish(romeo, item("1"))
    assert news(juliet) == []
    done(request(juliet, "set", options(juliet, deliver="1")))
    publish(romeo, item("2"))
    assert news(juliet) == ["item 2 x"]


def test_only_in_some_states(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    done(request(juliet, "set", options(juliet, **{"show-values": ("online", "chat")})))
    publish(romeo, item("1"))
    juliet.write("<presence><show>dnd</show></presence>")
    publish(romeo, item("2"))
    juliet.write("<presence><show>chat</show></presence>")
    publish(romeo, item("3"))
    assert news(juliet) == ["item 1 x", "item 3 x"]


def test_they_come_with_the_subscription_too(romeo: Client, juliet: Client):
    create(romeo)
    publish(romeo, item("1"))
    written = form(f"{ns.PUBSUB}#subscribe_options", deliver="0")
    wanted = f"<subscribe node='{NODE}' jid='{juliet.bare}'/><options>{written}</options>"
    answer = done(request(juliet, "set", wanted))
    assert values(answer)["deliver"] == ("0",)
    wrong = wanted.replace("<options>", f"<options node='{NODE}'>")
    assert refused(request(juliet, "set", wrong)) == ("bad-request", None)


def test_the_default_ones(romeo: Client):
    assert values(done(request(romeo, "get", "<default/>")))["deliver"] == ("1",)
    assert refused(request(romeo, "get", "<default node='none'/>")) == ("item-not-found", None)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (f"<options node='{NODE}'/>", ("bad-request", "jid-required")),
        (f"<options node='{NODE}' jid='romeo@localhost'/>", ("forbidden", None)),
        (f"<options node='{NODE}' jid='juliet@localhost/x'/>", ("unexpected-request", "not-subscribed")),
        ("<options node='none' jid='juliet@localhost'/>", ("item-not-found", None)),
        ("<options jid='juliet@localhost'/>", ("bad-request", "nodeid-required")),
    ],
)
def test_options_that_are_not_there(romeo: Client, juliet: Client, asked: str, error: tuple[str, str | None]):
    create(romeo)
    done(subscribe(juliet))
    assert refused(request(juliet, "get", asked)) == error


def test_options_that_cannot_be(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    assert refused(request(juliet, "set", options(juliet, deliver="x"))) == ("bad-request", "invalid-options")
    assert refused(request(juliet, "set", f"<options node='{NODE}' jid='{juliet.bare}'/>"))[1] == "invalid-options"


# What one has (sections 5.6 and 5.7)


def test_what_one_has_subscribed_to(romeo: Client, juliet: Client):
    for node in ("a", "b", "c"):
        create(romeo, node)
    for node in ("a", "c"):
        done(subscribe(juliet, node))
    done(subscribe(juliet, "c", juliet.jid))
    found = rows(request(juliet, "get", "<subscriptions/>"))
    assert [(each["node"], each["jid"]) for each in found] == [
        ("a", juliet.bare),
        ("c", juliet.bare),
        ("c", juliet.jid),
    ]
    assert len(rows(request(juliet, "get", "<subscriptions node='c'/>"))) == 2
    assert rows(request(romeo, "get", "<subscriptions/>")) == []
    assert refused(request(romeo, "get", "<subscriptions node='none'/>")) == ("item-not-found", None)


def test_what_one_is(romeo: Client, juliet: Client):
    create(romeo)
    create(juliet, "hers")
    affiliate(romeo, juliet, "publisher")
    assert rows(request(juliet, "get", "<affiliations/>")) == [
        {"node": NODE, "affiliation": "publisher"},
        {"node": "hers", "affiliation": "owner"},
    ]
    assert rows(request(juliet, "get", "<affiliations node='hers'/>")) == [{"node": "hers", "affiliation": "owner"}]


# Requests that an owner answers (section 8.6)


def asked_of(owner: Client) -> Stanza:
    """The question that the owner got."""
    message = owner.only("message")
    assert message.text_of("body")
    return message


def answer_it(owner: Client, message: Stanza, allow: str, to: str | None = None) -> None:
    x = form_in(message)
    assert x is not None
    asked = values_of(x)
    fields = {
        "node": asked["pubsub#node"][0],
        "subscriber_jid": asked["pubsub#subscriber_jid"][0],
        "allow": allow,
    }
    written = form(f"{ns.PUBSUB}#subscribe_authorization", **fields)
    owner.write(f"<message to='{to or message.get('from')}' id='{message.id}'>{written}</message>")


@pytest.mark.parametrize(("allow", "state"), [("1", "subscribed"), ("false", "none")])
def test_an_owner_lets_somebody_in_or_does_not(romeo: Client, juliet: Client, allow: str, state: str):
    create(romeo, access_model="authorize")
    publish(romeo, item("1"))
    assert subscription(subscribe(juliet))["subscription"] == "pending"
    assert news(juliet) == []
    message = asked_of(romeo)
    publish(romeo, item("2"))
    assert refused(subscribe(juliet)) == ("not-authorized", "pending-subscription")
    assert refused(request(juliet, "get", f"<items node='{NODE}'/>")) == ("not-authorized", "not-subscribed")
    answer_it(romeo, message, allow)
    told = news(juliet)
    assert told[0] == f"subscription {juliet.bare} {state}"
    assert told[1:] == (["item 2 x"] if allow == "1" else [])
    publish(romeo, item("3"))
    assert news(juliet) == (["item 3 x"] if allow == "1" else [])


def test_an_owner_who_cannot_decide(romeo: Client, juliet: Client):
    create(romeo, access_model="authorize")
    subscribe(juliet)
    message = asked_of(romeo)
    cancelled = form(f"{ns.PUBSUB}#subscribe_authorization").replace("submit", "cancel")
    romeo.write(f"<message to='{SERVICE}' id='{message.id}'>{cancelled}</message>")
    assert refused(subscribe(juliet)) == ("not-authorized", "pending-subscription")


def test_others_decide_nothing(romeo: Client, juliet: Client):
    create(romeo, access_model="authorize")
    subscribe(juliet)
    message = asked_of(romeo)
    answer_it(juliet, message, "1", SERVICE)
    assert condition(juliet.only("message")) == "forbidden"
    answer_it(romeo, message, "1")
    answer_it(romeo, message, "1")
    assert condition(romeo.only("message")) == "item-not-found"


def test_who_is_on_a_list_need_not_wait(romeo: Client, juliet: Client):
    create(romeo, access_model="authorize")
    affiliate(romeo, juliet, "member")
    assert subscription(subscribe(juliet))["subscription"] == "subscribed"


@pytest.mark.parametrize(("affiliation", "state"), [("publisher", "subscribed"), ("outcast", "none")])
def test_a_list_answers_requests(romeo: Client, juliet: Client, affiliation: str, state: str):
    create(romeo, access_model="authorize")
    subscribe(juliet)
    change = f"<affiliation jid='{juliet.bare}' affiliation='{affiliation}'/>"
    done(own(romeo, "set", f"<affiliations node='{NODE}'>{change}</affiliations>"))
    assert f"subscription {juliet.bare} {state}" in news(juliet)


def test_at_an_account_too(romeo: Client, juliet: Client, mercutio: Client):
    done(publish(juliet, item("1"), node=TUNE, to=None, access_model="authorize"))
    assert subscription(subscribe(mercutio, TUNE, to=juliet.bare))["subscription"] == "pending"
    message = asked_of(juliet)
    assert message.get("from") == juliet.bare
    answer_it(juliet, message, "1", juliet.bare)
    assert juliet.take("message") == []
    assert news(mercutio) == [f"subscription {mercutio.bare} subscribed", "item 1 x"]
    assert read(mercutio, TUNE, juliet.bare) == ["1"]


# Requests that an owner asks for (section 8.7)


def command(client: Client, content: str = "", more: str = "") -> Stanza:
    node = f"{ns.PUBSUB}#get-pending"
    return client.ask("set", f"<command xmlns='{ns.COMMANDS}' node='{node}'{more}>{content}</command>", SERVICE)


def test_an_owner_asks_who_waits(romeo: Client, juliet: Client, mercutio: Client):
    create(romeo, access_model="authorize")
    for each in (juliet, mercutio):
        subscribe(each)
    romeo.take("message")
    answer = done(command(romeo))
    x = form_in(answer[0])
    assert x is not None
    assert [each.text for each in x.iter(f"{{{ns.DATA}}}value")][-1] == NODE
    chosen = form(f"{ns.PUBSUB}#subscribe_authorization", node=NODE)
    done(command(romeo, chosen, f" sessionid='{answer[0].get('sessionid')}'"))
    waiting = romeo.take("message")
    assert len(waiting) == 2
    answer_it(romeo, waiting[0], "1")
    assert news(juliet) == [f"subscription {juliet.bare} subscribed"]
    assert refused(command(juliet)) == ("forbidden", None)


def test_service_discovery_shows_owners_that_they_can(romeo: Client, juliet: Client):
    create(romeo)
    asked = f"<query xmlns='{ns.DISCO_ITEMS}' node='{ns.COMMANDS}'/>"
    assert [each.get("node") for each in romeo.ask("get", asked, SERVICE)[0]] == [f"{ns.PUBSUB}#get-pending"]
    assert len(juliet.ask("get", asked, SERVICE)[0]) == 0
    info = f"<query xmlns='{ns.DISCO_INFO}' node='{ns.PUBSUB}#get-pending'/>"
    assert romeo.ask("get", info, SERVICE)[0][0].get("type") == "command-node"


# Managing subscriptions (section 8.8)


def test_owners_see_subscriptions(romeo: Client, juliet: Client, mercutio: Client):
    create(romeo, access_model="authorize")
    affiliate(romeo, juliet, "member")
    subid = subscription(subscribe(juliet))["subid"]
    done(subscribe(mercutio))  # which waits
    asked = f"<subscriptions node='{NODE}'/>"
    assert rows(own(romeo, "get", asked)) == [{"jid": juliet.bare, "subscription": "subscribed", "subid": subid}]
    assert refused(own(juliet, "get", asked)) == ("forbidden", None)


def test_owners_change_them(romeo: Client, juliet: Client, mercutio: Client):
    create(romeo)
    done(subscribe(juliet))
    changes = (
        f"<subscription jid='{juliet.bare}' subscription='none'/>"
        f"<subscription jid='{mercutio.bare}' subscription='subscribed'/>"
        f"<subscription jid='{romeo.bare}'/>"
    )
    done(own(romeo, "set", f"<subscriptions node='{NODE}'>{changes}</subscriptions>"))
    assert news(juliet) == [f"subscription {juliet.bare} none"]
    assert news(mercutio) == [f"subscription {mercutio.bare} subscribed"]
    publish(romeo, item("1"))
    assert (news(juliet), news(mercutio)) == ([], ["item 1 x"])


def test_what_cannot_be_changed_is_told(romeo: Client, juliet: Client, mercutio: Client):
    create(romeo)
    subid = subscription(subscribe(juliet))["subid"]
    changes = (
        f"<subscription jid='{juliet.bare}' subscription='unconfigured'/>"
        f"<subscription jid='{mercutio.bare}' subscription='subscribed'/>"
    )
    answer = own(romeo, "set", f"<subscriptions node='{NODE}'>{changes}</subscriptions>")
    assert refused(answer) == ("not-acceptable", None)
    left = answer.find(f"{{{ns.PUBSUB_OWNER}}}pubsub/{{{ns.PUBSUB_OWNER}}}subscriptions")
    assert left is not None
    assert [dict(each.attrib) for each in left] == [{"jid": juliet.bare, "subscription": "subscribed", "subid": subid}]
    assert news(mercutio) == [f"subscription {mercutio.bare} subscribed"]


def test_owners_hear_of_subscribers(romeo: Client, juliet: Client):
    create(romeo, notify_sub="1")
    done(subscribe(juliet))
    done(unsubscribe(juliet))
    assert news(romeo) == [f"subscription {juliet.bare} subscribed", f"subscription {juliet.bare} none"]


# Managing affiliations (section 8.9)


def affiliate(owner: Client, other: Client, affiliation: str) -> None:
    change = f"<affiliation jid='{other.bare}' affiliation='{affiliation}'/>"
    done(own(owner, "set", f"<affiliations node='{NODE}'>{change}</affiliations>"))
    other.take("message")


def test_owners_see_affiliations(romeo: Client, juliet: Client):
    create(romeo)
    affiliate(romeo, juliet, "outcast")
    asked = f"<affiliations node='{NODE}'/>"
    assert rows(own(romeo, "get", asked)) == [
        {"jid": romeo.bare, "affiliation": "owner"},
        {"jid": juliet.bare, "affiliation": "outcast"},
    ]
    assert refused(own(juliet, "get", asked)) == ("forbidden", None)
    affiliate(romeo, juliet, "none")
    assert len(rows(own(romeo, "get", asked))) == 1


def test_whoever_is_affiliated_hears_of_it(romeo: Client, juliet: Client):
    create(romeo)
    change = f"<affiliation jid='{juliet.jid}' affiliation='member'/>"
    done(own(romeo, "set", f"<affiliations node='{NODE}'>{change}</affiliations>"))
    (message,) = juliet.take("message")
    found = message.find(f"{{{ns.PUBSUB}}}pubsub/{{{ns.PUBSUB}}}affiliations/{{{ns.PUBSUB}}}affiliation")
    assert found is not None
    assert dict(found.attrib) == {"jid": juliet.bare, "affiliation": "member"}


def test_an_owner_among_several(romeo: Client, juliet: Client):
    create(romeo)
    affiliate(romeo, juliet, "owner")
    affiliate(juliet, romeo, "none")
    assert refused(own(romeo, "get", f"<configure node='{NODE}'/>")) == ("forbidden", None)


@pytest.mark.parametrize(
    ("before", "affiliation"),
    [
        ("owner", "none"),
        ("publisher", "member"),
        ("member", "nonsense"),
    ],
)
def test_affiliations_that_cannot_be(romeo: Client, juliet: Client, before: str, affiliation: str):
    create(romeo)
    who = romeo if before == "owner" else juliet
    if who is juliet:
        affiliate(romeo, juliet, before)
    change = f"<affiliation jid='{who.bare}' affiliation='{affiliation}'/>"
    answer = own(romeo, "set", f"<affiliations node='{NODE}'>{change}</affiliations>")
    assert refused(answer) == ("not-acceptable", None)
    left = answer.find(f"{{{ns.PUBSUB_OWNER}}}pubsub/{{{ns.PUBSUB_OWNER}}}affiliations")
    assert left is not None
    assert [dict(each.attrib) for each in left] == [{"jid": who.bare, "affiliation": before}]


def test_an_account_is_its_owners(romeo: Client, juliet: Client):
    done(publish(juliet, item("1"), node=TUNE, to=None))
    change = f"<affiliation jid='{romeo.bare}' affiliation='owner'/>"
    done(own(juliet, "set", f"<affiliations node='{TUNE}'>{change}</affiliations>", None))
    change = f"<affiliation jid='{juliet.bare}' affiliation='none'/>"
    answer = own(romeo, "set", f"<affiliations node='{TUNE}'>{change}</affiliations>", juliet.bare)
    assert refused(answer) == ("not-acceptable", None)


@pytest.mark.parametrize("jid", ["", "jid='@'"])
def test_somebody_who_is_nobody(romeo: Client, jid: str):
    create(romeo)
    asked = f"<affiliations node='{NODE}'><affiliation {jid} affiliation='member'/></affiliations>"
    assert refused(own(romeo, "set", asked))[0] == "bad-request"


def test_somebody_twice(romeo: Client, juliet: Client):
    create(romeo)
    twice = f"<affiliation jid='{juliet.bare}' affiliation='member'/>" * 2
    asked = f"<affiliations node='{NODE}'>{twice}</affiliations>"
    assert refused(own(romeo, "set", asked)) == ("bad-request", None)
