"""The snippets for other languages, each run where its language is: what they make is taken."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from conversehost.auth.token import SignedTokens
from conversehost.testing import TestBed
from conversehost.xmpp.jid import parse

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KEY = "a-secret-that-the-site-and-the-chat-share"
RUN = {"mjs": ["node"], "sh": ["sh"], "php": ["php"], "rb": ["ruby"], "go": ["go", "run"]}


def here(folder: str) -> list[Path]:
    """Those whose language this machine has."""
    return [each for each in sorted((EXAMPLES / folder).iterdir()) if shutil.which(RUN[each.suffix[1:]][0])]


def run(path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*RUN[path.suffix[1:]], str(path), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_shell_and_node_are_always_there():
    assert {each.name for each in (*here("tokens"), *here("prebind"))} >= {"sign.mjs", "sign.sh", "prebind.sh"}


@pytest.mark.parametrize("path", here("tokens"), ids=lambda path: path.name)
def test_a_token(path: Path):
    token = run(path, "alice@chat.example", KEY, "k2")
    alice = parse("alice@chat.example")
    assert SignedTokens({"k2": KEY}).read(token, alice, time.time()) == alice


@pytest.mark.parametrize("path", here("prebind"), ids=lambda path: path.name)
def test_a_session(path: Path, testbed: TestBed):
    bound = json.loads(run(path, testbed.bosh, "alice@localhost", "secret"))
    assert bound["jid"].startswith("alice@localhost/")
    ping = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
    body = f"<body xmlns='http://jabber.org/protocol/httpbind' sid='{bound['sid']}' rid='{bound['rid']}'>{ping}</body>"
    with urllib.request.urlopen(testbed.bosh, body.encode(), timeout=30) as answer:
        assert b"type='result'" in answer.read().replace(b'"', b"'")
    [session] = [each for each in testbed.sessions() if each.jid == bound["jid"]]
    assert session.transport == "bosh"
