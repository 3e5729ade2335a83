"""`conversehost play` with servers that others have made, over all that they have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversehost.play.command import main
from tests.bench.load import Target
from tests.bench.servers import PROGRAMS, SERVERS

from .tools import program

DIALOGUE = str(Path(__file__).with_name("elsewhere.txt"))


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


def test_and_here():
    assert main([DIALOGUE]) == 0
