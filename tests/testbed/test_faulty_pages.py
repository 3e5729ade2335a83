"""Pages that are struck, because a fault names their path: over HTTP, as a browser meets them."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.testbed.noun import API
from tests.testbed.conftest import House

META = "/.well-known/host-meta"
LOGIN = b"username=alice&password=secret"


class Visit:
    """One connection, on which a browser asks."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._connection = house.server.http.buildProtocol(None)
        self._transport = StringTransport()
        self._connection.makeConnection(self._transport)

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **fields: str) -> Visit:
        head = {"Host": "localhost:5280", "Content-Length": str(len(body)), **fields}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
        self._connection.dataReceived(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return self

    def log_in(self) -> Visit:
        return self.ask("/login", "POST", LOGIN, Content_Type="application/x-www-form-urlencoded")

    def later(self, seconds: float) -> None:
        self._house.server.clock.advance(seconds)

    def leave(self) -> None:
        self._connection.connectionLost(Failure(ConnectionDone()))

    @property
    def told(self) -> bytes:
        """All that came, and that is taken as read."""
        told = bytes(self._transport.value())
        self._transport.clear()
        return told

    @property
    def broken(self) -> bool:
        return bool(self._transport.disconnected)


@pytest.fixture
def visit(house: House) -> Visit:
    return Visit(house)


def strike(api, fault: str, path: str = "", **fields: object) -> None:
    where = {"path": path} if path else {}
    assert api("POST", "/faults", {"fault": fault, **where, **fields}).status == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", META), ("GET", f"{META}.json"), ("POST", "/login"), ("GET", "/prebind"), ("GET", "/health")],
)
def test_a_page_of_a_proxy_comes_in_place_of_any_page(api, visit, method, path):
    strike(api, "status", path, status=502, count=1)
    assert visit.ask(path, method).told.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    told = visit.ask(path, method).told
    assert told
    assert b"502" not in told.partition(b"\r\n")[0]


def test_pages_that_no_fault_names_are_spared(api, visit):
    strike(api, "status")
    strike(api, "latency", META, seconds=0)
    assert visit.ask("/").told.startswith(b"HTTP/1.1 200 ")
    assert visit.ask(META).told.startswith(b"HTTP/1.1 200 ")
    assert visit.ask("/prebind").told.startswith(b"HTTP/1.1 503 ")


def test_the_control_api_is_never_struck(api):
    strike(api, "status", f"{API}/faults")
    assert api("GET", "/faults").status == 200


def test_a_page_is_there_again_once_the_fault_is_gone(api, visit):
    strike(api, "hang", "/login")
    api("DELETE", "/faults")
    assert visit.log_in().told.startswith(b"HTTP/1.1 30")


def test_latency_is_before_the_page_and_bandwidth_behind_it(api, visit):
    whole = visit.ask(META).told
    strike(api, "latency", META, seconds=2)
    strike(api, "bandwidth", META, bytes_per_second=len(whole))
    visit.ask(META)
    visit.later(2.9)
    assert visit.told == b""
    visit.later(0.2)
    assert visit.told == whole


def test_a_login_whose_answer_is_lost_has_happened(api, visit):
    strike(api, "lost-response", "/login", count=1)
    visit.log_in()
    assert visit.broken
    assert visit.told == b""
    (login,) = api("GET", "/traffic?level=http&path=/login").json["records"]
    assert (login["method"], login["status"], login["response"]) == ("POST", None, None)


@pytest.mark.parametrize("path", ["/", META, "/login", "/health", "/prebind"])
def test_an_answer_that_is_lost_is_not_seen(api, visit, path):
    strike(api, "lost-response", path, count=1)
    visit.ask(path)
    assert visit.broken
    (lost,) = api("GET", f"/traffic?level=http&path={path}").json["records"]
    assert (lost["status"], lost["response"]) == (None, None)


@pytest.mark.parametrize("path", ["/", META, "/prebind"])
def test_an_answer_that_nobody_waits_for_is_not_seen(api, visit, path):
    strike(api, "bandwidth", path, bytes_per_second=1)
    visit.ask(path)
    visit.leave()
    (left,) = api("GET", f"/traffic?level=http&path={path}").json["records"]
    assert (left["status"], left["response"]) == (None, None)


def test_of_a_request_that_comes_twice_one_answer_is_seen(api, visit):
    strike(api, "duplicate-request", "/")
    visit.ask("/")
    assert [each["status"] for each in api("GET", "/traffic?level=http&path=/").json["records"]] == [None, 200]


@pytest.mark.parametrize("path", [META, "/login", "/prebind"])
def test_an_answer_that_is_late_is_seen(api, visit, path):
    strike(api, "latency", path, seconds=0)
    answer = visit.ask(path).told
    (seen,) = api("GET", f"/traffic?level=http&path={path}").json["records"]
    assert f"HTTP/1.1 {seen['status']} ".encode() == answer[:13]
    assert answer.endswith(seen["response"]["body"].encode())


@pytest.mark.parametrize(("fault", "broken"), [("lost-request", True), ("hang", False)])
def test_a_login_that_never_arrived_is_seen_without_an_answer(api, visit, fault, broken):
    strike(api, fault, "/login")
    visit.log_in()
    assert (visit.told, visit.broken) == (b"", broken)
    (login,) = api("GET", "/traffic?level=http&path=/login").json["records"]
    assert (login["method"], login["status"]) == ("POST", None)


def test_what_a_fault_answered_is_seen(api, visit):
    strike(api, "status", "/login", status=504)
    visit.log_in()
    assert [each["status"] for each in api("GET", "/traffic?level=http&path=/login").json["records"]] == [504]


def test_what_comes_twice_is_answered_once(api, visit):
    strike(api, "duplicate-request", "/login")
    assert visit.log_in().told.count(b"HTTP/1.1 ") == 1
    assert len(api("GET", "/traffic?level=http&path=/login").json["records"]) == 2


def test_answers_leave_in_the_order_of_their_requests(api, visit):
    strike(api, "latency", META, seconds=1)
    visit.ask(META).ask("/health")
    assert visit.told == b""
    visit.later(1)
    told = visit.told
    assert told.index(b"<XRD") < told.rindex(b"HTTP/1.1 200 ")


def test_a_browser_that_leaves_meanwhile_is_let_go(api, visit):
    strike(api, "bandwidth", META, bytes_per_second=1)
    visit.ask(META).leave()
    visit.later(10_000)
    assert visit.told == b""


def test_pages_of_whoever_is_logged_in(api, visit):
    cookie = visit.log_in().told.partition(b"Set-Cookie: ")[2].partition(b";")[0].decode()
    strike(api, "status", "/", account="alice")
    assert visit.ask("/").told.startswith(b"HTTP/1.1 200 ")
    assert visit.ask("/", Cookie=cookie).told.startswith(b"HTTP/1.1 503 ")


def test_pages_of_a_tenant(api, visit):
    api("POST", "/tenants", {"name": "t1"})
    api("POST", "/tenants/t1/faults", {"fault": "status", "path": "/"})
    assert visit.ask("/").told.startswith(b"HTTP/1.1 200 ")
    assert visit.ask("/", Host="t1.localhost:5280").told.startswith(b"HTTP/1.1 503 ")


def test_an_upload_can_fail_as_well(house, api, visit):
    """Its path is known once there is a slot."""
    asked = "<request xmlns='urn:xmpp:http:upload:0' filename='a.png' size='3' content-type='image/png'/>"
    xml = f"<iq type='get' id='u' to='upload.localhost'>{asked}</iq>"
    (slot,) = api("POST", "/stanzas", {"from": "alice", "xml": xml}).json["answers"]
    path = "/" + slot.partition('put url="')[2].partition('"')[0].split("/", 3)[3]
    fields = {
        "Content_Type": "image/png",
        "Authorization": "Bearer " + slot.partition(">Bearer ")[2].partition("<")[0],
    }
    strike(api, "status", path, status=507, count=1)
    assert visit.ask(path, "PUT", b"abc", **fields).told.startswith(b"HTTP/1.1 507 ")
    strike(api, "latency", path, seconds=1)
    visit.ask(path, "PUT", b"abc", **fields).later(1)
    assert visit.told.startswith(b"HTTP/1.1 201 ")
    assert [each["status"] for each in api("GET", f"/traffic?level=http&path={path}").json["records"]] == [507, 201]
    assert visit.ask(path).told == b""
    visit.later(1)
    assert visit.told.endswith(b"\r\n\r\nabc")
