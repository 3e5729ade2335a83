"""Every dialogue in this folder: in memory, and with a server over each transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from conversehost.client.wire import Manners
from conversehost.play.memory import NOBODY, InMemory
from conversehost.play.network import Network
from conversehost.play.player import play
from conversehost.testbed.dialogue import Dialogue, load
from conversehost.testing import TestBed

DIALOGUES = [load(path) for path in sorted(Path(__file__).parent.glob("*.txt"))]
NETWORK = ("tcp", "tls", "bosh", "websocket")
LEFT_OUT = {"pass": ("bosh",), "drop": ("bosh",)}
"""A BOSH client that lets time pass without asking is gone, and one that is gone is missed late (XEP-0124)."""


def playable() -> Iterator[pytest.param]:
    """Every dialogue over every transport on which it makes sense."""
    for dialogue in DIALOGUES:
        impossible = {each for verb, where in LEFT_OUT.items() if dialogue.has(verb) for each in where}
        for transport in NETWORK:
            if transport not in impossible:
                yield pytest.param(dialogue, transport, id=f"{Path(dialogue.path).stem}-{transport}")


@pytest.fixture(scope="session")
def bed_for() -> Iterator[Callable[[Dialogue], TestBed]]:
    """A server as a dialogue needs it, and its people; one for all who need the same."""
    with ExitStack() as stack:
        beds: dict[tuple[str, ...], TestBed] = {}

        def bed_for(dialogue: Dialogue) -> TestBed:
            if dialogue.options not in beds:
                bed = TestBed.start("--scenario", str(NOBODY), *dialogue.options)
                beds[dialogue.options] = stack.enter_context(bed)
            bed = beds[dialogue.options]
            bed.reset()
            for account, password in dialogue.accounts.items():
                bed.add_user(account.full, password)
            return bed

        yield bed_for


@pytest.fixture
def failures() -> Iterator[None]:
    """None may be logged."""
    seen: list[object] = []

    def observe(event: dict) -> None:
        if event["log_level"] >= LogLevel.error:
            seen.append(event.get("log_failure", event))

    globalLogPublisher.addObserver(observe)
    yield
    globalLogPublisher.removeObserver(observe)
    assert not seen


@pytest.mark.usefixtures("failures")
@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda each: Path(each.path).stem)
def test_in_memory(dialogue):
    play(dialogue, InMemory(dialogue))


@pytest.mark.parametrize(("dialogue", "transport"), list(playable()))
def test_over_the_network(bed_for, dialogue, transport):
    bed = bed_for(dialogue)
    addresses = {"tcp": bed.c2s, "tls": bed.c2s_tls, "bosh": bed.bosh, "websocket": bed.websocket}
    play(dialogue, Network({transport: addresses[transport]}, Manners(ca=bed.ca), turn_clock=bed.advance))
