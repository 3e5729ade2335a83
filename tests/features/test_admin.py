"""XEP-0133."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.forms import X
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from tests.features.commands import NOTE, execute, filled, run, shown, status
from tests.stage import Client, Stage, condition, encoded

ADMIN = "http://jabber.org/protocol/admin#"


@pytest.fixture
def house(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage("localhost", "other.example", policy=Policy(admins=frozenset({parse("admin@localhost")})))


@pytest.fixture
def admin(house: Stage) -> Client:
    return house.login("admin", "desk")


def do(client: Client, node: str, **fields: str | list[str]) -> Stanza:
    return run(client, ADMIN + node, filled(FORM_TYPE="http://jabber.org/protocol/admin", **fields))


def note(answer: Stanza) -> str | None:
    assert status(answer) == "completed"
    return answer[0].findtext(NOTE)


def can_log_in(house: Stage, name: str, password: str, mechanism: str = "PLAIN") -> bool:
    client = house.open()
    client.take()
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}{name}{chr(0)}{password}')}</auth>")
    return bool(client.only().tag == f"{{{ns.SASL}}}success")


def test_only_administrators(house: Stage, admin: Client):
    nodes = [each for each in house.host.commands if each.startswith("http://jabber.org/protocol/admin#")]
    assert len(nodes) == 23
    for client in (house.login("romeo"), house.login("admin@other.example")):
        assert {condition(execute(client, each)) for each in nodes} == {"forbidden"}
    items = admin.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}' node='{ns.COMMANDS}'/>", "localhost")[0]
    assert [each.get("node") for each in items if each.get("node") in nodes] == nodes


def test_a_new_user(house: Stage, admin: Client):
    answer = do(admin, "add-user", accountjid="Romeo@localhost", password="p", **{"password-verify": "p"})
    assert note(answer) == "romeo@localhost was added."
    assert can_log_in(house, "romeo", "p")


def test_a_new_user_as_test_suites_make_them(house: Stage, admin: Client):
    """Smack sends everything that the form asks for, and the action execute at each step."""
    asked = execute(admin, ADMIN + "add-user", "execute")
    form = filled(accountjid="sinttest-one@localhost", password="p", **{"password-verify": "p"})
    answer = execute(admin, ADMIN + "add-user", "execute", asked[0].get("sessionid", ""), form)
    assert status(answer) == "completed"
    assert note(do(admin, "delete-user", accountjids="sinttest-one@localhost")) == "Deleted: sinttest-one@localhost."
    assert not house.accounts.exists(parse("sinttest-one@localhost"))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"accountjid": "admin@localhost"}, "conflict"),
        ({"accountjid": "romeo@localhost", "password-verify": "q"}, "not-acceptable"),
        ({"accountjid": "romeo@other.example"}, "not-acceptable"),
        ({"accountjid": "localhost"}, "not-acceptable"),
        ({"accountjid": "a b@localhost"}, "bad-request"),
        ({"accountjid": "romeo@localhost", "password": ""}, "bad-request"),
        ({}, "bad-request"),
    ],
)
def test_a_new_user_that_is_refused(admin: Client, fields: dict[str, str], error: str):
    assert condition(do(admin, "add-user", **{"password": "p", **fields})) == error


def test_users_are_deleted_all_or_none(house: Stage, admin: Client):
    romeo = house.login("romeo")
    house.account("juliet")
    assert condition(do(admin, "delete-user", accountjids=["romeo@localhost", "nobody@localhost"])) == "item-not-found"
    assert romeo.error is None
    do(admin, "delete-user", accountjids=["romeo@localhost", "juliet@localhost"])
    assert romeo.error is not None
    assert [jid.local for jid, _ in house.accounts.of("localhost")] == ["admin"]


def test_whoever_is_disabled_is_out_until_enabled_again(house: Stage, admin: Client):
    romeo = house.login("romeo")
    assert note(do(admin, "disable-user", accountjids="romeo@localhost")) == "Disabled: romeo@localhost."
    assert romeo.error is not None
    assert not can_log_in(house, "romeo", "secret")
    do(admin, "change-user-password", accountjid="romeo@localhost", password="new")
    assert not can_log_in(house, "romeo", "new")
    assert shown(do(admin, "get-disabled-users-list"))["disableduserjids"] == ("romeo@localhost",)
    assert shown(execute(admin, ADMIN + "get-disabled-users-num"))["disabledusersnum"] == ("1",)
    do(admin, "reenable-user", accountjids="romeo@localhost")
    assert can_log_in(house, "romeo", "new")


def test_sessions_are_ended_all_or_one(house: Stage, admin: Client):
    orchard, street, square = (house.login("romeo", each) for each in ("orchard", "street", "square"))
    assert note(do(admin, "end-user-session", accountjids="romeo@localhost/street")) == "Sessions ended: 1."
    assert (orchard.error, street.error and street.error.condition) == (None, "policy-violation")
    assert note(do(admin, "end-user-session", accountjids="romeo@localhost")) == "Sessions ended: 2."
    assert orchard.error is not None
    assert square.error is not None
    assert note(do(admin, "end-user-session", accountjids="romeo@localhost")) == "Sessions ended: 0."


def test_a_new_password(house: Stage, admin: Client):
    house.account("romeo")
    answer = do(admin, "change-user-password", accountjid="romeo@localhost", password="new")
    assert note(answer) == "romeo@localhost has a new password."
    assert can_log_in(house, "romeo", "new")
    assert condition(do(admin, "change-user-password", accountjid="nobody@localhost", password="x")) == "item-not-found"


def test_a_new_password_ends_all_sessions_but_that_of_who_asks(house: Stage, admin: Client):
    romeo, elsewhere = house.login("romeo"), house.login("admin", "elsewhere")
    for name in ("romeo", "admin"):
        do(admin, "change-user-password", accountjid=f"{name}@localhost", password="new")
    assert [each.error and each.error.condition for each in (romeo, elsewhere, admin)] == ["reset", "reset", None]


def test_a_roster(house: Stage, admin: Client):
    house.befriend("romeo", "juliet")
    query = do(admin, "get-user-roster", accountjids="romeo@localhost")[0].find(f"{X}/{{{ns.ROSTER}}}query")
    assert query is not None
    assert [dict(each.attrib) for each in query] == [{"jid": "juliet@localhost", "subscription": "both"}]


def test_when_somebody_logged_in_last(house: Stage, admin: Client):
    house.clock.advance(60)
    romeo = house.login("romeo")
    house.clock.advance(60)
    romeo.drop()
    house.clock.advance(60)
    house.account("juliet")
    answer = do(admin, "get-user-lastlogin", accountjids=["romeo@localhost", "juliet@localhost", "admin@localhost"])
    assert shown(answer)["lastlogin"] == ("2023-11-14T22:14:20.000Z", "", "2023-11-14T22:13:20.000Z")


def test_figures_of_a_user(house: Stage, admin: Client):
    house.befriend("romeo", "juliet")
    house.login("romeo", "orchard")
    house.login("romeo", "street")
    assert shown(do(admin, "user-stats", accountjid="romeo@localhost")) == {
        "FORM_TYPE": ("http://jabber.org/protocol/admin",),
        "ipaddresses": (),
        "rostersize": ("1",),
        "onlineresources": ("orchard", "street"),
    }


def test_how_many_there_are_and_who(house: Stage, admin: Client):
    house.account("benvolio")
    house.login("romeo").write("<presence><show>xa</show></presence>")
    house.login("juliet@other.example")
    expected = {
        "registered": ("admin@localhost", "benvolio@localhost", "romeo@localhost"),
        "online": ("admin@localhost", "romeo@localhost"),
        "active": ("admin@localhost",),
        "idle": ("romeo@localhost",),
        "disabled": (),
    }
    for kind, jids in expected.items():
        assert shown(execute(admin, f"{ADMIN}get-{kind}-users-num"))[f"{kind}usersnum"] == (str(len(jids)),)
        node = f"get-{kind}-users" + ("" if kind in ("active", "idle") else "-list")
        assert shown(do(admin, node))[f"{kind}userjids"] == jids


def test_a_long_list_is_cut(house: Stage, admin: Client):
    for number in range(30):
        house.account(f"user{number:02}")
    assert len(shown(do(admin, "get-registered-users-list", max_items="25"))["registereduserjids"]) == 25
    assert len(shown(do(admin, "get-registered-users-list", max_items="none"))["registereduserjids"]) == 31


def test_an_announcement_reaches_everybody_who_is_online_once(house: Stage, admin: Client):
    romeo, away = house.login("romeo"), house.login("juliet")
    unavailable = house.connect("benvolio")
    away.write("<presence><show>away</show></presence>")
    away.take()
    answer = do(admin, "announce", subject="Tonight", announcement=["The server stops", "at ten."])
    assert note(answer) == "Told: 3."
    for client in (romeo, away, admin):
        message = client.only("message")
        assert (message.type, message.get("from")) == ("headline", "localhost")
        assert (message.text_of("subject"), message.text_of("body")) == ("Tonight", "The server stops\nat ten.")
    assert not unavailable.take("message")


def test_what_is_kept_goes_with_the_account(house: Stage, admin: Client):
    house.login("romeo").drop()
    house.host.delete_account(parse("romeo@localhost"))
    house.account("romeo")
    assert shown(do(admin, "get-user-lastlogin", accountjids="romeo@localhost"))["lastlogin"] == ("",)


def come(house: Stage, name: str, resource: str = "here") -> Client:
    """Somebody logs in."""
    client = house.connect(name, resource)
    client.available()
    return client


def test_the_message_of_the_day_is_for_everybody_once(house: Stage, admin: Client):
    romeo = house.login("romeo", "here")
    assert note(do(admin, "set-motd", motd=["Tea", "at five"])) == "Everybody will be told once."
    said = romeo.only("message")
    assert (said.type, said.get("from"), said.text_of("body")) == ("headline", "localhost", "Tea\nat five")
    again, juliet = come(house, "romeo", "there"), come(house, "juliet")
    assert (again.heard(), juliet.heard()) == ([], ["Tea\nat five"])
    do(admin, "set-motd", motd="No tea")
    assert (romeo.heard(), juliet.heard()) == (["No tea"], ["No tea"])


def test_it_is_edited_without_a_word_and_deleted(house: Stage, admin: Client):
    romeo = house.login("romeo", "here")
    do(admin, "set-motd", motd="Tea at five")
    assert romeo.heard() == ["Tea at five"]
    assert shown(execute(admin, ADMIN + "edit-motd"))["motd"] == ("Tea at five",)
    do(admin, "edit-motd", motd="Tea at six")
    juliet = come(house, "juliet")
    assert (romeo.heard(), juliet.heard()) == ([], ["Tea at six"])
    assert note(execute(admin, ADMIN + "delete-motd")) == "It was deleted."
    assert come(house, "admin@other.example").heard() == []
    house.login("juliet").leave()
    assert come(house, "juliet", "again").heard() == []
