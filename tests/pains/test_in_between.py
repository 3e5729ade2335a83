"""A proxy that says too much, a domain that says nothing, or something else, of where its chat is."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import BoshClient
from tests.pains.front import front
from tests.pains.pages import HTTPBIND, PATIENCE, Page

ORIGIN = "access-control-allow-origin"
HOST_META = "/.well-known/host-meta"
ELSEWHERE = (
    "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>"
    "<Link rel='urn:xmpp:alt-connections:websocket' href='wss://gone.example/ws'/></XRD>"
)
OPEN = f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost' wait='1' hold='1' ver='1.6'/>"


def ask(place: str, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(place, timeout=PATIENCE)
    connection.request(method, path, body, {"Content-Type": "text/xml", "Origin": "https://shop.example"})
    return connection.getresponse()


def test_it_is_the_proxy_that_says_it_twice(bed: TestBed):
    """ "Access-Control-Allow-Origin contains multiple values": what was recorded here shows one."""
    with front(urlsplit(bed.site).netloc, adds={"Access-Control-Allow-Origin": "*"}) as place:
        assert ask(place, "POST", "/http-bind", OPEN).headers.get_all(ORIGIN) == ["*", "*"]
    (exchange,) = bed.exchanges(path="/http-bind", method="POST")
    fields = [value for name, value in exchange["response"]["headers"] if name.lower() == ORIGIN]
    assert fields == ["*"]


def test_behind_a_proxy_that_ends_tls_a_domain_names_addresses_that_pages_may_use(bed: TestBed):
    """A page on https mustn't connect to `ws:`, nor be redirected there."""
    with front(urlsplit(bed.site).netloc) as place:
        told = ask(place, "GET", HOST_META).read().decode()
    assert "https://chat.example/http-bind" in told
    assert "wss://chat.example/xmpp-websocket" in told
    assert "'http:" not in told
    assert "'ws:" not in told


@pytest.mark.parametrize("page", ["", ELSEWHERE], ids=["missing", "wrong"])
def test_a_page_that_was_told_where_the_chat_is_needs_no_host_meta(bed: TestBed, page: str):
    """Where the domain says nothing of it, or what isn't so any more: what the page was configured with must count."""
    with front(urlsplit(bed.site).netloc, {HOST_META: page, f"{HOST_META}.json": ""}) as place:
        answer = ask(place, "GET", HOST_META)
        assert (answer.status, answer.read().decode()) == (200 if page else 404, page)
        assert BoshClient(f"http://{place}/http-bind", bed.domain).log_in("alice", "secret").startswith("alice@")
    assert bed.exchanges(path=HOST_META) == []  # it never came here


def test_the_first_of_two_ways_that_a_domain_names_is_broken(bed: TestBed):
    """WebSocket, here: a page should take the other one."""
    websocket = urlsplit(bed.websocket or "")
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "xmpp",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    page = Page(bed)
    with bed.fault("status", transport="websocket", status=502) as fault:
        assert page.http("GET", websocket.path, "", asked).status == 502
        page.enter()
    assert fault.strikes == 1
    assert page.http("GET", websocket.path, "", asked).status == 101
