"""XEP-0441, and what the operator says of archives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.features.archive_preferences import MOST
from conversehost.server.archive_rules import Preferences
from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.features.archives import bodies
from tests.stage import Client, Stage, condition

READ = f"<prefs xmlns='{ns.MAM}'/>"


def prefs(default: str, always: tuple[str, ...] = (), never: tuple[str, ...] = ()) -> str:
    lists = (("always", always), ("never", never))
    content = "".join(f"<{name}>{''.join(f'<jid>{each}</jid>' for each in jids)}</{name}>" for name, jids in lists)
    return f"<prefs xmlns='{ns.MAM}' default='{default}'>{content}</prefs>"


def told(client: Client, asked: str = READ, type: str = "get") -> tuple[str | None, list[str | None], list[str | None]]:
    (found,) = client.ask(type, asked)
    always, never = found
    return found.get("default"), [each.text for each in always], [each.text for each in never]


@pytest.mark.parametrize("default", ["always", "roster", "never"])
def test_the_default_is_the_operators(make_stage: Callable[..., Stage], default: str):
    client = make_stage(policy=Policy(archive_default=default)).login("romeo")
    assert told(client) == (default, [], [])


def test_preferences_are_answered_as_they_hold_now(romeo: Client):
    wanted = prefs("roster", ("Juliet@LOCALHOST", "juliet@localhost"), ("nurse@localhost/x",))
    expected = ("roster", ["juliet@localhost"], ["nurse@localhost/x"])
    assert told(romeo, wanted, "set") == expected
    assert told(romeo) == expected
    assert told(romeo, f"<prefs xmlns='{ns.MAM}' default='never'/>", "set") == ("never", [], [])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (f"<prefs xmlns='{ns.MAM}'/>", "bad-request"),
        (prefs("sometimes"), "bad-request"),
        (prefs("always", ("@",)), "jid-malformed"),
        (prefs("always", ("",)), "jid-malformed"),
        (prefs("always", (), tuple(f"{number}@x" for number in range(MOST + 1))), "bad-request"),
    ],
)
def test_preferences_that_make_no_sense(romeo: Client, wanted: str, expected: str):
    assert condition(romeo.ask("set", wanted)) == expected
    assert told(romeo) == ("always", [], [])


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        (prefs("always"), ["friend", "stranger"]),
        (prefs("never"), []),
        (prefs("roster"), ["friend"]),
        (prefs("never", ("mercutio@localhost",)), ["stranger"]),
        (prefs("never", ("mercutio@localhost/square",)), ["stranger"]),
        (prefs("never", ("mercutio@localhost/elsewhere",)), []),
        (prefs("always", (), ("juliet@localhost",)), ["stranger"]),
        (prefs("roster", ("mercutio@localhost",), ("juliet@localhost/balcony",)), ["stranger"]),
        (prefs("always", ("juliet@localhost/balcony",), ("juliet@localhost",)), ["stranger"]),
        (prefs("always", (), ("localhost",)), ["friend", "stranger"]),
    ],
)
@pytest.mark.parametrize("outgoing", [True, False])
def test_whose_messages_are_kept(
    romeo: Client, juliet: Client, mercutio: Client, wishes: str, kept: list[str], outgoing: bool
):
    romeo.ask("set", wishes)
    for client, body in ((juliet, "friend"), (mercutio, "stranger")):
        if outgoing:
            romeo.say(client.jid, body)
        else:
            client.say(romeo.jid, body)
        assert bodies(client) == [body]
    assert bodies(romeo) == kept


def test_what_is_not_kept_has_no_id(romeo: Client, juliet: Client):
    juliet.ask("set", prefs("never"))
    romeo.say(juliet.jid)
    assert not juliet.only().has(ns.STANZA_ID, "stanza-id")


def test_what_one_says_to_oneself_is_said_to_somebody_known(romeo: Client):
    romeo.ask("set", prefs("roster"))
    romeo.say(romeo.bare)
    assert bodies(romeo) == ["hi"]


def test_preferences_go_with_their_account(stage: Stage, romeo: Client):
    romeo.ask("set", prefs("never"))
    stage.host.delete_account(stage.account("romeo"))
    assert told(stage.login("romeo")) == ("always", [], [])


def test_never_wins():
    assert Preferences("always", ("a@b",), ("a@b",)).lists(parse("a@b/c")) is False
    assert Preferences("always", ("a@b/c",), ("x@y",)).lists(parse("a@b/c")) is True
    assert Preferences("always", ("a@b/c",), ("x@y",)).lists(parse("a@b")) is None
