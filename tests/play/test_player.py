"""Dialogues that go another way, and how they say so. (Those that go as written are in tests/dialogues.)"""

from __future__ import annotations

import pytest

from conversehost.client.wire import UnreachableError
from conversehost.play.memory import InMemory
from conversehost.play.network import Network, split
from conversehost.play.player import FailedError, play
from conversehost.testbed.dialogue import Dialogue, read

CAST = """\
[Client] Romeo
    jid: romeo@localhost/orchard
    password: secret
[Client] Juliet
    jid: juliet@localhost/balcony
    password: secret
[Client] Impostor
    jid: romeo@localhost
    password: wrong
"""
FIRST = CAST.count("\n") + 1
PING = "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"


def dialogue(*lines: str) -> Dialogue:
    return read(CAST + "\n".join(lines), "play.txt")


def failure(*lines: str) -> FailedError:
    told = dialogue(*lines)
    with pytest.raises(FailedError) as failed:
        play(told, InMemory(told))
    return failed.value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Romeo disconnects"], "Romeo isn't connected"),
        (["Impostor connects"], "Impostor is refused: not-authorized"),
        (["Romeo connects and is refused: not-authorized"], "Romeo isn't refused"),
        (
            ["Impostor connects and is refused: account-disabled"],
            "Impostor is refused for another reason: not-",
        ),
        (["Romeo resumes"], "Romeo has nothing to resume: that takes <enabled/>, and a connection that broke"),
        (["Romeo connects", "Romeo drops the connection", "Romeo resumes"], "Romeo has nothing to resume"),
        (["Romeo connects", "Romeo is disconnected"], "Romeo isn't disconnected"),
        (["Romeo connects", "Romeo sends:", " <iq id='{x}'/>"], "{x} is to be sent, but nothing has been remembered"),
        (["Romeo connects", "Romeo and Juliet are friends"], "Romeo should make friends before they connect"),
        (
            ["Romeo connects", "Romeo sends:", " <nonsense/>", "Romeo receives nothing"],
            "Romeo is disconnected: unsupported",
        ),
        (
            ["Romeo connects", "Romeo sends:", " <nonsense/>", "Romeo is disconnected: conflict"],
            "Romeo is disconnected for another reason: unsupported-stanza-type",
        ),
    ],
)
def test_what_went_wrong_is_told(lines, message):
    assert failure(*lines).message.startswith(message)


def test_nothing_where_something_should_come():
    failed = failure("Romeo connects", "Romeo receives:", "    <message><body>Hi</body></message>")
    assert str(failed) == (
        f"play.txt:{FIRST + 1}: Romeo receives nothing\n    - <message>\n    -   <body>Hi</body>\n    - </message>"
    )


def test_something_where_nothing_should_come():
    failed = failure("Romeo connects", "Romeo sends:", f"    {PING}", "Romeo receives nothing")
    assert failed.line == FIRST + 3
    assert failed.details == ('+ <iq from="localhost" id="1" to="romeo@localhost/orchard" type="result"/>',)


def test_something_before_the_end():
    failed = failure("Romeo connects", "Romeo sends:", f"    {PING}", "Romeo is disconnected")
    assert failed.message == "Romeo receives something before the end"


def test_another_thing():
    failed = failure("Romeo connects", "Romeo sends:", f"    {PING}", "Romeo receives:", "    <iq type='error'/>")
    assert failed.message == "Romeo receives something else"
    assert [line[:2] for line in failed.details] == ["- ", "+ "]


def test_of_several_the_closest_is_shown():
    failed = failure(
        "Romeo connects",
        "Romeo sends:",
        f"    {PING}",
        "Romeo receives in any order:",
        "    <message><body>Something that is not alike</body></message>",
        "    <iq type='error' id='1'/>",
    )
    assert failed.details[0] == '- <iq from="localhost" id="1" to="romeo@localhost/orchard" type="error"/>'


def test_whoever_is_disconnected_receives_no_more():
    failed = failure("Romeo connects", "Romeo sends:", "    <nonsense/>", "Romeo receives:", "    <presence/>")
    assert failed.message.startswith("Romeo is disconnected: unsupported-stanza-type")
    assert failed.details == ("- <presence/>",)


def test_addresses_are_known_by_name():
    """That of the account from the start, that of the client once it has one."""
    text = [
        "Juliet connects",
        "Juliet sends:",
        """    <message to="${Romeo's JID}" type='error' id='1'/><message to="${Juliet's full JID}" id='2'/>""",
        "Juliet receives:",
        """    <message id='2' from="${Juliet's JID}/balcony"/>""",
    ]
    told = dialogue(*text)
    play(told, InMemory(told))


def test_time_passes_in_memory():
    """The hour at which something was said is told to whoever comes later."""
    text = [
        "Romeo connects",
        "Romeo sends:",
        "    <iq type='get' id='1' to='localhost'><time xmlns='urn:xmpp:time'/></iq>",
        "Romeo receives:",
        "    <iq type='result'><time xmlns='urn:xmpp:time'><tzo>...</tzo><utc>{day}T{before}</utc></time></iq>",
        "2 days pass",
        "Romeo sends:",
        "    <iq type='get' id='2' to='localhost'><time xmlns='urn:xmpp:time'/></iq>",
        "Romeo receives:",
        "    <iq type='result'><time xmlns='urn:xmpp:time'><tzo>...</tzo><utc>{day}T...</utc></time></iq>",
    ]
    assert failure(*text).line == FIRST + 8


def test_another_servers_clock_stands_still():
    with pytest.raises(FailedError, match="the clock of another server can't be turned"):
        play(dialogue("1 minute passes"), Network({"tcp": "localhost:1"}))


def test_a_transport_needs_an_address():
    told = read(CAST.replace("password: wrong", "password: wrong\n    transport: bosh") + "Impostor connects")
    with pytest.raises(UnreachableError, match="somebody wants bosh: give its address with --bosh"):
        play(told, Network({"tcp": "localhost:1"}))


@pytest.mark.parametrize(("text", "parts"), [("localhost:5222", ("localhost", 5222)), ("[::1]:80", ("::1", 80))])
def test_an_address_has_a_host_and_a_port(text, parts):
    assert split(text) == parts


@pytest.mark.parametrize("text", ["localhost", ":5222", "localhost:xmpp", "localhost:99999"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UnreachableError, match="is not an address such as localhost:5222"):
        split(text)


def test_a_session_is_resumed_while_its_connection_still_stands():
    """The server may not have noticed yet that a connection broke."""
    text = [
        "Romeo connects",
        "Romeo sends:",
        "    <enable xmlns='urn:xmpp:sm:3' resume='true'/>",
        "Romeo receives:",
        "    <enabled xmlns='urn:xmpp:sm:3' id='...' resume='true' max='...'/>",
        "Romeo sends:",
        f"    {PING}",
        "Romeo resumes",
        "Romeo receives:",
        "    <iq type='result' id='1'/>",
        "Romeo receives nothing",
    ]
    told = dialogue(*text)
    play(told, InMemory(told))
