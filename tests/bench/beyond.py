"""What a connection manager costs in front of Prosody, and what becomes of stanzas when half of its clients are gone.

python -m tests.bench.beyond
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from .clients import CLIENTS, Client, message
from .figures import Measure, log_in, message_cost, the_loop
from .load import Loop, Target
from .servers import USERS, Running, free_port, prosody, run_ours

SESSIONS = 5_000
INACTIVITY = 5
"""Seconds until a client is taken for gone."""


@contextmanager
def in_front(behind: Running, *options: str) -> Iterator[Running]:
    """Ours, for clients of that server."""
    target = behind.target._replace(http=free_port(), bosh="/http-bind", websocket="/xmpp-websocket")
    place = ("--upstream", f"{target.domain}=xmpp://127.0.0.1:{target.c2s}", "--upstream-insecure")
    with run_ours(target, *place, *options) as running:
        yield running


def message_costs(seconds: float) -> dict[str, float]:
    """us of CPU for a BOSH message: by Prosody alone, by ours before it, and by Prosody behind that."""
    measure = message_cost("bosh")
    with prosody() as behind:
        told = {"Prosody alone, with its mod_bosh": measure(behind, seconds)}
        for name, options in (("", ()), (" with --no-traffic", ("--no-traffic",))):
            with in_front(behind, *options) as front:
                ours, theirs = both(front, behind, measure, seconds)
                told[f"conversehost{name}"] = ours
                told[f"Prosody behind conversehost{name}"] = theirs
        return told


def both(front: Running, behind: Running, measure: Measure, seconds: float) -> tuple[float, float]:
    """What each of them has of the cost: measured in turn, the same load on both."""
    together = Together(front, behind)
    whole = measure(together, seconds)
    mine = front.cpu() - together.begun[0]
    theirs = behind.cpu() - together.begun[1]
    part = mine / (mine + theirs)
    return whole * part, whole * (1 - part)


class Together(Running):
    """Two servers whose CPU counts as one."""

    def __init__(self, front: Running, behind: Running) -> None:
        super().__init__(front.name, front.target, front.pid)
        self._both = front, behind
        self.begun = front.cpu(), behind.cpu()

    def cpu(self) -> float:
        return sum(each.cpu() for each in self._both)


@dataclass(frozen=True)
class Outcome:
    """Of one message to each session: how many were heard, and how many came back to their sender."""

    heard: int
    returned: int


class Crowd:
    """Many sessions, each with a request held; `sender` is somebody at the server itself."""

    def __init__(self, loop: Loop, front: Target, behind: Target, count: int, name: str = "crowd") -> None:
        many = USERS - 20
        numbers = [divmod(number, many) for number in range(count)]
        self._loop = loop
        self._clients = [CLIENTS["bosh"](loop, front, number, f"{name}{turn}") for turn, number in numbers]
        self._sender = CLIENTS["tcp"](loop, behind, USERS - 1, name)
        log_in(loop, [self._sender, *self._clients])
        self.heard = self.returned = 0
        self._sender.received = self._back
        for each in self._clients:
            each.received = self._listener(each)

    def halve(self, more: int) -> Outcome:
        """Half of them drop at once; then each is said something, and one who dropped `more`, until everything is heard
        or has come back.
        """
        for each in self._clients[::2]:
            each.close()
        for each in self._clients:
            self._sender.send(message(each))
        for _ in range(more):
            self._sender.send(message(self._clients[0]))
        self._loop.run(until=lambda: self.heard + self.returned >= len(self._clients) + more)
        return Outcome(self.heard, self.returned)

    def _listener(self, client: Client) -> Callable[[bytes], None]:
        def heard(unit: bytes) -> None:
            self.heard += unit.count(b"</message>")
            client.poll()

        return heard

    def _back(self, unit: bytes) -> None:
        self.returned += unit.count(b"recipient-unavailable")


def crowd(count: int, more: int = 0) -> tuple[float, Outcome]:
    """KB of ours for each session, and what became of the messages when half of them dropped: one to each, and `more`
    to one who did.
    """
    with ExitStack() as stack:
        behind = stack.enter_context(prosody())
        front = stack.enter_context(in_front(behind, "--no-traffic", "--bosh-inactivity", str(INACTIVITY)))
        loop = stack.enter_context(the_loop())
        Crowd(loop, front.target, behind.target, 20, "warm")
        before = front.rss()
        people = Crowd(loop, front.target, behind.target, count)
        return (front.rss() - before) / count / 1e3, people.halve(more)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beyond", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long the load lasts; 0 leaves messages out")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args()
    if options.seconds:
        for name, cost in message_costs(options.seconds).items():
            print(f"BOSH message, {name}: {cost:.0f} us", flush=True)
    memory, outcome = crowd(options.sessions)
    print(f"{options.sessions} sessions: {memory:.1f} KB each; half of them dropped: {outcome}")
    return 0 if outcome.heard + outcome.returned == options.sessions else 1


if __name__ == "__main__":
    sys.exit(main())
