"""`conversehost run -- COMMAND`: for tests in any language."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from conversehost.testing import TestBed

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
        for each in "$CONVERSEHOST_URL" "$CONVERSEHOST_PREBIND" "$CONVERSEHOST_WEBSOCKET" "$CONVERSEHOST_C2S"; do
            test -n "$each"
        done
        test -s "$CONVERSEHOST_API_TOKEN_FILE"
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


PARENT = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:]).pid, flush=True)
input()
"""


def test_all_ends_with_the_process_that_started_it():
    told = 'echo $$ "$CONVERSEHOST_API"; exec sleep 600'
    pipe = subprocess.PIPE
    arguments = [sys.executable, "-c", PARENT, *command("--no-starttls", "--", "sh", "-c", told)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True, env=environment)
    assert parent.stdout is not None
    runner = int(parent.stdout.readline())
    sleeper, api = parent.stdout.readline().split()
    ends = [os.pidfd_open(int(pid)) for pid in (runner, sleeper, TestBed.connect(api).pid)]
    parent.kill()
    for end in ends:
        assert select.select([end], [], [], SOON)[0], "it goes on"
        os.close(end)
    parent.communicate()


COUNTS = """
import signal
signals = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print("up and about", flush=True)
count = 0
while signal.sigwait(signals) == signal.SIGINT:
    count += 1
    print("interrupted", flush=True)
print("times:", count, flush=True)
"""


def test_ctrl_c_is_one_for_the_command():
    """A terminal gives it to both: passed on, it would be two, which many take for an order to drop everything."""
    ours, theirs = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command("--no-starttls", "--", sys.executable, "-c", COUNTS),
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    with open(ours, "r+b", buffering=0) as terminal:

        def hear(said: bytes) -> None:
            heard = b""
            while said not in heard:
                assert select.select([terminal], [], [], SOON)[0], heard
                heard += terminal.read(1)

        hear(b"up and about")
        process.send_signal(signal.SIGSTOP)  # or two signals might be taken for one
        terminal.write(b"\x03")
        hear(b"interrupted")
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)  # is for the command; an interrupt would come before it
        hear(b"times: 1")
        assert process.wait(SOON) == 0


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
