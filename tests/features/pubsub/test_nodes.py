"""XEP-0060 section 8: what owners do with nodes; and section 5, what there is to find out about them."""

from __future__ import annotations

import pytest

from conversehost.features.pubsub import owner, service
from conversehost.features.pubsub.config import MAX_ITEMS
from conversehost.xmpp import ns
from conversehost.xmpp.forms import values_of
from conversehost.xmpp.stanza import Stanza
from tests.features.pubsub.words import (
    NODE,
    SERVICE,
    configure,
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
    subscribe,
    values,
)
from tests.stage import Client, Stage

INFO, ITEMS = f"<query xmlns='{ns.DISCO_INFO}'/>", f"<query xmlns='{ns.DISCO_ITEMS}'/>"


def configuration(client: Client, node: str = NODE) -> dict[str, tuple[str, ...]]:
    return values(done(own(client, "get", f"<configure node='{node}'/>")))


def listed(client: Client) -> list[str | None]:
    return [each.get("node") for each in client.ask("get", ITEMS, SERVICE)[0]]


# Creation (section 8.1)


def test_whoever_creates_a_node_owns_it(romeo: Client, juliet: Client):
    answer = done(request(romeo, "set", f"<create node='{NODE}'/>"))
    assert answer[0][0].get("node") == NODE
    assert refused(configure(juliet, title="mine")) == ("forbidden", None)
    assert listed(juliet) == [NODE]


def test_an_instant_node_gets_a_name(romeo: Client):
    names = {done(request(romeo, "set", "<create/>"))[0][0].get("node", "") for _ in range(2)}
    assert len(names) == 2 and "" not in names
    assert set(listed(romeo)) == names


def test_there_is_one_of_a_name(romeo: Client, juliet: Client):
    create(romeo)
    assert refused(request(juliet, "set", f"<create node='{NODE}'/>")) == ("conflict", None)


def test_it_is_configured_with_its_creation(romeo: Client):
    create(romeo, title="Musings", max_items="10", access_model="whitelist", notify_sub="1")
    found = configuration(romeo)
    told = {name: found[name] for name in ("title", "max_items", "access_model", "notify_sub", "publish_model")}
    assert told == {
        "title": ("Musings",),
        "max_items": ("10",),
        "access_model": ("whitelist",),
        "notify_sub": ("1",),
        "publish_model": ("publishers",),
    }


@pytest.mark.parametrize(
    ("configuration", "error"),
    [
        ("<configure node='other'/>", ("bad-request", None)),
        ("<configure>{}</configure>", ("not-acceptable", "unsupported-access-model")),
    ],
)
def test_a_configuration_that_cannot_be(romeo: Client, configuration: str, error: tuple[str, str | None]):
    form = "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'><value>x</value></field></x>"
    assert refused(request(romeo, "set", f"<create node='n'/>{configuration.format(form)}")) == error
    assert listed(romeo) == []


def test_nodes_have_a_limit(romeo: Client, juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "NODES", 1)
    create(romeo)
    assert refused(request(romeo, "set", "<create/>")) == ("resource-constraint", "max-nodes-exceeded")
    create(juliet, "hers")


def test_names_have_a_limit(romeo: Client):
    assert refused(request(romeo, "set", f"<create node='{'n' * 1024}'/>")) == ("not-acceptable", None)


def test_guests_create_nothing():
    guest = Stage(anonymous=True).connect("guest")
    assert refused(request(guest, "set", "<create/>")) == ("forbidden", None)


# Configuration (sections 8.2 and 8.3)


def test_what_is_not_mentioned_stays(romeo: Client):
    create(romeo, title="Musings")
    done(configure(romeo, description="of a prince"))
    assert configuration(romeo)["title"] == ("Musings",)
    assert configuration(romeo)["description"] == ("of a prince",)


@pytest.mark.parametrize(("said", "kept"), [("max", "max"), (str(MAX_ITEMS), "max"), ("5", "5")])
def test_how_many_items_there_may_be(romeo: Client, said: str, kept: str):
    create(romeo, max_items=said)
    assert configuration(romeo)["max_items"] == (kept,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_items", "many"),
        ("max_items", "0"),
        ("max_items", "-1"),
        ("max_items", str(MAX_ITEMS + 1)),
        ("item_expire", "soon"),
        ("max_payload_size", "9" * 20),
        ("deliver_payloads", "perhaps"),
        ("publish_model", "x"),
        ("node_type", "collection"),
        ("title", "x" * 10_001),
    ],
)
def test_what_a_node_cannot_be(romeo: Client, field: str, value: str):
    create(romeo)
    before = configuration(romeo)
    assert refused(configure(romeo, **{field: value})) == ("not-acceptable", None)
    assert configuration(romeo) == before


def test_a_form_that_is_cancelled_changes_nothing(romeo: Client):
    create(romeo, title="Musings")
    cancelled = f"<configure node='{NODE}'><x xmlns='jabber:x:data' type='cancel'/></configure>"
    done(own(romeo, "set", cancelled))
    assert configuration(romeo)["title"] == ("Musings",)


def test_a_configuration_without_a_form(romeo: Client):
    create(romeo)
    assert refused(own(romeo, "set", f"<configure node='{NODE}'/>")) == ("bad-request", None)


@pytest.mark.parametrize("verb", ["configure", "subscriptions", "affiliations"])
def test_a_request_names_the_node(romeo: Client, verb: str):
    assert refused(own(romeo, "get", f"<{verb}/>")) == ("bad-request", "nodeid-required")
    assert refused(own(romeo, "get", f"<{verb} node='none'/>")) == ("item-not-found", None)


def test_the_default_configuration(romeo: Client):
    answer = done(own(romeo, "get", "<default/>"))
    assert values(answer)["access_model"] == ("open",)
    assert values(done(own(romeo, "get", "<default/>", None)))["access_model"] == ("presence",)
    assert refused(own(romeo, "get", "<default type='collection'/>"))[0] == "feature-not-implemented"


@pytest.mark.parametrize(("payloads", "forms"), [("1", 1), ("0", 0)])
def test_subscribers_hear_of_another_configuration(romeo: Client, juliet: Client, payloads: str, forms: int):
    create(romeo, notify_config="1", deliver_payloads=payloads)
    done(subscribe(juliet))
    done(configure(romeo, title="Musings"))
    (message,) = events(juliet)
    found = content(message)
    assert (found.tag, found.get("node"), len(found)) == (f"{{{ns.PUBSUB_EVENT}}}configuration", NODE, forms)
    if forms:
        assert values_of(found[0])["pubsub#title"] == ("Musings",)


def test_unless_the_node_does_not_do_that(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    done(configure(romeo, title="Musings"))
    assert news(juliet) == []


def test_fewer_items_than_there_are(romeo: Client, juliet: Client):
    create(romeo, notify_retract="1")
    for id in "123":
        publish(romeo, item(id))
    done(subscribe(juliet))
    news(juliet)
    done(configure(romeo, max_items="1"))
    assert read(romeo) == ["3"]
    assert news(juliet) == ["retract 1", "retract 2"]


# Deletion and purging (sections 8.4 and 8.5)


def test_a_node_that_is_deleted(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    publish(romeo, item("1"))
    news(juliet)
    assert refused(own(juliet, "set", f"<delete node='{NODE}'/>")) == ("forbidden", None)
    done(own(romeo, "set", f"<delete node='{NODE}'/>"))
    assert news(juliet) == ["delete"]
    assert refused(request(juliet, "get", f"<items node='{NODE}'/>")) == ("item-not-found", None)
    create(juliet)
    assert read(juliet) == []


def test_those_who_wait_to_be_let_in_hear_of_it_too(romeo: Client, juliet: Client):
    create(romeo, access_model="authorize")
    done(subscribe(juliet))
    done(own(romeo, "set", f"<delete node='{NODE}'/>"))
    assert news(juliet) == ["delete"]


def test_in_silence(romeo: Client, juliet: Client):
    create(romeo, notify_delete="0")
    done(subscribe(juliet))
    done(own(romeo, "set", f"<delete node='{NODE}'/>"))
    assert news(juliet) == []


URI = "xmpp:juliet@localhost?;node=blog"


def test_a_node_that_has_moved(romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    done(own(romeo, "set", f"<delete node='{NODE}'><redirect uri='{URI}'/></delete>"))
    (message,) = events(juliet)
    assert content(message)[0].get("uri") == URI
    answer = subscribe(juliet)
    assert refused(answer) == ("gone", None)
    assert answer.findtext(f".//{{{ns.STANZA_ERROR}}}gone") == URI
    create(romeo)
    done(subscribe(juliet))


def test_an_address_that_is_too_long(romeo: Client):
    create(romeo)
    redirect = f"<redirect uri='{'x' * (owner.URI + 1)}'/>"
    assert refused(own(romeo, "set", f"<delete node='{NODE}'>{redirect}</delete>")) == ("not-acceptable", None)


def test_a_node_that_is_purged(romeo: Client, juliet: Client):
    create(romeo)
    for id in "12":
        publish(romeo, item(id))
    done(subscribe(juliet))
    news(juliet)
    assert refused(own(juliet, "set", f"<purge node='{NODE}'/>")) == ("forbidden", None)
    done(own(romeo, "set", f"<purge node='{NODE}'/>"))
    assert news(juliet) == ["purge"]
    assert read(romeo) == []


def test_nothing_to_purge(romeo: Client):
    create(romeo, persist_items="0")
    error = ("feature-not-implemented", "unsupported persistent-items")
    assert refused(own(romeo, "set", f"<purge node='{NODE}'/>")) == error


# Discovery (sections 5.1 to 5.5)


def identities(answer: Stanza) -> list[tuple[str | None, str | None]]:
    return [(each.get("category"), each.get("type")) for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}identity")]


def test_what_the_service_is(romeo: Client):
    answer = romeo.ask("get", INFO, SERVICE)
    assert identities(answer) == [("pubsub", "service")]
    told = [each.get("var") for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}feature")]
    assert len(set(told)) == len(told)
    assert {ns.PUBSUB, f"{ns.PUBSUB}#access-open", f"{ns.PUBSUB}#instant-nodes", ns.PING} <= set(told)
    assert not {f"{ns.PUBSUB}#auto-create", f"{ns.PUBSUB}#last-published"} & set(told)


def test_what_a_node_is(romeo: Client, juliet: Client):
    create(romeo, title="Musings", max_items="max")
    done(subscribe(juliet))
    answer = done(juliet.ask("get", INFO.replace("/>", f" node='{NODE}'/>"), SERVICE))
    assert identities(answer) == [("pubsub", "leaf")]
    found = values(answer)
    assert found["FORM_TYPE"] == (f"{ns.PUBSUB}#meta-data",)
    assert {name: found[name] for name in ("title", "creator", "owner", "num_subscribers", "max_items")} == {
        "title": ("Musings",),
        "creator": (romeo.bare,),
        "owner": (romeo.bare,),
        "num_subscribers": ("1",),
        "max_items": ("max",),
    }
    assert found["creation_date"] == ("2023-11-14T22:13:20.000Z",)


def test_what_is_at_a_node(romeo: Client):
    create(romeo)
    for id in "12":
        publish(romeo, item(id))
    answer = romeo.ask("get", ITEMS.replace("/>", f" node='{NODE}'/>"), SERVICE)
    assert [dict(each.attrib) for each in answer[0]] == [{"jid": SERVICE, "name": id} for id in "12"]


def test_a_page_of_nodes_and_one_of_items(romeo: Client):
    for node in "abc":
        create(romeo, node)
        publish(romeo, item("1"), item("2"), node=node)
    page = f"<set xmlns='{ns.RSM}'><max>1</max><after>{{}}</after></set>"
    answer = done(romeo.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}'>{page.format('a')}</query>", SERVICE))
    assert ([each.get("node") for each in answer[0]][:-1], answer[0][-1].findtext(f"{{{ns.RSM}}}count")) == (["b"], "3")
    answer = done(romeo.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}' node='c'>{page.format('1')}</query>", SERVICE))
    assert [each.get("name") for each in answer[0]][:-1] == ["2"]


def test_a_closed_node_is_not_shown(romeo: Client, juliet: Client):
    create(romeo, access_model="whitelist")
    assert listed(juliet) == []
    asked = INFO.replace("/>", f" node='{NODE}'/>")
    assert refused(juliet.ask("get", asked, SERVICE)) == ("not-allowed", "closed-node")
    assert refused(juliet.ask("get", asked.replace(NODE, "none"), SERVICE)) == ("item-not-found", None)


# What is no request


@pytest.mark.parametrize(
    ("type", "content"),
    [("get", ""), ("get", "<publish node='n'/>"), ("set", "<items node='n'/>"), ("set", "<x xmlns='urn:x'/>")],
)
def test_what_is_no_request(romeo: Client, type: str, content: str):
    for to in (SERVICE, None):
        assert refused(request(romeo, type, content, to)) == ("bad-request", None)


def test_owners_have_a_namespace_of_their_own(romeo: Client):
    create(romeo)
    assert refused(request(romeo, "set", f"<delete node='{NODE}'/>")) == ("bad-request", None)


def test_an_accounts_nodes_go_with_it(stage: Stage, romeo: Client, juliet: Client):
    create(romeo)
    done(subscribe(juliet))
    create(juliet, "hers")
    done(
        own(
            juliet,
            "set",
            f"<affiliations node='hers'><affiliation jid='{romeo.bare}' affiliation='owner'/></affiliations>",
        )
    )
    news(juliet)
    stage.host.delete_account(romeo.session.account)
    stage.turn.end()
    assert news(juliet) == ["delete"]
    assert listed(juliet) == ["hers"]
    assert list(stage.store.items("pubsub-affiliations", f"{SERVICE}/hers")) == [juliet.bare]
