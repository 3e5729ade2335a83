"""Accounts that another place knows, before anybody has logged in to them here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server import newcomers
from conversehost.xmpp.jid import JID, parse
from tests.stage import Client, Stage, condition, conditions

MERCUTIO = parse("mercutio@localhost")


class Asked:
    """Who was asked for, and who waits for the answer."""

    def __init__(self) -> None:
        self.done: dict[JID, Callable[[bool | None], None]] = {}

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        assert account not in self.done, "asked once is enough"
        self.done[account] = done

    def answer(self, found: bool | None) -> None:
        self.done.pop(MERCUTIO)(found)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def stage(make_stage, asked: Asked) -> Stage:
    return make_stage(find=asked.find)


@pytest.fixture
def romeo(stage: Stage) -> Client:
    return stage.login("romeo")


def test_messages_wait_for_who_comes_for_the_first_time(stage: Stage, romeo: Client, asked: Asked):
    romeo.say(MERCUTIO.full, "one")
    romeo.say(MERCUTIO.full, "two")
    assert list(asked.done) == [MERCUTIO]
    asked.answer(True)
    romeo.say(MERCUTIO.full, "three")
    assert romeo.take() == []
    mercutio = stage.connect("mercutio")
    mercutio.available()
    assert mercutio.heard() == ["one", "two", "three"]


def test_who_is_nobody(romeo: Client, asked: Asked, stage: Stage):
    romeo.say(MERCUTIO.full)
    assert romeo.take() == []
    asked.answer(False)
    stage.turn.end()
    assert conditions(romeo.take()) == ["service-unavailable"]
    assert not stage.accounts.exists(MERCUTIO)


def test_when_nobody_can_tell(romeo: Client, asked: Asked, stage: Stage):
    romeo.say(MERCUTIO.full)
    asked.answer(None)
    stage.turn.end()
    assert conditions(romeo.take()) == ["recipient-unavailable"]


def test_a_request_to_see_presence_waits_too(romeo: Client, asked: Asked, stage: Stage):
    romeo.presence("subscribe", MERCUTIO.full)
    asked.answer(True)
    romeo.take()
    mercutio = stage.login("mercutio")
    assert stage.host.rosters.get(MERCUTIO, parse(romeo.bare)).pending is not None
    assert mercutio.bare == MERCUTIO.full


def test_who_logs_in_meanwhile(romeo: Client, asked: Asked, stage: Stage):
    romeo.say(MERCUTIO.full, "hello")
    mercutio = stage.login("mercutio")
    asked.answer(True)
    stage.turn.end()
    assert mercutio.heard() == ["hello"]
    assert dict(stage.accounts.of("localhost"))[MERCUTIO] == "secret"


def test_the_sender_has_left_meanwhile(romeo: Client, asked: Asked, stage: Stage):
    romeo.say(MERCUTIO.full)
    romeo.drop()
    asked.answer(False)
    asked.find(MERCUTIO, lambda found: None)


def test_an_iq_gets_its_answer(romeo: Client, asked: Asked, stage: Stage):
    romeo.write(f"<iq type='get' id='v1' to='{MERCUTIO.full}'><vCard xmlns='vcard-temp'/></iq>")
    assert romeo.take() == []
    asked.answer(True)
    stage.turn.end()
    assert romeo.only("iq").get("id") == "v1"


def test_accounts_that_are_here_are_not_asked_for(romeo: Client, asked: Asked, stage: Stage):
    juliet = stage.login("juliet")
    romeo.say(juliet.bare)
    assert juliet.heard() == ["hi"]
    assert asked.done == {}


def test_not_too_many_wait(romeo: Client, asked: Asked, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(newcomers, "WAITING", 2)
    for _ in range(3):
        romeo.say(MERCUTIO.full)
    assert condition(romeo.only("message")) == "resource-constraint"
