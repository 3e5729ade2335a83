"""XEP-0060 sections 6.5 and 7: items are published, read and retracted."""

from __future__ import annotations

import pytest

from conversehost.features.pubsub import items as items_module
from conversehost.xmpp import ns
from tests.features.pubsub.words import (
    NODE,
    config,
    content,
    create,
    done,
    events,
    item,
    news,
    own,
    publish,
    read,
    refused,
    request,
    retract,
    subscribe,
    texts,
    values,
)
from tests.stage import Client, Stage


def affiliate(owner: Client, other: Client, affiliation: str) -> None:
    change = f"<affiliation jid='{other.bare}' affiliation='{affiliation}'/>"
    done(own(owner, "set", f"<affiliations node='{NODE}'>{change}</affiliations>"))
    other.take()


# Publishing (section 7.1)


def test_subscribers_are_sent_it(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    done(publish(romeo, item("1", "to be")))
    (message,) = events(juliet)
    assert (message.get("from"), message.get("to"), message.type) == ("pubsub.localhost", juliet.bare, "headline")
    assert content(message).get("node") == NODE
    assert dict(content(message)[0].attrib) == {"id": "1"}
    assert content(message)[0][0].text == "to be"


def test_an_item_gets_an_id(romeo: Client):
    create(romeo)
    ids = [done(publish(romeo, item()))[0][0][0].get("id", "") for _ in range(2)]
    assert read(romeo) == ids
    assert len(set(ids)) == 2


def test_to_publish_again_is_to_replace_it(romeo: Client, juliet: Client):
    """And it is the newest then (section 12.1)."""
    create(romeo)
    done(subscribe(juliet))
    for id, text in (("1", "a"), ("2", "b"), ("1", "c")):
        publish(romeo, item(id, text))
    assert texts(romeo) == ["b", "c"]
    assert news(juliet) == ["item 1 a", "item 2 b", "item 1 c"]


def test_several_at_once(romeo: Client, juliet: Client):
    create(romeo, max_items="3")
    done(subscribe(juliet))
    done(publish(romeo, *(item(id) for id in "123")))
    assert read(romeo) == ["1", "2", "3"]
    assert news(juliet) == ["item 1 x", "item 2 x", "item 3 x"]
    assert refused(publish(romeo, *(item(id) for id in "4567"))) == ("not-allowed", "max-items-exceeded")
    assert refused(publish(romeo, item("4"), "<item id='5'/>")) == ("bad-request", "payload-required")
    assert refused(publish(romeo, item("4"), item("4"))) == ("bad-request", None)
    assert read(romeo) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("full", "retracts"), [("retract-oldest", ["retract 1"]), ("discard-oldest", []), ("reject", None)]
)
def test_a_node_that_is_full(romeo: Client, juliet: Client, full: str, retracts: list[str] | None):
    create(romeo, max_items="2", notify_retract="1", publish_node_full=full)
    done(subscribe(juliet))
    for id in "12":
        publish(romeo, item(id))
    news(juliet)
    answer = publish(romeo, item("3"))
    if retracts is None:
        assert refused(answer) == ("conflict", "node-full")
        assert read(romeo) == ["1", "2"]
        done(publish(romeo, item("2", "y")))
    else:
        assert read(romeo) == ["2", "3"]
        assert news(juliet) == ["item 3 x", *retracts]


@pytest.mark.parametrize(
    ("node", "items", "error"),
    [
        ({}, "", ("bad-request", "item-required")),
        ({}, "<item id='1'/>", ("bad-request", "payload-required")),
        ({}, "<item><a xmlns='urn:a'/><b xmlns='urn:b'/></item>", ("bad-request", "invalid-payload")),
        ({"max_payload_size": "30"}, item(text="x" * 30), ("not-acceptable", "payload-too-big")),
        ({}, item("i" * 1024), ("not-acceptable", None)),
        ({"persist_items": "0", "deliver_payloads": "0"}, item(), ("bad-request", "item-forbidden")),
        ({"persist_items": "0"}, "", ("bad-request", "item-required")),
    ],
)
def test_what_a_node_does_not_take(romeo: Client, node: dict[str, str], items: str, error: tuple[str, str | None]):
    create(romeo, **node)
    assert refused(publish(romeo, items)) == error


def test_a_node_that_is_not_there(romeo: Client):
    assert refused(publish(romeo, item())) == ("item-not-found", None)
    assert refused(request(romeo, "set", f"<publish>{item()}</publish>")) == ("bad-request", "nodeid-required")


@pytest.mark.parametrize(
    ("node", "items", "told"),
    [
        ({"deliver_payloads": "0"}, item("1"), ["item 1"]),
        ({"deliver_payloads": "0"}, "<item id='1'/>", ["item 1"]),
        ({"persist_items": "0"}, item("1"), ["item 1 x"]),
        ({"persist_items": "0", "deliver_payloads": "0"}, "", ["items"]),
        ({"deliver_notifications": "0"}, item("1"), []),
    ],
)
def test_what_subscribers_are_told(romeo: Client, juliet: Client, node: dict[str, str], items: str, told: list[str]):
    """Section 4.3."""
    create(romeo, **node)
    done(subscribe(juliet))
    done(publish(romeo, items))
    assert news(juliet) == told


def test_a_node_that_keeps_nothing_knows_the_last_one(romeo: Client, juliet: Client):
    create(romeo, persist_items="0", publish_node_full="reject")
    for id in "12":
        done(publish(romeo, item(id)))
    assert read(juliet) == ["2"]
    done(subscribe(juliet))
    assert news(juliet) == ["item 2 x"]


def test_a_node_where_there_is_nothing_to_read(romeo: Client):
    create(romeo, persist_items="0", deliver_payloads="0")
    done(publish(romeo))
    error = ("feature-not-implemented", "unsupported persistent-items")
    assert refused(request(romeo, "get", f"<items node='{NODE}'/>")) == error


def test_messages_of_the_other_type(romeo: Client, juliet: Client):
    create(romeo, notification_type="normal")
    done(subscribe(juliet))
    publish(romeo, item("1"))
    assert events(juliet)[0].type is None


def test_who_published_it(romeo: Client, juliet: Client):
    """Section 7.1.2.3: it is what the server knows, whatever the item says."""
    create(romeo, itemreply="publisher")
    done(subscribe(juliet))
    publish(romeo, "<item id='1' publisher='juliet@localhost'><e xmlns='urn:e'/></item>")
    assert content(events(juliet)[0])[0].get("publisher") == romeo.bare
    answer = request(juliet, "get", f"<items node='{NODE}'/>")
    assert answer[0][0][0].get("publisher") == romeo.bare


@pytest.mark.parametrize(
    ("model", "affiliation", "subscribed", "may"),
    [
        ("publishers", "none", False, False),
        ("publishers", "none", True, False),
        ("publishers", "member", True, False),
        ("publishers", "publisher", False, True),
        ("publishers", "publish-only", False, True),
        ("publishers", "owner", False, True),
        ("subscribers", "none", False, False),
        ("subscribers", "none", True, True),
        ("subscribers", "member", False, False),
        ("open", "none", False, True),
        ("open", "outcast", False, False),
    ],
)
def test_who_may_publish(romeo: Client, juliet: Client, model: str, affiliation: str, subscribed: bool, may: bool):
    create(romeo, publish_model=model)
    if subscribed:
        done(subscribe(juliet))
    if affiliation != "none":
        affiliate(romeo, juliet, affiliation)
    answer = publish(juliet, item())
    if may:
        done(answer)
    else:
        assert refused(answer) == ("forbidden", None)


def test_what_one_person_keeps_has_a_limit(romeo: Client, juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(items_module, "BYTES", 3_000)
    create(romeo)
    create(romeo, "other")
    done(publish(romeo, item("1", "x" * 2_000)))
    for node in (NODE, "other"):
        assert refused(publish(romeo, item("2", "x" * 1_000), node=node)) == ("resource-constraint", None)
    done(publish(romeo, item("1", "y" * 2_200)))
    done(retract(romeo, "1"))
    done(publish(romeo, item("2", "x" * 2_000)))
    done(own(romeo, "set", f"<purge node='{NODE}'/>"))
    done(publish(romeo, item("3", "x" * 2_000), node="other"))
    create(juliet, "hers")
    done(publish(juliet, item("1", "x" * 2_000), node="hers"))


# Preconditions (section 7.1.5)


def test_preconditions_that_are_met(romeo: Client):
    create(romeo, access_model="whitelist", max_items="max")
    done(publish(romeo, item(), access_model="whitelist", max_items="max", persist_items="true"))


@pytest.mark.parametrize("options", [{"access_model": "open"}, {"max_items": "5"}, {"persist_items": "0"}])
def test_preconditions_that_are_not(romeo: Client, options: dict[str, str]):
    create(romeo, access_model="whitelist")
    assert refused(publish(romeo, item(), **options)) == ("conflict", "precondition-not-met")
    assert read(romeo) == []


def test_preconditions_that_no_node_has(romeo: Client):
    create(romeo)
    assert refused(publish(romeo, item(), weather="fine")) == ("bad-request", "invalid-options")


def test_preconditions_configure_what_is_made(romeo: Client):
    done(publish(romeo, item("1"), node="urn:n", to=None, access_model="open", max_items="max"))
    answer = own(romeo, "get", "<configure node='urn:n'/>", None)
    found = values(answer)
    assert (found["access_model"], found["max_items"], found["persist_items"]) == (("open",), ("max",), ("1",))


def test_nothing_is_made_of_a_request_that_fails(romeo: Client):
    assert refused(publish(romeo, "<item/>", node="urn:n", to=None))[1] == "payload-required"
    assert refused(request(romeo, "get", "<items node='urn:n'/>", None)) == ("item-not-found", None)


def test_a_form_of_another_type_is_none(romeo: Client):
    create(romeo)
    options = f"<publish-options>{config(access_model='open')}</publish-options>"
    asked = f"<publish node='{NODE}'>{item()}</publish>{options}"
    assert refused(request(romeo, "set", asked)) == ("not-acceptable", None)


# Retraction (section 7.2)


@pytest.mark.parametrize(
    ("attribute", "configured", "told"),
    [("", "0", []), ("true", "0", ["retract 1"]), ("1", "0", ["retract 1"]), ("0", "0", []), ("", "1", ["retract 1"])],
)
def test_what_is_retracted(romeo: Client, juliet: Client, attribute: str, configured: str, told: list[str]):
    create(romeo, notify_retract=configured)
    for id in "12":
        publish(romeo, item(id))
    done(subscribe(juliet))
    news(juliet)
    done(retract(romeo, "1", notify=attribute))
    assert read(romeo) == ["2"]
    assert news(juliet) == told


def test_all_or_none(romeo: Client):
    create(romeo)
    publish(romeo, item("1"))
    assert refused(retract(romeo, "1", "2")) == ("item-not-found", None)
    assert read(romeo) == ["1"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (f"<retract node='{NODE}'/>", ("bad-request", "item-required")),
        (f"<retract node='{NODE}'><item/></retract>", ("bad-request", "item-required")),
        ("<retract><item id='1'/></retract>", ("bad-request", "nodeid-required")),
        ("<retract node='none'><item id='1'/></retract>", ("item-not-found", None)),
    ],
)
def test_what_cannot_be_retracted(romeo: Client, asked: str, error: tuple[str, str | None]):
    create(romeo)
    assert refused(request(romeo, "set", asked)) == error


def test_nothing_is_kept_that_could_be(romeo: Client):
    create(romeo, persist_items="0")
    publish(romeo, item("1"))
    assert refused(retract(romeo, "1")) == ("feature-not-implemented", "unsupported persistent-items")


def test_publishers_retract_what_is_theirs(romeo: Client, juliet: Client, mercutio: Client):
    create(romeo)
    for each in (juliet, mercutio):
        affiliate(romeo, each, "publisher")
        done(publish(each, item(each.session.jid.local)))
    assert refused(retract(juliet, "mercutio")) == ("forbidden", None)
    done(retract(juliet, "juliet"))
    done(retract(romeo, "mercutio"))


# Reading (section 6.5)


def test_the_newest_of_them(romeo: Client):
    create(romeo)
    for id in "123":
        publish(romeo, item(id))
    assert read(romeo, more=" max_items='2'") == ["2", "3"]
    assert read(romeo, more=" max_items='9'") == ["1", "2", "3"]


@pytest.mark.parametrize("most", ["0", "-1", "x", "\u0663"])
def test_what_is_no_number(romeo: Client, most: str):
    create(romeo)
    assert refused(request(romeo, "get", f"<items node='{NODE}' max_items='{most}'/>")) == ("bad-request", None)


def test_those_that_are_named(romeo: Client):
    create(romeo)
    for id in "123":
        publish(romeo, item(id))
    assert read(romeo, content="<item id='3'/><item id='none'/><item id='1'/><item id='3'/>") == ["3", "1"]


@pytest.mark.parametrize(
    ("asked", "ids", "index"),
    [
        ("<max>2</max>", ["1", "2"], "0"),
        ("<max>2</max><after>2</after>", ["3", "4"], "2"),
        ("<max>2</max><before/>", ["4", "5"], "3"),
        ("<max>2</max><before>4</before>", ["2", "3"], "1"),
        ("<max>0</max>", [], None),
    ],
)
def test_a_page_of_them(romeo: Client, asked: str, ids: list[str], index: str | None):
    """XEP-0059."""
    create(romeo)
    for id in "12345":
        publish(romeo, item(id))
    answer = done(request(romeo, "get", f"<items node='{NODE}'/><set xmlns='{ns.RSM}'>{asked}</set>"))
    listed, told = answer[0]
    assert [each.get("id") for each in listed] == ids
    assert told.findtext(f"{{{ns.RSM}}}count") == "5"
    first = told.find(f"{{{ns.RSM}}}first")
    assert (None if first is None else first.get("index")) == index


def test_a_page_that_begins_nowhere(romeo: Client):
    create(romeo)
    asked = f"<items node='{NODE}'/><set xmlns='{ns.RSM}'><after>none</after></set>"
    assert refused(request(romeo, "get", asked)) == ("item-not-found", None)


def test_nothing_yet(romeo: Client):
    create(romeo)
    assert read(romeo) == []


@pytest.mark.parametrize(
    ("model", "affiliation", "error"),
    [
        ("open", "none", None),
        ("open", "outcast", ("forbidden", None)),
        ("open", "publish-only", ("forbidden", None)),
        ("whitelist", "none", ("not-allowed", "closed-node")),
        ("whitelist", "member", None),
        ("whitelist", "publisher", None),
        ("authorize", "none", ("not-authorized", "not-subscribed")),
        ("authorize", "member", None),
        ("presence", "none", ("not-authorized", "presence-subscription-required")),
        ("roster", "none", ("not-authorized", "presence-subscription-required")),
        ("presence", "member", None),
    ],
)
def test_who_may_read(
    romeo: Client, mercutio: Client, model: str, affiliation: str, error: tuple[str, str | None] | None
):
    create(romeo, access_model=model)
    if affiliation != "none":
        affiliate(romeo, mercutio, affiliation)
    answer = request(mercutio, "get", f"<items node='{NODE}'/>")
    assert (None if answer.type == "result" else refused(answer)) == error


def test_an_owners_contacts_may(romeo: Client, juliet: Client):
    create(romeo, access_model="presence")
    assert read(juliet) == []


# Expiry


def test_items_whose_time_is_over(stage: Stage, romeo: Client, juliet: Client):
    create(romeo, item_expire="60")
    publish(romeo, item("1"))
    stage.clock.advance(30)
    publish(romeo, item("2"))
    assert read(romeo) == ["1", "2"]
    stage.clock.advance(30)
    assert read(romeo) == ["2"]
    assert read(romeo, content="<item id='1'/>") == []
    stage.clock.advance(30)
    done(subscribe(juliet))
    assert news(juliet) == []
    assert read(romeo) == []
    assert not stage.store.items("pubsub-bytes", "pubsub.localhost")


def test_forever(stage: Stage, romeo: Client):
    create(romeo, item_expire="max")
    publish(romeo, item("1"))
    stage.clock.advance(10_000_000)
    assert read(romeo) == ["1"]


def test_a_payload_comes_back_as_it_was(romeo: Client):
    create(romeo)
    payload = "<a xmlns='urn:a' xml:lang='de'>x &lt; <b xmlns='urn:b' c='&quot;'>y</b> z</a>"
    done(publish(romeo, f"<item id='1'>{payload}</item>"))
    answer = request(romeo, "get", f"<items node='{NODE}'/>")
    (found,) = answer[0][0][0]
    assert found.get(f"{{{ns.XML}}}lang") == "de"
    assert "".join(found.itertext()) == "x < y z"
