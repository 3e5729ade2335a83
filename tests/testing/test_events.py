"""`/events`: what happens, while it happens."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from conversehost.testing import TestBed
from tests.aside import aside
from tests.clients.bosh import BoshClient
from tests.testing.test_pytest_plugin import QUIET

SOON = 30.0
Event = tuple[int, str, dict]


class Listener:
    """A client of a few lines."""

    def __init__(self, bed: TestBed, last: int | None = None) -> None:
        url = urlsplit(str(bed.api))
        self._socket = socket.create_connection((url.hostname, url.port), SOON)
        came = "Connection: close\r\n" + ("" if last is None else f"Last-Event-ID: {last}\r\n")
        self._socket.sendall(f"GET {url.path}/events HTTP/1.1\r\nHost: {url.netloc}\r\n{came}\r\n".encode())
        self._data = b""
        self._events = self._read()
        self.head = self._until(b"retry: 1000").lower()
        assert b"text/event-stream" in self.head

    def next(self, *names: str) -> Event:
        """The next event of these names."""
        return next(event for event in self._events if event[1] in names)

    def close(self) -> None:
        self._socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            part = self._socket.recv(65_536)
            assert part, self._data
            self._data += part
        found, _, self._data = self._data.partition(end)
        return found

    def _read(self) -> Iterator[Event]:
        while True:
            lines = [line.strip() for line in self._until(b"\n\n").decode().splitlines()]
            fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(":"))
            if "event" in fields:
                yield int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])


@pytest.fixture
def listener(bed: TestBed) -> Iterator[Listener]:
    listener = Listener(bed)
    yield listener
    listener.close()


def test_sessions_and_stanzas(bed, listener):
    client = BoshClient(bed.bosh, bed.domain)
    jid = client.log_in("bob", "secret")
    assert listener.next("session-opened")[2]["session"] == jid
    client.send("<presence xmlns='jabber:client'/>")
    number, _, stanza = listener.next("stanza")
    while "<presence" not in stanza["xml"]:
        number, _, stanza = listener.next("stanza")
    assert (stanza["number"], stanza["session"], stanza["direction"]) == (number, jid, "in")
    bed.kill_session("bob")
    assert listener.next("session-closed")[2] | {"number": 0, "at": ""} == {
        "number": 0,
        "at": "",
        "session": jid,
        "transport": "bosh",
        "broken": False,
    }


def test_a_web_server_in_front_is_told_to_pass_on_each(listener):
    assert b"x-accel-buffering: no" in listener.head


def test_expectations_faults_the_clock_and_a_reset(bed, listener):
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in("bob", "secret")
    client.send("<presence xmlns='jabber:client'/>")
    bed.expect("message", to="bob", times=1, name="one")
    bed.message("alice", "bob", "hi")
    assert listener.next("expectation-met")[2]["name"] == "one"
    bed.message("alice", "bob", "hi")
    assert listener.next("expectation-violated")[2]["name"] == "one"
    with bed.fault("drop", kind="message", name="lost"):
        bed.message("alice", "bob", "hi")
        assert listener.next("fault-struck")[2]["fault"] == "drop"
    bed.advance(60)
    assert listener.next("clock-turned")[2]["seconds"] == 60
    bed.reset()
    listener.next("reset")


def test_who_comes_back_is_told_what_happened_meanwhile(bed, listener):
    client = BoshClient(bed.bosh, bed.domain)
    jid = client.log_in("bob", "secret")
    last, _, told = listener.next("session-opened")
    listener.close()
    client.send("<presence xmlns='jabber:client'/>")
    bed.kill_session("bob")
    again = Listener(bed, last)
    seen = [again.next("stanza", "session-closed", "session-opened") for _ in range(3)]
    assert told["session"] == jid
    assert all(number > last for number, _, _ in seen)
    assert [name for _, name, _ in seen] == ["stanza"] * 3
    again.next("session-closed")
    again.close()


@pytest.mark.parametrize("last", ["x", "-1"])
def test_an_id_that_is_none(bed, last):
    with pytest.raises(AssertionError, match="Last-Event-ID must be the id of an event"):
        Listener(bed, last)


PAGE = """
    () => new Promise((resolve, reject) => {
        const source = new EventSource("/_conversehost/api/v1/events");
        source.onerror = () => reject("no events");
        source.addEventListener("clock-turned", event => { source.close(); resolve(JSON.parse(event.data).seconds); });
        source.onopen = () => fetch("/_conversehost/api/v1/clock", {
            method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({advance: 7}),
        });
    })
"""


def test_the_event_source_of_a_browser(bed):
    def look() -> int:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
            page = browser.new_page()
            page.goto(bed.site)
            seconds: int = page.evaluate(PAGE)
            browser.close()
            return seconds

    assert aside(look) == 7
