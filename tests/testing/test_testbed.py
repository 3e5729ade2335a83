"""`TestBed` on real servers, in processes of their own."""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from conversehost.testing import Session, TestBed, TestBedError, User
from conversehost.testing.calls import Call, Door
from tests.clients.bosh import BoshClient

ROOT = Path(__file__).parents[2]
STREAM = "http://etherx.jabber.org/streams"
SOON = 30.0


class Browser:
    """Somebody who is logged in to the site."""

    def __init__(self, bed: TestBed, username: str, password: str) -> None:
        self._bed = bed
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        form = urlencode({"username": username, "password": password}).encode()
        self._open(f"{bed.site}login", form, timeout=SOON).close()

    def prebind(self) -> str:
        """The full JID of a new chat session."""
        with self._open(self._bed.prebind, timeout=SOON) as response:
            return json.load(response)["jid"]


class Stream:
    """XMPP over TCP, logged in, by a client that never closes first."""

    def __init__(self, bed: TestBed, username: str, password: str) -> None:
        host, _, port = bed.c2s.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), SOON)
        header = f"<stream:stream xmlns='jabber:client' xmlns:stream='{STREAM}' version='1.0' to='{bed.domain}'>"
        secret = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
        self.say(header, until="</stream:features>")
        self.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>", until="<success")
        self.say(header, until="</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
        self.say(f"<iq type='set' id='b'>{bind}</iq>", until="</iq>")

    def say(self, text: str, until: str) -> str:
        self._socket.sendall(text.encode())
        return self.read(until)

    def read(self, until: str = "") -> str:
        """Until that comes, or the end."""
        data = b""
        while (part := self._socket.recv(65_536)) and not (until and until.encode() in data + part):
            data += part
        return (data + part).decode()

    def close(self) -> None:
        self._socket.close()


# Starting and stopping


def test_its_attributes_are_the_addresses_of_a_running_server(bed):
    for url in (bed.site, bed.bosh, f"{bed.api}/accounts"):
        with urllib.request.urlopen(url, timeout=SOON) as response:
            assert response.status == 200
    with pytest.raises(HTTPError, match="401"):
        urllib.request.urlopen(bed.prebind, timeout=SOON)
    Stream(bed, "alice", "secret").close()
    os.kill(bed.pid, 0)
    assert bed.domain == "localhost"
    assert bed.websocket == bed.site.replace("http:", "ws:") + "xmpp-websocket"
    assert bed.credentials is None
    assert bed.c2s_tls.startswith("localhost:")
    assert Path(bed.ca).is_file()
    assert str(bed.pid) in repr(bed)
    assert bed.site in repr(bed)


def test_options_as_on_the_command_line_or_as_keywords():
    options = {"user": ["zoe:pw", "zed@b.example:pw"], "domain": ("a.example", "b.example")}
    with TestBed.start("--log-level", "debug", registration=True, bosh_wait=7, scenario=None, **options) as bed:
        assert bed.domain == "a.example"
        assert {
            "zoe@a.example": "pw",
            "zed@b.example": "pw",
            "alice@a.example": "secret",
        }.items() <= bed.accounts.items()
        assert "debug" in bed.log
        create = f"<body xmlns='http://jabber.org/protocol/httpbind' to='{bed.domain}' rid='1' wait='60' ver='1.6'/>"
        with urllib.request.urlopen(bed.bosh, create.encode(), timeout=SOON) as response:
            answer = response.read()
    assert b"wait='7'" in answer.replace(b'"', b"'")
    assert b"http://jabber.org/features/iq-register" in answer


def test_two_servers_at_once_and_each_ends_with_its_block():
    with TestBed.start() as one, TestBed.start() as two:
        assert {one.site, one.c2s}.isdisjoint({two.site, two.c2s})
        one.add_user("zoe")
        assert "zoe@localhost" not in two.accounts
        ends = [os.pidfd_open(bed.pid) for bed in (one, two)]
        assert select.select(ends, [], [], 0)[0] == []
    assert select.select(ends, [], [], 0)[0] == ends
    one.stop()
    with pytest.raises(TestBedError, match="no answer from a conversehost"):
        one.reset()
    assert "stopping" in one.log
    for end in ends:
        os.close(end)


def test_a_server_that_does_not_start_says_why():
    with pytest.raises(TestBedError) as caught:
        TestBed.start(prt=0)
    message = str(caught.value)
    assert message.startswith(
        "conversehost ended with exit code 1: conversehost: unknown option --prt: did you mean --port?"
    )
    assert "-m conversehost --port 0 --c2s-port 0 --https-port 0 --json --exit-with-stdin --prt 0" in message


def test_a_server_that_is_not_ready_in_time_is_stopped(monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    with pytest.raises(TestBedError, match="isn't ready after 0 seconds"):
        TestBed.start(timeout=0.0)
    assert started[0].returncode is not None


PARENT = """
import os, signal
from conversehost.testing import TestBed
bed = TestBed.start()
print(bed.pid, flush=True)
input()
os.kill(os.getpid(), signal.SIGKILL)
"""


def run(program: str, **environment: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdin=pipe, stdout=pipe, text=True)


def test_the_server_ends_with_the_process_that_started_it_however_that_ends():
    parent = run(PARENT)
    assert parent.stdin is not None
    assert parent.stdout is not None
    end = os.pidfd_open(int(parent.stdout.readline()))
    assert select.select([end], [], [], 0)[0] == []
    parent.communicate("\n")
    assert select.select([end], [], [], SOON)[0], "the server is still there"
    os.close(end)


def test_a_server_that_runs_already(bed):
    for url in (bed.site, bed.api, f"{bed.site}any/page?at=all"):
        other = TestBed.connect(url)
        addresses = {name for name in vars(bed) if name not in ("_process", "_ready")}
        assert {name: getattr(other, name) for name in addresses} == {name: getattr(bed, name) for name in addresses}
    with other:
        user = other.add_user()
    assert user.jid in bed.accounts
    assert other.log == ""


def test_what_is_no_conversehost(closed_port, bed):
    with pytest.raises(TestBedError, match="no answer from a conversehost"):
        TestBed.connect(f"http://127.0.0.1:{closed_port}/")
    with pytest.raises(TestBedError, match="no answer from a conversehost"):
        TestBed.connect(f"http://{bed.c2s}/")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Nobody can listen there meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


LIGHT = """
import sys
import pytest
before = set(sys.modules)
import conversehost.testing.pytest_plugin
print(sorted(set(sys.modules) - before))
from conversehost.testing import TestBed
ours = {name for name in sys.modules if name.startswith("conversehost.") and ".testing" not in name}
heavy = {"asyncio", "twisted", "zope", "lxml"} & sys.modules.keys()
bed = TestBed.connect(sys.stdin.readline().strip())
print(ours, heavy, len(bed.accounts))
"""


def test_it_imports_nothing_heavy_and_goes_through_no_proxy(bed):
    proxy = "http://127.0.0.1:1"
    out, _ = run(LIGHT, http_proxy=proxy, HTTP_PROXY=proxy, all_proxy=proxy).communicate(f"{bed.site}\n")
    at_start = ["conversehost", "conversehost.testing", "conversehost.testing.pytest_plugin"]
    assert out.splitlines() == [str(at_start), f"set() set() {len(bed.accounts)}"]


# Accounts


def test_accounts_are_those_that_can_log_in_now(bed):
    assert bed.accounts["alice@localhost"] == "secret"
    assert "echo@localhost" not in bed.accounts


def test_a_user_is_made_up_and_can_log_in(bed):
    users = [bed.add_user() for _ in range(3)]
    assert len({user.jid for user in users}) == len({user.password for user in users}) == 3
    for user in users:
        assert user.jid == f"{user.username}@{bed.domain}"
        assert bed.accounts[user.jid] == user.password
    assert BoshClient(bed.bosh, bed.domain).log_in(users[0].username, users[0].password).startswith(f"{users[0].jid}/")
    assert Browser(bed, users[1].username, users[1].password).prebind().startswith(f"{users[1].jid}/")


def test_a_user_as_wanted(bed):
    mercutio = bed.add_user("Mercutio@localhost", "p ä", nickname="Mercutio <3")
    assert mercutio == User("mercutio@localhost", "mercutio", "p ä")
    friend = bed.add_user("benvolio", friends=[mercutio, "romeo"])
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in(friend.username, friend.password)
    roster = client.send("<iq xmlns='jabber:client' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    items = {item.get("jid"): item for item in roster.iter("{jabber:iq:roster}item")}
    assert {"mercutio@localhost", "romeo@localhost"} <= set(items)
    assert items["mercutio@localhost"].get("name") == "Mercutio <3"
    assert items["mercutio@localhost"].get("subscription") == "both"


def test_a_user_is_removed(bed):
    user = bed.add_user()
    BoshClient(bed.bosh, bed.domain).log_in(user.username, user.password)
    assert len(bed.sessions(user)) == 1
    bed.remove_user(user)
    assert user.jid not in bed.accounts
    assert bed.sessions() == []
    bed.remove_user("alice")
    assert "alice@localhost" not in bed.accounts


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Message and code."""
    with pytest.raises(TestBedError) as caught:
        call()
    return str(caught.value), caught.value.code


def test_a_refusal_says_why_in_the_servers_words(bed):
    assert refusal(lambda: bed.add_user("alice")) == ("there is an account alice@localhost already", "conflict")
    assert refusal(lambda: bed.add_user("")) == ("jid must not be empty", "bad-request")
    assert refusal(lambda: bed.add_user("zoe", password="")) == ("password must not be empty", "bad-request")
    assert refusal(lambda: bed.add_user("zoe", nickname="")) == ("nickname must not be empty", "bad-request")
    assert refusal(lambda: bed.remove_user("nobody")) == ("there is no account nobody@localhost", "not-found")


# Sessions


def test_sessions_are_told_with_types(bed):
    jid = BoshClient(bed.bosh, bed.domain).log_in("alice", "secret")
    (session,) = bed.sessions()
    assert session == Session(
        session.id, jid, "alice@localhost", "bosh", session.address, session.since, available=False, priority=0
    )
    assert session.address in ("127.0.0.1", "::1")
    assert abs((datetime.now(UTC) - session.since).total_seconds()) < 60


def test_sessions_of_one_account(bed):
    stream = Stream(bed, "alice", "secret")
    BoshClient(bed.bosh, bed.domain).log_in("bob", "secret")
    prebound = Browser(bed, "alice", "secret").prebind()
    assert [each.transport for each in bed.sessions("alice")] == ["tcp", "bosh"]
    assert bed.sessions("alice@localhost")[1].jid == prebound
    assert len(bed.sessions()) == 3
    stream.close()


def test_sessions_are_ended_by_what_one_has_at_hand(bed):
    user = bed.add_user()
    for as_known in (
        lambda: bed.sessions(user)[0],
        lambda: bed.sessions(user)[0].jid,
        lambda: user,
        lambda: user.jid,
        lambda: user.username,
    ):
        for _ in range(2):
            BoshClient(bed.bosh, bed.domain).log_in(user.username, user.password)
        known = as_known()
        bed.kill_session(known)
        left = bed.sessions(user)
        assert len(left) == (1 if isinstance(known, Session) or "/" in str(known) else 0)
        for each in left:
            bed.kill_session(each)


def test_the_client_is_told_the_condition(bed):
    stream = Stream(bed, "alice", "secret")
    bed.kill_session("alice", condition="conflict")
    assert "<conflict " in stream.read()
    stream.close()
    message, _ = refusal(lambda: bed.kill_session("alice", condition="nonsense"))
    assert message.startswith("condition must be one of bad-format, ")


def test_a_session_that_is_not_there_cannot_be_ended(bed):
    jid = BoshClient(bed.bosh, bed.domain).log_in("alice", "secret")
    (session,) = bed.sessions()
    bed.kill_session(session)
    for known in (session, jid, "alice", User("alice@localhost", "alice", "secret"), "nobody"):
        with pytest.raises(TestBedError) as caught:
            bed.kill_session(known)
        assert caught.value.code == "not-found"


# Reset


def test_a_reset_undoes_everything(bed):
    accounts = bed.accounts
    bed.add_user(friends=["alice"])
    bed.remove_user("bob")
    browser, stream = Browser(bed, "alice", "secret"), Stream(bed, "romeo", "secret")
    browser.prebind()
    bed.reset()
    assert bed.accounts == accounts
    assert bed.sessions() == []
    assert "<system-shutdown " in stream.read()
    with pytest.raises(HTTPError, match="401"):
        browser.prebind()
    again = Stream(bed, "romeo", "secret")
    stream.close()
    again.say("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", until="result")
    assert len(bed.sessions("romeo")) == 1
    again.close()


def test_time_is_turned(bed: TestBed):
    before = bed.now
    assert 3600 <= (bed.advance(3600) - before).total_seconds() < 3660
    bed.freeze()
    stood = bed.now
    assert bed.now == stood
    bed.thaw()
    bed.reset()
    assert abs((bed.now - datetime.now(UTC)).total_seconds()) < SOON


def test_anybody_says_anything(bed: TestBed):
    assert bed.message("alice", "bob", "are you there?")
    assert bed.stanza("bob", "<iq type='get' id='7'><query xmlns='jabber:iq:roster'/></iq>")[0].startswith("<iq ")
    assert (
        "service-unavailable" in bed.stanza("bob", "<message to='nobody@localhost' id='8'><body>x</body></message>")[0]
    )


def test_back_to_where_it_was(bed: TestBed):
    taken = bed.snapshot("before")
    bed.remove_user("alice")
    bed.restore(taken)
    assert "alice@localhost" in bed.accounts
    with pytest.raises(TestBedError, match="there is no snapshot 'another'"):
        bed.restore("another")


def test_waiting_for_what_is_said(bed: TestBed):
    client = BoshClient(bed.bosh, "localhost")
    client.log_in("bob", "secret")
    client.send("<presence xmlns='jabber:client'/>")
    before = bed.last
    bed.message("alice", "bob", "are you there?")
    found = bed.wait_for("message[body='are you there?']", account="bob", direction="out", after=before)
    assert (found.kind, found.transport) == ("message", "bosh")
    assert [each.number for each in bed.traffic("message", account="bob", after=before)] == [found.number]
    assert bed.traffic("message", after=found) == []
    with pytest.raises(
        TestBedError, match=r"nothing matched within 0\.1 seconds; .* the nearest: <message .*xpath differs"
    ):
        bed.wait_for("message[body='hello?']", account="bob", direction="out", timeout=0.1)


# The token


def test_a_server_behind_a_proxy_wants_its_token(bed, monkeypatch):
    request = Door.request

    def forwarded(door: Door, call: Call) -> bytes:
        return request(door, call).replace(b"\r\n", b"\r\nX-Forwarded-For: 192.0.2.7\r\n", 1)

    token = Path(bed.api_token_file).read_text().strip()
    monkeypatch.setattr(Door, "request", forwarded)
    for wrong in (None, "x" * 32):
        with pytest.raises(TestBedError) as refused:
            TestBed.connect(bed.site, token=wrong)
        assert refused.value.code == "unauthorized"
    other = TestBed.connect(bed.site, token=token)
    other.message("alice", "bob", "hi")
    assert other.add_user("zoe").jid in other.accounts
    with pytest.raises(TestBedError) as waited:
        other.wait_for("message[body='nothing']", timeout=0)
    assert waited.value.code == "request-timeout"
