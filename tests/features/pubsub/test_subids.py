"""XEP-0060 section 6.1.6: several subscriptions of one address at one node, told apart by their ids."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.stanza import Stanza
from tests.features.pubsub.words import (
    NODE,
    SERVICE,
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
    retract,
    subscribe,
    values,
)
from tests.stage import Client

OPTIONS = f"{ns.PUBSUB}#subscribe_options"


def subscribed(client: Client, *show: str) -> str:
    """Subscribe, to hear only while available like this; the id."""
    options = f"<options>{form(OPTIONS, **{'show-values': show})}</options>" if show else ""
    return told(request(client, "set", f"<subscribe node='{NODE}' jid='{client.bare}'/>{options}"))["subid"]


def told(answer: Stanza) -> dict[str, str]:
    return dict(done(answer)[0][0].attrib)


def about(client: Client, verb: str, subid: str = "", content: str = "") -> str:
    named = f" subid='{subid}'" if subid else ""
    return f"<{verb} node='{NODE}' jid='{client.bare}'{named}>{content}</{verb}>"


def by(message: Stanza) -> list[str | None]:
    """The subscriptions by which an event is heard."""
    return [each.text for each in message.iterfind(f"{{{ns.SHIM}}}headers/{{{ns.SHIM}}}header[@name='SubID']")]


@pytest.fixture
def ids(romeo: Client, juliet: Client) -> list[str]:
    """Juliet's two subscriptions: always, and while she wants to chat."""
    create(romeo)
    return [subscribed(juliet), subscribed(juliet, "chat")]


def test_with_other_options_it_is_another_one(juliet: Client, ids: list[str]):
    assert len(set(ids)) == 2
    listed = done(request(juliet, "get", f"<subscriptions node='{NODE}'/>"))[0][0]
    assert [(each.get("jid"), each.get("subid")) for each in listed] == [(juliet.bare, id) for id in ids]


def test_the_same_once_more_is_the_same(juliet: Client, ids: list[str]):
    assert [subscribed(juliet), subscribed(juliet, "chat")] == ids
    assert subscribed(juliet, "dnd") not in ids


def test_one_event_says_by_which_it_is(romeo: Client, juliet: Client, ids: list[str]):
    publish(romeo, item("1"))
    (message,) = events(juliet)
    assert by(message) == ids[:1]
    juliet.write("<presence><show>chat</show></presence>")
    publish(romeo, item("2"))
    retract(romeo, "2", notify="true")
    for message in events(juliet):
        assert by(message) == ids
        assert message[-1].tag == f"{{{ns.SHIM}}}headers"
    done(own(romeo, "set", f"<purge node='{NODE}'/>"))
    (message,) = events(juliet)
    assert by(message) == []


def test_who_has_one_is_not_told(romeo: Client, mercutio: Client, ids: list[str]):
    done(subscribe(mercutio))
    publish(romeo, item("1"))
    (message,) = events(mercutio)
    assert message.find(f"{{{ns.SHIM}}}headers") is None


@pytest.mark.parametrize(
    ("type", "verb", "content"),
    [
        ("set", "unsubscribe", ""),
        ("get", "options", ""),
        ("set", "options", form(OPTIONS, deliver="0")),
        ("get", "items", ""),
    ],
)
def test_one_has_to_say_which(romeo: Client, juliet: Client, ids: list[str], type: str, verb: str, content: str):
    """Sections 6.2.3.1, 6.2.3.5, 6.3.4.3, 6.3.4.4, 6.5.9.1 and 6.5.9.2."""
    publish(romeo, item("1"))
    assert refused(request(juliet, type, about(juliet, verb, "", content))) == ("bad-request", "subid-required")
    assert refused(request(juliet, type, about(juliet, verb, "x", content))) == ("not-acceptable", "invalid-subid")
    done(request(juliet, type, about(juliet, verb, ids[1], content)))


def test_each_has_options_of_its_own(juliet: Client, ids: list[str]):
    done(request(juliet, "set", about(juliet, "options", ids[0], form(OPTIONS, deliver="0"))))
    found = [done(request(juliet, "get", about(juliet, "options", id))) for id in ids]
    assert [values(each)["deliver"] for each in found] == [("0",), ("1",)]
    assert [told(each)["subid"] for each in found] == ids


def test_one_of_them_ends(romeo: Client, juliet: Client, ids: list[str]):
    answer = told(request(juliet, "set", about(juliet, "unsubscribe", ids[0])))
    assert (answer["subscription"], answer["subid"]) == ("none", ids[0])
    publish(romeo, item("1"))
    assert news(juliet) == []  # she isn't there to chat
    assert read(juliet) == ["1"]
    done(request(juliet, "set", about(juliet, "unsubscribe")))  # there is no question which one
    assert refused(request(juliet, "set", about(juliet, "unsubscribe"))) == ("unexpected-request", "not-subscribed")


def test_an_owner_ends_one_or_all(romeo: Client, juliet: Client, ids: list[str]):
    def end(more: str = "") -> None:
        change = f"<subscription jid='{juliet.bare}' subscription='none'{more}/>"
        done(own(romeo, "set", f"<subscriptions node='{NODE}'>{change}</subscriptions>"))

    def left() -> list[str | None]:
        listed = done(own(romeo, "get", f"<subscriptions node='{NODE}'/>"))[0][0]
        return [each.get("subid") for each in listed]

    end(f" subid='{ids[1]}'")
    assert left() == ids[:1]
    subscribed(juliet, "dnd")
    news(juliet)
    end()
    assert left() == []
    assert news(juliet) == [f"subscription {juliet.bare} none"] * 2


def test_a_request_that_waits_has_an_id_too(romeo: Client, juliet: Client):
    create(romeo, access_model="authorize")
    waiting = told(subscribe(juliet))
    question = romeo.only("message")
    x = form_in(question)
    assert x is not None
    assert values_of(x)["pubsub#subid"] == (waiting["subid"],)
    fields = {"node": NODE, "subscriber_jid": juliet.bare, "allow": "1"}
    for subid in ("x", waiting["subid"]):
        answer = form(f"{ns.PUBSUB}#subscribe_authorization", **fields, subid=subid)
        romeo.write(f"<message to='{SERVICE}' id='{question.id}'>{answer}</message>")
    (message,) = events(juliet)
    changed = message.find(f"{{{ns.PUBSUB_EVENT}}}event/{{{ns.PUBSUB_EVENT}}}subscription")
    assert changed is not None
    assert (changed.get("subscription"), changed.get("subid")) == ("subscribed", waiting["subid"])
    assert romeo.only("message").type == "error"


def test_an_account_that_is_gone_leaves_none(romeo: Client, juliet: Client, ids: list[str]):
    juliet.stage.host.delete_account(juliet.session.account)
    listed = done(own(romeo, "get", f"<subscriptions node='{NODE}'/>"))[0][0]
    assert len(listed) == 0
