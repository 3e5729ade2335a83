"""A node with many subscribers: what is published costs as much for each of them, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conversehost.features.pubsub.nodes import Nodes
from tests.features.pubsub.words import create, done, item, news, publish, subscribe
from tests.stage import Client, Stage


def test_subscriptions_are_looked_through_once(stage: Stage, romeo: Client, monkeypatch: pytest.MonkeyPatch):
    """Not once more for each of them."""
    create(romeo)
    many = [stage.login(f"reader{number}") for number in range(20)]
    for each in many:
        done(subscribe(each))
    looked: list[str] = []
    for name in ("subscriptions", "subscribed"):
        count(monkeypatch, name, looked)
    done(publish(romeo, item("1")))
    assert all(news(each) == ["item 1 x"] for each in many)
    assert len(looked) < 5


def count(monkeypatch: pytest.MonkeyPatch, name: str, calls: list[str]) -> None:
    """Note the calls of a method of `Nodes`, from now on."""
    original: Callable[..., Any] = getattr(Nodes, name)

    def counting(self: Nodes, *args: Any) -> Any:
        calls.append(name)
        return original(self, *args)

    monkeypatch.setattr(Nodes, name, counting)
