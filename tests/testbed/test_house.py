"""How the parts are put together: who gives way to whom, and who meets whom."""

from __future__ import annotations

import pytest

from conversehost.errors import ConfigError
from conversehost.server.host import SESSIONS_PER_ACCOUNT
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stream import lowest

from .conftest import House


def contacts(house: House, name: str) -> set[str]:
    host = house.server.domains.hosts["localhost"]
    return {item.jid for item in host.rosters.of(parse(f"{name}@localhost"))}


def test_of_too_many_prebound_sessions_the_one_idle_for_longest_gives_way(house):
    first, *others = [house.prebound("alice") for _ in range(SESSIONS_PER_ACCOUNT)]
    for each in (first, *others):
        exchange = house.poll(each)
        if each is not others[2]:  # its page has gone again
            link = house.server.domains.hosts["localhost"].session(parse(each.jid)).link
            lowest(link).session.lost(exchange)
        house.server.clock.advance(1)
    house.prebound("alice")
    house.prebound("alice")
    alive = {each["jid"] for each in house.sessions("?account=alice@localhost")}
    assert len(alive) == SESSIONS_PER_ACCOUNT
    assert not alive & {first.jid, others[0].jid}
    assert others[2].jid in alive


def test_sessions_that_are_in_use_stay(house):
    open_requests = [house.poll(house.prebound("alice")) for _ in range(SESSIONS_PER_ACCOUNT)]
    with pytest.raises(StanzaError) as refused:
        house.prebound("alice")
    assert refused.value.condition == "resource-constraint"
    assert all(each.body is None for each in open_requests)


def test_the_bots_meet_whoever_comes_later():
    house = House("--registration")
    house.server.domains.hosts["localhost"].create_account(parse("zoe@localhost"), "secret")
    assert contacts(house, "zoe") == {"echo@localhost", "welcome@localhost"}
    assert "zoe@localhost" in contacts(house, "echo")


def test_nobody_takes_the_place_of_a_bot():
    with pytest.raises(ConfigError, match="--user echo@localhost: that is a bot"):
        House("--user", "echo:pw")


def test_the_login_page_offers_no_password_that_was_changed():
    page = House("--user", "alice:changed").api.send("GET", "/", b"", {}).body.decode()
    assert 'data-name="bob"' in page
    assert 'data-name="alice"' not in page


@pytest.mark.parametrize(("back_end", "is_told"), [("accounts", True), ("any", True), ("token", False)])
def test_passwords_are_told_only_where_they_let_somebody_in(back_end: str, is_told: bool):
    house = House("--auth", back_end)
    page = house.api.send("GET", "/", b"", {}).body.decode()
    assert ("data-password=" in page) is is_told
    assert ("alice@localhost" in house.server.passwords()) is is_told
