"""Calls of the control API as bytes, without a server."""

from __future__ import annotations

import pytest

from conversehost.testing.addresses import about
from conversehost.testing.calls import Call, Door, Steps, TestBedError, run

API = "/_conversehost/api/v1"
DOOR = Door(f"http://localhost:5280{API}")
LOOK = Call("GET", "clock")


def answer(text: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def test_a_call_is_one_request_on_a_connection_of_its_own():
    assert DOOR.request(LOOK) == (
        f"GET {API}/clock HTTP/1.1\r\nHost: localhost:5280\r\nConnection: close\r\n\r\n".encode()
    )
    assert DOOR.request(Call("POST", "clock", {"advance": 1})).endswith(
        b'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"advance": 1}'
    )
    assert DOOR.request(Call("POST", "reset")).endswith(b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert DOOR.request(Call("GET", "")).startswith(f"GET {API} HTTP/1.1\r\n".encode())


def test_a_token_is_shown():
    door = Door(DOOR.api, "s3cret")
    assert b"\r\nAuthorization: Bearer s3cret\r\n" in door.request(LOOK)
    assert b"Authorization" not in DOOR.request(LOOK)


def test_ports_that_go_without_saying():
    assert (Door("https://chat.example/api").port, Door("https://chat.example/api").secure) == (443, True)
    assert (Door("http://[::1]/api").port, Door("http://[::1]/api").host) == (80, "::1")


def test_what_an_answer_means():
    assert DOOR.answer(LOOK, answer('{"now": 1}')) == {"now": 1}
    assert DOOR.answer(LOOK, answer("# a dialogue", kind="text/plain; charset=utf-8")) == "# a dialogue"
    assert DOOR.answer(LOOK, b"HTTP/1.1 204 No Content\r\n\r\n") is None


@pytest.mark.parametrize(
    ("data", "said", "code"),
    [
        (
            answer('{"error": {"code": "conflict", "message": "it is there"}}', "409 Conflict"),
            "it is there",
            "conflict",
        ),
        (
            answer("<html>", "502 Bad Gateway", "text/html"),
            f"GET http://localhost:5280{API}/clock: 502 Bad Gateway",
            "",
        ),
        (answer("[]", "500 Oops"), f"GET http://localhost:5280{API}/clock: 500 Oops", ""),
        (b"", "no answer from a conversehost (Remote end closed connection without response)", ""),
        (b"<stream:error/>", "no answer from a conversehost (<stream:error/>)", ""),
        (
            answer('{"now": 1}')[:-1],
            "no answer from a conversehost (IncompleteRead(9 bytes read, 1 more expected))",
            "",
        ),
        (answer("{"), "no answer from a conversehost (Expecting property name", ""),
    ],
)
def test_what_is_no_answer_and_what_is_a_refusal(data: bytes, said: str, code: str):
    with pytest.raises(TestBedError) as caught:
        DOOR.answer(LOOK, data)
    assert said in str(caught.value)
    assert caught.value.code == code


def test_another_kind_of_server_is_no_conversehost():
    with pytest.raises(TestBedError, match=rf"^http://localhost:5280{API} is no conversehost's control API$"):
        run(about(DOOR), lambda call: {"hello": "world"})


def test_steps_see_refusals_where_they_asked():
    def steps() -> Steps[str]:
        try:
            yield LOOK
        except TestBedError as error:
            again = yield Call("GET", "elsewhere")
            return f"{error}, {again}"
        raise AssertionError("no refusal came")

    def ask(call: Call) -> str:
        if call == LOOK:
            raise TestBedError("no clock here")
        return call.path

    assert run(steps(), ask) == "no clock here, elsewhere"
