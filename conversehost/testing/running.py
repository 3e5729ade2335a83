"""`conversehost run -- COMMAND`: a server for as long as a command runs, its addresses in the environment."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from conversehost.testing.calls import TestBedError
from conversehost.testing.testbed import TestBed

HELP = """\
Usage: conversehost run [options] -- COMMAND [ARGUMENTS]

Starts a server on free ports, waits until it is ready, runs the command, stops the server, and
exits with the command's exit code. It ends with the process that started it. Options are those
of conversehost. The command finds in its environment

  CONVERSEHOST_URL         the site, such as http://localhost:40123/
  CONVERSEHOST_HTTP_BIND   BOSH
  CONVERSEHOST_WEBSOCKET   WebSocket
  CONVERSEHOST_PREBIND     prebind
  CONVERSEHOST_API         the control API: see docs/testing.md; CONVERSEHOST_API_TOKEN_FILE: the
                           file with the token that other machines need for it
  CONVERSEHOST_C2S         XMPP over TCP, as HOST:PORT; CONVERSEHOST_C2S_TLS: with TLS from the start
  CONVERSEHOST_DOMAIN      the XMPP domain
  CONVERSEHOST_CA          the file to trust its certificate by, where it has one

Examples
  conversehost run -- npm test
  conversehost run --registration --user zoe:secret -- npx playwright test
"""

NAMES = {
    "CONVERSEHOST_URL": "site",
    "CONVERSEHOST_HTTP_BIND": "bosh",
    "CONVERSEHOST_WEBSOCKET": "websocket",
    "CONVERSEHOST_PREBIND": "prebind",
    "CONVERSEHOST_API": "api",
    "CONVERSEHOST_API_TOKEN_FILE": "api_token_file",
    "CONVERSEHOST_C2S": "c2s",
    "CONVERSEHOST_C2S_TLS": "c2s_tls",
    "CONVERSEHOST_DOMAIN": "domain",
    "CONVERSEHOST_CA": "ca",
}
"""Variables of the environment, by what `TestBed` calls that."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
"""prctl(2): a signal for when the parent is no more."""


def main(arguments: Sequence[str]) -> int:
    """The command's exit code, or 128 and the signal that ended it, as a shell has it. Raises TestBedError."""
    options, command = split(arguments)
    if not command:
        print(HELP, end="")
        return 0
    end_with(os.getppid())
    with TestBed.start(*options) as bed:
        return run(command, environment(bed))


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options for the server, and the command; no command when help is wanted. Raises TestBedError."""
    options, command = list(arguments), []
    if "--" in options:
        at = options.index("--")
        options, command = options[:at], options[at + 1 :]
    if "--help" in options or "-h" in options:
        return [], []
    if not command:
        raise TestBedError("run wants a command behind --, such as: conversehost run -- npm test")
    return options, command


def environment(bed: TestBed) -> Mapping[str, str]:
    """What the command is told. What the server doesn't have isn't there."""
    told = {name: getattr(bed, field) for name, field in NAMES.items()}
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    return kept | {name: value for name, value in told.items() if value is not None}


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit code. Signals for us are for the command; we end with it, and it with us. Raises TestBedError."""
    waiting: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: object) -> None:
        if process is None:
            waiting.append(number)
        elif not (number == signal.SIGINT and in_foreground()):  # the command has had its own Ctrl+C
            process.send_signal(number)

    own = os.getpid()
    before = {each: signal.signal(each, pass_on) for each in SIGNALS}
    try:
        process = subprocess.Popen(command, env=environment, preexec_fn=lambda: end_with(own))
        for number in waiting:
            process.send_signal(number)
        code = process.wait()
    except OSError as error:
        raise TestBedError(f"{command[0]} can't be run: {error.strerror}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def end_with(parent: int) -> None:
    """From now on, SIGTERM comes when our parent process ends, however it ends. Linux alone has that."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was quicker
        os.kill(os.getpid(), signal.SIGTERM)


def in_foreground() -> bool:
    """A terminal gives its signals to us and to the command alike."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
