"""`/invitations` of the control API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversehost.xmpp.jid import parse
from tests.testbed.conftest import Answer, House

DOCS = Path(__file__).parents[2] / "docs" / "invitations.md"
Api = Callable[..., Answer]


def test_one_is_made_and_followed(house: House, api: Api) -> None:
    made = api("POST", "/invitations", {"inviter": "alice"})
    told = made.json
    assert (made.status, made.headers["location"]) == (201, f"/_conversehost/api/v1/invitations/{told['token']}")
    assert (told["inviter"], told["newcomer"], told["contact"], told["username"]) == (
        "alice@localhost",
        True,
        True,
        None,
    )
    assert told["uri"] == f"xmpp:alice@localhost?roster;preauth={told['token']};ibr=y"
    assert told["page"].endswith(f"/invite/{told['token']}")
    assert api("GET", "/invitations").json == {"invitations": [told]}
    assert api("GET", f"/invitations/{told['token']}").json == told
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    page = f"/invite/{told['token']}"
    assert house.api.send("POST", page, b"username=zoe&password=pw", form).status == 303
    assert house.server.domains.accounts.exists(parse("zoe@localhost"))
    assert "alice@localhost" in [each["jid"] for each in api("GET", "/accounts/zoe/roster").json["contacts"]]
    assert api("GET", "/invitations").json == {"invitations": []}
    assert api("GET", f"/invitations/{told['token']}").error[:2] == (404, "not-found")


def test_a_name_is_kept_for_who_is_invited_and_withdrawing_gives_it_back(api: Api) -> None:
    fields = {"inviter": "alice", "username": "Zoe", "contact": False}
    told = api("POST", "/invitations", fields).json
    assert told["username"] == "zoe"
    assert told["uri"] == f"xmpp:zoe@localhost?register;preauth={told['token']}"
    assert api("POST", "/invitations", fields).error == (409, "conflict", "that name is taken")
    assert api("DELETE", f"/invitations/{told['token']}").status == 204
    assert api("DELETE", f"/invitations/{told['token']}").status == 404
    assert api("POST", "/invitations", fields).status == 201


def test_it_ends_after_a_week(api: Api) -> None:
    api("POST", "/invitations", {"inviter": "alice"})
    api("POST", "/clock", {"advance": 7 * 86_400})
    assert api("GET", "/invitations").json == {"invitations": []}


def test_a_tenant_has_its_own(api: Api) -> None:
    api("POST", "/tenants", {"name": "mine"})
    told = api("POST", "/tenants/mine/invitations", {"inviter": "alice"})
    assert told.json["inviter"] == "alice@mine.localhost"
    assert told.headers["location"].startswith("/_conversehost/api/v1/tenants/mine/invitations/")
    assert api("GET", "/invitations").json == {"invitations": []}
    assert len(api("GET", "/tenants/mine/invitations").json["invitations"]) == 1


def test_a_scenario_file_has_one_whose_token_is_known(tmp_path: Path) -> None:
    (example,) = re.findall("```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "scenario.toml"
    file.write_text(f'[[account]]\nname = "alice"\npassword = "pw"\n\n{example}', encoding="utf-8")
    house = House("--scenario", str(file))
    told = house.api("GET", "/invitations/welcome-to-the-club").json
    assert (told["inviter"], told["expires"]) == ("alice@localhost", "2100-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 400, "inviter is missing"),
        ({"inviter": "nobody"}, 404, "there is no account nobody@localhost"),
        ({"inviter": "alice", "username": "a b"}, 400, "not an address"),
        ({"inviter": "alice", "username": "bob"}, 409, "that name is taken"),
        ({"inviter": "alice", "newcomer": False, "username": "zoe"}, 400, "newcomer"),
        ({"inviter": "alice", "newcomer": False, "contact": False}, 400, "newcomer"),
    ],
)
def test_mistakes(api: Api, fields: dict[str, Any], status: int, message: str) -> None:
    told = api("POST", "/invitations", fields).error
    assert told[0] == status
    assert message in told[2]
