"""The servers to compare: each with the same accounts, the same features, and PLAIN without TLS."""

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from conversehost import __version__ as conversehost_version

from .load import Target

TICKS = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = {_CORES[-1]}, {_CORES[0]}
USERS = 520
FRIENDS = range(399, 500)
"""Those who are in one another's rosters, and subscribed both ways."""
FILE, FILE_SIZE = "converse.min.js", 1 << 20
"""The static file, named so that ours serves its folder as Converse.js; nothing that could be compressed."""


ALIKE = ("--disable", "archive")
"""Options with which ours does for a message what the others do as Debian configures them: they keep no archive."""


COMPONENTS = {
    "pubsub": 'Component "pubsub.localhost" "pubsub"; admins = { "u1@localhost" }',
    "muc": 'Component "conference.localhost" "muc"',
}
"""Of Prosody's, which have an address of their own."""


@dataclass
class Running:
    """A server that runs: its processes' CPU time and memory can be read."""

    name: str
    target: Target
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU used so far, by the process and its children."""
        return sum(_stat(pid) for pid in self._pids()) / TICKS

    def exact_cpu(self) -> float:
        """The same by nanoseconds, for what lasts a moment; of ours alone, which has no children, and whose threads
        stay.
        """
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e9

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
def conversehost(*options: str) -> Iterator[Running]:
    """Ours, with the same accounts and nobody else: no bots. `options`: more of them, as its command line has them."""
    with _folder() as folder:
        target = Target(free_port(), free_port(), "/http-bind", "/xmpp-websocket", f"/dist/{FILE}")
        scenario = folder / "users.toml"
        accounts = "".join(f'[[account]]\nname = "u{n}"\npassword = "pw"\n' for n in range(USERS))
        scenario.write_text(f"{accounts}[[circle]]\nmembers = {json.dumps([f'u{n}' for n in FRIENDS])}\n")
        content = ("--scenario", str(scenario), "--converse", str(folder))
        with run_ours(target, "--c2s-port", str(target.c2s), *content, *options) as running:
            yield running


@contextmanager
def run_ours(target: Target, *options: str) -> Iterator[Running]:
    """Whatever it is to be."""
    listen = ["--port", str(target.http), "--log-level", "warn"]
    with _run("conversehost", [sys.executable, "-m", "conversehost", *listen, *options], target) as running:
        yield running


@contextmanager
def prosody(*more: str, component: str = "") -> Iterator[Running]:
    """Debian's; with more of its modules than are compared, and with one of COMPONENTS."""
    with _folder() as folder:
        target = Target(free_port(), free_port(), "/http-bind", "/xmpp-websocket", f"/files/{FILE}")
        config = folder / "prosody.cfg.lua"
        modules = ["roster", "saslauth", "disco", "ping", "version", "time", "vcard", "offline"]
        modules += ["bosh", "websocket", "http_files", *more]
        config.write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ {", ".join(f'"{each}"' for each in modules)} }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_bosh_secure = true
consider_websocket_secure = true
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {target.c2s} }}
http_ports = {{ {target.http} }}
https_ports = {{ }}
interfaces = {{ "127.0.0.1" }}
http_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
http_files_dir = "{folder}"
http_max_content_size = {2 * FILE_SIZE}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
{component and COMPONENTS[component]}
"""
        )
        accounts = folder / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for number in range(USERS):
            (accounts / f"u{number}.dat").write_text('return { ["password"] = "pw" };\n')
        rosters = folder / "localhost" / "roster"
        rosters.mkdir()
        for number in FRIENDS:
            items = [f'["u{n}@localhost"] = {{ subscription = "both"; groups = {{}} }};' for n in friends_of(number)]
            (rosters / f"u{number}.dat").write_text(f"return {{ [false] = {{ version = 1 }}; {' '.join(items)} }};\n")
        with _run("prosody", ["prosody", "--config", str(config)], target) as running:
            yield running


@contextmanager
def ejabberd() -> Iterator[Running]:
    """Debian's; it runs as a user of its own, whoever starts it. Its default backlog of 5 would stall bursts."""
    with _folder() as folder:
        target = Target(free_port(), free_port(), "/bosh", "/ws", f"/files/{FILE}")
        (folder / "inetrc").write_text("{lookup, [file, native]}.\n")
        config = folder / "ejabberd.yml"
        config.write_text(
            f"""
hosts: [localhost]
loglevel: warning
auth_method: internal
listen:
  - port: {target.http}
    ip: "127.0.0.1"
    module: ejabberd_http
    backlog: 1024
    request_handlers:
      "/bosh": mod_bosh
      "/ws": ejabberd_http_ws
      "/api": mod_http_api
      "/files": mod_http_fileserver
  - port: {target.c2s}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    backlog: 1024
api_permissions:
  "bench":
    who: [{{ ip: "127.0.0.1/8" }}]
    what: ["register", "push_roster", "export_piefxis"]
modules:
  mod_admin_extra: {{}}
  mod_bosh: {{}}
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
  mod_muc: {{ max_users: 500 }}
  mod_vcard: {{}}
  mod_offline: {{}}
  mod_version: {{}}
  mod_time: {{}}
  mod_http_fileserver: {{ docroot: "{folder}" }}
"""
        )
        places = ["--config-dir", str(folder), "--logs", str(folder), "--spool", str(folder)]
        command = ["ejabberdctl", *places, "--node", f"bench{target.http}@localhost", "foreground"]
        environment = os.environ | {"EJABBERD_CONFIG_PATH": str(config), "ERL_DIST_PORT": str(free_port())}
        with _run("ejabberd", command, target, environment, f"beam.smp.*{folder}") as running:
            for number in range(USERS):
                account = {"user": f"u{number}", "host": "localhost"}
                call(target, "register", account | {"password": "pw"})
            for number in FRIENDS:
                items = ", ".join(f'{{<<"u{n}">>, <<"localhost">>, <<>>, <<"u{n}">>}}' for n in friends_of(number))
                (folder / "roster").write_text(f"[{items}].\n")
                call(target, "push_roster", {"file": f"{folder}/roster", "user": f"u{number}", "host": "localhost"})
            yield running


@contextmanager
def _folder() -> Iterator[Path]:
    """A server's own, with the static file in it."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / FILE).write_bytes(os.urandom(FILE_SIZE))
        yield folder


def friends_of(number: int) -> list[int]:
    """All but that one."""
    return [each for each in FRIENDS if each != number]


def call(target: Target, command: str, arguments: Mapping[str, str]) -> None:
    """A command of ejabberd's HTTP API."""
    url, body = f"http://127.0.0.1:{target.http}/api/{command}", json.dumps(arguments).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


SERVERS: dict[str, Callable[[], AbstractContextManager[Running]]] = {
    "conversehost": partial(conversehost, *ALIKE),
    "prosody": partial(prosody, component="muc"),
    "ejabberd": ejabberd,
}
PROGRAMS = {"conversehost": sys.executable, "prosody": "prosody", "ejabberd": "ejabberdctl"}


def installed() -> list[str]:
    """Which of them this machine has."""
    return [name for name, program in PROGRAMS.items() if shutil.which(program)]


def version(name: str) -> str:
    """What the machine has of it."""
    if name == "conversehost":
        return conversehost_version
    package = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False
    )
    return package.stdout.partition("-")[0] or "of unknown version"


@contextmanager
def _run(
    name: str, command: list[str], target: Target, environment: Mapping[str, str] | None = None, worker: str = ""
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
        for port in (target.http, target.c2s):
            wait_until_it_listens(process, port)
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


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, patience: float = 60) -> None:
    """Until it listens."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
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
