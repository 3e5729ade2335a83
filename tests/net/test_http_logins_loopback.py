"""`--auth http` on the reactor: TLS counts, connections are kept, and a port where nobody answers holds nobody up."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_twisted
import trustme
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.web.iweb import IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from conversehost.auth import Accepted, Attempt, Outcome
from conversehost.auth.guarded import NOT_NOW, Guarded
from conversehost.auth.http import manner
from conversehost.clock import Clock
from conversehost.collected import LARGEST, collected
from conversehost.net import http_logins
from conversehost.net.clock import ReactorClock
from conversehost.net.http_logins import http_source
from conversehost.turn import Turn
from conversehost.voice import Voice
from conversehost.xmpp.jid import parse

ROMEO = parse("romeo@chat.example")


class Service(Resource):
    """Says yes to everybody; `peers` are the ends of the connections that requests came by."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.peers: list[int] = []

        self.gone: Deferred[None] = Deferred()
        """Somebody has left whose answer isn't complete."""

    def render_GET(self, request: Request) -> bytes | int:
        self.peers.append(request.getClientAddress().port)
        if request.path.startswith(b"/auth"):
            return b"true"
        request.write(b"true" if request.path.startswith(b"/half") else b"x" * (LARGEST + 1))
        request.notifyFinish().addErrback(lambda _: self.gone.callback(None))
        return NOT_DONE_YET


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def port(service: Service, authority: trustme.CA) -> Iterator[int]:
    own = PrivateCertificate.loadPEM(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
    listening = reactor.listenSSL(0, Site(service), own.options(), interface="127.0.0.1")
    yield listening.getHost().port
    pytest_twisted.blockon(listening.stopListening())


class Asking:
    """A server that asks there."""

    def __init__(self, url: str, ca: Path, clock: Clock | None = None) -> None:
        self.notes: list[str] = []
        self.clock = clock or ReactorClock(reactor, Turn())
        self.source = http_source(manner("query", url, None), reactor, ca=ca, clock=self.clock)
        self._guarded = Guarded(
            self.source, "--auth http:", clock=self.clock, voice=Voice(self.notes.append, self.notes.append)
        )

    def check(self) -> Deferred[Outcome]:
        outcome: Deferred[Outcome] = Deferred()
        self._guarded.check(Attempt(ROMEO, "secret"), outcome.callback)
        return outcome.addTimeout(20, reactor)


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def read_to_the_end(connection: socket.socket) -> None:
    """Raises TimeoutError where there is none."""
    with suppress(ConnectionResetError):
        while connection.recv(65_536):
            pass


@pytest_twisted.ensureDeferred
async def test_a_service_that_is_known_is_asked_over_a_connection_that_is_kept(service, port: int, ca: Path):
    asking = Asking(f"https://localhost:{port}/auth", ca)
    assert [await asking.check() for _ in range(3)] == [Accepted(ROMEO)] * 3
    assert len(set(service.peers)) == 1
    await asking.source.close()


@pytest.mark.parametrize("mistake", ["authority", "name"])
@pytest_twisted.ensureDeferred
async def test_a_service_that_is_not_known_hears_no_password(service, port: int, ca: Path, mistake: str):
    if mistake == "authority":
        trustme.CA().cert_pem.write_to_path(str(ca))
    asking = Asking(f"https://{'127.0.0.1' if mistake == 'name' else 'localhost'}:{port}/auth", ca)
    assert await asking.check() == NOT_NOW
    assert service.peers == []
    assert asking.notes[0].startswith("--auth http: gives no answers: its certificate isn't one for that name")


@pytest_twisted.ensureDeferred
async def test_a_service_that_stops_in_the_middle(service, port: int, ca: Path, monkeypatch: pytest.MonkeyPatch):
    begun: Deferred[None] = Deferred()

    def collecting(response: IResponse) -> Deferred[bytes]:
        reactor.callLater(0, begun.callback, None)  # once it waits for that
        return collected(response)

    monkeypatch.setattr(http_logins, "collected", collecting)
    asking = Asking(f"https://localhost:{port}/half", ca, Clock())
    outcome = asking.check()
    await begun.addTimeout(20, reactor)
    asking.clock.advance(5)
    assert await outcome == NOT_NOW
    await service.gone.addTimeout(20, reactor)


@pytest_twisted.ensureDeferred
async def test_a_service_that_does_not_stop(service, port: int, ca: Path):
    asking = Asking(f"https://localhost:{port}/endless", ca)
    with capturedLogs() as logs:
        assert await asking.check() == NOT_NOW
    assert [each for each in logs if "log_failure" in each] == []
    assert f"has more than {LARGEST} bytes" in asking.notes[0]
    await service.gone.addTimeout(20, reactor)


@pytest_twisted.ensureDeferred
async def test_a_port_where_nobody_listens(ca: Path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        asking = Asking(f"http://127.0.0.1:{one.getsockname()[1]}/auth", ca)
        assert await asking.check() == NOT_NOW
    assert "Connection was refused" in asking.notes[0]


@pytest_twisted.ensureDeferred
async def test_a_port_where_nobody_answers(ca: Path):
    """The connection is taken, and that was it. Time is turned: what waits is let go, and the connection with it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asking = Asking(f"http://127.0.0.1:{listening.getsockname()[1]}/auth", ca, Clock())
        listening.settimeout(20)
        outcome = asking.check()
        with (await deferToThread(listening.accept))[0] as accepted:
            accepted.settimeout(20)
            asking.clock.advance(5)
            assert await outcome == NOT_NOW
            await deferToThread(read_to_the_end, accepted)
