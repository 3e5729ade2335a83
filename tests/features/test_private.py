"""XEP-0049."""

from __future__ import annotations

import pytest

from conversehost.features.private import BYTES, ENTRIES
from conversehost.xmpp.xml import to_bytes
from tests.stage import Client, Stage, condition

BOOKMARKS = (
    '<storage xmlns="storage:bookmarks"><conference jid="verona@conference.localhost" name="&lt;b&gt;"/></storage>'
)


def private(content: str) -> str:
    return f"<query xmlns='jabber:iq:private'>{content}</query>"


def stored(client: Client, content: str) -> str:
    return to_bytes(client.ask("get", private(content))[0][0]).decode()


@pytest.mark.parametrize("to", [None, "romeo@localhost"])
def test_what_was_put_there_comes_back(romeo: Client, to: str | None):
    answer = romeo.ask("set", private(BOOKMARKS), to)
    assert (answer.type, len(answer)) == ("result", 0)
    assert stored(romeo, "<storage xmlns='storage:bookmarks'/>") == BOOKMARKS


def test_nothing_yet(romeo: Client):
    assert stored(romeo, "<storage xmlns='storage:bookmarks'/>") == '<storage xmlns="storage:bookmarks"/>'


def test_a_later_one_replaces_it_and_names_are_told_apart(romeo: Client):
    for content in (BOOKMARKS, "<storage xmlns='storage:bookmarks'>new</storage>", "<prefs xmlns='a:b'>x</prefs>"):
        romeo.ask("set", private(content))
    assert stored(romeo, "<storage xmlns='storage:bookmarks'/>") == '<storage xmlns="storage:bookmarks">new</storage>'
    assert stored(romeo, "<prefs xmlns='a:b'/>") == '<prefs xmlns="a:b">x</prefs>'


@pytest.mark.parametrize("type", ["get", "set"])
def test_it_is_private(romeo: Client, mercutio: Client, type: str):
    romeo.ask("set", private(BOOKMARKS))
    assert condition(mercutio.ask(type, private(BOOKMARKS), romeo.bare)) == "forbidden"


@pytest.mark.parametrize("content", ["", "<a xmlns='a:b'/><b xmlns='a:b'/>", "<a/>", "<a xmlns=''/>"])
@pytest.mark.parametrize("type", ["get", "set"])
def test_what_is_no_question(romeo: Client, type: str, content: str):
    query = f"<query xmlns='jabber:iq:private'>{content}</query>"
    assert condition(romeo.ask(type, query)) == "bad-request"


def test_it_has_an_end(romeo: Client):
    for number in range(ENTRIES):
        assert romeo.ask("set", private(f"<a xmlns='n:{number}'/>")).type == "result"
    assert condition(romeo.ask("set", private("<a xmlns='n:more'/>"))) == "resource-constraint"
    assert romeo.ask("set", private("<a xmlns='n:0'>other</a>")).type == "result"


def test_in_bytes_too(romeo: Client):
    half = "x" * (BYTES // 2)
    assert romeo.ask("set", private(f"<a xmlns='n:1'>{half}</a>")).type == "result"
    assert condition(romeo.ask("set", private(f"<a xmlns='n:2'>{half}</a>"))) == "resource-constraint"


def test_it_goes_with_the_account(stage: Stage, romeo: Client):
    romeo.ask("set", private(BOOKMARKS))
    stage.host.delete_account(romeo.session.account)
    assert (
        stored(stage.login("romeo"), "<storage xmlns='storage:bookmarks'/>") == '<storage xmlns="storage:bookmarks"/>'
    )
