"""What a service on HTTP is asked, and what its answers mean."""

from __future__ import annotations

import base64
import json

import pytest

from conversehost.auth import Attempt
from conversehost.auth.guarded import Answer, Trouble
from conversehost.auth.http import ByBasic, ByJson, ByQuery, manner
from conversehost.xmpp.jid import parse

ROMEO = parse("romeo@chat.example")
URL = "https://www.example/auth"
ODD = "a&pass=b #%+:ü"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_by_query():
    asked = ByQuery(URL).check(Attempt(ROMEO, "secret"))
    assert (asked.method, asked.body, dict(asked.headers)) == (b"GET", b"", {})
    assert asked.url == f"{URL}/check_password?user=romeo&server=chat.example&pass=secret"
    assert ByQuery(f"{URL}/").find(ROMEO).url == f"{URL}/user_exists?user=romeo&server=chat.example"


def test_by_query_nothing_gets_out_of_its_place():
    asked = ByQuery(URL).check(Attempt(parse("a=b?#%@chat.example"), ODD))
    assert asked.url.partition("?")[2] == (
        "user=a%3Db%3F%23%25&server=chat.example&pass=a%26pass%3Db%20%23%25%2B%3A%C3%BC"
    )


def test_by_query_the_service_may_want_to_know_who_asks():
    assert ByQuery(URL, ("chat", "key")).find(ROMEO).headers == {"Authorization": basic("chat", "key")}
    trouble = ByQuery(URL).read(401, b"")
    assert isinstance(trouble, Trouble)
    assert "--http-auth-credentials" in trouble.reason


def test_by_basic():
    asked = ByBasic("https://www.example/$host/auth").check(Attempt(ROMEO, ODD))
    assert (asked.method, asked.url) == (b"GET", "https://www.example/chat.example/auth")
    assert asked.headers == {"Authorization": basic("romeo", ODD)}
    assert ByBasic(URL).find(ROMEO) is None


def test_by_json():
    asked = ByJson(URL, ("chat", "key")).check(Attempt(ROMEO, ODD))
    assert (asked.method, asked.url) == (b"POST", URL)
    assert json.loads(asked.body) == {"username": "romeo", "password": ODD}
    assert asked.headers == {"Content-Type": "application/json", "Authorization": basic("chat", "key")}
    assert ByJson(URL).find(ROMEO) is None


@pytest.mark.parametrize(
    ("style", "status", "body", "answer"),
    [
        ("query", 200, b"true", True),
        ("query", 200, b" True\r\n", True),
        ("query", 200, b"false", False),
        ("query", 200, b"<html>", Trouble("neither true nor false, but '<html>'")),
        ("query", 200, b"\xff", Trouble("neither true nor false, but '\ufffd'")),
        ("query", 204, b"true", Trouble("HTTP 204")),
        ("query", 302, b"", Trouble("HTTP 302")),
        ("query", 404, b"false", Trouble("HTTP 404")),
        ("query", 503, b"", Trouble("HTTP 503")),
        ("basic", 200, b"", True),
        ("basic", 204, b"", True),
        ("basic", 401, b"", False),
        ("basic", 403, b"", False),
        ("basic", 302, b"", Trouble("HTTP 302")),
        ("basic", 500, b"", Trouble("HTTP 500")),
        ("json", 200, b"true", True),
        ("json", 200, b"false", False),
        ("json", 200, b'"true"', Trouble("neither true nor false, but '\"true\"'")),
        ("json", 401, b"", False),
        ("json", 500, b"true", Trouble("HTTP 500")),
    ],
)
def test_answers(style: str, status: int, body: bytes, answer: Answer):
    assert manner(style, URL, None).read(status, body) == answer


@pytest.mark.parametrize("style", ["query", "basic", "json"])
def test_a_question_shows_no_password(style: str):
    assert "secret" not in repr(manner(style, URL, None).check(Attempt(ROMEO, "secret")))
