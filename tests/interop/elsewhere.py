"""Debian's Prosody and ejabberd as servers elsewhere: alice and bob have accounts, and are friends."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import trustme

from tests.bench.servers import free_port, wait_until_it_listens

from .tools import program

PEOPLE = ("alice", "bob")
PASSWORD = "pw"
KEY = "a key of more than thirty-two bytes"
"""That ejabberd takes JSON Web Tokens by."""
PATIENCE = 30.0

PROSODY = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {port} }}
interfaces = {{ "127.0.0.1" }}
log = {{ warn = "{folder}/prosody.log" }}
ssl = {{ certificate = "{folder}/cert.pem", key = "{folder}/key.pem" }}
VirtualHost "localhost"
Component "conference.localhost" "muc"
  restrict_room_creation = false
"""
EJABBERD = """
hosts: [localhost]
loglevel: warning
auth_method: [internal, jwt]
jwt_key: "{folder}/jwk.json"
jwt_jid_field: jid
listen:
  - port: {http}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      "/api": mod_http_api
  - port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    backlog: 1024
api_permissions:
  "tests":
    who: [{{ ip: "127.0.0.1/8" }}]
    what: "*"
modules:
  mod_admin_extra: {{}}
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
  mod_muc: {{}}
  mod_offline: {{}}
"""


class Prosody:
    """With TLS; it can die, and come back on the same port."""

    def __init__(self, folder: Path, authority: trustme.CA, name: str) -> None:
        """`name`: what its certificate is for."""
        program("prosody", "prosody")
        self.port = free_port()
        certificate = authority.issue_cert(name)
        (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
        (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        accounts, rosters = (folder / "localhost" / each for each in ("accounts", "roster"))
        accounts.mkdir(parents=True)
        rosters.mkdir()
        for each, other in zip(PEOPLE, reversed(PEOPLE), strict=True):
            (accounts / f"{each}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n')
            item = f'["{other}@localhost"] = {{ subscription = "both", name = "{other.title()}", groups = {{}} }}'
            (rosters / f"{each}.dat").write_text(f"return {{ [false] = {{ version = 1 }}; {item} }};\n")
        self._config = folder / "prosody.cfg.lua"
        self._config.write_text(PROSODY.format(folder=folder, port=self.port))
        self.start()

    def start(self) -> None:
        command = ["prosody", "--config", str(self._config)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        wait_until_it_listens(self._process, self.port)

    def stop(self) -> None:
        """It says so to everybody."""
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class Ejabberd:
    """One node. Erlang's port mapper is one of the test's own, so that nothing stays behind."""

    def __init__(self, folder: Path, name: str, mapper: int) -> None:
        self.port, self._http = free_port(), free_port()
        self.node = f"{name}@localhost"
        folder.chmod(0o777)
        secret = base64.urlsafe_b64encode(KEY.encode()).rstrip(b"=").decode()
        (folder / "jwk.json").write_text(json.dumps({"kty": "oct", "alg": "HS256", "use": "sig", "k": secret}))
        (folder / "inetrc").write_text("{lookup, [file, native]}.\n")
        (folder / "ejabberd.yml").write_text(EJABBERD.format(folder=folder, http=self._http, port=self.port))
        places = ["--config-dir", str(folder), "--logs", str(folder), "--spool", str(folder), "--node", self.node]
        self._command = [program("ejabberdctl", "ejabberd"), *places]
        self._environment = os.environ | {
            "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_OPTIONS": "-setcookie tests -start_epmd false",
        }
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [*self._command, "foreground"], env=self._environment, stdout=quiet, stderr=quiet
        )
        wait_until_it_listens(self._process, self.port)
        found = subprocess.run(["pgrep", "-f", f"beam.smp.*{folder}"], capture_output=True, text=True, check=True)
        self._beam = int(found.stdout.split()[0])  # under a shell that started it, in a session of its own

    def join(self, other: Ejabberd) -> None:
        """One cluster, of which each knows both."""
        command = [*self._command, "--no-timeout", "join_cluster", other.node]
        subprocess.run(command, env=self._environment, check=True, timeout=PATIENCE, capture_output=True)
        wait_until_it_listens(self._process, self.port)
        deadline = time.monotonic() + PATIENCE
        while any(len(each.call("list_cluster")) < 2 for each in (self, other)):
            assert time.monotonic() < deadline, "the nodes don't find one another"

    def settle(self) -> None:
        """The people move in."""
        for each in PEOPLE:
            self.call("register", user=each, host="localhost", password=PASSWORD)
        for each, other in zip(PEOPLE, reversed(PEOPLE), strict=True):
            ours = {"localuser": each, "localhost": "localhost", "group": "", "subs": "both"}
            self.call("add_rosteritem", **ours, user=other, host="localhost", nick=other.title())

    def call(self, command: str, **arguments: str) -> Any:
        """Of its HTTP API."""
        url = f"http://127.0.0.1:{self._http}/api/{command}"
        request = urllib.request.Request(url, json.dumps(arguments).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def kill(self) -> None:
        os.kill(self._beam, signal.SIGKILL)
        self._process.wait()


@contextmanager
def prosody(folder: Path, authority: trustme.CA, name: str = "localhost") -> Iterator[Prosody]:
    running = Prosody(folder, authority, name)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def ejabberd(*names: str) -> Iterator[list[Ejabberd]]:
    """A cluster of nodes of those names; they run as a user of their own."""
    port = free_port()
    mapper = subprocess.Popen(
        [program("epmd", "erlang-base"), "-port", str(port), "-address", "127.0.0.1"], stderr=subprocess.DEVNULL
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ejabberd", ignore_cleanup_errors=True)))
        folder.chmod(0o777)
        stack.callback(mapper.wait)
        stack.callback(mapper.kill)
        wait_until_it_listens(mapper, port)
        nodes: list[Ejabberd] = []
        for each in names:
            (folder / each).mkdir()
            node = Ejabberd(folder / each, each, port)
            stack.callback(node.kill)
            if nodes:
                node.join(nodes[0])
            nodes.append(node)
        nodes[0].settle()
        yield nodes
