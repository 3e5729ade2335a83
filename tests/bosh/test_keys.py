"""Key sequencing: XEP-0124 section 15."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.bosh.stage import Client, Stage, message


def sequence(seed: str, length: int = 20) -> Iterator[str]:
    """K(n), K(n-1), ... K(1)."""
    keys = [seed]
    for _ in range(length):
        keys.append(hashlib.sha1(keys[-1].encode()).hexdigest())
    return iter(keys[:0:-1])


@pytest.fixture
def keys() -> Iterator[str]:
    return sequence("seed")


@pytest.fixture
def romeo(stage: Stage, keys: Iterator[str]) -> Client:
    return stage.client(newkey=next(keys))


def test_requests_with_the_right_keys(romeo, server, keys):
    for number in range(5):
        assert romeo.send(message(f"c{number}"), key=next(keys)).held
    assert server.heard == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("key", [None, "", "0" * 40, "seed"])
def test_a_wrong_key_ends_the_session(romeo, server, key):
    held = romeo.last
    request = romeo.send(message("a"), key=key)
    assert request.ends == "item-not-found"
    assert server.heard == []
    assert held.ends is None
    assert romeo.hold().ends == "item-not-found"


def test_a_key_is_used_once(romeo, server, keys):
    key = next(keys)
    romeo.send(message("a"), key=key)
    assert romeo.send(message("b"), key=key).ends == "item-not-found"
    assert server.heard == ["a"]


def test_case_does_not_matter(stage):
    last = "ABCDEF"
    romeo = stage.client(newkey=hashlib.sha1(last.encode()).hexdigest().upper())
    assert romeo.send(key=last).held


def test_a_new_sequence_begins_with_the_last_key_of_the_old(romeo, server, keys):
    others = sequence("another")
    assert romeo.send(message("a"), key=next(keys), newkey=next(others)).held
    assert romeo.send(message("b"), key=next(others)).held
    assert romeo.send(message("c"), key=next(keys)).ends == "item-not-found"
    assert server.heard == ["a", "b"]


def test_a_new_sequence_needs_a_valid_key(romeo, server):
    others = sequence("another")
    assert romeo.send(message("a"), newkey=next(others)).ends == "item-not-found"


def test_requests_out_of_order_have_their_keys_checked_in_order(romeo, server, keys):
    first, second = next(keys), next(keys)
    romeo.send(message("b"), rid=1002, key=second)
    romeo.send(message("a"), rid=1001, key=first)
    assert server.heard == ["a", "b"]


def test_a_repeat_has_its_old_key(romeo, server, keys):
    first, second = next(keys), next(keys)
    answered = romeo.send(key=first)
    server.says("x")
    romeo.send(key=second)
    assert romeo.send(rid=1001, key=first).raw == answered.raw
    assert romeo.send(rid=1001, key=second).ends == "item-not-found"


@pytest.mark.parametrize("newkey", ["", "short", "g" * 40, "0" * 41])
def test_a_newkey_is_a_sha_1(stage, newkey):
    assert Client(stage).create(newkey=newkey).ends == "bad-request"
    assert list(stage.manager.sessions()) == []


def test_a_session_without_newkey_needs_no_keys(stage):
    romeo = stage.client()
    assert romeo.send(key="whatever").held
