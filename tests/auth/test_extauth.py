"""Programs that say who somebody is: what they are asked, and what happens when they hang, lie or die."""

from __future__ import annotations

import pytest

from conversehost.auth import Attempt
from conversehost.auth.extauth import PAUSE, Answer, Programs, Question, Worker
from conversehost.auth.guarded import SECONDS, Trouble
from conversehost.clock import Clock
from conversehost.xmpp.jid import JID, parse

ROMEO = parse("romeo@chat.example")
YES, NO = b"\0\2\0\1", b"\0\2\0\0"


class Program:
    """One that runs, as far as anybody can see. It answers when the test says so."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.heard: list[bytes] = []
        self.state = "runs"

    def write(self, data: bytes) -> None:
        assert self.state == "runs"
        self.heard.append(data)

    def kill(self) -> None:
        self.state = "killed"

    def stop(self) -> None:
        self.state = "stopped"

    def say(self, data: bytes) -> None:
        self.worker.received(data)

    def die(self) -> None:
        self.state = "dead"
        self.worker.ended("the program ended, with exit code 1")


class Scene:
    """A pool, the programs in it by order of their start, and the answers."""

    def __init__(self, size: int = 1) -> None:
        self.clock = Clock()
        self.programs: list[Program] = []
        self.pool = Programs(self.start, size, clock=self.clock)
        self.fails = False

    def start(self, worker: Worker) -> Program:
        if self.fails:
            raise OSError(11, "Resource temporarily unavailable")
        self.programs.append(Program(worker))
        return self.programs[-1]

    def check(self, password: str = "secret") -> list[Answer]:
        """What came of it, once something has."""
        answers: list[Answer] = []
        self.pool.check(Attempt(ROMEO, password), answers.append)
        return answers

    def find(self, account: JID = ROMEO) -> list[Answer]:
        answers: list[Answer] = []
        self.pool.find(account, answers.append)
        return answers


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(("said", "answer"), [(YES, True), (NO, False)])
def test_the_protocol(scene: Scene, said: bytes, answer: bool):
    checked = scene.check("a:b ü")
    assert scene.programs[0].heard == [b"\0\x1eauth:romeo:chat.example:a:b \xc3\xbc"]
    assert checked == []
    for byte in said:
        scene.programs[0].say(bytes([byte]))
    found = scene.find()
    assert scene.programs[0].heard[1] == b"\0\x19isuser:romeo:chat.example"
    scene.programs[0].say(said)
    assert checked == found == [answer]


def test_one_is_asked_one_thing_at_a_time(scene: Scene):
    answers = [scene.check(str(each)) for each in range(3)]
    (program,) = scene.programs
    for verdict in (YES, NO, YES):
        program.say(verdict)
    assert answers == [[True], [False], [True]]
    assert [each[-1:] for each in program.heard] == [b"0", b"1", b"2"]


def test_several_are_asked_at_once_and_none_that_is_not_wanted():
    scene = Scene(size=3)
    scene.check()
    assert len(scene.programs) == 1
    answers = [scene.check() for _ in range(4)]
    assert len(scene.programs) == 3
    scene.programs[1].say(NO)
    scene.programs[2].say(YES)
    assert answers == [[False], [True], [], []]


def test_one_that_dies_has_no_answer_and_is_started_again(scene: Scene):
    first, second = scene.check(), scene.check()
    scene.programs[0].die()
    dead = Trouble("the program ended, with exit code 1")
    assert first == second == [dead]
    assert scene.check() == [dead]
    assert len(scene.programs) == 1
    scene.clock.advance(PAUSE)
    answer = scene.check()
    scene.programs[1].say(YES)
    assert answer == [True]


def test_one_that_dies_while_nobody_asks(scene: Scene):
    scene.check()
    scene.programs[0].say(YES)
    scene.programs[0].die()
    scene.clock.advance(PAUSE)
    scene.check()
    assert len(scene.programs) == 2


def test_the_others_go_on_when_one_dies():
    scene = Scene(size=2)
    answers = [scene.check() for _ in range(3)]
    scene.programs[0].die()
    scene.programs[1].say(YES)
    scene.programs[1].say(NO)
    assert answers == [[Trouble("the program ended, with exit code 1")], [True], [False]]
    assert len(scene.programs) == 2


def test_one_that_hangs_is_killed_and_the_next_question_gets_a_new_one(scene: Scene):
    first = scene.check()
    scene.clock.advance(1)
    second = scene.check()
    scene.clock.advance(SECONDS - 1)
    assert first == [Trouble("nothing for 5 seconds")]
    assert scene.programs[0].state == "killed"
    scene.programs[1].say(YES)
    assert second == [True]
    scene.programs[0].die()
    scene.programs[0].say(YES)
    assert (len(first), len(scene.programs)) == (1, 2)


def test_who_has_waited_too_long_is_not_asked_for(scene: Scene):
    scene.check()
    late = scene.check()
    scene.clock.advance(SECONDS)
    assert (late, len(scene.programs)) == ([], 1)


@pytest.mark.parametrize("said", [b"\0\2\0\2", b"\0\1\0\1", b"true\n", YES + YES])
def test_nonsense_is_no_answer(scene: Scene, said: bytes):
    answers = scene.check()
    scene.programs[0].say(said)
    assert [each.reason[:34] for each in answers if isinstance(each, Trouble)] == ["what the program says is no answer"]
    assert scene.programs[0].state == "killed"


def test_what_nobody_asked_for(scene: Scene):
    answers = scene.check()
    scene.programs[0].say(YES)
    scene.programs[0].say(YES)
    assert (answers, scene.programs[0].state) == ([True], "killed")


def test_one_that_cannot_be_started(scene: Scene):
    scene.fails = True
    assert scene.check() == [Trouble("the program can't be started: Resource temporarily unavailable")]
    scene.fails = False
    scene.clock.advance(PAUSE)
    assert scene.check() == []


def test_a_password_that_is_too_long_is_wrong(scene: Scene):
    assert scene.check("x" * 65_536) == [False]
    assert scene.programs == []


def test_at_the_end_they_are_stopped_and_nobody_is_told(scene: Scene):
    answers = scene.check()
    scene.pool.close()
    assert scene.programs[0].state == "stopped"
    scene.programs[0].die()
    scene.clock.advance(SECONDS)
    assert (answers, len(scene.programs)) == ([], 1)


def test_a_question_shows_no_password():
    assert "secret" not in repr(Question(b"auth:romeo:chat.example:secret", lambda answer: None, 0))
