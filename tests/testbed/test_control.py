"""Who gets in, and what a call looks like, whatever it is about."""

from __future__ import annotations

import os

import pytest
from twisted.logger import capturedLogs
from twisted.web.resource import Resource

import conversehost
from conversehost.testbed.door import control
from conversehost.testbed.noun import API, World
from conversehost.web.guard import Hosts
from tests.testbed.conftest import READY, Caller, House

JSON = {"Content_Type": "application/json"}


def test_the_root_says_what_there_is(api):
    for path in ("", "/"):
        answer = api("GET", path)
        assert answer.status == 200
        assert answer.json == {
            "name": "conversehost",
            "version": conversehost.__version__,
            "links": {
                name: f"{API}/{name}"
                for name in (
                    "accounts",
                    "sessions",
                    "messages",
                    "stanzas",
                    "traffic",
                    "expectations",
                    "errors",
                    "settled",
                    "faults",
                    "stubs",
                    "rooms",
                    "generate",
                    "invitations",
                    "bots",
                    "pushes",
                    "clock",
                    "snapshots",
                    "state",
                    "reset",
                    "tenants",
                    "openapi.json",
                    "events",
                )
            },
            "server": {"site": READY["site"], "domain": "localhost", "pid": os.getpid()},
        }


def test_nothing_is_kept_or_guessed_at(api):
    for answer in (api("GET", "/accounts"), api("GET", "/nowhere")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"
        assert not [name for name in answer.headers if name.startswith("access-control")]


# The door


def test_without_a_token_only_this_machine(house):
    assert Caller(house.server, peer="127.0.0.9")("GET", "/accounts").status == 200
    answer = Caller(house.server, peer="10.0.0.7")("GET", "/accounts")
    status, code, message = answer.error
    assert (status, code) == (401, "unauthorized")
    assert "from another machine" in message
    assert answer.headers["www-authenticate"] == 'bearer realm="conversehost"'


FORWARDED = ["Forwarded", "Via", "X_Real_IP", "X_Forwarded_For", "X_Forwarded_Host", "X_Forwarded_Proto"]


@pytest.mark.parametrize("field", [*FORWARDED, "X_Forwarded_Port", "x_forwarded_anything"])
def test_nothing_that_a_proxy_passes_on(api, field):
    assert api("GET", "/accounts", **{field: "x"}).error[:2] == (401, "unauthorized")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5280", "localhost.evil.example", "10.0.0.1:5280"])
def test_a_name_that_is_not_ours_is_misdirected(house, host):
    status, code, message = Caller(house.server, host=host)("GET", "/accounts").error
    assert (status, code) == (421, "misdirected-request")
    assert "--allowed-host" in message


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:5280", "[::1]:5280", "t1.localhost", "chat.example", "dev.example"]
)
def test_names_that_are_ours(host):
    house = House("--domain", "chat.example", "--allowed-host", "dev.example")
    assert Caller(house.server, host=host)("GET", "/accounts").status == 200


def test_no_page_of_another_site(api):
    assert api("GET", "/accounts", Sec_Fetch_Site="cross-site").error[:2] == (403, "forbidden")
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        assert api("POST", "/reset", Origin=origin).error[:2] == (403, "forbidden")
    assert api("POST", "/reset", Origin="http://localhost:5280", Sec_Fetch_Site="same-origin").status == 204
    assert api("GET", "/accounts", Sec_Fetch_Site="none").status == 200


@pytest.mark.parametrize("path", ["", "/", "/accounts", "/accounts/alice", "/sessions/x", "/reset", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_the_door_is_before_everything(house, path, method):
    before = house.server.store.snapshot()
    assert Caller(house.server, peer="10.0.0.7")(method, path).status == 401
    assert house.server.store.snapshot() == before


# Paths and methods


@pytest.mark.parametrize(
    "path", ["/_conversehost", "/_conversehost/", "/_conversehost/api", "/_conversehost/api/v2/accounts"]
)
def test_beside_the_api_there_is_nothing(api, path):
    status, code, message = api.send("GET", path, b"", {}).error
    assert (status, code) == (404, "not-found")
    assert API in message


@pytest.mark.parametrize(
    "path", ["/nowhere", "/accounts/alice/x", "/sessions/a@localhost/x", "/reset/x", "/accounts/%ff"]
)
def test_what_is_not_there(api, path):
    assert api("GET", path).error[:2] == (404, "not-found")


def test_a_final_slash_makes_no_difference(api):
    assert api("GET", "/accounts/").json == api("GET", "/accounts").json


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "get, head"),
        ("/accounts", "get, post, head"),
        ("/accounts/alice", "get, patch, delete, head"),
        ("/sessions", "get, delete, head"),
        ("/sessions/x", "get, delete, head"),
        ("/reset", "post"),
    ],
)
def test_a_method_that_makes_no_sense_says_which_do(api, path, allowed):
    for method in ("PUT", "OPTIONS", "PROPFIND"):
        answer = api(method, path)
        assert answer.error[:2] == (405, "method-not-allowed")
        assert answer.headers["allow"] == allowed


def test_head_is_get_without_its_body(api):
    head, get = api("HEAD", "/accounts"), api("GET", "/accounts")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
    assert api("HEAD", "/accounts/nobody").status == 404


def test_no_content_has_no_length(api):
    answer = api("POST", "/reset")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


# Bodies and queries


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_a_body_must_say_that_it_is_json(api, kind):
    answer = api.send("POST", f"{API}/accounts", b'{"jid":"x"}', {"Content_Type": kind})
    assert answer.error[:2] == (415, "unsupported-media-type")
    assert api("GET", "/accounts/x").status == 404


def test_json_may_name_its_charset(api):
    assert api("POST", "/accounts", {"jid": "x"}, Content_Type="Application/JSON; charset=utf-8").status == 201


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"jid":"x"} x', id="more"),
        pytest.param(b'{"jid":"\xff"}', id="not UTF-8"),
        pytest.param('{"jid":"x"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b"9" * 60_000, id="long number"),
        pytest.param(b'["jid"]', id="list"),
        pytest.param(b"null", id="null"),
    ],
)
def test_what_is_not_a_json_object(api, body):
    assert api.send("POST", f"{API}/accounts", body, {"Content_Type": "application/json"}).error[:2] == (
        400,
        "bad-request",
    )


def test_a_body_is_at_most_64_kb(api):
    largest = b'{"jid":"x","password":"%s"}' % (b"p" * 65_511)
    assert len(largest) == 65_536
    assert api.send("POST", f"{API}/accounts", largest, JSON).status == 201
    assert api.send("POST", f"{API}/accounts", largest + b" ", JSON).status == 413


def test_unknown_fields_are_named(api):
    assert api("POST", "/accounts", {"jid": "x", "pasword": "y"}).error == (
        *(400, "bad-request"),
        "unknown field 'pasword'; there are jid, password, nickname, friends",
    )
    assert api("GET", "/accounts?bot=1").error[2] == "unknown field 'bot'; there are bots"
    assert api("GET", "/accounts/alice?x=1").error[2] == "unknown field 'x'; there are none here"
    assert api("POST", "/reset", {"x": 1}).error[2] == "unknown field 'x'; there are none here"


def test_a_query_that_says_a_thing_twice(api):
    assert api("GET", "/sessions?account=alice&account=bob").error == (
        400,
        "bad-request",
        "account stands in the query twice",
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("jid", 5, "jid must be text, not a number"),
        ("jid", True, "jid must be text, not true or false"),
        ("jid", "", "jid must not be empty"),
        ("password", ["x"], "password must be text, not a list"),
        ("password", "", "password must not be empty"),
        ("password", "a\0b", "password has a character that neither XML nor a login can carry"),
        ("password", "\ud800", "password has a character that neither XML nor a login can carry"),
        ("nickname", {}, "nickname must be text, not an object"),
        ("nickname", "a\nb", "nickname has a character that neither XML nor a login can carry"),
        ("friends", "alice", "friends must be a list, not text"),
        ("friends", ["alice", 1.5], "friends must be text, not a number"),
        ("friends", [None], "friends must be text, not null"),
    ],
)
def test_wrong_types_name_the_field(house, field, value, said):
    before = house.server.store.snapshot()
    assert house.api("POST", "/accounts", {"jid": "x", field: value}).error == (400, "bad-request", said)
    assert house.server.store.snapshot() == before


@pytest.mark.parametrize("value", ["", "yes", "2"])
def test_a_flag_is_1_or_0(api, value):
    assert api("GET", f"/sessions?bots={value}").error == (400, "bad-request", "bots must be 1 or 0")


def test_our_own_fault_is_told_and_logged(house):
    def fail() -> None:
        raise RuntimeError("broken")

    server = house.server
    clocks = server.clock, server.wall
    told = server.traffic, server.wire, server.faults, server.stubs, server.expectations, server.mishaps, server.state
    world = World(server.domains.hosts, server.cast, server.turn, *clocks, *told, fail, lambda: READY, server.tenants)
    root = Resource()
    root.putChild(b"_conversehost", control(world, Hosts(frozenset()), server.token))
    server.http.site.resource = root
    with capturedLogs() as logs:
        answer = house.api("POST", "/reset")
    assert answer.error[:2] == (500, "internal-server-error")
    assert b"broken" not in answer.body
    assert [str(each["log_failure"].value) for each in logs if "log_failure" in each] == ["broken"]
