"""A program that knows people, by ejabberd's protocol for such: each message is a length in two bytes, and so many.

It is asked `auth:user:server:password` or `isuser:user:server`, and answers two bytes, of value 1 for yes and 0 for no.
Several run, and each is asked one thing at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conversehost.auth import Attempt
from conversehost.auth.guarded import SECONDS, Answer, Trouble
from conversehost.clock import Clock, Deadline
from conversehost.xmpp.jid import JID

LONGEST = 65_535
"""Bytes of a question."""
PAUSE = 2
"""Seconds until a program that ended is started again, so that one that can't run isn't started all the time."""
VERDICTS = {b"\0\2\0\0": False, b"\0\2\0\1": True}


class Process(Protocol):
    """A program that runs."""

    def write(self, data: bytes) -> None:
        """To its standard input."""

    def kill(self) -> None:
        """At once. It will be heard of no more."""

    def stop(self) -> None:
        """As it likes; soon."""


@dataclass(slots=True)
class Question:
    """One that waits for a program, or for its answer. It has a password: never log it."""

    data: bytes
    done: Callable[[Answer], None]
    until: float

    def __repr__(self) -> str:
        return "Question()"


class Worker:
    """A program, and what it was asked. `received` and `ended` are for whoever runs it."""

    def __init__(self, pool: Programs, clock: Clock) -> None:
        self.process: Process
        self._pool = pool
        self._clock = clock
        self._asked: Question | None = None
        self._deadline: Deadline | None = None
        self._said = b""
        self._gone = False

    def ask(self, question: Question) -> None:
        """It is idle."""
        self._asked = question
        self._deadline = self._clock.after(SECONDS, self._give_up)
        self.process.write(question.data)

    def received(self, data: bytes) -> None:
        """From its standard output. Who says what nobody asked for, or what is no answer, is started anew."""
        self._said += data
        if self._gone or (self._asked is not None and len(self._said) < 4):
            return
        verdict = VERDICTS.get(self._said)
        if self._asked is None or verdict is None:
            self.process.kill()
            self.ended("what the program says is no answer, which is two bytes of length, and 0 or 1 in two more")
            return
        self._said = b""
        question = self._settle()
        self._pool.free(self)
        if question is not None:
            question.done(verdict)

    def ended(self, reason: str) -> None:
        """It runs no more."""
        if not self._gone:
            self._pool.rest(reason)
            self._fail(reason)

    def stop(self) -> None:
        """Nobody will ask it any more."""
        self._gone = True
        self._settle()
        self.process.stop()

    def _give_up(self) -> None:
        self.process.kill()
        self._fail(f"nothing for {SECONDS} seconds")

    def _fail(self, reason: str) -> None:
        self._gone = True
        question = self._settle()
        self._pool.lost(self)
        if question is not None:
            question.done(Trouble(reason))

    def _settle(self) -> Question | None:
        if self._deadline is not None:
            self._deadline.cancel()
        question, self._asked = self._asked, None
        return question


class Programs:
    """A `guarded.Source`: programs, started when they are wanted. One that ends is started again after a moment."""

    def __init__(self, start: Callable[[Worker], Process], size: int, *, clock: Clock) -> None:
        """`start` runs one; it raises OSError. `size`: how many at most. `clock` tells real time."""
        self._start = start
        self._size = size
        self._clock = clock
        self._all: list[Worker] = []
        self._idle: list[Worker] = []
        self._waiting: deque[Question] = deque()
        self._pause: Deadline | None = None
        self._why = ""  # the last one ended

    def check(self, attempt: Attempt, done: Callable[[Answer], None]) -> None:
        account = attempt.account
        self._ask(f"auth:{account.local}:{account.domain}:{attempt.password}", done)

    def find(self, account: JID, done: Callable[[Answer], None]) -> None:
        self._ask(f"isuser:{account.local}:{account.domain}", done)

    def free(self, worker: Worker) -> None:
        """It has answered."""
        self._idle.append(worker)
        self._go_on()

    def lost(self, worker: Worker) -> None:
        """It is asked no more."""
        self._all.remove(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self._go_on()

    def rest(self, reason: str) -> None:
        """One ended that shouldn't have: no other is started for a while."""
        self._why = reason
        if self._pause is None:
            self._pause = self._clock.after(PAUSE, self._rested)

    def close(self) -> None:
        """The server stops."""
        workers, self._all, self._idle = self._all, [], []
        if self._pause is not None:
            self._pause.cancel()
        for worker in workers:
            worker.stop()

    def _ask(self, text: str, done: Callable[[Answer], None]) -> None:
        data = text.encode()
        if len(data) > LONGEST:
            done(False)  # nobody has such a password
        else:
            framed = len(data).to_bytes(2, "big") + data
            self._waiting.append(Question(framed, done, self._clock.now() + SECONDS))
            self._go_on()

    def _go_on(self) -> None:
        """Whoever waits is next, as long as there is a program for it."""
        while self._waiting:
            question = self._waiting[0]
            if question.until <= self._clock.now():  # who asked has been told already that there is no answer
                self._waiting.popleft()
                continue
            worker = self._worker()
            if worker is not None:
                self._waiting.popleft()
                worker.ask(question)
            elif self._all:
                break  # until one of them is free
            else:  # and none will run for a while
                self._waiting.popleft()
                question.done(Trouble(self._why))

    def _worker(self) -> Worker | None:
        if self._idle:
            return self._idle.pop()
        if len(self._all) >= self._size or self._pause is not None:
            return None
        worker = Worker(self, self._clock)
        try:
            worker.process = self._start(worker)
        except OSError as error:
            self.rest(f"the program can't be started: {error.strerror}")
            return None
        self._all.append(worker)
        return worker

    def _rested(self) -> None:
        self._pause = None
        self._go_on()
