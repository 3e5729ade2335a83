"""`conversehost play` with servers that others have made, over all that they have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversehost.play.command import main
from tests.bench.load import Target
from tests.bench.servers import PROGRAMS, SERVERS, prosody

from .tools import program

DIALOGUE, PUBLISHING, PERSONAL, SERVICE, ROOMS, ADMINISTERED = (
    str(Path(__file__).with_name(f"{name}.txt"))
    for name in ("elsewhere", "publishing", "personal", "service", "rooms", "rooms_administered")
)


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    program(PROGRAMS[request.param], request.param)
    with SERVERS[request.param]() as running:
        yield running.target


@pytest.mark.parametrize("transport", ["tcp", "bosh", "websocket"])
def test_a_dialogue_goes_there_as_it_goes_here(target, transport, capsys):
    address = {
        "tcp": f"127.0.0.1:{target.c2s}",
        "bosh": f"http://localhost:{target.http}{target.bosh}",
        "websocket": f"ws://localhost:{target.http}{target.websocket}",
    }
    assert main([DIALOGUE, f"--{transport}", address[transport]]) == 0, capsys.readouterr().out


def test_what_people_publish_and_keep(capsys):
    program(PROGRAMS["prosody"], "prosody")
    with prosody("pep", "private", "blocklist", "carbons", component="pubsub") as running:
        to = f"127.0.0.1:{running.target.c2s}"
        assert main([PUBLISHING, PERSONAL, SERVICE, "--tcp", to]) == 0, capsys.readouterr().out


def test_who_comes_into_rooms_and_who_may_do_what_there(capsys):
    program(PROGRAMS["prosody"], "prosody")
    with prosody(component="muc") as running:
        assert main([ROOMS, ADMINISTERED, "--tcp", f"127.0.0.1:{running.target.c2s}"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("dialogue", [DIALOGUE, PUBLISHING, PERSONAL, SERVICE, ROOMS, ADMINISTERED])
def test_and_here(dialogue):
    assert main([dialogue]) == 0
