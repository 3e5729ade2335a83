"""`conversehost.client.prebind` with our own server over TLS, and with what is none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from conversehost.client import (
    ClientError,
    RefusedError,
    SilenceError,
    UnreachableError,
    deferred,
    prebind,
    sign_token,
)
from conversehost.client.prebinding import LARGEST
from conversehost.testing import TestBed
from tests.client.prebind_suite import FLAVOURS, Place, Prebind, PrebindSuite

KEY = "a-secret-that-the-site-and-the-chat-share"


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBed]:
    """With tokens by OAUTHBEARER beside passwords by SCRAM."""
    state = str(tmp_path_factory.mktemp("state"))
    with TestBed.start("--tls", "--state-dir", state, "--token-key", f"1:{KEY}", "--external-cookie") as bed:
        yield bed


@pytest.fixture
def place(bed: TestBed) -> Place:
    bed.reset()
    assert bed.ca is not None
    return Place(f"{bed.https}http-bind", bed.ca, "alice@localhost", "secret", "anon.localhost")


class TestHere(PrebindSuite):
    """Ours."""


@FLAVOURS
@pytest_twisted.ensureDeferred
async def test_a_token(place: Place, prebind: Prebind):
    token = sign_token(place.jid, KEY)
    assert (await prebind(place.url, place.jid, token=token, ca=place.ca)).jid.startswith("alice@localhost/")
    with pytest.raises(RefusedError) as refused:
        await prebind(place.url, place.jid, token=token, ca=place.ca)  # it was used
    assert refused.value.condition == "not-authorized"


@FLAVOURS
@pytest_twisted.ensureDeferred
async def test_a_cookie_of_the_site(bed: TestBed, place: Place, prebind: Prebind):
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    browser.open(f"{bed.site}login", urlencode({"username": "alice", "password": "secret"}).encode()).close()
    (cookie,) = jar
    shown = {"Cookie": f"{cookie.name}={cookie.value}"}
    bound = await prebind(place.url, place.jid, external=True, headers=shown, ca=place.ca)
    assert bound.jid.startswith("alice@localhost/")
    with pytest.raises(RefusedError):
        await prebind(place.url, "bob@localhost", external=True, headers=shown, ca=place.ca)


def test_who_was_refused_leaves_no_session_behind(bed: TestBed, place: Place):
    with pytest.raises(RefusedError):
        prebind(bed.bosh, place.jid, password="wrong")
    bodies = [each for each in bed.exchanges() if "terminate" in str(each)]
    assert bodies


@FLAVOURS
@pytest_twisted.ensureDeferred
async def test_nobody_listens(prebind: Prebind):
    with pytest.raises(UnreachableError, match="refused"):
        await prebind("http://127.0.0.1:1/http-bind", "alice@localhost", password="secret")


@FLAVOURS
@pytest_twisted.ensureDeferred
async def test_somebody_listens_and_says_nothing(prebind: Prebind):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/http-bind"
        with pytest.raises(SilenceError, match="time is up"):
            await prebind(url, "alice@localhost", password="secret", timeout=0.05)


@FLAVOURS
@pytest.mark.parametrize(
    ("size", "seconds", "says"), [(4, 0.05, "time is up"), (LARGEST + 1, 10, f"more than {LARGEST} bytes")]
)
@pytest_twisted.ensureDeferred
async def test_somebody_stops_in_the_middle_or_never(prebind: Prebind, size: int, seconds: float, says: str):
    with socket.create_server(("127.0.0.1", 0)) as half:
        half.settimeout(20)
        answering = deferToThread(answer, half, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * size)
        url = f"http://127.0.0.1:{half.getsockname()[1]}/http-bind"
        with pytest.raises((SilenceError, UnreachableError), match=says):
            await prebind(url, "alice@localhost", password="secret", timeout=seconds)
        await answering


def answer(listening: socket.socket, data: bytes) -> None:
    """To one request; then wait until whoever asked goes."""
    connection = listening.accept()[0]
    with connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.settimeout(20)
        connection.recv(65_536)
        connection.sendall(data)
        while connection.recv(65_536):
            pass


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({}, "say how to log in"),
        ({"password": "a", "token": "b"}, "say how to log in"),
        ({"password": ""}, "an empty password"),
        ({"anonymous": True}, "jid: the domain for guests"),
        ({"password": "x", "jid": "localhost"}, "jid: an account"),
        ({"password": "x", "jid": "a b@localhost"}, "not a local part"),
        ({"password": "x", "service_url": "chat.example/http-bind"}, "is not the URL of a BOSH service"),
        ({"password": "x", "service_url": "https://chat.example/", "ca": "/nowhere"}, "/nowhere"),
    ],
)
@pytest.mark.parametrize("flavour", [prebind, deferred.prebind])
def test_arguments_that_make_no_sense(flavour, terms, says):
    given = {"service_url": "http://127.0.0.1:1/", "jid": "alice@localhost"} | terms
    with pytest.raises(ValueError, match=says):
        flavour(**given)


def test_a_proxy_of_the_environment(bed: TestBed, place: Place, monkeypatch: pytest.MonkeyPatch):
    """One that isn't there: it is asked, and for what no_proxy names it isn't."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://me:secret@127.0.0.1:1")
    for url in (bed.bosh, place.url):
        with pytest.raises(UnreachableError, match="refused"):
            prebind(url, place.jid, password=place.password, ca=place.ca)
    monkeypatch.setenv("no_proxy", "localhost")
    assert prebind(place.url, place.jid, password=place.password, ca=place.ca).sid


ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        first = name.split(".")[:2]
        if first[0] in ("twisted", "zope") or (len(first) == 2 and first[0] == "conversehost"
                                               and first[1] not in ("client", "xmpp")):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from conversehost.client import UnreachableError, prebind, sign_token
sign_token("alice@localhost", "x" * 32)
try:
    prebind("http://127.0.0.1:1/http-bind", "alice@localhost", password="secret")
except UnreachableError:
    print("alone")
"""


def test_it_needs_nothing_of_the_server(tmp_path: Path):
    run = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert run.stdout == "alone\n", run.stderr


def test_errors_are_one_family():
    assert all(issubclass(each, ClientError) for each in (RefusedError, SilenceError, UnreachableError))
