"""How long ours takes from nothing to a first log-in, and from SIGTERM to its end; beside a bare twistd with a page."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import servers
from .clients import BoshClient
from .load import Loop, Target

BYTECODE = Path("build/bytecode")


def cold_start() -> tuple[float, float]:
    """ms to the first log-in, ms from SIGTERM to exit."""
    return _timed(_log_in)


def bare_twistd() -> float:
    """ms to its first page."""
    return _timed(_fetch_page)[0]


def _timed(start: Callable[[], subprocess.Popen[bytes]]) -> tuple[float, float]:
    _stop(start())  # compiles what has changed, and isn't measured
    began = time.perf_counter()
    process = start()
    served = time.perf_counter()
    _stop(process)
    return (served - began) * 1e3, (time.perf_counter() - served) * 1e3


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


def _environment() -> dict[str, str]:
    """Ours, with bytecode kept between starts: pip compiles what it installs, but not the tree that we measure."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPYCACHEPREFIX": str(BYTECODE.absolute())}


def _log_in() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "conversehost", "--port", "0", "--c2s-port", "0", "--json", "--user", "u0:pw"]
    process = subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    port = int(ready["site"].rstrip("/").rpartition(":")[2])
    loop = Loop()
    done: list[object] = []
    BoshClient(loop, Target(port, 0, "/http-bind", "", ""), 0).log_in(done.append)
    loop.run(until=lambda: bool(done))
    loop.close()
    return process


def _fetch_page() -> subprocess.Popen[bytes]:
    port = servers.free_port()
    command = [sys.executable, "-m", "twisted", "web", "--listen", f"tcp:{port}:interface=127.0.0.1"]
    process = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    servers.wait_until_it_listens(process, port)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(65_536):
            pass
    return process
