"""Every dialogue in this folder: in memory, and with a server over each transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from conversehost.client.client import Client
from conversehost.client.wire import Manners
from conversehost.play.memory import NOBODY, InMemory
from conversehost.play.network import Network
from conversehost.play.player import play
from conversehost.testbed.dialogue import Dialogue, Role, load
from conversehost.testing import TestBed
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import element

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
    play(dialogue, Network({transport: address(bed, transport)}, Manners(ca=bed.ca), turn_clock=bed.advance))


def address(bed: TestBed, transport: str) -> str:
    return {"tcp": bed.c2s, "tls": bed.c2s_tls, "bosh": bed.bosh, "websocket": bed.websocket}[transport] or ""


@pytest.mark.parametrize("there", NETWORK)
@pytest.mark.parametrize("here", NETWORK)
def test_a_session_is_resumed_over_any_transport(bed_for, here, there):
    """XEP-0198 section 5. The older connection need not be known to be broken."""
    bed = bed_for(next(each for each in DIALOGUES if Path(each.path).stem == "resumption"))

    def client(transport: str) -> Client:
        place = Network({transport: address(bed, transport)}, Manners(ca=bed.ca))
        made = place.client(Role("Romeo", parse("romeo@localhost/orchard"), "secret"))
        made.open()
        made.receive()
        return made

    older, newer = client(here), client(there)
    older.log_in()
    older.send(element(ns.SM, "enable", {"resume": "true"}))
    while not older.is_managed:
        older.receive()
    bed.message("juliet@localhost", "romeo@localhost/orchard", "meanwhile")
    newer.resume(older)
    assert newer.receive().findtext(f"{{{ns.CLIENT}}}body") == "meanwhile"
    (session,) = bed.sessions("romeo@localhost")
    assert (session.jid, session.transport) == ("romeo@localhost/orchard", there.replace("tls", "tcp"))
    newer.close()
