"""`--auth extauth`: the programs that are asked who somebody is, as processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from conversehost.auth.extauth import Worker


def starting(command: Sequence[str], reactor: Any) -> Callable[[Worker], Running]:
    """How one is started: with our environment, and our standard error for what it has to complain about."""

    def start(worker: Worker) -> Running:
        running = Running(worker)
        reactor.spawnProcess(running, command[0], command, env=None, childFDs={0: "w", 1: "r", 2: 2})
        return running

    return start


class Running(ProcessProtocol):
    """A process, for `auth.extauth`."""

    transport: IProcessTransport

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def kill(self) -> None:
        self._signal("KILL")

    def stop(self) -> None:
        self.transport.loseConnection()
        self._signal("TERM")

    def outReceived(self, data: bytes) -> None:
        self._worker.received(data)

    def processEnded(self, reason: Failure) -> None:
        self._worker.ended(f"the program ended, {_how(reason)}")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)


def _how(reason: Failure) -> str:
    if not reason.check(ProcessTerminated):
        return "with exit code 0"
    code, signal = reason.value.exitCode, reason.value.signal  # type: ignore[attr-defined]
    return f"by signal {signal}" if code is None else f"with exit code {code}"
