"""XEP-0077."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.forms import form_in
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, condition, encoded

ASK = f"<query xmlns='{ns.REGISTER}'/>"


@pytest.fixture
def open_house(make_stage: Callable[..., Stage]) -> Stage:
    """A server where anybody may register."""
    return make_stage(
        "localhost", "other.example", registration=True, policy=Policy(admins=frozenset({parse("admin@localhost")}))
    )


@pytest.fixture
def guest(open_house: Stage) -> Client:
    """Has no account yet."""
    guest = open_house.open()
    guest.take()
    return guest


@pytest.fixture
def member(open_house: Stage) -> Client:
    return open_house.login("juliet", "balcony")


def fill_in(client: Client, username: str | None, password: str | None, to: str | None = None) -> Stanza:
    name = "" if username is None else f"<username>{username}</username>"
    secret = "" if password is None else f"<password>{password}</password>"
    return client.ask("set", f"<query xmlns='{ns.REGISTER}'>{name}{secret}</query>", to)


def log_in(client: Client, name: str, password: str) -> bool:
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}{name}{chr(0)}{password}')}</auth>")
    return bool(client.only().tag == f"{{{ns.SASL}}}success")


def test_the_stream_says_so_before_login(open_house: Stage):
    assert open_house.open().only().find(f"{{{ns.REGISTER_FEATURE}}}register") is not None


def test_and_not_afterwards(member: Client):
    assert member.restart().find(f"{{{ns.REGISTER_FEATURE}}}register") is None


def test_what_is_needed(guest: Client):
    form = guest.ask("get", ASK)[0]
    assert [each.tag.partition("}")[2] for each in form] == ["instructions", "username", "password", "x"]


def test_a_new_account(guest: Client):
    answer = fill_in(guest, "Romeo", "p\u00e4ss &amp; word")
    assert (answer.type, len(answer)) == ("result", 0)
    assert log_in(guest, "romeo", "p\u00e4ss & word")


@pytest.mark.parametrize(("address", "most"), [("192.0.2.1", 10), ("127.0.0.1", 1_000)])
def test_so_many_accounts_a_minute_from_one_address(open_house: Stage, address: str, most: int):
    """It doesn't matter over how many connections; nor whether the name was taken."""
    guests = [open_house.open(address=address) for _ in range(2)]
    for each in guests:
        each.take()
    for number in range(most):
        fill_in(guests[number % 2], f"user{number // 2}", "x")
    refused = fill_in(guests[0], "one_more", "x")
    assert condition(refused) == "resource-constraint"
    assert refused.find("{*}error").get("type") == "wait"  # type: ignore[union-attr]
    other = open_house.open(address="192.0.2.2")
    other.take()
    assert fill_in(other, "another", "x").type == "result"
    open_house.clock.advance(60)
    assert fill_in(guests[0], "one_more", "x").type == "result"
    for hook in open_house.host.hooks.closing:  # all begins anew
        hook()
    assert [fill_in(guests[1], f"new{number}", "x").type for number in range(10)] == ["result"] * 10


def test_a_name_that_is_taken(guest: Client, member: Client):
    assert condition(fill_in(guest, "JULIET", "x")) == "conflict"
    assert log_in(guest, "juliet", "secret")


@pytest.mark.parametrize(
    ("username", "password", "error"),
    [
        (None, None, "not-acceptable"),
        ("romeo", None, "not-acceptable"),
        ("romeo", "", "not-acceptable"),
        (None, "x", "not-acceptable"),
        ("", "x", "not-acceptable"),
        ("a b", "x", "jid-malformed"),
        ("romeo@localhost", "x", "jid-malformed"),
        ("x" * 1024, "x", "jid-malformed"),
    ],
)
def test_what_is_refused(guest: Client, username: str | None, password: str | None, error: str):
    assert condition(fill_in(guest, username, password)) == error
    assert list(guest.stage.accounts.of("localhost")) == []


def test_without_the_option_it_is_like_any_other_iq(stage: Stage):
    guest = stage.open()
    guest.take()
    guest.write(f"<iq type='get' id='1'>{ASK}</iq>")
    assert guest.error is not None
    assert guest.error.condition == "not-authorized"
    assert condition(stage.login("juliet").ask("get", ASK, "localhost")) == "service-unavailable"


# Once registered


@pytest.mark.parametrize("to", [None, "localhost"])
def test_who_is_registered_is_told_so(member: Client, to: str | None):
    form = member.ask("get", ASK, to)[0]
    assert form.find(f"{{{ns.REGISTER}}}registered") is not None
    assert form.findtext(f"{{{ns.REGISTER}}}username") == "juliet"
    assert form.findtext(f"{{{ns.REGISTER}}}password") == ""


@pytest.mark.parametrize("to", [None, "localhost"])
def test_a_new_password(member: Client, guest: Client, to: str | None):
    assert fill_in(member, "juliet", "new", to).type == "result"
    assert not log_in(guest, "juliet", "secret")
    assert log_in(guest, "juliet", "new")


def test_a_new_password_ends_the_other_sessions(open_house: Stage, member: Client):
    other = open_house.login("juliet", "chamber")
    romeo = open_house.login("romeo")
    assert fill_in(member, "juliet", "new").type == "result"
    assert other.error is not None
    assert other.error.condition == "reset"
    assert (member.error, romeo.error) == (None, None)


@pytest.mark.parametrize(
    ("username", "password", "error"),
    [
        ("juliet", "", "bad-request"),
        ("juliet", None, "bad-request"),
        (None, "x", "bad-request"),
        ("romeo", "x", "not-allowed"),
        ("a b", "x", "jid-malformed"),
    ],
)
def test_a_change_that_is_refused(
    open_house: Stage, member: Client, guest: Client, username: str | None, password: str | None, error: str
):
    open_house.account("romeo")
    assert condition(fill_in(member, username, password)) == error
    assert log_in(guest, "juliet", "secret")


def test_the_end_of_an_account(open_house: Stage, member: Client, guest: Client):
    other = open_house.login("juliet", "chamber")
    answer = member.ask("set", f"<query xmlns='{ns.REGISTER}'><remove/></query>")
    assert answer.type == "result"
    for each in (member, other):
        assert each.error is not None
        assert each.error.condition == "not-authorized"
    assert not log_in(guest, "juliet", "secret")
    assert open_house.host.sessions("juliet") == ()


def test_removal_stands_alone(open_house: Stage, member: Client):
    content = "<remove/><username>juliet</username>"
    assert condition(member.ask("set", f"<query xmlns='{ns.REGISTER}'>{content}</query>")) == "bad-request"
    assert open_house.accounts.exists(parse("juliet@localhost"))


@pytest.mark.parametrize("content", ["<remove/>", "<username>juliet</username><password>x</password>"])
def test_an_account_of_another_domain_is_safe(open_house: Stage, member: Client, content: str):
    namesake = open_house.login("juliet@other.example")
    query = f"<query xmlns='{ns.REGISTER}'>{content}</query>"
    assert condition(member.ask("set", query, "other.example")) == "not-allowed"
    assert condition(member.ask("get", ASK, "other.example")) == "not-allowed"
    assert namesake.error is None
    assert dict(open_house.accounts.of("other.example")) == {parse("juliet@other.example"): "secret"}
    assert open_house.accounts.exists(parse("juliet@localhost"))


def test_nobody_registers_on_somebody_elses_behalf(open_house: Stage, member: Client):
    open_house.account("romeo")
    assert condition(fill_in(member, "romeo", "x", "romeo@localhost")) == "service-unavailable"


# By data form (section 4)


def by_form(client: Client, type: str = "submit", to: str | None = None, **fields: str) -> Stanza:
    content = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items())
    x = f"<x xmlns='{ns.DATA}' type='{type}'>{content}</x>"
    return client.ask("set", f"<query xmlns='{ns.REGISTER}'>{x}</query>", to)


def test_the_form_that_clients_get(guest: Client):
    form = form_in(guest.ask("get", ASK)[0], ns.REGISTER)
    assert form is not None
    assert [(each.get("var"), each.get("type")) for each in form.iter(f"{{{ns.DATA}}}field")] == [
        ("FORM_TYPE", "hidden"),
        ("username", "text-single"),
        ("password", "text-private"),
    ]


def test_a_new_account_by_form(guest: Client):
    answer = by_form(guest, FORM_TYPE=ns.REGISTER, username="Romeo", password="p&amp;w")
    assert (answer.type, len(answer)) == ("result", 0)
    assert log_in(guest, "romeo", "p&w")


@pytest.mark.parametrize("fields", [{"username": "romeo"}, {"password": "x"}, {"FORM_TYPE": "a"}])
def test_a_form_that_is_not_filled_in(guest: Client, fields: dict[str, str]):
    assert condition(by_form(guest, **fields)) == "not-acceptable"


def test_whoever_thinks_better_of_it(open_house: Stage, guest: Client):
    assert by_form(guest, "cancel", username="romeo", password="x").type == "result"
    assert not open_house.accounts.exists(parse("romeo@localhost"))


def test_a_new_password_by_form(member: Client, guest: Client):
    assert by_form(member, username="juliet", password="new").type == "result"
    assert by_form(member, "cancel", username="juliet", password="newer").type == "result"
    assert log_in(guest, "juliet", "new")


# Who may have which name, and what they are told


def test_nobody_becomes_an_administrator_by_registering(guest: Client):
    assert condition(fill_in(guest, "admin", "x")) == "conflict"


def test_a_welcome_waits_for_the_first_login(make_stage: Callable[..., Stage]):
    stage = make_stage(registration=True, policy=Policy(welcome="Be my guest."))
    guest = stage.open()
    guest.take()
    fill_in(guest, "romeo", "x")
    romeo = stage.connect("romeo")
    romeo.available()
    message = romeo.only("message")
    assert (message.get("from"), message.type, message.text_of("body")) == ("localhost", "headline", "Be my guest.")
    romeo.presence("unavailable")
    romeo.available()
    assert not romeo.take("message")


def test_nobody_is_welcomed_unless_the_operator_says_how(guest: Client, open_house: Stage):
    fill_in(guest, "romeo", "x")
    romeo = open_house.connect("romeo")
    romeo.available()
    assert not romeo.take("message")
