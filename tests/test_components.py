"""The examples of docs/components.md, as they stand there, each with a server of its own; and operators' mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conversehost.testing import TestBed, TestBedError
from tests.clients.bosh import CLIENT, BoshClient

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^    conversehost (--.*)$", re.MULTILINE)
PAGE = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
OPTIONS = [command.split() for command in COMMAND.findall(PAGE)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an operator has the files of the page, and starts the server."""
    for name, code in EXAMPLE.findall(PAGE):
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[int], TestBed]]:
    """The server as one of the page's commands starts it."""
    beds: list[TestBed] = []

    def start(number: int) -> TestBed:
        beds.append(TestBed.start(*OPTIONS[number], *(["--component-port", "0"] if number == 2 else [])))
        return beds[-1]

    yield start
    for bed in beds:
        bed.stop()


def alice(bed: TestBed) -> BoshClient:
    assert bed.bosh is not None
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in("alice", "secret")
    client.send("<presence xmlns='jabber:client'/>")
    return client


def answer(client: BoshClient, to: str, words: str) -> str | None:
    """What is said to that."""
    root = client.send(f"<message xmlns='jabber:client' to='{to}' type='chat'><body>{words}</body></message>")
    found = root.find(f"{{{CLIENT}}}message")
    return said(client.wait_for("message") if found is None else found)


def said(message: ET.Element) -> str | None:
    assert message.get("type") == "chat", ET.tostring(message)
    return message.findtext(f"{{{CLIENT}}}body")


def test_the_page_has_what_is_tested_here():
    assert [name for name, _ in EXAMPLE.findall(PAGE)] == ["echo.py", "parrot.py", "bridge.py"]
    assert OPTIONS == [
        ["--component", "echo.localhost=echo:Echo"],
        ["--bot", "parrot@localhost=parrot:Parrot"],
        ["--component-secret", "bridge.localhost:hush"],
    ]


def test_a_component_in_the_process(start: Callable[[int], TestBed]):
    bed = start(0)
    client = alice(bed)
    assert answer(client, "echo.localhost", "h\u00e9 &amp; ho") == "h\u00e9 & ho"
    bed.reset()
    assert answer(alice(bed), "anybody@echo.localhost", "again") == "again"


def test_a_bot(start: Callable[[int], TestBed]):
    bed = start(1)
    assert "parrot@localhost" not in bed.accounts
    assert answer(alice(bed), "parrot@localhost", "hello") == "HELLO"
    bed.reset()
    assert answer(alice(bed), "parrot@localhost", "again") == "AGAIN"


def test_a_program_of_its_own(start: Callable[[int], TestBed], folder: Path):
    bed = start(2)
    assert bed.component is not None
    client = alice(bed)
    port = bed.component.rpartition(":")[2]
    program = subprocess.Popen([sys.executable, "bridge.py", port], cwd=folder)
    try:
        wait_until_listed(client, "bridge.localhost")
        assert answer(client, "bridge.localhost", "h\u00e9 &amp; ho") == "h\u00e9 & ho"
    finally:
        program.terminate()
        program.wait(20)
    bed.stop()


def wait_until_listed(client: BoshClient, name: str) -> None:
    """Asks until it is; each question is answered when the server is through with it."""
    query = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
    for number in range(10_000):
        root = client.send(f"<iq xmlns='jabber:client' type='get' id='{number}' to='localhost'>{query}</iq>")
        if name in ET.tostring(root, encoding="unicode"):
            return
    raise AssertionError(f"{name} isn't listed")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--component", "x.localhost=nowhere:Echo"],
            "--component x.localhost=nowhere:Echo: there is no module nowhere, here or where Python looks",
        ),
        (["--bot", "x@localhost=echo:Nobody"], "--bot x@localhost=echo:Nobody: echo has no class or function Nobody"),
        (["--bot", "echo@localhost=echo:Echo"], "--bot echo@localhost: that is a bot of the scenario"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_one_line(arguments: list[str], says: str):
    command = [sys.executable, "-m", "conversehost", "--port", "0", "--c2s-port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, f"conversehost: {says}\n")


def test_a_port_that_is_taken_is_one_line(folder: Path):
    with TestBed.start("--component-secret", "x.localhost:y", "--component-port", "0") as bed:
        assert bed.component is not None
        port = bed.component.rpartition(":")[2]
        with pytest.raises(TestBedError, match=f"port {port} on .* is in use: choose another with --component-port"):
            TestBed.start("--component-secret", "x.localhost:y", "--component-port", port)
