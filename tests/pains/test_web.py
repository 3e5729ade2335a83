"""What stands between the page and the chat: origins, proxies, paths, names, files."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import urlsplit

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import BoshClient
from tests.pains.pages import HTTPBIND, Page, end_of, plain

ELSEWHERE = "https://shop.example"
OPEN = f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost' wait='1' hold='1' ver='1.6'/>"
XML = {"Content-Type": "text/xml; charset=utf-8"}


@pytest.fixture
def page(bed: TestBed) -> Page:
    return Page(bed)


def test_a_page_of_another_origin_may_use_bosh(page: Page):
    """CORS: the preflight is answered, and there is exactly one Access-Control-Allow-Origin."""
    asked = {
        "Origin": ELSEWHERE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = page.http("OPTIONS", "/http-bind", "", asked)
    assert preflight.status in (200, 204)
    answer = page.http("POST", "/http-bind", OPEN, XML | {"Origin": ELSEWHERE})
    for each in (preflight, answer):
        assert each.headers.get_all("access-control-allow-origin") == ["*"]


def test_a_page_from_a_file_has_the_origin_null(page: Page):
    answer = page.http("POST", "/http-bind", OPEN, XML | {"Origin": "null"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize("path", ["/http-bind", "/http-bind/", "/bosh", "/bosh/"])
def test_the_final_slash_makes_no_difference(page: Page, path: str):
    """The commonest mistake in a reverse proxy."""
    assert page.http("POST", path, OPEN, XML).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1:5280", "chat", "docker-name:80", "www.shop.example"])
def test_the_name_of_the_web_server_is_not_the_domain_of_the_chat(page: Page, host: str):
    """404 for a Host that is no virtual host: BOSH goes by `to`."""
    answer = page.http("POST", "/http-bind", OPEN, XML | {"Host": host})
    assert answer.status == 200
    assert b"terminate" not in answer.read()


def test_a_domain_that_is_not_served_is_named(page: Page):
    answer = page.http("POST", "/http-bind", OPEN.replace("localhost", "lokalhost"), XML)
    assert b"host-unknown" in answer.read()
    assert "lokalhost" in answer.headers["x-bosh-reason"]


def test_a_password_login_works_without_tls_on_ones_own_machine(bed: TestBed):
    """ "PLAIN isn't offered": behind a proxy that ends TLS, and on localhost, it is."""
    client = BoshClient(bed.bosh, bed.domain)
    assert client.log_in("alice", "secret").startswith("alice@localhost/")


def test_a_wrong_password_says_so_and_is_not_in_what_was_recorded(bed: TestBed):
    """People paste logs with their passwords in them."""
    client = BoshClient(bed.bosh, bed.domain)
    answer = client.send(
        f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain('alice', 'hunter2')}</auth>"
    )
    assert answer[0].tag.endswith("}failure")
    assert "not-authorized" in answer[0][0].tag
    assert plain("alice", "hunter2") not in bed.transcript()


@pytest.mark.parametrize("name", ["host-meta", "host-meta.json"])
def test_clients_find_bosh_and_websocket_by_the_domain(bed: TestBed, name: str):
    """Both forms, with the right types, readable by pages of any origin, saying the same."""
    with urllib.request.urlopen(f"{bed.site}.well-known/{name}") as answer:
        text = answer.read().decode()
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers.get_content_type() == (
            "application/json" if name.endswith("json") else "application/xrd+xml"
        )
    assert bed.bosh in text
    assert str(bed.websocket) in text
    if name.endswith("json"):
        assert len(json.loads(text)["links"]) == 2


def test_a_guest_gets_another_address_with_each_visit(bed: TestBed):
    """ANONYMOUS: pages that count on one JID must keep the session, not log in anew."""
    jids = set()
    for _ in range(2):
        client = BoshClient(bed.bosh, f"anon.{bed.domain}")
        assert client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")[0].tag.endswith(
            "}success"
        )
        client._send(f"sid='{client.sid}' to='{client.domain}' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'")
        bound = client.send(
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        )
        jids.add(bound.findtext(".//{urn:ietf:params:xml:ns:xmpp-bind}jid"))
    assert len(jids) == 2


def test_a_proxy_that_breaks_shows_its_own_page(bed: TestBed, page: Page):
    """What does the page do with 502 and HTML where it expects XML?"""
    page.enter()
    with bed.fault("status", account="alice", status=502, count=1):
        body = f"<body xmlns='{HTTPBIND}' sid='{page.sid}' rid='{page.rid}'/>"
        answer = page.http("POST", "/http-bind", body, XML)
    assert answer.status == 502
    assert answer.headers.get_content_type() == "text/html"
    assert end_of(page.ping("again")) is None  # the server never saw it, so the rid is still to be used


UPLOAD = "<request xmlns='urn:xmpp:http:upload:0' filename='a.png' size='3' content-type='image/png'/>"


def slot_of(bed: TestBed) -> tuple[str, dict[str, str]]:
    """Where a file of three bytes may go: the path, and the header fields."""
    (slot,) = bed.stanza("alice", f"<iq type='get' id='u' to='upload.localhost'>{UPLOAD}</iq>")
    url = slot.partition('put url="')[2].partition('"')[0]
    secret = slot.partition(">Bearer ")[2].partition("<")[0]
    fields = {"Content-Type": "image/png", "Origin": ELSEWHERE, "Authorization": f"Bearer {secret}"}
    return urlsplit(url).path, fields


def test_an_upload_without_the_headers_of_its_slot_is_refused_and_says_so(bed: TestBed, page: Page):
    """They are opaque to the client, and must all be sent."""
    path, fields = slot_of(bed)
    some = {name: value for name, value in fields.items() if name != "Authorization"}
    refused = page.http("PUT", path, "abc", some)
    assert refused.status == 401
    assert refused.headers["access-control-allow-origin"] == "*"
    assert b"slot" in refused.read()
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = page.http("OPTIONS", path, "", asked | {"Origin": ELSEWHERE})
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert page.http("PUT", path, "abc", fields).status == 201


def test_what_a_page_makes_of_a_full_disk_can_be_tried(bed: TestBed, page: Page):
    path, fields = slot_of(bed)
    with bed.fault("status", path=path, status=507):
        assert page.http("PUT", path, "abc", fields).status == 507
    assert page.http("PUT", path, "abc", fields).status == 201


def test_what_a_page_makes_of_a_quota_can_be_tried(bed: TestBed, page: Page):
    page.enter()
    with bed.stub(kind="iq", to="upload.localhost", refuse="resource-constraint", reason="quota reached"):
        answer = page.post(f"<iq xmlns='jabber:client' type='get' id='u' to='upload.localhost'>{UPLOAD}</iq>")
    assert "quota reached" in "".join(answer.itertext())
