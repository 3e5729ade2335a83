"""XEP-0030."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, condition

INFO = f"<query xmlns='{ns.DISCO_INFO}'/>"
ITEMS = f"<query xmlns='{ns.DISCO_ITEMS}'/>"
ACCOUNT = [{"category": "account", "type": "registered"}, {"category": "pubsub", "type": "pep"}]


def identities(answer: Stanza) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}identity")]


def features(answer: Stanza) -> list[str]:
    return [each.get("var", "") for each in answer[0].iter(f"{{{ns.DISCO_INFO}}}feature")]


@pytest.mark.parametrize("to", ["localhost", "localhost/x"])
def test_what_the_server_can(mercutio: Client, to: str):
    answer = mercutio.ask("get", INFO, to)
    assert answer.get("from") == to
    assert {"category": "server", "type": "im", "name": "conversehost"} in identities(answer)
    told = features(answer)
    assert len(set(told)) == len(told)
    assert {
        ns.DISCO_INFO,
        ns.DISCO_ITEMS,
        "urn:xmpp:blocking",
        "urn:xmpp:reporting:1",
        "msgoffline",
        "urn:xmpp:carbons:2",
        "urn:xmpp:carbons:rules:0",
        "vcard-temp",
        "urn:xmpp:ping",
        "jabber:iq:version",
        "urn:xmpp:time",
    } <= set(told)


def test_registration_is_told_where_it_works(make_stage: Callable[..., Stage]):
    client = make_stage(registration=True).login("mercutio")
    assert "jabber:iq:register" in features(client.ask("get", INFO, "localhost"))


@pytest.mark.parametrize("to", [None, "romeo@localhost"])
def test_what_ones_own_account_is(romeo: Client, to: str | None):
    answer = romeo.ask("get", INFO, to)
    assert identities(answer) == ACCOUNT
    assert {ns.DISCO_INFO, ns.DISCO_ITEMS, "vcard-temp", "urn:xmpp:ping"} <= set(features(answer))


def test_what_a_friends_account_is(romeo: Client, juliet: Client):
    assert identities(romeo.ask("get", INFO, juliet.bare)) == ACCOUNT


@pytest.mark.parametrize(
    "question", [INFO, ITEMS, INFO.replace("/>", " node='x'/>"), ITEMS.replace("/>", " node='x'/>")]
)
def test_a_stranger_cannot_tell_an_account_from_none(romeo: Client, mercutio: Client, question: str):
    answers = [mercutio.ask("get", question, to) for to in ("romeo@localhost", "nobody@localhost")]
    assert [condition(each) for each in answers] == ["service-unavailable"] * 2
    assert len({len(each[0]) for each in answers}) == 1


def test_to_see_somebody_is_not_to_be_seen(stage: Stage, romeo: Client, mercutio: Client):
    """romeo sees mercutio, who therefore learns nothing of romeo."""
    romeo.presence("subscribe", mercutio.bare)
    mercutio.presence("subscribed", romeo.bare)
    assert condition(mercutio.ask("get", INFO, romeo.bare)) == "service-unavailable"
    assert romeo.ask("get", INFO, mercutio.bare).type == "result"


@pytest.mark.parametrize("to", [None, "mercutio@localhost"])
def test_accounts_have_no_items(mercutio: Client, to: str | None):
    answer = mercutio.ask("get", ITEMS, to)
    assert (answer.type, len(answer[0])) == ("result", 0)


def test_the_items_of_a_host_are_its_services(mercutio: Client):
    items = mercutio.ask("get", ITEMS, "localhost")[0]
    assert len(items)
    for each in items:
        assert each.get("jid", "").endswith(".localhost")
        assert each.get("name")


@pytest.mark.parametrize("to", [None, "localhost"])
@pytest.mark.parametrize("namespace", [ns.DISCO_INFO, ns.DISCO_ITEMS])
def test_there_are_no_nodes(mercutio: Client, to: str | None, namespace: str):
    assert condition(mercutio.ask("get", f"<query xmlns='{namespace}' node='x'/>", to)) == "item-not-found"


def test_nothing_is_published_that_way(mercutio: Client):
    assert condition(mercutio.ask("set", ITEMS, "localhost")) == "service-unavailable"


def test_a_client_is_asked_itself(juliet: Client, mercutio: Client):
    mercutio.write(f"<iq type='get' id='1' to='{juliet.jid}'>{INFO}</iq>")
    assert juliet.only("iq").get("from") == mercutio.jid


def test_two_domains_answer_for_themselves(make_stage: Callable[..., Stage]):
    stage = make_stage("localhost", "other.example")
    client = stage.login("mercutio")
    stage.router.hosts["other.example"].advertise("urn:x")
    assert "urn:x" in features(client.ask("get", INFO, "other.example"))
    assert "urn:x" not in features(client.ask("get", INFO, "localhost"))
