"""The servers to compare: each with the same accounts, PLAIN without TLS, its state in memory as far as it can."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .load import Target

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, CLIENT_CORE = {1}, {0}


@dataclass
class Running:
    """A server that runs: its processes' CPU time and memory can be read."""

    name: str
    target: Target
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU used so far, by the process and its children."""
        return sum(_stat(pid) for pid in self._pids()) / TICKS

    def rss(self) -> int:
        """Bytes of memory."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _pids(self) -> list[int]:
        children = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True, check=False)
        return [self.pid, *map(int, children.stdout.split())]


def _stat(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def conversehost(users: int) -> Iterator[Running]:
    """Ours, with the same accounts and nobody else: no bots, no contacts."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "users.toml"
        scenario.write_text("".join(f'[[account]]\nname = "u{n}"\npassword = "pw"\n' for n in range(users)))
        listen = ["--port", str(port), "--c2s-port", "0", "--log-level", "warn"]
        command = [sys.executable, "-m", "conversehost", *listen, "--scenario", str(scenario)]
        with _run("conversehost", command, Target(port, "/http-bind")) as running:
            yield running


@contextmanager
def prosody(users: int) -> Iterator[Running]:
    """Debian's."""
    port, c2s = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "prosody.cfg.lua"
        config.write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "version", "time", "vcard", "bosh", "offline" }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_bosh_secure = true
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {c2s} }}
http_ports = {{ {port} }}
https_ports = {{ }}
interfaces = {{ "127.0.0.1" }}
http_interfaces = {{ "127.0.0.1" }}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
"""
        )
        accounts = Path(folder) / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for number in range(users):
            (accounts / f"u{number}.dat").write_text('return { ["password"] = "pw" };\n')
        with _run("prosody", ["prosody", "--config", str(config)], Target(port, "/http-bind")) as running:
            yield running


@contextmanager
def ejabberd(users: int) -> Iterator[Running]:
    """Debian's; it runs as a user of its own, whoever starts it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "inetrc").write_text("{lookup, [file, native]}.\n")
        config = folder / "ejabberd.yml"
        config.write_text(
            f"""
hosts: [localhost]
loglevel: warning
auth_method: internal
listen:
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_http
    backlog: 1024
    request_handlers: {{ "/bosh": mod_bosh, "/api": mod_http_api }}
api_permissions:
  "bench":
    who: [{{ ip: "127.0.0.1/8" }}]
    what: ["register"]
modules:
  mod_bosh: {{}}
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
  mod_vcard: {{}}
  mod_offline: {{}}
"""
        )
        command = ["ejabberdctl", "--config-dir", name, "--config", str(config), "--logs", name, "--spool", name]
        environment = os.environ | {"EJABBERD_CONFIG_PATH": str(config)}
        target = Target(port, "/bosh")
        with _run("ejabberd", [*command, "foreground"], target, environment, f"beam.smp.*{name}") as running:
            for number in range(users):
                register(f"http://127.0.0.1:{port}/api/register", f"u{number}")
            yield running


def register(url: str, user: str) -> None:
    """By ejabberd's HTTP API."""
    account = json.dumps({"user": user, "host": "localhost", "password": "pw"}).encode()
    request = urllib.request.Request(url, account, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


SERVERS = {"conversehost": conversehost, "prosody": prosody, "ejabberd": ejabberd}
PROGRAMS = {"conversehost": sys.executable, "prosody": "prosody", "ejabberd": "ejabberdctl"}


def installed() -> list[str]:
    """Which of them this machine has."""
    return [name for name, program in PROGRAMS.items() if shutil.which(program)]


@contextmanager
def _run(
    name: str, command: list[str], target: Target, environment: dict[str, str] | None = None, worker: str = ""
) -> Iterator[Running]:
    """Start it on a core of its own, wait until it answers, and stop it at the end."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, SERVER_CORE),
    )
    pid = process.pid
    try:
        wait_until_it_answers(process, target)
        if worker:  # under a shell that started it, perhaps in a session of its own
            found = subprocess.run(["pgrep", "-f", worker], capture_output=True, text=True, check=True)
            pid = int(found.stdout.split()[0])
        yield Running(name, target, pid)
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)


def wait_until_it_answers(process: subprocess.Popen[bytes], target: Target, patience: float = 60) -> None:
    """Until BOSH answers a GET in any way."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", target.port), 1).close()
            return
        except OSError:
            process_wait(process, 0.05)
    raise RuntimeError(f"{process.args!r} didn't answer within {patience} seconds")


def process_wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Give it time, unless it ends."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
