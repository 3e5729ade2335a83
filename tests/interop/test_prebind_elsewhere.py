"""`conversehost.client.prebind` at Debian's Prosody and ejabberd, over TLS that counts: the suite that ours passes."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
import pytest_twisted
import trustme

from conversehost.client import RefusedError
from tests.bench.load import Target
from tests.bench.servers import _folder, _run, free_port
from tests.client.prebind_suite import FLAVOURS, Place, Prebind, PrebindSuite

from .tools import program

SECRET = "a-secret-that-the-site-and-the-chat-share"


def certify(folder: Path) -> tuple[Path, Path]:
    """The file with the authority, and that with key and certificate."""
    authority = trustme.CA()
    ca, pem = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(str(ca))
    soon = datetime.now(UTC) + timedelta(days=7)  # ejabberd sets an alarm for it, and Erlang has none that is far off
    issued = authority.issue_cert("localhost", "anon.localhost", "token.localhost", not_after=soon)
    issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
    pem.chmod(0o644)  # they run as users of their own
    return ca, pem


@contextmanager
def prosody() -> Iterator[Place]:
    program("prosody", "prosody")
    with _folder() as folder:
        ca, pem = certify(folder)
        https, c2s = free_port(), free_port()
        config = folder / "prosody.cfg.lua"
        config.write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
modules_enabled = {{ "roster", "saslauth", "disco", "bosh" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_hashed"
storage = "internal"
c2s_ports = {{ {c2s} }}
http_ports = {{ }}
https_ports = {{ {https} }}
https_ssl = {{ certificate = "{pem}", key = "{pem}" }}
ssl = {{ certificate = "{pem}", key = "{pem}" }}
interfaces = {{ "127.0.0.1" }}
https_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
VirtualHost "anon.localhost"
  authentication = "anonymous"
"""
        )
        accounts = folder / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        (accounts / "alice.dat").write_text('return { ["password"] = "secret" };\n')
        with _run("prosody", ["prosody", "--config", str(config)], Target(https, c2s, "", "", "")):
            url = f"https://localhost:{https}/http-bind"
            yield Place(url, str(ca), "alice@localhost", "secret", "anon.localhost")


@contextmanager
def ejabberd() -> Iterator[Place]:
    """With accounts, guests, and a domain that takes JWTs."""
    program("ejabberdctl", "ejabberd")
    with _folder() as folder:
        ca, pem = certify(folder)
        https, api = free_port(), free_port()
        (folder / "inetrc").write_text("{lookup, [file, native]}.\n")
        jwt_key = jwt.get_algorithm_by_name("HS256").to_jwk(SECRET.encode(), as_dict=True)
        (folder / "jwt.key").write_text(json.dumps(jwt_key))
        config = folder / "ejabberd.yml"
        config.write_text(
            f"""
hosts: [localhost, anon.localhost, token.localhost]
loglevel: warning
auth_method: internal
certfiles: ["{pem}"]
host_config:
  anon.localhost:
    auth_method: anonymous
    anonymous_protocol: sasl_anon
  token.localhost:
    auth_method: jwt
    jwt_key: "{folder}/jwt.key"
listen:
  - port: {https}
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers:
      "/bosh": mod_bosh
  - port: {api}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      "/api": mod_http_api
      "/bosh": mod_bosh
api_permissions:
  "tests":
    who: [{{ ip: "127.0.0.1/8" }}]
    what: ["register"]
modules:
  mod_admin_extra: {{}}
  mod_bosh: {{}}
  mod_roster: {{}}
  mod_disco: {{}}
"""
        )
        places = ["--config-dir", str(folder), "--logs", str(folder), "--spool", str(folder)]
        command = ["ejabberdctl", *places, "--node", f"prebind{https}@localhost", "foreground"]
        environment = os.environ | {"EJABBERD_CONFIG_PATH": str(config), "ERL_DIST_PORT": str(free_port())}
        with _run("ejabberd", command, Target(https, api, "", "", ""), environment, f"beam.smp.*{folder}"):
            account = json.dumps({"user": "alice", "host": "localhost", "password": "secret"}).encode()
            urllib.request.urlopen(f"http://127.0.0.1:{api}/api/register", account, timeout=30).close()
            url, http = f"https://localhost:{https}/bosh", f"http://localhost:{api}/bosh"
            yield Place(url, str(ca), "alice@localhost", "secret", "anon.localhost", "token.localhost", http)


SERVERS: dict[str, Callable[[], object]] = {"prosody": prosody, "ejabberd": ejabberd}


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with SERVERS[request.param]() as found:  # type: ignore[attr-defined]
        yield found


class TestElsewhere(PrebindSuite):
    """Theirs."""


@FLAVOURS
@pytest_twisted.ensureDeferred
async def test_a_jwt_at_ejabberd(place: Place, prebind: Prebind):
    if not place.token:
        return  # Prosody has none as Debian brings it
    jid = f"alice@{place.token}"
    token = jwt.encode({"jid": jid, "exp": int(time.time()) + 60}, SECRET)
    assert (await prebind(place.url, jid, token=token, ca=place.ca)).jid.startswith(f"{jid}/")
    with pytest.raises(RefusedError, match="not-authorized"):
        await prebind(place.url, f"bob@{place.token}", token=token, ca=place.ca)
