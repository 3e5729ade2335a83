"""RFC 6121 section 2."""

from __future__ import annotations

import pytest

from conversehost.server import roster
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, condition

NURSE = {"jid": "nurse@localhost", "subscription": "none"}


def put(client: Client, item: str, to: str | None = None) -> Stanza:
    return client.ask("set", f"<query xmlns='{ns.ROSTER}'>{item}</query>", to)


def pushed(client: Client) -> Stanza:
    """The item of the one push that has come."""
    push = client.only("iq")
    assert (push.type, push.get("from"), push.get("to")) == ("set", None, client.jid)
    assert len(push) == len(push[0]) == 1
    return push[0][0]  # type: ignore[return-value]


def test_an_empty_roster(mercutio: Client):
    answer = mercutio.ask("get", f"<query xmlns='{ns.ROSTER}'/>")
    assert (answer.type, len(answer), len(answer[0])) == ("result", 1, 0)


def test_a_contact_with_name_and_groups(mercutio: Client):
    answer = put(
        mercutio, "<item jid='Nurse@localhost' name='Nurse &amp; co'><group>A</group><group>\u6f22</group></item>"
    )
    assert (answer.type, len(answer)) == ("result", 0)
    item = pushed(mercutio)
    assert dict(item.attrib) == {**NURSE, "name": "Nurse & co"}
    assert [each.text for each in item] == ["A", "\u6f22"]
    (kept,) = mercutio.ask("get", f"<query xmlns='{ns.ROSTER}'/>")[0]
    assert dict(kept.attrib) == dict(item.attrib)
    assert [each.text for each in kept] == ["A", "\u6f22"]


def test_a_contact_that_is_changed_keeps_its_subscription(romeo: Client, juliet: Client):
    put(romeo, "<item jid='juliet@localhost' name='J' subscription='none' ask='subscribe' approved='true'/>")
    assert romeo.pushes() == [{"jid": "juliet@localhost", "name": "J", "subscription": "both"}]
    put(romeo, "<item jid='juliet@localhost'/>")
    assert romeo.pushes() == [{"jid": "juliet@localhost", "subscription": "both"}]
    assert juliet.take() == []


def test_contacts_keep_their_order(mercutio: Client):
    for name in ("c", "a", "b", "a"):
        put(mercutio, f"<item jid='{name}@localhost'/>")
    assert list(mercutio.roster()) == ["c@localhost", "a@localhost", "b@localhost"]


def test_pushes_go_to_those_who_have_read_the_roster(stage: Stage, mercutio: Client):
    available, interested = stage.connect("mercutio", "a"), stage.connect("mercutio", "b")
    available.available()
    interested.roster()
    for each in (mercutio, available, interested):
        each.take()
    put(mercutio, "<item jid='nurse@localhost'/>")
    assert mercutio.pushes() == interested.pushes() == [NURSE]
    assert available.take() == []


def test_who_binds_the_resource_anew_has_not_read_it(stage: Stage, mercutio: Client):
    mercutio.drop()
    again = stage.connect("mercutio", "square")
    put(again, "<item jid='nurse@localhost'/>")
    assert again.take() == []


def test_every_push_has_an_id_of_its_own(mercutio: Client):
    for name in "ab":
        put(mercutio, f"<item jid='{name}@localhost'/>")
    assert len({each.id for each in mercutio.take("iq")}) == 2


@pytest.mark.parametrize("answer", ["result", "error"])
def test_answers_to_pushes_are_not_answered(mercutio: Client, answer: str):
    put(mercutio, "<item jid='nurse@localhost'/>")
    mercutio.write(f"<iq type='{answer}' id='{mercutio.only('iq').id}'/>")
    assert mercutio.take() == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "bad-request"),
        ("<item jid='a@b'/><item jid='c@d'/>", "bad-request"),
        ("<item/>", "bad-request"),
        ("<item jid=''/>", "bad-request"),
        ("<item jid='@'/>", "bad-request"),
        ("<x jid='a@b'/>", "bad-request"),
        ("<item xmlns='urn:x' jid='a@b'/>", "bad-request"),
        ("<item jid='a@b'><group>A</group><group>A</group></item>", "bad-request"),
        ("<item jid='a@b'><group/></item>", "not-acceptable"),
        (f"<item jid='a@b'><group>{'x' * 1024}</group></item>", "not-acceptable"),
        (f"<item jid='a@b' name='{'x' * 1024}'/>", "not-acceptable"),
        ("<item jid='a@b'>" + "".join(f"<group>{n}</group>" for n in range(51)) + "</item>", "not-acceptable"),
        (
            "<item jid='a@b'>" + "".join(f"<group>{str(n) * 900}</group>" for n in range(5)) + "</item>",
            "not-acceptable",
        ),
        ("<item jid='mercutio@localhost'/>", "not-allowed"),
        ("<item jid='mercutio@localhost/square' subscription='remove'/>", "not-allowed"),
        ("<item jid='nobody@localhost' subscription='remove'/>", "item-not-found"),
    ],
)
def test_what_is_refused(mercutio: Client, content: str, error: str):
    assert condition(put(mercutio, content)) == error
    assert mercutio.take() == []
    assert mercutio.roster() == {}


@pytest.mark.parametrize("type", ["get", "set"])
def test_a_roster_is_its_owners_alone(romeo: Client, mercutio: Client, type: str):
    before = romeo.roster()
    answer = mercutio.ask(type, f"<query xmlns='{ns.ROSTER}'><item jid='a@b'/></query>", "romeo@localhost")
    assert condition(answer) == "forbidden"
    assert romeo.roster() == before
    assert romeo.take() == []


def test_its_owner_may_say_so(mercutio: Client):
    assert put(mercutio, "<item jid='nurse@localhost'/>", "mercutio@localhost").type == "result"
    assert list(mercutio.roster()) == ["nurse@localhost"]


def test_a_question_has_no_items(mercutio: Client):
    answer = mercutio.ask("get", f"<query xmlns='{ns.ROSTER}'><item jid='a@b'/></query>")
    assert condition(answer) == "bad-request"


def test_only_so_many_contacts(mercutio: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(roster, "ITEMS_PER_ACCOUNT", 2)
    for name in "ab":
        put(mercutio, f"<item jid='{name}@localhost'/>")
    assert condition(put(mercutio, "<item jid='c@localhost'/>")) == "not-allowed"
    assert put(mercutio, "<item jid='a@localhost' name='A'/>").type == "result"
    for type in ("subscribe", "subscribed"):
        mercutio.presence(type, "d@localhost")
        assert condition(mercutio.take()[-1]) == "not-allowed"
    assert set(mercutio.roster()) == {"a@localhost", "b@localhost"}


# Removal (section 2.5)


def remove(client: Client, jid: str) -> Stanza:
    return put(client, f"<item jid='{jid}' subscription='remove'/>")


def test_a_contact_that_is_removed(romeo: Client, juliet: Client):
    assert remove(romeo, "juliet@localhost/x").type == "result"
    assert romeo.pushes() == [{"jid": "juliet@localhost", "subscription": "remove"}]
    assert romeo.roster() == {}
    assert juliet.pushes() == [
        {"jid": "romeo@localhost", "subscription": "to"},
        {"jid": "romeo@localhost", "subscription": "none"},
    ]
    assert juliet.seen() == [
        ("romeo@localhost", "unsubscribe"),
        ("romeo@localhost/orchard", "unavailable"),
        ("romeo@localhost", "unsubscribed"),
    ]
    romeo.available()
    assert juliet.seen() == []


def test_a_request_to_a_contact_that_is_removed_is_taken_back(mercutio: Client, juliet: Client):
    mercutio.presence("subscribe", "juliet@localhost")
    remove(mercutio, "juliet@localhost")
    assert [type for _, type in juliet.seen()] == ["subscribe", "unsubscribe"]
    juliet.presence("subscribed", "mercutio@localhost")
    assert mercutio.seen() == []


def test_a_request_of_a_contact_that_is_removed_is_refused(mercutio: Client, juliet: Client):
    put(mercutio, "<item jid='juliet@localhost'/>")
    juliet.presence("subscribe", "mercutio@localhost")
    remove(mercutio, "juliet@localhost")
    assert juliet.seen() == [("mercutio@localhost", "unsubscribed")]
    assert juliet.roster()["mercutio@localhost"] == {"jid": "mercutio@localhost", "subscription": "none"}


def test_a_contact_without_subscription_hears_nothing(mercutio: Client, juliet: Client):
    put(mercutio, "<item jid='juliet@localhost'/>")
    remove(mercutio, "juliet@localhost")
    assert juliet.take() == []


def test_the_contacts_of_an_account_that_is_deleted(stage: Stage, romeo: Client, juliet: Client):
    stage.host.delete_account(romeo.session.account)
    stage.turn.end()
    assert juliet.roster()["romeo@localhost"] == {"jid": "romeo@localhost", "subscription": "none"}
    assert [type for _, type in juliet.seen()] == ["unavailable", "unsubscribe", "unsubscribed"]
