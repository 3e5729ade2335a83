"""Files by HTTP: in with PUT, out with GET, and nothing else (XEP-0363 sections 7 to 9)."""

from __future__ import annotations

import errno
import http.client
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from conversehost.web import upload
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House, Person
from tests.web.conftest import Answer, Wire

ids = itertools.count(1)
DATA = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


class Slot:
    """As a client has it."""

    def __init__(self, person: Person, **attributes: str) -> None:
        request = element(ns.UPLOAD, "request", {"filename": "a b.png", "size": str(len(DATA)), **attributes})
        person.says(stanza("iq", {"type": "get", "id": f"s{next(ids)}", "to": "upload.localhost"}, request))
        put = person.got[-1][0][0]
        self.url = put.get("url", "")
        self.path = urlsplit(self.url).path
        self.headers = {each.get("name", ""): each.text or "" for each in put}


class Web:
    """Requests, in memory, over the front of a whole server."""

    def __init__(self, house: House) -> None:
        self.house = house

    def open(self, method: str, path: str, fields: dict[str, str]) -> Any:
        """A connection, after the header was sent."""
        peer = IPv4Address("TCP", "127.0.0.1", 50_000)
        connection = self.house.server.http.buildProtocol(peer)
        connection.makeConnection(StringTransport(peerAddress=peer))
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        connection.dataReceived("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
        return connection

    def read(self, connection: Any, method: str = "PUT") -> Answer:
        transport = connection.transport
        while transport.producer is not None:
            transport.producer.resumeProducing()
        response = http.client.HTTPResponse(Wire(io.BytesIO(transport.value())), method=method)  # type: ignore[arg-type]
        response.begin()
        return Answer(response.status, response.reason, response.headers, response.read())

    def put(self, slot: Slot, data: bytes = DATA, path: str = "", **changes: str | None) -> Answer:
        given = {"Content-Length": str(len(data)), "Content-Type": "image/png"} | slot.headers
        given |= {name.replace("_", "-"): value for name, value in changes.items()}
        connection = self.open("PUT", path or slot.path, {name: value for name, value in given.items() if value})
        connection.dataReceived(data)
        return self.read(connection)

    def get(self, path: str, method: str = "GET", **fields: str) -> Answer:
        return self.read(
            self.open(method, path, {name.replace("_", "-"): value for name, value in fields.items()}), method
        )

    @property
    def on_disk(self) -> list[Path]:
        folder = self.house.server.files._folder
        return sorted(folder.iterdir()) if folder is not None else []


@pytest.fixture
def house() -> Iterator[House]:
    house = House("--upload-limit", "20000")
    yield house
    house.server.close_sessions("system-shutdown")
    house.server.files.close()


@pytest.fixture
def alice(house: House) -> Person:
    return house.person("alice")


@pytest.fixture
def web(house: House) -> Web:
    return Web(house)


@pytest.fixture
def slot(alice: Person) -> Slot:
    return Slot(alice, **{"content-type": "image/png"})


def test_in_and_out(web: Web, slot: Slot):
    assert web.get(slot.path).code == 404
    assert web.put(slot).code == 201
    answer = web.get(slot.path)
    assert (answer.code, answer.body) == (200, DATA)
    assert answer.fields["content-type"] == "image/png"
    assert answer.fields["content-disposition"] == "inline; filename*=UTF-8''a%20b.png"
    assert answer.fields["x-content-type-options"] == "nosniff"
    assert answer.fields["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    head = web.get(slot.path, "HEAD")
    assert (head.code, head.body, head.fields["content-length"]) == (200, b"", str(len(DATA)))


def test_a_part_of_it(web: Web, slot: Slot):
    web.put(slot)
    answer = web.get(slot.path, Range="bytes=10-19")
    assert (answer.code, answer.body) == (206, DATA[10:20])
    assert answer.fields["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert web.get(slot.path, Range=f"bytes={len(DATA)}-").code == 416


def test_it_is_written_as_it_comes(web: Web, slot: Slot):
    """Never as a whole in memory, and not there before all of it is."""
    connection = web.open("PUT", slot.path, {"Content-Length": str(len(DATA)), **slot.headers})
    for start in range(0, len(DATA), 1000):
        assert web.get(slot.path).code == 404
        connection.dataReceived(DATA[start : start + 1000])
    assert web.read(connection).code == 201
    assert web.get(slot.path).body == DATA


def test_a_client_that_vanishes_leaves_nothing(web: Web, slot: Slot):
    connection = web.open("PUT", slot.path, {"Content-Length": str(len(DATA)), **slot.headers})
    connection.dataReceived(DATA[:1000])
    (part,) = web.on_disk
    assert part.suffix == ".part"
    connection.connectionLost(Failure(ConnectionLost()))
    assert web.on_disk == []
    assert web.put(slot).code == 201  # it may try again


def test_no_name_of_a_client_is_a_name_on_the_disk(web: Web, alice: Person):
    slot = Slot(alice, filename="..passwd")
    assert web.put(slot).code == 201
    (path,) = web.on_disk
    assert "passwd" not in path.name


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Content_Type": "text/html"}, 415),
        ({"path": "/upload/nowhere/a%20b.png"}, 404),
        ({"path": "/upload/"}, 404),
        ({"data": DATA + b"x"}, 413),
        ({"data": DATA[1:]}, 400),
    ],
)
def test_what_is_not_taken(web: Web, slot: Slot, changes: dict[str, Any], code: int):
    answer = web.put(slot, **changes)
    assert answer.code == code
    assert answer.text.startswith(f"{code}: ")
    assert web.on_disk == []
    assert web.put(slot).code == 201


def test_what_comes_at_once_with_a_header_that_is_refused_is_not_looked_at(web: Web, slot: Slot):
    length = f"Content-Length: {len(DATA)}"
    good = "\r\n".join(f"{name}: {value}" for name, value in slot.headers.items())
    head = f"PUT {slot.path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"
    both = (head + "\r\n").encode() + DATA + f"{head}{good}\r\n\r\n".encode() + DATA
    connection = web.open("GET", "/health", {})
    connection.transport.clear()
    with capturedLogs() as logs:
        connection.dataReceived(both)
    assert [each for each in logs if "log_failure" in each] == []
    assert web.read(connection).code == 401
    assert connection.transport.value().count(b"HTTP/1.1") == 1
    assert web.on_disk == []


@pytest.mark.parametrize("parts", ["bytes=" + ",".join(["0-"] * 6), "bytes=\udcb2-", "bytes=x", "lines=1-2"])
def test_all_of_it_is_sent_once_however_many_parts_are_wanted(web: Web, slot: Slot, parts: str):
    web.put(slot)
    answer = web.get(slot.path, Range=parts)
    assert (answer.code, answer.body) == (200, DATA)


def test_the_name_belongs_to_the_slot(web: Web, slot: Slot):
    assert web.put(slot, path=slot.path.replace("a%20b.png", "other.png")).code == 404
    web.put(slot)
    assert web.get(slot.path.replace("a%20b.png", "other.png")).code == 404
    assert web.get(slot.path.replace("a%20b.png", "a b.png".replace(" ", "%20"))).code == 200


def test_the_length_must_be_said(web: Web, slot: Slot):
    connection = web.open("PUT", slot.path, {"Transfer-Encoding": "chunked", **slot.headers})
    assert web.read(connection).code == 411


def test_one_file_for_one_slot(web: Web, slot: Slot):
    first = web.open("PUT", slot.path, {"Content-Length": str(len(DATA)), **slot.headers})
    first.dataReceived(DATA[:10])
    assert web.put(slot).code == 409
    first.dataReceived(DATA[10:])
    assert web.read(first).code == 201
    assert web.put(slot).code == 409


def test_no_type_is_whatever(web: Web, alice: Person):
    slot = Slot(alice)
    assert web.put(slot, Content_Type="text/x-odd").code == 201
    answer = web.get(slot.path)
    assert answer.fields["content-type"] == "application/octet-stream"
    assert answer.fields["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("type", "shown"),
    [
        ("image/jpeg", True),
        ("audio/ogg", True),
        ("video/mp4", True),
        ("text/plain; charset=utf-8", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("application/pdf", False),
        ("text/javascript", False),
    ],
)
def test_what_could_run_is_saved_instead(web: Web, alice: Person, type: str, shown: bool):
    slot = Slot(alice, **{"content-type": type})
    assert web.put(slot, Content_Type=type).code == 201
    answer = web.get(slot.path)
    assert answer.fields["content-disposition"].startswith("inline;") is shown
    assert answer.fields["content-type"] == type


def test_a_file_goes_when_its_time_is_over(web: Web, slot: Slot):
    web.put(slot)
    web.house.server.clock.advance(86_399)
    assert web.get(slot.path).code == 200
    web.house.server.clock.advance(2)
    assert web.get(slot.path).code == 404
    assert web.on_disk == []


def test_a_reset_drops_the_files(web: Web, slot: Slot):
    web.put(slot)
    web.house.api("POST", "/reset")
    assert web.get(slot.path).code == 404
    assert web.on_disk == []


def test_an_account_that_goes_takes_its_files_along(web: Web, slot: Slot, house: House):
    web.put(slot)
    house.api("DELETE", "/accounts/alice@localhost")
    assert web.get(slot.path).code == 404
    web.put(Slot(house.person("bob")))
    assert len(web.on_disk) == 1


def test_a_slot_that_goes_while_its_file_comes(web: Web, slot: Slot, house: House):
    connection = web.open("PUT", slot.path, {"Content-Length": str(len(DATA)), **slot.headers})
    house.server.clock.advance(301)
    connection.dataReceived(DATA)
    assert web.read(connection).code == 404
    assert web.on_disk == []


def test_a_slot_waits_for_its_file_five_minutes(web: Web, alice: Person):
    early, late = Slot(alice), Slot(alice)
    web.house.server.clock.advance(299)
    assert web.put(early).code == 201
    web.house.server.clock.advance(2)
    assert web.put(late).code == 404


def test_a_second_file_is_refused_though_it_is_the_same(web: Web, slot: Slot):
    """What is there stays as it is."""
    web.put(slot)
    assert web.put(slot, b"x" * len(DATA)).code == 409
    assert web.get(slot.path).body == DATA


def test_the_folder_goes_with_the_server(web: Web, slot: Slot, house: House):
    web.put(slot)
    folder = house.server.files._folder
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    house.server.files.close()
    assert not folder.exists()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 507), (errno.EIO, 500)])
def test_a_disk_that_fails(web: Web, slot: Slot, monkeypatch: pytest.MonkeyPatch, number: int, code: int):
    def write(self: object, parts: object) -> None:
        raise OSError(number, "no")

    connection = web.open("PUT", slot.path, {"Content-Length": str(len(DATA)), **slot.headers})
    channel = connection._web
    file = channel._file
    channel._file = type("Broken", (), {"writelines": write, "close": file.close})()
    connection.dataReceived(DATA)
    assert web.read(connection).code == code
    assert web.on_disk == []


ORIGIN = "https://elsewhere.example"


def test_what_browsers_ask_before_a_page_may_put(web: Web, slot: Slot):
    answer = web.get(
        slot.path,
        "OPTIONS",
        Origin=ORIGIN,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="authorization,content-type",
    )
    assert answer.code == 204
    assert answer.fields["access-control-allow-origin"] == "*"
    assert "PUT" in answer.fields["access-control-allow-methods"]
    assert answer.fields["access-control-allow-headers"] == "authorization, content-type"


def test_pages_may_read_what_is_answered(web: Web, slot: Slot):
    refused = web.put(slot, Authorization=None, Origin=ORIGIN)
    assert (refused.code, refused.fields["access-control-allow-origin"]) == (401, "*")
    taken = web.put(slot, Origin=ORIGIN)
    assert (taken.code, taken.fields["access-control-allow-origin"]) == (201, "*")
    answer = web.get(slot.path, Origin=ORIGIN)
    assert answer.fields.get_all("access-control-allow-origin") == ["*"]
    assert answer.fields["cross-origin-resource-policy"] == "cross-origin"
    assert web.get("/upload/none/x", Origin=ORIGIN).fields["access-control-allow-origin"] == "*"


def test_pages_of_other_sites_only_where_they_are_allowed():
    house = House("--allow-origin", "https://friend.example")
    web, slot = Web(house), Slot(house.person("alice"))
    assert web.put(slot, Origin=ORIGIN).code == 403
    assert web.get(slot.path, "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="PUT").code == 403
    friendly = web.put(slot, Origin="https://friend.example")
    assert friendly.code == 201
    assert friendly.fields.get_all("access-control-allow-origin") == ["https://friend.example"]
    house.server.files.close()
    house.server.close_sessions("system-shutdown")


def test_there_is_no_other_method(web: Web, slot: Slot):
    web.put(slot)
    for method in ("POST", "DELETE", "PATCH"):
        assert web.get(slot.path, method).code == 405


def test_where_there_are_no_uploads_there_is_no_page():
    house = House("--disable", "upload")
    assert Web(house).get("/upload/x/y").code == 404
    assert Web(house).get("/upload/x/y", "PUT").code in (404, 405)
    house.server.close_sessions("system-shutdown")


def test_behind_a_site_of_ones_own_they_are_elsewhere():
    house = House("--proxy", "http://localhost:1")
    web, slot = Web(house), Slot(house.person("alice"))
    assert slot.path.startswith("/_upload/")
    assert web.put(slot).code == 201
    assert web.get(slot.path).body == DATA
    house.server.files.close()
    house.server.close_sessions("system-shutdown")


def test_a_tenant_has_files_too(web: Web, house: House):
    assert house.api("POST", "/tenants", {"name": "t1"}).status == 201
    person = house.person("alice@t1.localhost")
    request = element(ns.UPLOAD, "request", {"filename": "a b.png", "size": str(len(DATA))})
    person.says(stanza("iq", {"type": "get", "id": "t", "to": "upload.t1.localhost"}, request))
    slot = Slot.__new__(Slot)
    put = person.got[-1][0][0]
    slot.path, slot.headers = urlsplit(put.get("url", "")).path, {"Authorization": put[0].text or ""}
    assert web.put(slot).code == 201
    assert web.get(slot.path).body == DATA
    house.api("DELETE", "/tenants/t1")
    assert web.get(slot.path).code == 404


def test_names_as_headers_have_them():
    named = upload.disposition(upload.Slot("t", "o", 'a"b\u00fc.svg', 1, "image/svg+xml", "", None, None))
    assert named == b"attachment; filename*=UTF-8''a%22b%C3%BC.svg"


def test_an_upload_is_among_what_was_recorded(house, web, slot):
    web.put(slot)
    web.put(slot)
    found = house.api("GET", "/traffic?level=http&method=PUT").json["records"]
    assert [(each["status"], each["request"]["body"]) for each in found] == [(201, ""), (409, "")]
    assert slot.headers["Authorization"] not in str(found)
