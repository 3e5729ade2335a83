"""`conversehost run -- COMMAND`: for tests in any language."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOON = 60.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "conversehost", "run", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CONVERSEHOST_CA": "stale"}
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=SOON, env=environment)


def test_a_shell_script_with_curl():
    script = """
        set -e
        curl -sf "$CONVERSEHOST_API/accounts" | grep -q zoe@chat.example
        curl -sf -X POST -H "Content-Type: application/json" -d '{"from": "zoe", "to": "zoe", "body": "hi"}' \
            "$CONVERSEHOST_API/messages"
        curl -sf "$CONVERSEHOST_HTTP_BIND" | grep -q BOSH
        test "$CONVERSEHOST_DOMAIN" = chat.example
        test -n "$CONVERSEHOST_URL$CONVERSEHOST_PREBIND$CONVERSEHOST_WEBSOCKET$CONVERSEHOST_C2S"
        test -z "$CONVERSEHOST_CA"
        exit 7
    """
    done = run("--no-starttls", "--domain", "chat.example", "--user", "zoe:secret", "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.startswith('{"id"')


def test_the_server_stops_with_the_command():
    done = run("--no-starttls", "--", "sh", "-c", 'echo "$CONVERSEHOST_URL"')
    assert done.returncode == 0
    port = done.stdout.strip().rpartition(":")[2].rstrip("/")
    assert subprocess.run(["curl", "-s", f"http://localhost:{port}/health"], check=False).returncode == 7  # refused


def test_the_exit_code_of_a_command_that_a_signal_ended():
    assert run("--no-starttls", "--", "sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_signals_are_for_the_command():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    arguments = command("--no-starttls", "--", "sh", "-c", script)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(SOON) == 9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "conversehost: run wants a command behind --, such as: conversehost run -- npm test\n"),
        (["--", "./nowhere"], "conversehost: ./nowhere can't be run: No such file or directory\n"),
    ],
)
def test_mistakes(arguments: list[str], said: str):
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_wrong_option_is_told_as_ever():
    done = run("--prot", "1", "--", "true")
    assert (done.returncode, done.stderr) == (1, "conversehost: unknown option --prot: did you mean --port?\n")


def test_help():
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: conversehost run [options] -- COMMAND")
