"""The token of the control API: who needs it, what it opens, where it is kept."""

from __future__ import annotations

import socket
import stat

import pytest

from conversehost.errors import ConfigError
from conversehost.options import Sockets
from conversehost.testbed.noun import API
from conversehost.testbed.token import Token, bearer
from tests.testbed.conftest import Caller, House

GIVEN = "a-token.of_mine~0123456789+/=="


@pytest.fixture
def house(tmp_path):
    file = tmp_path / "token"
    file.write_text(GIVEN + "\n")
    return House("--api-token-file", str(file))


def test_another_machine_comes_in_by_the_token_and_by_any_name(house):
    elsewhere = Caller(house.server, peer="192.0.2.7", host="chat.example:5280")
    assert elsewhere("GET", "/accounts").status == 401
    for scheme in ("Bearer", "bearer", "BEARER "):
        assert elsewhere("GET", "/accounts", Authorization=f"{scheme} {GIVEN}").status == 200
    assert elsewhere("POST", "/accounts", {"jid": "x"}, Authorization=f"Bearer {GIVEN}").status == 201


def test_what_a_proxy_passes_on_comes_in_by_the_token(house):
    forwarded = {"X_Forwarded_For": "192.0.2.7", "Authorization": f"Bearer {GIVEN}"}
    assert house.api("GET", "/accounts", **forwarded).status == 200


def test_on_this_machine_the_token_opens_every_name(house):
    rebound = Caller(house.server, host="evil.example")
    assert rebound("GET", "/accounts").status == 421
    assert rebound("GET", "/accounts", Authorization=f"Bearer {GIVEN}").status == 200


@pytest.mark.parametrize("shown", ["x", GIVEN[:-1], GIVEN + "=", GIVEN.upper(), f"{GIVEN} x", "\xe4" * 20, ""])
@pytest.mark.parametrize("peer", ["192.0.2.7", "127.0.0.1"])
def test_a_wrong_token_opens_nothing_even_here(house, peer, shown):
    answer = Caller(house.server, peer=peer)("GET", "/accounts", Authorization=f"Bearer {shown}")
    status, code, message = answer.error
    assert (status, code) == (401, "unauthorized")
    assert "not the token" in message
    assert answer.headers["www-authenticate"].startswith("bearer ")
    assert GIVEN.lower() not in (answer.body.decode() + repr(answer.headers)).lower()


def test_another_scheme_is_none(house):
    """A browser sends a site's password to all that is there."""
    assert house.api("GET", "/accounts", Authorization="Basic eDp5").status == 200
    assert Caller(house.server, peer="192.0.2.7")("GET", "/accounts", Authorization="Basic eDp5").status == 401


def test_a_page_of_another_site_is_refused_with_the_token_too(house):
    for field in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert house.api("POST", "/reset", Authorization=f"Bearer {GIVEN}", **field).error[:2] == (403, "forbidden")


def test_a_server_for_other_machines_alone_says_how_they_reach_it():
    house = House("--interface", "192.0.2.1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        house.server.sockets = Sockets([listening], [], [])
        house.server.keep_token()
        ready, port = house.server.ready_line(), listening.getsockname()[1]
    assert ready["api"] == f"http://192.0.2.1:{port}{API}"
    assert str(ready["api_token_file"]).endswith(f"/api/token-{port}")


def test_no_token_in_a_query(house):
    elsewhere = Caller(house.server, peer="192.0.2.7")
    assert elsewhere("GET", f"/accounts?access_token={GIVEN}").status == 401


# Where it is kept


def test_a_new_token_is_in_a_file_of_its_owner_alone_until_the_server_stops(tmp_path):
    one, other = Token(), Token()
    one.keep(tmp_path / "state", 5280)
    other.keep(tmp_path / "state", 5281)
    assert one.path == tmp_path / "state" / "api" / "token-5280"
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(each.stat().st_mode) for each in (one.path.parent, tmp_path / "state")] == [0o700, 0o700]
    text = one.path.read_bytes().strip()
    assert len(text) >= 32
    assert one.opens(text)
    assert not other.opens(text)
    one.drop()
    one.drop()
    assert not one.path.exists()
    assert other.path is not None and other.path.exists()


def test_it_is_new_at_each_start(tmp_path):
    texts = set()
    for _ in range(2):
        token = Token()
        token.keep(tmp_path, 5280)
        assert token.path is not None
        texts.add(token.path.read_text())
    assert len(texts) == 2


def test_a_given_one_stays(tmp_path):
    file = tmp_path / "mine"
    file.write_text(GIVEN)
    token = Token(file)
    token.keep(tmp_path / "state", 5280)
    token.drop()
    assert token.path == file
    assert file.read_text() == GIVEN
    assert not (tmp_path / "state").exists()


def test_where_it_cannot_be_kept_that_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    token = Token()
    with pytest.raises(ConfigError, match=r"file: "):
        token.keep(tmp_path / "file", 5280)
    assert token.path is None


@pytest.mark.parametrize(
    "content", [b"", b"short", b"two words that are long enough", b"a" * 20 + b"\nb", b"\xff" * 20]
)
def test_what_is_no_token_is_told_without_telling_it(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        Token(file)
    assert str(raised.value) == (
        f"--api-token-file {file}: wants one line of at least 16 letters, digits and . _ ~ + / -"
    )


def test_the_field_that_shows_it():
    assert bearer(None) is None
    assert bearer(b"Basic x") is None
    assert bearer(b"Bearer  abc ") == b"abc"
    assert bearer(b"Bearer") == b""
