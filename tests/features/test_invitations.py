"""XEP-0401, 0379 and 0445: invitations, and those who follow them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.invitations import GRACE, INVITATIONS_PER_ACCOUNT, WEEK
from conversehost.server.policy import Inviters, Policy
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import read
from tests.features.commands import execute, filled, run, shown
from tests.stage import Client, Stage, condition, conditions

INVITE, CREATE = f"{ns.INVITE}#invite", f"{ns.INVITE}#create-account"
FORM = f"<query xmlns='{ns.REGISTER}'/>"


def house(make_stage: Callable[..., Stage], inviters: Inviters = "admins", **parts: bool) -> Stage:
    policy = Policy(admins=frozenset({parse("friar@localhost")}), inviters=inviters)
    return make_stage(policy=policy, **parts)


@pytest.fixture
def closed(make_stage: Callable[..., Stage]) -> Stage:
    """Nobody gets an account but by an invitation of the friar's."""
    return house(make_stage)


@pytest.fixture
def friar(closed: Stage) -> Client:
    return closed.login("friar", "cell")


@pytest.fixture
def guest(closed: Stage) -> Client:
    """Has no account yet."""
    return newcomer(closed)


def newcomer(stage: Stage) -> Client:
    guest = stage.open()
    guest.take()
    return guest


def invitation(inviter: Client) -> tuple[str, str]:
    """What to give to somebody: a URI, and the token in it."""
    (uri,) = shown(execute(inviter, INVITE))["uri"]
    return uri, token_of(uri)


def account_invitation(inviter: Client, **fields: str) -> tuple[str, str]:
    (uri,) = shown(run(inviter, CREATE, filled(**fields)))["uri"]
    return uri, token_of(uri)


def token_of(uri: str) -> str:
    return uri.partition("preauth=")[2].partition(";")[0]


def show(guest: Client, token: str) -> Stanza:
    return guest.ask("set", f"<preauth xmlns='{ns.PREAUTH}' token='{token}'/>", "localhost")


def register(guest: Client, name: str, password: str = "x") -> Stanza:
    content = f"<username>{name}</username><password>{password}</password>"
    return guest.ask("set", f"<query xmlns='{ns.REGISTER}'>{content}</query>")


def subscribe(client: Client, to: str, token: str) -> None:
    client.write(f"<presence type='subscribe' to='{to}'><preauth xmlns='{ns.PREAUTH}' token='{token}'/></presence>")


# Making them (XEP-0401)


def test_anybody_invites_contacts(closed: Stage):
    answer = shown(execute(closed.login("romeo"), INVITE))
    (uri,), (url,), (expire,) = answer["uri"], answer["landing-url"], answer["expire"]
    assert uri == f"xmpp:romeo@localhost?roster;preauth={token_of(uri)}"
    assert len(token_of(uri)) == 32
    assert url == f"http://localhost/invite/{token_of(uri)}"
    assert read(expire) == pytest.approx(closed.clock.utc() + WEEK, abs=1)
    assert answer["FORM_TYPE"] == ("urn:xmpp:invite#invitation",)


def test_who_may_bring_newcomers_says_so_in_the_uri(friar: Client):
    assert invitation(friar)[0].endswith(";ibr=y")


def test_everybody_may_where_the_operator_wants_it(make_stage: Callable[..., Stage]):
    assert invitation(house(make_stage, "everybody").login("romeo"))[0].endswith(";ibr=y")


def test_an_account_of_any_name(friar: Client):
    uri, token = account_invitation(friar)
    assert uri == f"xmpp:localhost?register;preauth={token}"


def test_an_account_of_a_name(friar: Client):
    uri, token = account_invitation(friar, username="Juliet", **{"roster-subscription": "1"})
    assert uri == f"xmpp:juliet@localhost?register;preauth={token}"


def test_a_name_that_is_no_name(friar: Client):
    assert condition(run(friar, CREATE, filled(username="a b"))) == "not-acceptable"


def test_a_name_is_promised_once(friar: Client, closed: Stage):
    account_invitation(friar, username="juliet")
    assert condition(run(friar, CREATE, filled(username="juliet"))) == "conflict"
    assert condition(run(friar, CREATE, filled(username="friar"))) == "conflict"
    closed.clock.advance(WEEK)
    account_invitation(friar, username="juliet")


def test_not_everybody_makes_accounts(closed: Stage):
    assert condition(execute(closed.login("romeo"), CREATE)) == "forbidden"


@pytest.mark.parametrize("inviters", ["admins", "nobody"])
def test_where_nobody_may_the_stream_does_not_offer_it(make_stage: Callable[..., Stage], inviters: Inviters):
    stage = make_stage(policy=Policy(inviters=inviters))
    features = stage.open().only()
    assert features.find(f"{{{ns.REGISTER_BY_TOKEN}}}register") is None
    assert features.find(f"{{{ns.REGISTER_FEATURE}}}register") is None
    assert CREATE not in stage.host.commands


def test_nobody_from_elsewhere_invites(make_stage: Callable[..., Stage]):
    stage = make_stage("localhost", "other.example")
    assert condition(execute(stage.login("romeo@other.example"), INVITE)) == "forbidden"


def test_there_are_only_so_many(friar: Client, closed: Stage):
    for _ in range(INVITATIONS_PER_ACCOUNT):
        invitation(friar)
    assert condition(execute(friar, INVITE)) == "resource-constraint"
    closed.clock.advance(WEEK + GRACE)
    invitation(friar)


# Making an account by one (XEP-0445)


def test_the_stream_offers_it_before_login_only(closed: Stage, friar: Client):
    offered = closed.open().only()
    assert offered.find(f"{{{ns.REGISTER_BY_TOKEN}}}register") is not None
    assert offered.find(f"{{{ns.REGISTER_FEATURE}}}register") is not None
    assert friar.restart().find(f"{{{ns.REGISTER_BY_TOKEN}}}register") is None


def test_without_an_invitation_there_is_no_account(closed: Stage, guest: Client):
    assert condition(guest.ask("get", FORM)) == "not-allowed"
    assert condition(register(guest, "juliet")) == "not-allowed"
    assert not closed.accounts.exists(parse("juliet@localhost"))


def test_a_newcomer_and_the_inviter_are_contacts_at_once(closed: Stage, friar: Client, guest: Client):
    _, token = invitation(friar)
    answer = show(guest, token)
    assert (answer.type, len(answer)) == ("result", 0)
    assert guest.ask("get", FORM).type == "result"
    assert register(guest, "Juliet", "secret").type == "result"
    assert [(each["jid"], each["subscription"]) for each in friar.pushes()] == [("juliet@localhost", "both")]
    juliet = closed.login("juliet", "balcony")
    assert juliet.roster()["friar@localhost"]["subscription"] == "both"
    assert (juliet.jid, None) in friar.seen()


def test_an_account_alone(closed: Stage, friar: Client, guest: Client):
    show(guest, account_invitation(friar)[1])
    register(guest, "juliet")
    assert closed.accounts.exists(parse("juliet@localhost"))
    assert friar.roster() == {}


def test_the_form_has_the_name_that_was_promised(friar: Client, guest: Client):
    show(guest, account_invitation(friar, username="juliet")[1])
    assert guest.ask("get", FORM)[0].findtext(f"{{{ns.REGISTER}}}username") == "juliet"
    assert condition(register(guest, "romeo")) == "not-acceptable"
    assert register(guest, "juliet").type == "result"


def test_a_name_that_somebody_else_was_promised(friar: Client, guest: Client):
    account_invitation(friar, username="juliet")
    show(guest, invitation(friar)[1])
    assert condition(register(guest, "juliet")) == "conflict"


def test_nobody_takes_a_promised_name_where_all_may_register(make_stage: Callable[..., Stage]):
    stage = house(make_stage, registration=True)
    account_invitation(stage.login("friar"), username="juliet")
    assert condition(register(newcomer(stage), "juliet")) == "conflict"
    assert register(newcomer(stage), "romeo").type == "result"


def test_one_account_for_one_invitation(closed: Stage, friar: Client, guest: Client):
    """What somebody shows is used only once there is an account."""
    _, token = invitation(friar)
    second, third = newcomer(closed), newcomer(closed)
    for each in (guest, second):
        assert show(each, token).type == "result"
    assert condition(register(guest, "friar")) == "conflict"
    assert register(guest, "juliet").type == "result"
    assert condition(register(second, "romeo")) == "not-allowed"
    assert condition(show(third, token)) == "item-not-found"
    assert condition(register(guest, "romeo")) == "not-allowed"


def test_an_invitation_ends(closed: Stage, friar: Client):
    _, token = invitation(friar)
    closed.clock.advance(WEEK)
    assert condition(show(newcomer(closed), token)) == "item-not-found"


def test_who_showed_it_in_time_may_take_time(closed: Stage, friar: Client):
    _, token = invitation(friar)
    closed.clock.advance(WEEK - 1)
    guest = newcomer(closed)
    show(guest, token)
    closed.clock.advance(60)
    invitation(friar)
    assert register(guest, "juliet").type == "result"


@pytest.mark.parametrize("token", ["", "none"])
def test_a_token_that_there_is_not(guest: Client, token: str):
    assert condition(show(guest, token)) == "item-not-found"


def test_a_contacts_invitation_makes_no_account(closed: Stage, guest: Client):
    _, token = invitation(closed.login("romeo"))
    assert condition(show(guest, token)) == "item-not-found"


def test_with_the_inviter_the_invitations_go(closed: Stage, friar: Client, guest: Client):
    _, token = invitation(friar)
    closed.host.delete_account(parse("friar@localhost"))
    assert condition(show(guest, token)) == "item-not-found"


# Becoming a contact by one (XEP-0379)


def test_both_see_one_another_at_once(romeo: Client, mercutio: Client):
    _, token = invitation(romeo)
    subscribe(mercutio, "romeo@localhost", token)
    assert romeo.roster()["mercutio@localhost"] == {"jid": "mercutio@localhost", "subscription": "both"}
    assert mercutio.roster()["romeo@localhost"] == {"jid": "romeo@localhost", "subscription": "both"}
    assert romeo.seen()[-1] == (mercutio.jid, None)
    assert (romeo.jid, None) in mercutio.seen()


def test_nobody_is_asked(romeo: Client, mercutio: Client):
    _, token = invitation(romeo)
    subscribe(mercutio, "romeo@localhost", token)
    assert "subscribe" not in [type for client in (romeo, mercutio) for _, type in client.seen()]


def test_once(stage: Stage, romeo: Client, mercutio: Client):
    _, token = invitation(romeo)
    subscribe(mercutio, "romeo@localhost", token)
    tybalt = stage.login("tybalt")
    romeo.take()
    subscribe(tybalt, "romeo@localhost", token)
    (asked,) = romeo.take("presence")
    assert asked.type == "subscribe"
    assert asked.find(f"{{{ns.PREAUTH}}}preauth") is not None  # perhaps a client knows it


def test_not_for_somebody_else(stage: Stage, romeo: Client, juliet: Client, mercutio: Client):
    _, token = invitation(romeo)
    subscribe(mercutio, "juliet@localhost", token)
    assert (mercutio.bare, "subscribe") in juliet.seen()
    assert invitation_is_there(stage, token)


def test_an_invitation_that_is_over_is_a_request(stage: Stage, romeo: Client, mercutio: Client):
    _, token = invitation(romeo)
    stage.clock.advance(WEEK)
    subscribe(mercutio, "romeo@localhost", token)
    assert (mercutio.bare, "subscribe") in romeo.seen()


def test_who_is_a_contact_already_uses_none_up(stage: Stage, romeo: Client, juliet: Client):
    _, token = invitation(romeo)
    subscribe(juliet, "romeo@localhost", token)
    assert invitation_is_there(stage, token)


def test_from_another_domain(make_stage: Callable[..., Stage]):
    stage = make_stage("localhost", "other.example")
    romeo, mercutio = stage.login("romeo"), stage.login("mercutio@other.example")
    subscribe(mercutio, "romeo@localhost", invitation(romeo)[1])
    assert romeo.roster()["mercutio@other.example"]["subscription"] == "both"
    assert mercutio.roster()["romeo@localhost"]["subscription"] == "both"


def test_where_the_roster_is_full(stage: Stage, romeo: Client, mercutio: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.server.roster.ITEMS_PER_ACCOUNT", 1)
    _, token = invitation(romeo)
    subscribe(mercutio, "romeo@localhost", token)
    assert conditions(mercutio.take("presence")) == ["not-allowed"]
    assert invitation_is_there(stage, token)


def invitation_is_there(stage: Stage, token: str) -> bool:
    return stage.store.get("invitations", "localhost", token) is not None
