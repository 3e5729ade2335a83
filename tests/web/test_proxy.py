"""`--proxy`, on a whole server: the site's answers come through as they are, and what is ours stays ours."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest
import trustme

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.testing import TestBed
from tests.test_launch import SOON
from tests.web.proxied import HANDSHAKE, Client, bed, raw, rest, site, until, upstream
from tests.web.upstream import running

__all__ = ["bed", "site", "upstream"]

MUCH = 100_000_000
"""Bytes: many times what kernels keep."""


@pytest.mark.parametrize("target", ["/", "/login", "/static/app.js?v=1", "/a%20b/?q=%C3%A9&x", "/.well-known/other"])
def test_a_path_that_is_not_ours_is_the_sites(site, target):
    assert site.told("GET", target)["target"] == target


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/http-bind", 200),
        ("/prebind", 401),
        ("/dist/converse.min.css", 200),
        ("/.well-known/host-meta", 200),
        ("/.well-known/host-meta.json", 200),
        ("/health", 200),
        ("/ready", 200),
        ("/metrics", 200),
        ("/_conversehost/api/v1/accounts", 200),
        ("/_login", 200),
        ("/_register", 404),
        ("/_invite/over", 410),
        ("/_static/site.css", 200),
    ],
)
def test_a_path_of_ours_stays_ours(site, path, code):
    response, _ = site.ask("GET", path)
    assert response.status == code
    assert response.headers["x-site"] is None


def test_a_page_of_the_site_is_struck_where_a_fault_names_it(site, bed):
    with bed.fault("status", path="/shop", status=504, count=1):
        assert site.ask("GET", "/shop")[0].status == 504
        assert site.told("POST", "/shop", b"three books")["size"] == 11
    with bed.fault("latency", path="/shop", seconds=0), bed.fault("bandwidth", path="/shop", bytes_per_second=1e9):
        assert site.told("POST", "/shop", b"three books")["size"] == 11
    with bed.fault("lost-response", path="/shop"), pytest.raises(ConnectionError):
        site.ask("GET", "/shop")
    assert site.told("POST", "/shop", b"three books")["size"] == 11


def test_what_the_site_answers_is_recorded(site, bed):
    response, said = site.ask("POST", "/recorded", b"not kept")
    (exchange,) = bed.exchanges(path="/recorded")
    assert (exchange["method"], exchange["status"], exchange["transport"]) == ("POST", response.status, "site")
    assert exchange["response"]["body"] == said.decode()
    assert ["content-type", response.headers["content-type"]] in [
        [name.lower(), value] for name, value in exchange["response"]["headers"]
    ]
    assert exchange["request"]["body"] == ""


def test_login_and_prebind_beside_a_site(site):
    response, _ = site.ask(
        "POST", "/_login", "username=alice&password=secret", Content_Type="application/x-www-form-urlencoded"
    )
    assert (response.status, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"].partition(";")[0]
    response, body = site.ask("GET", "/prebind", Cookie=cookie)
    assert json.loads(body)["jid"].startswith("alice@localhost/")


def test_who_asks_is_told_and_nobody_else_can_say(site):
    fields = site.told(
        "GET", "/", Cookie="a=b", Connection="keep-alive, X-Private", X_Private="1", X_Kept="2", X_Real_IP="9.9.9.9"
    )["fields"]
    told = dict(fields)
    assert len(told) == len(fields)
    assert told["host"] == told["x-forwarded-host"] == f"{site.host}:{site.port}"
    assert told["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert told["x-forwarded-proto"] == "http"
    assert (told["cookie"], told["x-kept"]) == ("a=b", "2")
    assert not {"x-private", "x-real-ip", "keep-alive", "te", "upgrade"} & set(told)


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_Proto", "X_Real_IP", "Transfer_Encoding", "Proxy"])
def test_no_field_passes_for_another(bed, name):
    """To WSGI `_` is `-`, and Proxy is HTTP_PROXY."""
    with raw(bed, f"GET / HTTP/1.1\r\nHost: localhost\r\nX_Kept: 1\r\n{name}: evil\r\n\r\n".encode()) as client:
        said = until(client, b'"digest"')
    assert b"evil" not in said
    assert b'"x_kept"' in said


def test_nobody_takes_the_host_away(site):
    told = dict(site.told("GET", "/", Host="site.example", Connection="host")["fields"])
    assert told["host"] == "site.example"


def test_what_a_trusted_proxy_says_of_the_client_is_passed_on(site):
    told = dict(site.told("GET", "/", X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https")["fields"])
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("192.0.2.7", "https")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_any_method(site, method):
    assert site.told(method, "/")["method"] == method


def test_an_upload_of_any_size_in_one_piece(site):
    body = bytes(range(256)) * 20_000
    told = site.told("POST", "/", body)
    assert (told["size"], told["digest"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert dict(told["fields"])["content-length"] == str(len(body))


def test_an_upload_in_chunks(site):
    body = [bytes([n]) * 70_000 for n in range(30)]
    told = site.told("POST", "/", iter(body))
    assert told["digest"] == hashlib.sha256(b"".join(body)).hexdigest()
    assert dict(told["fields"])["transfer-encoding"] == "chunked"


def test_an_upload_in_many_small_chunks(site):
    """What frames them is more than a header may have; nothing of it is kept."""
    told = site.told("POST", "/", (b"0123456789" for _ in range(40_000)))
    assert told["size"] == 400_000


def test_an_upload_that_asks_for_another_protocol_as_well(site):
    told = site.told("POST", "/", b"body", Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMA")
    assert told["size"] == 4
    assert not {"upgrade", "http2-settings"} & set(dict(told["fields"]))


def still(bed: TestBed, count: Callable[[], int], at_most: int) -> None:
    """It doesn't go up any more, however often the server has been round."""
    client, rounds, before = Client(bed.site), 0, -1
    while rounds < 30:
        client.ask("GET", "/health")
        now = count()
        assert now < at_most
        rounds, before = (rounds + 1, now) if now == before else (0, now)
    client.close()


def test_a_site_that_does_not_read_slows_down_who_sends(bed, upstream):
    taken = 0

    def count() -> int:
        nonlocal taken
        with suppress(BlockingIOError):
            while taken < MUCH:
                taken += client.send(bytes(65_536))
        return taken

    with raw(bed, b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n") as client:
        client.setblocking(False)
        still(bed, count, MUCH)
    upstream.told.set()


def test_a_client_that_does_not_read_slows_down_the_site(bed, upstream):
    upstream.sent = 0
    upstream.left.clear()
    with raw(bed, b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        still(bed, lambda: upstream.sent, MUCH)
    assert upstream.left.wait(SOON)


def test_an_upload_that_waits_to_be_wanted(bed):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with raw(bed, head) as client:
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        assert b'"size": 5' in until(client, b"}")


def test_an_upload_that_the_site_does_not_want(bed):
    """It answers at once; nobody waits for the rest."""
    with raw(bed, b"POST /too-large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx") as client:
        said = rest(client)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: close\r\n" in said
    assert said.endswith(b"too large")


def test_an_upload_that_breaks_off_is_not_taken_for_whole(bed):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw(bed, head + b"3\r\nabc\r\nzz\r\n") as client:
        assert rest(client) == b""


def test_requests_in_a_row_are_answered_in_a_row(bed):
    one = b"POST /%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
    with raw(bed, b"".join(one % n for n in range(3)) + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        said = until(client, b'"target": "/2"')
    assert said.index(b'"target": "/0"') < said.index(b'"target": "/1"') < said.index(b'"target": "/2"')


def test_connections_to_the_site_are_kept(site):
    assert len({site.told("GET", "/")["port"] for _ in range(5)}) == 1


def test_head_has_no_body(site):
    response, body = site.ask("HEAD", "/")
    assert (response.status, body) == (200, b"")
    assert site.told("GET", "/")


def test_204_has_no_length(site):
    response, _ = site.ask("GET", "/empty")
    assert (response.status, response.headers["content-length"], response.headers["transfer-encoding"]) == (
        204,
        None,
        None,
    )


def test_304(site):
    response, body = site.ask("GET", "/unchanged")
    assert (response.status, response.headers["etag"], body) == (304, '"a"', b"")
    assert site.told("GET", "/")


def test_redirects_and_cookies_are_not_touched(site):
    response, _ = site.ask("GET", "/moved")
    assert (response.status, response.headers["location"]) == (302, "/elsewhere?a=b")
    assert response.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


def test_what_is_for_one_hop_goes_no_further(site):
    response, _ = site.ask("GET", "/hops")
    assert response.headers["x-kept"] == "yes"
    assert {response.headers[name] for name in ("keep-alive", "proxy-authenticate", "upgrade")} == {None}


def test_chunks(site):
    response, body = site.ask("GET", "/chunks")
    assert (response.headers["transfer-encoding"], body) == ("chunked", b"one two three")


def test_chunks_for_a_client_of_old(bed):
    with raw(bed, b"GET /chunks HTTP/1.0\r\n\r\n") as client:
        head, _, body = rest(client).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"one two three"


def test_an_answer_that_ends_with_its_connection(site):
    assert site.ask("GET", "/until-close")[1] == b"all of it"


def test_events_come_when_they_happen(site, bed):
    site.request("GET", "/events")
    response = site.getresponse()
    assert response.read1() == b"data: first\n\n"
    other = Client(bed.site)
    other.ask("GET", "/told")
    other.close()
    assert response.read() == b"data: second\n\n"


@pytest.mark.parametrize("path", ["/dies-in-length", "/dies-in-chunks"])
def test_an_answer_that_breaks_off_is_not_taken_for_whole(site, path):
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        site.ask("GET", path)


@pytest.mark.parametrize("path", ["/dies-early", "/nonsense"])
def test_no_answer(site, path):
    response, body = site.ask("GET", path)
    assert response.status == 502
    assert b"closed the connection instead of answering" in body
    assert site.told("GET", "/")


def test_a_client_that_leaves_is_not_waited_for(bed, upstream):
    upstream.asked.clear()
    upstream.left.clear()
    with raw(bed, b"GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        assert upstream.asked.wait(SOON)
    assert upstream.left.wait(SOON)


def test_a_client_that_leaves_in_the_middle(bed, upstream):
    upstream.left.clear()
    with raw(bed, b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        until(client, b"xxx")
    assert upstream.left.wait(SOON)


def test_no_open_proxy(site, bed):
    """An absolute target is asked of the site all the same; a tunnel to elsewhere isn't dug."""
    assert site.told("GET", "http://elsewhere.example/a?b")["target"] == "/a?b"
    with raw(bed, b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n") as client:
        assert b" 200 " not in until(client, b"\r\n")


def test_a_site_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with TestBed.start("--proxy", url) as bed:
        client = Client(bed.site)
        response, body = client.ask("GET", "/")
        assert response.status == 502
        assert body.decode() == f"502 The site isn't there: nothing answers at {url}: is it running?\n"
        response, body = client.ask("GET", "/", Accept="text/html")
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert f"Nothing answers at {url}: is it running?" in body.decode()
        assert client.ask("GET", "/http-bind")[0].status == 200
        with raw(bed, HANDSHAKE % b"/socket") as socket_client:
            assert rest(socket_client).startswith(b"HTTP/1.1 502 ")
        client.close()


def test_a_site_whose_certificate_nobody_vouches_for(tmp_path, monkeypatch):
    """And one that SSL_CERT_FILE vouches for; a WebSocket likewise."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with running(context) as secured:
        url = secured.url.replace("127.0.0.1", "localhost")
        with TestBed.start("--proxy", url) as bed:
            with raw(bed, b"GET / HTTP/1.0\r\n\r\n") as client:
                assert b"has a certificate that isn't trusted here" in rest(client)
            with raw(bed, HANDSHAKE % b"/socket") as client:
                assert b"has a certificate that isn't trusted here" in rest(client)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with TestBed.start("--proxy", url) as bed:
            with raw(bed, b"GET / HTTP/1.0\r\n\r\n") as client:
                assert rest(client).startswith(b"HTTP/1.1 200 ")
            with raw(bed, HANDSHAKE % b"/socket") as client:
                assert until(client, b"early").startswith(b"HTTP/1.1 101 ")


def test_one_that_stops_does_not_wait_for_what_is_open(upstream):
    with (
        TestBed.start("--proxy", upstream.url) as bed,
        raw(bed, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n") as events,
        raw(bed, HANDSHAKE % b"/socket") as client,
    ):
        until(events, b"first")
        until(client, b"early")
        bed.stop()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--proxy", "localhost:8000"], "--proxy: wants the URL of a server, without a path"),
        (["--proxy", "http://localhost:"], "--proxy: wants the URL of a server, without a path"),
        (["--proxy", "http://localhost:8000/app"], "--proxy: wants the URL of a server, without a path"),
        (["--proxy", "http://localhost:1", "--site", "/"], "--proxy and --site both say what is at /: choose one"),
        (["--proxy", "http://localhost:5280"], "--proxy http://localhost:5280 is this server itself"),
        (["--proxy", "http://127.0.0.1:5280"], "--proxy http://127.0.0.1:5280 is this server itself"),
        (["--proxy", "http://[::1]", "--port", "80"], "--proxy http://[::1] is this server itself"),
        (["--proxy", "https://localhost:5281"], "--proxy https://localhost:5281 is this server itself"),
    ],
)
def test_what_an_operator_gets_wrong(arguments, text):
    with pytest.raises(ConfigError) as caught:
        load(arguments, {})
    assert str(caught.value).startswith(text)
