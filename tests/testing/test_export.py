"""What was recorded, for other programs and to be played again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conversehost.testing import TestBed, TestBedError

ROOT = Path(__file__).parents[2]
TALK = r"""
[Client] Alice
    jid: alice@localhost/balcony
    password: secret

[Client] Bob
    jid: bob@localhost/street
    password: secret

Alice and Bob come online

Alice sends:
    <iq type='get' id='r1'><query xmlns='jabber:iq:roster'/></iq>
    <message to='bob@localhost' type='chat' id='m1'>
        <body>Hi &amp; "welcome"&#10;&#10;[Client] is a heading&#10;</body><request xmlns='urn:xmpp:receipts'/>
    </message>

Bob sends:
    <message to='alice@localhost/balcony' id='m2'><received xmlns='urn:xmpp:receipts' id='m1'/></message>
    <iq type='get' id='v1' to='alice@localhost/balcony'><query xmlns='jabber:iq:version'/></iq>

Alice sends:
    <iq type='result' id='v1' to='bob@localhost/street'><query xmlns='jabber:iq:version'><name>x</name></query></iq>

Bob disconnects

Alice sends:
    <message to='bob@localhost' type='chat'><body>Are you there?</body></message>
    <message to='bob@localhost' type='chat' id='\{id}'><body>\{name} of \{"a": 1} \\\\... d\27artagnan</body></message>
    <message to='bob@localhost' type='chat'><body>...</body></message>

Bob comes online
"""


def talk(bed: TestBed, transport: str, folder: Path) -> None:
    """Let the bed hear it."""
    path = folder / "talk.txt"
    path.write_text(TALK, encoding="utf-8")
    address = {"tcp": bed.c2s, "bosh": bed.bosh, "websocket": bed.websocket}[transport]
    command = [sys.executable, "-m", "conversehost", "play", str(path), f"--{transport}", str(address)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("transport", ["tcp", "bosh", "websocket"])
def test_a_dialogue_that_is_played_again_and_goes_the_same_way(bed: TestBed, tmp_path: Path, transport: str):
    talk(bed, transport, tmp_path)
    dialogue = bed.export("dialogue")
    assert "jid: alice@localhost/balcony\n    password: secret\n" in dialogue
    assert "Are you there?" in dialogue
    bed.reset()
    bed.play(dialogue)
    bed.reset()
    with pytest.raises(AssertionError, match="receives something else"):
        bed.play(dialogue.replace("Hi &amp;", "Ho &amp;", 1))
    bed.reset()
    with pytest.raises(AssertionError, match="receives something else"):
        bed.play(dialogue.replace("<body>\\...</body>", "<body>what?</body>", 1))


def test_a_test_for_pytest_that_is_run(bed: TestBed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # or else it would be there twice, where it is installed
    talk(bed, "tcp", tmp_path)
    path = tmp_path / "test_recorded.py"
    path.write_text(bed.export("pytest"), encoding="utf-8")
    plugin = ("-p", "conversehost.testing.pytest_plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", *plugin, "--rootdir", str(tmp_path), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_an_http_archive(bed: TestBed, tmp_path: Path):
    talk(bed, "bosh", tmp_path)
    talk(bed, "websocket", tmp_path)
    archive = bed.export()
    log = json.loads(json.dumps(archive))["log"]
    assert log["version"] == "1.2"
    for entry in log["entries"]:
        assert set(entry) >= {"startedDateTime", "time", "request", "response", "cache", "timings"}
        assert entry["response"]["status"] in (0, 101, 200)
        assert set(entry["request"]) >= {"method", "url", "httpVersion", "headers", "queryString", "headersSize"}
    sockets = [entry for entry in log["entries"] if "_webSocketMessages" in entry]
    for entry in sockets:
        messages = entry["_webSocketMessages"]
        assert messages[0]["type"] == "send"
        assert messages[0]["data"].startswith("<open ")
        assert {each["type"] for each in messages} == {"send", "receive"}
        assert "c2VjcmV0" not in json.dumps(messages)
    assert len(sockets) == 3  # bob came twice
    assert len(sockets) == sum(entry["response"]["status"] == 101 for entry in log["entries"])


def test_what_is_no_format(bed: TestBed):
    with pytest.raises(TestBedError, match="format must be one of har, dialogue, pytest"):
        bed.export("pdf")
