"""The site, by the name of a tenant's domain."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.testbed.conftest import Answer, Caller, House

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
Site = Callable[..., Answer]


@pytest.fixture
def made(house: House) -> dict[str, Any]:
    answer: dict[str, Any] = house.api("POST", "/tenants").json
    return answer


@pytest.fixture
def site(house: House, made: dict[str, Any]) -> Site:
    """As a browser that was given the page of the tenant sees it."""
    browser = Caller(house.server, host="t1.localhost:5280")
    return lambda method, path, body=b"", **fields: browser.send(method, path, body, fields)


def log_in(site: Site, username: str = "alice", password: str = "secret") -> str:
    """The cookie."""
    answer = site("POST", "/login", urlencode({"username": username, "password": password}).encode(), **FORM)
    assert answer.status == 303, answer.body
    return answer.head.partition("Set-Cookie: ")[2].partition(";")[0]


def test_it_has_an_address(made: dict[str, Any]) -> None:
    assert made["page"] == "http://t1.localhost:5280/"


def test_a_name_alone_is_an_account_of_the_tenant(site: Site) -> None:
    cookie = log_in(site)
    page = site("GET", "/", Cookie=cookie).body.decode()
    assert "conference.t1.localhost" in page
    assert json.loads(site("GET", "/prebind", Cookie=cookie).body)["jid"].startswith("alice@t1.localhost/")


def test_a_token_is_for_the_account_there() -> None:
    house = House("--auth", "token,accounts")
    house.api("POST", "/tenants")
    browser = Caller(house.server, host="t1.localhost:5280")
    site: Site = lambda method, path, body=b"", **fields: browser.send(method, path, body, fields)  # noqa: E731
    told = json.loads(site("GET", "/credentials", Cookie=log_in(site)).body)
    assert told["jid"] == "alice@t1.localhost"
    assert log_in(site, password=told["password"])
    house.server.close_sessions("system-shutdown")


def test_the_forms_are_the_tenants(house: House, site: Site) -> None:
    house.api("POST", "/tenants", {"name": "empty", "empty": True})
    assert b"romeo" in site("GET", "/").body
    assert b"romeo" not in Caller(house.server, host="empty.localhost").send("GET", "/", b"", {}).body
    form = site("GET", "/form").body.decode()
    assert '"locked_domain": "t1.localhost"' in form
    assert b"t1.localhost" not in house.api.send("GET", "/form", b"", {}).body


@pytest.mark.parametrize("call", [("POST", "/tenants/t1/reset"), ("DELETE", "/tenants/t1")])
def test_a_login_to_it_ends_with_its_reset_and_nobody_elses_does(
    house: House, site: Site, call: tuple[str, str]
) -> None:
    own: Site = lambda method, path, body=b"", **fields: house.api.send(method, path, body, fields)  # noqa: E731
    theirs, mine = log_in(site), log_in(own)
    assert house.api(*call).status == 204
    assert site("GET", "/prebind", Cookie=theirs).status == 401
    assert json.loads(own("GET", "/prebind", Cookie=mine).body)["jid"].startswith("alice@localhost/")


def test_a_login_ends_with_the_site_session(house: House, site: Site) -> None:
    cookie = log_in(site)
    site("GET", "/prebind", Cookie=cookie)
    assert len(house.api("GET", "/tenants/t1/sessions").json["sessions"]) == 1
    assert site("POST", "/logout", Cookie=cookie).status == 303
    assert house.api("GET", "/tenants/t1/sessions").json["sessions"] == []
    assert site("GET", "/prebind", Cookie=cookie).status == 401
