"""A server in a process of its own, which ends with this one, however that ends."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from conversehost.testing.calls import TestBedError

COMMAND = ("-m", "conversehost", "--port", "0", "--c2s-port", "0", "--https-port", "0", "--json", "--exit-with-stdin")
START, STOP = 30.0, 10.0
"""Seconds to wait at most."""


def launch(args: Sequence[str], options: Mapping[str, object], timeout: float) -> tuple[Mapping[str, Any], Process]:
    """Start a server, and wait until it is ready: its ready line, and its process. Raises TestBedError."""
    process = Process([*args, *words(options)])
    try:
        return json.loads(process.first_line(timeout)), process
    except BaseException:
        process.stop()
        raise


def words(options: Mapping[str, object]) -> list[str]:
    """Keyword arguments as on the command line: None and False stand for an option that isn't given."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is True:
                words.append(flag)
            elif each is not None and each is not False:
                words += [flag, str(each)]
    return words


class Process:
    """The server's process. Its standard input is a pipe: when this end closes, for whatever reason, it stops."""

    def __init__(self, arguments: list[str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as this is there
        self._last_log = ""
        self._command = [sys.executable, *COMMAND, *arguments]
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=self._log, bufsize=0)

    def first_line(self, timeout: float) -> bytes:
        """What it prints first, which says that it is ready. Raises TestBedError with what it complains of."""
        assert self._popen.stdout is not None
        line, deadline = b"", time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._popen.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._error(f"isn't ready after {timeout:g} seconds")
                read = self._popen.stdout.read(65_536)
                if not read:
                    raise self._error(f"ended with exit code {self._popen.wait()}")
                line += read
        return line

    def log(self) -> str:
        """Its standard error so far."""
        if self._log.closed:
            return self._last_log
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")  # the server's place in it stays

    @property
    def stopped(self) -> bool:
        """By `stop`, and not by itself."""
        assert self._popen.stdin is not None
        return self._popen.stdin.closed

    def stop(self) -> None:
        """Let it end in order; where it doesn't, kill it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()
        try:
            self._popen.wait(STOP)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._last_log = self.log()
        self._log.close()

    def _error(self, what: str) -> TestBedError:
        said = self.log().strip() or "(it said nothing)"
        return TestBedError(f"conversehost {what}: {said}\n(started as: {' '.join(self._command)})")
