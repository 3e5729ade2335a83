"""XEP-0156: the addresses of BOSH and WebSocket, right for whoever asks."""

from __future__ import annotations

import pytest
from lxml import etree

from conversehost.net.forwarded import Proxies
from tests.web.conftest import Answer, Browser

XRD, JRD = "/.well-known/host-meta", "/.well-known/host-meta.json"
REL = "urn:xmpp:alt-connections:"


@pytest.fixture
def browser(build) -> Browser:
    return build(websocket_path="/xmpp-websocket")


def links(answer: Answer) -> dict[str, str]:
    """Href by relation, of either form."""
    if answer.fields["content-type"] == "application/json":
        return {each["rel"].removeprefix(REL): each["href"] for each in answer.json["links"]}
    root = etree.fromstring(answer.body)
    assert root.tag == "{http://docs.oasis-open.org/ns/xri/xrd-1.0}XRD"
    return {each.get("rel").removeprefix(REL): each.get("href") for each in root}


def test_the_xml_form(browser):
    answer = browser.get(XRD)
    assert answer.code == 200
    assert answer.fields["content-type"] == "application/xrd+xml; charset=utf-8"
    assert answer.body.startswith(b"<?xml")
    assert b"<Link rel=" in answer.body  # Converse.js looks for the name without a prefix


def test_the_json_form(browser):
    answer = browser.get(JRD)
    assert answer.code == 200
    assert answer.fields["content-type"] == "application/json"
    assert list(answer.json) == ["links"]


@pytest.mark.parametrize("path", [XRD, JRD])
def test_both_links_are_absolute(browser, path):
    assert links(browser.get(path)) == {
        "xbosh": "http://localhost:5280/http-bind",
        "websocket": "ws://localhost:5280/xmpp-websocket",
    }


@pytest.mark.parametrize("path", [XRD, JRD])
def test_no_websocket_without_one(build, path):
    assert list(links(build(websocket_path=None).get(path))) == ["xbosh"]


@pytest.mark.parametrize("path", [XRD, JRD])
def test_behind_a_proxy_they_are_those_of_the_proxy(browser, path):
    told = {"x_forwarded_proto": "https", "x_forwarded_host": "chat.example"}
    assert links(browser.get(path, **told))["xbosh"] == "http://localhost:5280/http-bind"
    browser.proxies = Proxies(["192.168.1.1"])
    assert links(browser.get(path, **told)) == {
        "xbosh": "https://chat.example/http-bind",
        "websocket": "wss://chat.example/xmpp-websocket",
    }
    assert links(browser.get(path, forwarded='proto=https;host="chat.example:8443"')) == {
        "xbosh": "https://chat.example:8443/http-bind",
        "websocket": "wss://chat.example:8443/xmpp-websocket",
    }


@pytest.mark.parametrize("path", [XRD, JRD])
@pytest.mark.parametrize("host", ["chat.example", "evil.example:1", "[2001:db8::1]:5280"])
def test_any_name_is_answered(browser, path, host):
    answer = browser.get(path, host=host)
    assert links(answer)["xbosh"] == f"http://{host}/http-bind"


@pytest.mark.parametrize("path", [XRD, JRD])
@pytest.mark.parametrize("host", ['a"/><x y="', "a</XRD>", 'a","b":"', "a/b", "a b", "user@a", "é"])
def test_what_is_no_name_gets_into_no_answer(browser, path, host):
    answer = browser.get(path, host=host)
    assert host.encode() not in answer.body
    assert links(answer)["xbosh"].startswith("http://localhost:")
    assert links(answer)["xbosh"].endswith("/http-bind")


@pytest.mark.parametrize("path", [XRD, JRD])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_pages_of_any_origin_may_read_it(browser, path, method):
    answer = browser.send(method, path, b"", {"origin": "https://elsewhere.example"})
    assert answer.code == {"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 405}[method]
    assert answer.fields.get_all("access-control-allow-origin") == ["*"]
    assert "access-control-allow-credentials" not in answer.fields


def test_a_browser_that_asks_first(browser):
    answer = browser.get(XRD, "OPTIONS", origin="https://elsewhere.example", access_control_request_method="GET")
    assert answer.fields["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "Accept" in answer.fields["access-control-allow-headers"]
    assert "content-length" not in answer.fields  # RFC 9110 section 8.6


@pytest.mark.parametrize("path", [XRD, JRD])
def test_no_cache_gives_one_visitor_s_addresses_to_another(browser, path):
    assert browser.get(path).fields["cache-control"] == "no-store"
    assert browser.get(path).fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [XRD, JRD])
def test_head(browser, path):
    head, get = browser.head(path), browser.get(path)
    assert (head.code, head.body) == (200, b"")
    assert head.fields["content-length"] == str(len(get.body))


@pytest.mark.parametrize("path", ["/.well-known", "/.well-known/", "/.well-known/other", f"{XRD}/x"])
def test_nothing_else_is_there(browser, path):
    answer = browser.get(path)
    assert answer.code == 404
    assert "access-control-allow-origin" not in answer.fields
