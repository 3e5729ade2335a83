"""Programs that are asked who somebody is, as real processes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from conversehost.auth import Attempt
from conversehost.auth.extauth import Programs
from conversehost.auth.guarded import Answer, Trouble
from conversehost.net.clock import ReactorClock
from conversehost.net.programs import starting
from conversehost.turn import Turn
from conversehost.xmpp.jid import parse


def check(pool: Programs, name: str, password: str) -> Deferred[Answer]:
    answer: Deferred[Answer] = Deferred()
    pool.check(Attempt(parse(f"{name}@chat.example"), password), answer.callback)
    return answer.addTimeout(20, reactor)


def find(pool: Programs, name: str) -> Deferred[Answer]:
    answer: Deferred[Answer] = Deferred()
    pool.find(parse(f"{name}@chat.example"), answer.callback)
    return answer.addTimeout(20, reactor)


@pytest.fixture
def pool_of():
    """Of a program in Python."""
    made: list[Programs] = []

    def make(code: str) -> Programs:
        start = starting((sys.executable, "-S", "-E", "-c", code), reactor)
        made.append(Programs(start, 1, clock=ReactorClock(reactor, Turn())))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest_twisted.ensureDeferred
async def test_the_program_of_the_docs(pool_of):
    page = (Path(__file__).parents[2] / "docs" / "authentication.md").read_text()
    code = re.search(r"```python\n(import struct.*?)```", page, re.DOTALL)
    assert code is not None
    pool = pool_of(code[1])
    assert await check(pool, "romeo", "secret") is True
    assert await check(pool, "romeo", "a:b") is False
    assert await find(pool, "romeo") is True
    assert await find(pool, "stranger") is False


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "the program ended, with exit code 3"),
        ("", "the program ended, with exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "the program ended, by signal 9"),
        ("print('hello'); input()", "what the program says is no answer, which is two bytes of length, and 0 or 1"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_program_that_is_none(pool_of, code: str, reason: str):
    answer = await check(pool_of(code), "romeo", "secret")
    assert isinstance(answer, Trouble)
    assert answer.reason.startswith(reason)
