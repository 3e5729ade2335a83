"""Two nodes of ejabberd, joined, and a conversehost in front of each: nothing is lost between them."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import CLIENT, BoshClient

from .elsewhere import KEY, PASSWORD, ejabberd

SECRET = "a-secret-of-site-and-chat"
MESSAGES, BURST = 1_000, 500
AVAILABLE = "<presence xmlns='jabber:client'/>"


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TestBed]]:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(KEY)
    with ExitStack() as stack:
        nodes = stack.enter_context(ejabberd("one", "two"))
        options = ("--domain", "here.example", "--prebind-secret", SECRET, "--upstream-jwt-key", str(key))
        options += ("--prebind-trust-header", "X-Remote-User")
        places = [f"localhost=xmpp://127.0.0.1:{node.port}" for node in nodes]
        yield [stack.enter_context(TestBed.start(*options, "--upstream", place)) for place in places]


def log_in(front: TestBed, name: str) -> BoshClient:
    client = BoshClient(front.bosh, "localhost")
    client.jid = client.log_in(name, PASSWORD)
    client.send(AVAILABLE)
    return client


def come_back(front: TestBed, name: str) -> BoshClient:
    """By a session that the site asks for."""
    body = json.dumps({"jid": f"{name}@localhost", "password": PASSWORD, "wait": 1}).encode()
    fields = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(front.prebind, body, fields), timeout=30) as answer:
        bound = json.load(answer)
    client = BoshClient.attach(front.bosh, bound["sid"], bound["rid"])
    client.jid = bound["jid"]
    client.send(AVAILABLE)
    return client


def test_a_key_that_both_know_makes_passwords_for_pages(fronts):
    header = {"X-Remote-User": "bob@localhost"}
    with urllib.request.urlopen(urllib.request.Request(f"{fronts[0].site}credentials", headers=header)) as answer:
        pair = json.load(answer)
    assert BoshClient(fronts[0].bosh, "localhost").log_in("bob", pair["password"]).startswith("bob@localhost/")
    with urllib.request.urlopen(urllib.request.Request(fronts[0].prebind, headers=header)) as answer:
        assert json.load(answer)["jid"].startswith("bob@localhost/")


def message(to: str, text: str) -> str:
    return f"<message xmlns='{CLIENT}' to='{to}' type='chat'><body>{text}</body></message>"


def hears(client: BoshClient) -> str | None:
    return client.wait_for("message").findtext(f"{{{CLIENT}}}body")


def test_a_thousand_messages_from_one_to_the_other_and_the_end_of_one(fronts):
    alice, bob = log_in(fronts[0], "alice"), log_in(fronts[1], "bob")
    heard: list[str | None] = []
    for first in range(0, MESSAGES, BURST):
        alice.send("".join(message(bob.jid, str(number)) for number in range(first, first + BURST)))
        heard += [hears(bob) for _ in range(BURST)]
    assert heard == [str(number) for number in range(MESSAGES)]
    os.kill(fronts[0].pid, signal.SIGKILL)
    with pytest.raises(ConnectionError):
        alice.send()
    again = come_back(fronts[1], "alice")
    bob.send(message(again.jid, "there you are"))
    assert hears(again) == "there you are"
    again.send(message(bob.jid, "here I am"))
    assert hears(bob) == "here I am"
