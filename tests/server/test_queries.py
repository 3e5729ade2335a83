"""The server asks a client."""

from __future__ import annotations

import pytest

from conversehost.server.queries import PATIENCE
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, xml

Answers = list[Stanza | None]


def ask(client: Client) -> Answers:
    answers: Answers = []
    client.stage.host.queries.ask(client.session, xml("<ping xmlns='urn:xmpp:ping'/>"), answers.append)
    client.stage.turn.end()
    return answers


def test_it_is_asked_in_the_hosts_name(mercutio: Client):
    ask(mercutio)
    question = mercutio.only("iq")
    assert (question.type, question.get("from"), question.get("to")) == ("get", "localhost", mercutio.jid)
    assert question.has("urn:xmpp:ping", "ping")


@pytest.mark.parametrize("type", ["result", "error"])
def test_the_answer_comes_once(mercutio: Client, type: str):
    answers = ask(mercutio)
    id = mercutio.only("iq").id
    for _ in range(2):
        mercutio.write(f"<iq type='{type}' id='{id}' to='localhost'/>")
    assert [each.type if each is not None else None for each in answers] == [type]
    mercutio.stage.clock.advance(2 * PATIENCE)
    mercutio.drop()
    assert len(answers) == 1


def test_questions_are_told_apart(mercutio: Client):
    first, second = ask(mercutio), ask(mercutio)
    ids = [each.id for each in mercutio.take("iq")]
    mercutio.write(f"<iq type='result' id='{ids[1]}' to='localhost'/>")
    assert (len(first), len(second)) == (0, 1)


@pytest.mark.parametrize("to", ["romeo@localhost", "localhost/x", "juliet@localhost/balcony"])
def test_what_is_for_somebody_else_is_no_answer(juliet: Client, romeo: Client, to: str):
    answers = ask(romeo)
    romeo.write(f"<iq type='result' id='{romeo.only('iq').id}' to='{to}'/>")
    assert answers == []


def test_nobody_else_can_answer(romeo: Client, juliet: Client, stage: Stage):
    answers, other = ask(romeo), stage.login("romeo", "garden")
    id = romeo.take("iq")[0].id
    for client in (juliet, other):
        client.write(f"<iq type='result' id='{id}' to='localhost'/>")
    assert answers == []


def test_a_client_that_is_silent_has_so_much_time(mercutio: Client):
    answers = ask(mercutio)
    mercutio.stage.clock.advance(PATIENCE - 1)
    assert answers == []
    mercutio.stage.clock.advance(1)
    assert answers == [None]


def test_a_client_that_leaves_will_not_answer(mercutio: Client):
    first, second = ask(mercutio), ask(mercutio)
    mercutio.drop()
    assert first == second == [None]
    assert mercutio.stage.clock.next() is None


def test_what_it_never_got_bothers_nobody(mercutio: Client):
    mercutio.hang()
    answers = ask(mercutio)
    mercutio.drop()
    assert answers == [None]
