"""What the control API says of itself: to programs, and to people."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate

import conversehost
from conversehost.testbed.control import Root
from conversehost.testbed.fields import Field
from conversehost.testbed.noun import API, Noun
from conversehost.testbed.openapi import walk
from tests.testbed.conftest import Caller, House

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def root() -> Noun:
    house = House()
    house.api("GET", "/")
    site = house.server.http.site.resource
    found = site.children[b"_conversehost"].children[b"api"].children[b"v1"]
    assert isinstance(found, Root)
    return found


@pytest.fixture(scope="module")
def document() -> dict:
    return House().api("GET", "/openapi.json").json


def test_it_is_openapi_3_1(document):
    validate(document)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == conversehost.__version__
    assert document["servers"] == [{"url": API}]


def test_every_call_is_there_with_what_it_takes_and_answers(document):
    create = document["paths"]["/accounts"]["post"]
    assert create["operationId"] == "accounts.create"
    schema = create["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["jid"]
    assert list(schema["properties"]) == ["jid", "password", "nickname", "friends"]
    assert create["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Account"
    }
    assert {"400", "401", "403", "409", "413", "415", "421"} == set(create["responses"]) - {"201"}
    one = document["paths"]["/accounts/{jid}"]
    assert [(each["name"], each["in"], each["required"]) for each in one["parameters"]] == [("jid", "path", True)]
    assert "content" not in one["delete"]["responses"]["204"]


def test_every_call_says_what_it_does(root):
    for path, _, noun in walk(root):
        for method, verb in noun.verbs().items():
            said = verb.call.__doc__ or ""
            assert said.strip(), f"{method} {path}"
            assert all(isinstance(each, Field) and each.about for each in (*verb.query, *verb.body)), f"{method} {path}"


def test_every_item_has_a_place_in_it(root):
    for path, _, noun in walk(root):
        assert (type(noun).item is Noun.item) == (noun.key is None), path


def test_what_never_ends_is_there_too(document):
    listen = document["paths"]["/events"]["get"]
    assert list(listen["responses"]["200"]["content"]) == ["text/event-stream"]
    assert [each["name"] for each in listen["parameters"]] == ["after"]


def test_names_of_calls_differ(document):
    names = [
        each["operationId"]
        for item in document["paths"].values()
        for name, each in item.items()
        if name != "parameters"
    ]
    assert len(names) == len(set(names)) > 25


def test_it_needs_what_everything_needs(house):
    elsewhere = Caller(house.server, peer="192.0.2.7")
    assert elsewhere("GET", "/openapi.json").status == 401
    assert elsewhere("GET", "/", Accept="text/html").status == 401


# For people


@pytest.fixture
def page(api) -> str:
    answer = api.send("GET", f"{API}/", b"", HTML)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "accept"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    return answer.body.decode()


def test_a_browser_gets_a_page(page, document):
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            assert f"<h3><span>{method.upper()}</span>{path}</h3>" in page
    assert f'href="{API}/openapi.json"' in page
    assert "<script" not in page


def test_it_says_what_is_needed(page):
    assert "<td><code>advance</code> <small>needed</small></td><td>body</td>" in page
    assert "<td><code>password</code></td><td>body</td>" in page
    assert "<code>links</code> lead to the nouns" in page


def test_with_a_curl_command_for_each_call(page):
    commands = re.findall(r"<pre>(curl .*)</pre>", page)
    assert len(commands) == page.count("<h3>")
    assert f"curl -X POST http://localhost:5280{API}/reset" in commands
    assert (
        "curl -X POST -H &#39;Content-Type: application/json&#39; -d &#39;{&#34;advance&#34;: 70}&#39; "
        f"http://localhost:5280{API}/clock" in commands
    )


def test_a_program_gets_json(api):
    assert api.send("GET", API, b"", {"Accept": "*/*"}).json["name"] == "conversehost"


def test_head_of_the_page(api):
    get, head = (api.send(method, f"{API}/", b"", HTML) for method in ("GET", "HEAD"))
    assert head.body == b""
    assert head.headers["content-length"] == str(len(get.body))


def test_a_name_in_the_host_field_is_text(house):
    house = House("--allowed-host", "dev.example")
    page = Caller(house.server, host="dev.example:5280").send("GET", f"{API}/", b"", HTML).body.decode()
    assert f"http://dev.example:5280{API}/reset" in page
