"""On the reactor and the loopback interface: what a client from another project sees."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from io import BytesIO

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers
from twisted.web.static import File

from tests.bosh.stage import HTTPBIND, message
from tests.net.front import Front


@pytest.fixture
def front(failures: list[str]) -> Iterator[Front]:
    yield Front(reactor)
    assert failures == [], "a failure that nobody expected was logged"


@pytest.fixture
def port(front: Front) -> Iterator[int]:
    listening = reactor.listenTCP(0, front.factory, interface="127.0.0.1")
    yield listening.getHost().port
    pytest_twisted.blockon(listening.stopListening())
    front.factory.close_idle()


@pytest_twisted.ensureDeferred
async def test_a_conversation_over_connections_that_stay(front, port):
    pool = HTTPConnectionPool(reactor)
    agent = Agent(reactor, pool=pool)
    url = f"http://127.0.0.1:{port}/http-bind".encode()

    async def post(body: str) -> bytes:
        content = FileBodyProducer(BytesIO(body.encode()))
        response = await agent.request(b"POST", url, Headers({"content-type": ["text/xml"]}), content)
        assert response.code == 200
        return await readBody(response)

    answer = await post(f"<body {HTTPBIND} rid='1' to='localhost' wait='5' hold='0'/>")
    sid = answer.partition(b'sid="')[2].partition(b'"')[0].decode()
    for n in range(20):
        front.server.says(f"s{n}")
        answer = await post(f"<body {HTTPBIND} rid='{n + 2}' sid='{sid}'>{message(f'c{n}')}</body>")
        assert f"id='s{n}'".encode() in answer
    assert front.server.heard == [f"c{n}" for n in range(20)]
    assert len(front.factory.connections) == 1
    await pool.closeCachedConnections()


@pytest_twisted.ensureDeferred
async def test_a_large_file_and_a_page_over_one_connection(front, port, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789" * 700_000)
    front.root.putChild(b"file", File(str(path)))

    def fetch() -> tuple[bytes, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/file")
        data = connection.getresponse().read()
        connection.request("GET", "/page")
        page = connection.getresponse().read()
        connection.close()
        return data, page

    data, page = await deferToThread(fetch)
    assert data == path.read_bytes()
    assert page == b"GET /page "
