"""Two conversehost processes behind nginx and HAProxy, by the configurations that we hand out."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversehost.xmpp import ns
from tests.bench.servers import prosody, wait_until_it_listens
from tests.clients.bosh import BoshClient

from .fronts import free_port, nginx
from .tools import program

FIXTURES = Path(__file__).parents[2] / "fixtures" / "proxies"
OPTIONS = ("--json", "--exit-with-stdin", "--c2s-port", "0", "--no-starttls")


class Process:
    """One of the conversehosts. It starts at once, and `is_ready` waits for it: so two start together."""

    def __init__(self, name: str, *options: str) -> None:
        self.port = free_port()
        named = ["--port", str(self.port), "--instance", name]
        command = [sys.executable, "-m", "conversehost", *OPTIONS, *named, *options]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def is_ready(self) -> None:
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline())["pid"] == self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()

    def ended(self) -> int:
        return self._process.wait(30)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Pair:
    """Both, and the proxy's port."""

    def __init__(self, port: int, processes: dict[str, Process]) -> None:
        self.port = port
        self.processes = processes

    def session(self, cookie: str = "") -> Session:
        return Session(self, cookie)

    def post(self, body: str, cookie: str, port: int = 0) -> http.client.HTTPResponse:
        return asked(port or self.port, body, cookie)


def asked(port: int, body: str, cookie: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    fields = {"Cookie": f"conversehost_instance={cookie}"} if cookie else {}
    connection.request("POST", "/http-bind", body.encode(), fields)
    return connection.getresponse()


class Session:
    """A page's BOSH session, by way of the proxy; `cookie` is what its browser has then."""

    def __init__(self, pair: Pair, cookie: str) -> None:
        self._pair = pair
        self._rid = 10
        answer = pair.post(f"<body {ABOUT} rid='10' to='localhost' wait='1' hold='1' ver='1.6'/>", cookie)
        assert answer.status == 200
        self._sid = re.search(r"sid=['\"]([^'\"]+)", answer.read().decode())[1]
        told = answer.headers["set-cookie"]
        self.cookie = cookie if told is None else re.match(r"conversehost_instance=(\w+); Path=/; HttpOnly", told)[1]

    def lives(self, *, with_cookie: bool = True) -> bool:
        """Whether its next request is taken for its own: a login that can't be, which is refused at once."""
        self._rid += 1
        auth = f"<auth xmlns='{ns.SASL}' mechanism='NONE'/>"
        body = f"<body {ABOUT} rid='{self._rid}' sid='{self._sid}'>{auth}</body>"
        answer = self._pair.post(body, self.cookie if with_cookie else "")
        return answer.status == 200 and b"<failure" in answer.read()

    def ends(self) -> None:
        self._rid += 1
        body = f"<body {ABOUT} rid='{self._rid}' sid='{self._sid}' type='terminate'/>"
        assert self._pair.post(body, self.cookie).status == 200


ABOUT = f"xmlns='{ns.HTTPBIND}'"


def haproxy(text: str, folder: Path, port: int) -> tuple[str, list[str], list[str]]:
    """What a check says; how to start it."""
    file = folder / "haproxy.cfg"
    file.write_text(text.replace("bind :80", f"bind 127.0.0.1:{port}"))
    command = [program("haproxy", "haproxy"), "-f", str(file)]
    return "Configuration file is valid", [*command, "-c"], [*command, "-db"]


def foreground(command: list[str], server: str) -> list[str]:
    return [*command, "-g", "daemon off;"] if server == "nginx" else command


MAKERS = {"nginx": (nginx, "several-nginx.conf"), "haproxy": (haproxy, "several-haproxy.cfg")}


@pytest.fixture(params=MAKERS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    make, file = MAKERS[request.param]
    processes = {name: Process(name) for name in "ab"}
    text = (FIXTURES / file).read_text()
    for name, stands in (("a", "5281"), ("b", "5282")):
        text = text.replace(f"127.0.0.1:{stands}", f"127.0.0.1:{processes[name].port}")
    port = free_port()
    good, check, start = make(text, tmp_path, port)
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert good in checked.stdout + checked.stderr
    assert "warn" not in (checked.stdout + checked.stderr).lower()
    for each in processes.values():
        each.is_ready()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    proxy = subprocess.Popen(foreground(start, request.param), **quiet)
    try:
        wait_until_it_listens(proxy, port)
        yield Pair(port, processes)
    finally:
        os.kill(proxy.pid, signal.SIGTERM)
        proxy.wait()
        for each in processes.values():
            each.end()


def test_a_session_stays_and_another_process_takes_over(pair):
    one, other = pair.session("a"), pair.session("b")
    strange = pair.session()
    assert (one.cookie, other.cookie) == ("a", "b")
    assert strange.lives(with_cookie=False)  # a page of another site: the address says where
    for each in (one, other, strange):
        assert each.lives()
    pair.processes["a"].signal(signal.SIGKILL)
    assert not one.lives()
    assert other.lives()
    again = pair.session("a")
    assert again.cookie == "b"
    assert again.lives()
    assert pair.session().cookie == "b"


def test_a_process_that_drains_keeps_sessions_at_servers_elsewhere():
    program("prosody", "prosody")
    with prosody() as there:
        one = Process("a", "--upstream", f"localhost=xmpp://127.0.0.1:{there.target.c2s}")
        try:
            one.is_ready()
            url = f"http://127.0.0.1:{one.port}/http-bind"
            client = BoshClient(url, "localhost")
            jid = client.log_in("u1", "pw")
            one.signal(signal.SIGUSR1)
            while asked(one.port, f"<body {ABOUT} rid='1' to='localhost'/>").status != 503:
                pass  # the signal is on its way
            answer = client.send(f"<message xmlns='{ns.CLIENT}' to='{jid}' id='m'><body>still here</body></message>")
            found = answer.find(f"{{{ns.CLIENT}}}message")
            assert (client.wait_for("message") if found is None else found).get("id") == "m"
            client.log_out()
            assert one.ended() == 0
        finally:
            one.end()


def test_a_process_that_drains_keeps_what_it_has(pair):
    old = pair.session("a")
    process = pair.processes["a"]
    process.signal(signal.SIGUSR1)
    while pair.post(f"<body {ABOUT} rid='1' to='localhost'/>", "", process.port).status != 503:
        pass  # the signal is on its way
    for cookie in ("", "a", "b"):
        new = pair.session(cookie)
        assert new.cookie == "b"
        assert new.lives()
    assert old.lives()
    old.ends()
    assert process.ended() == 0
    assert pair.session("a").cookie == "b"
