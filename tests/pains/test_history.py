"""Messages that are missing, doubled or in the wrong order; keys that can't be published; tests that disturb others."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from conversehost.testing import TestBed
from tests.pains.pages import Page

MESSAGES = 20


def bodies(page: Page) -> list[str]:
    """What has come, in order, until nothing more does."""
    for number in range(40):
        page.ping(f"read-{number}")
        if any(each.get("id") == f"read-{number}" for each in page.got):
            return [body.text or "" for each in page.got for body in each.iter("{jabber:client}body")]
    raise AssertionError("it doesn't end")


def test_nothing_is_missing_or_doubled_over_a_bad_network(bed: TestBed):
    """Answers get lost; the page repeats what wasn't answered. Each message is seen once, in order."""
    page = Page(bed)
    page.enter()
    with bed.fault("lost-response", account="alice", probability=0.4, seed=3) as fault:
        for number in range(MESSAGES):
            bed.message("bob", "alice", f"m{number}")
            rid = page.rid
            page.rid += 1
            for _ in range(50):
                with suppress(ConnectionError):
                    page.ping(f"p{number}", rid)
                    break
    seen = bodies(page)
    assert fault.strikes > 0
    assert seen == [f"m{number}" for number in range(MESSAGES)]


def test_what_was_said_while_the_page_was_away_is_there_when_it_is_back(bed: TestBed):
    bed.message("bob", "alice", "one")
    bed.message("bob", "alice", "two")
    page = Page(bed)
    page.enter()
    assert bodies(page) == ["one", "two"]


def test_the_archive_has_it_once_though_it_was_delivered_late(bed: TestBed):
    """History after a reload: the stored message and the archived one are the same, by their id."""
    bed.message("bob", "alice", "hi")
    page = Page(bed)
    page.enter()
    ids = [each.get("id") for got in page.got for each in got.iter("{urn:xmpp:sid:0}stanza-id")]
    (kept,) = bed.archive("alice")
    assert ids == [kept.id]


def test_keys_are_published_only_where_the_node_is_as_it_must_be(bed: TestBed):
    """OMEMO at its start: `precondition-not-met` for a node that has another access model; it is configured then."""
    node = "eu.siacs.conversations.axolotl.devicelist"

    def publish(access: str) -> str:
        (answer,) = bed.stanza(
            "alice",
            f"<iq type='set' id='o'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{node}'>"
            f"<item id='current'><list xmlns='eu.siacs.conversations.axolotl'/></item></publish><publish-options>"
            f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            f"http://jabber.org/protocol/pubsub#publish-options</value></field><field var='pubsub#access_model'>"
            f"<value>{access}</value></field></x></publish-options></pubsub></iq>",
        )
        return answer

    assert 'type="result"' in publish("open")
    refused = publish("presence")
    assert "precondition-not-met" in refused
    assert "<conflict" in refused


def test_a_test_leaves_nothing_behind_for_the_next(bed: TestBed):
    """Shared state: accounts, messages and clocks of one test, in the next one."""
    before = bed.state()
    bed.add_user("leftover")
    bed.message("alice", "bob", "noise")
    bed.advance(3600)
    bed.reset()
    assert re.sub("[0-9TZ:.-]{20,}", "", bed.state()) == re.sub("[0-9TZ:.-]{20,}", "", before)
    assert bed.traffic("message") == []


def test_tests_run_in_parallel_on_one_server(bed: TestBed):
    """Each with a domain, people and a reset of its own."""
    one, other = bed.tenant(), bed.tenant()
    one.message("alice", "bob", "only here")
    assert [each.xml for each in other.traffic("message")] == []
    one.close()
    other.close()


def test_any_stanza_can_be_said_and_all_that_is_said_can_be_seen(bed: TestBed):
    """ "I need a raw XML view, and to inject stanzas"."""
    page = Page(bed)
    page.enter()
    bed.stanza("bob", "<message to='alice@localhost' type='headline'><odd xmlns='urn:example:odd'/></message>")
    found = bed.wait_for("message[@type='headline']", account="alice", direction="out")
    assert "urn:example:odd" in found.xml


@pytest.mark.parametrize("how", ["terminate", "reset"])
def test_sessions_die_when_a_test_wants_them_to(bed: TestBed, how: str):
    page = Page(bed)
    page.enter()
    bed.kill("alice", how)
    assert how == "reset" or bed.sessions("alice") == []
