"""Who is beyond a proxy: what trusted ones say counts, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.net.forwarded import UNKNOWN, Client, Proxies, is_authority, is_forwarding
from tests.bosh.stage import HTTPBIND
from tests.net.front import Front

PROXY = Client("127.0.0.1", False, b"localhost:5280")
FAR = "192.0.2.43"


def beyond(*fields: tuple[str, str], direct: Client = PROXY, trusted: tuple[str, ...] | None = None) -> Client:
    headers = [(name.encode(), value.encode()) for name, value in fields]
    return (Proxies() if trusted is None else Proxies(trusted)).client(direct, headers)


def legacy(addresses: str, scheme: str = "", host: str = "") -> list[tuple[str, str]]:
    named = {"x-forwarded-for": addresses, "x-forwarded-proto": scheme, "x-forwarded-host": host}
    return [(name, value) for name, value in named.items() if value]


# Trust


def test_without_fields_it_is_who_connected():
    assert beyond() == PROXY


@pytest.mark.parametrize(
    "fields",
    [legacy("10.9.9.9", "https", "evil.example"), [("forwarded", "for=10.9.9.9;proto=https;host=evil.example")]],
)
def test_what_others_than_proxies_say_counts_for_nothing(fields):
    stranger = Client("198.51.100.7", False, b"chat.example")
    assert beyond(*fields, direct=stranger) == stranger
    assert beyond(*fields, direct=Client("", False, b"")) == Client("", False, b"")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_trusted_unless_others_are_named(address):
    direct = Client(address, False, b"h")
    assert beyond(*legacy(FAR), direct=direct).address == FAR
    assert beyond(*legacy(FAR), direct=direct, trusted=("192.0.2.1/32",)) == direct
    assert beyond(*legacy(FAR), direct=direct, trusted=()) == direct


def test_a_named_network_is_trusted():
    direct = Client("10.1.2.3", False, b"h")
    assert beyond(*legacy(FAR), direct=direct, trusted=("10.0.0.0/8",)).address == FAR
    assert beyond(*legacy(FAR), direct=direct, trusted=("2001:db8::/32",)) == direct


# X-Forwarded-*


def test_address_scheme_and_host_of_one_proxy():
    assert beyond(*legacy(FAR, "https", "chat.example")) == Client(FAR, True, b"chat.example")


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (f"10.9.9.9, {FAR}", FAR),
        (f"127.0.0.1, {FAR}", FAR),
        (f"{FAR}, 127.0.0.1", FAR),
        (f"10.9.9.9, {FAR}, ::1, 127.0.0.2", FAR),
        ("127.0.0.3, 127.0.0.2", "127.0.0.3"),
        (f" {FAR} ,, ", FAR),
    ],
)
def test_the_last_address_that_is_not_trusted_counts(addresses, expected):
    assert beyond(*legacy(addresses)).address == expected


def test_a_list_in_several_fields_is_one():
    assert beyond(("x-forwarded-for", "10.9.9.9"), ("x-forwarded-for", FAR), ("x-forwarded-for", "::1")).address == FAR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.43:4711", FAR),
        ("[2001:db8::17]:4711", "2001:db8::17"),
        ("[2001:DB8::0017]", "2001:db8::17"),
        ("2001:db8::17", "2001:db8::17"),
        ("::ffff:192.0.2.43", FAR),
    ],
)
def test_ways_to_write_an_address(text, expected):
    assert beyond(*legacy(text)).address == expected


@pytest.mark.parametrize(
    "text", ["unknown", "_hidden", "localhost", "1.2.3", "fe80::1%<b>", "é", "<script>", "1.2.3.4.5", "x" * 9999]
)
def test_what_is_no_address_is_unknown_and_not_the_proxy_s_own(text):
    assert beyond(*legacy(text)).address == UNKNOWN
    assert beyond(*legacy(f"{FAR}, {text}")).address == UNKNOWN


@pytest.mark.parametrize(
    ("scheme", "secure"),
    [("https", True), ("HTTPS", True), ("wss", True), ("http", False), ("ws", False), ("x", False)],
)
def test_the_scheme(scheme, secure):
    assert beyond(*legacy(FAR, scheme)).secure is secure


def test_without_a_scheme_it_is_that_of_the_connection():
    assert beyond(*legacy(FAR), direct=Client("::1", True, b"h")).secure is True
    assert beyond(*legacy(FAR, "nonsense"), direct=Client("::1", True, b"h")).secure is True
    assert beyond(*legacy(FAR, "http"), direct=Client("::1", True, b"h")).secure is False


def test_scheme_and_host_are_those_that_this_client_used():
    told = legacy(f"10.9.9.9, {FAR}, ::1", "https, http, https", "evil.example, chat.example, inner.example")
    assert beyond(*told) == Client(FAR, False, b"chat.example")


def test_a_scheme_that_a_client_made_up_does_not_count_before_the_proxy_s():
    assert beyond(*legacy(FAR, "https, http", "evil.example, chat.example")) == Client(FAR, False, b"chat.example")


def test_a_proxy_that_tells_only_the_scheme():
    assert beyond(("x-forwarded-proto", "https")) == Client(PROXY.address, True, PROXY.host)


@pytest.mark.parametrize(
    "host", ["a b", "a/b", "a@b", '"', "<b>", "a:b", "a:123456", "[::1", "é", "a" * 300, "a?x", "a\\b"]
)
def test_a_host_that_is_none_is_not_taken(host):
    assert beyond(*legacy(FAR, "https", host)).host == PROXY.host
    assert not is_authority(host.encode())


@pytest.mark.parametrize(
    "host", ["chat.example", "chat.example:8443", "[2001:db8::17]:1", "127.0.0.1", "xn--bcher-kva.example"]
)
def test_a_host_that_is_one(host):
    assert beyond(*legacy(FAR, "https", host)).host == host.encode()


# Forwarded (RFC 7239)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("for=192.0.2.43", Client(FAR, False, PROXY.host)),
        ('For="[2001:db8:cafe::17]:4711"', Client("2001:db8:cafe::17", False, PROXY.host)),
        ("for=192.0.2.43;proto=https;by=203.0.113.60;host=chat.example", Client(FAR, True, b"chat.example")),
        ("for=10.9.9.9;proto=https, for=192.0.2.43", Client(FAR, False, PROXY.host)),
        ("for=192.0.2.43;proto=https, for=127.0.0.1;proto=http", Client(FAR, True, PROXY.host)),
        ('for="_SEVKISEK";proto=https', Client(UNKNOWN, True, PROXY.host)),
        ("for=unknown", Client(UNKNOWN, False, PROXY.host)),
        ('for="192.0.2.43" ; host="chat.exampl\\e:1"', Client(FAR, False, b"chat.example:1")),
        ('for="10.9.9.9, for=192.0.2.43"', Client(UNKNOWN, False, PROXY.host)),
        ("proto=https", Client(PROXY.address, True, PROXY.host)),
        ("for=10.9.9.9, proto=https", Client(PROXY.address, True, PROXY.host)),
    ],
)
def test_forwarded(field, expected):
    assert beyond(("forwarded", field)) == expected


@pytest.mark.parametrize("field", [",", ";", "for", "for=", 'for="', "for=a b", "=x", "for=1.2.3.4 for=1.2.3.4", "é=1"])
def test_what_is_not_so_written_tells_of_nobody(field):
    assert beyond(("forwarded", field)) == Client(UNKNOWN, False, PROXY.host)


def test_the_two_kinds_are_not_mixed():
    both = beyond(*legacy(FAR, "http"), ("forwarded", "for=10.9.9.9;proto=https;host=evil.example"))
    assert both == Client(FAR, False, PROXY.host)


@given(st.lists(st.tuples(st.sampled_from(["forwarded", *(name for name, _ in legacy("a", "b", "c"))]), st.text())))
def test_nothing_crashes_and_no_host_is_dangerous(fields):
    client = beyond(*fields)
    assert client.host == PROXY.host or is_authority(client.host)
    assert client.address == UNKNOWN or set(client.address) <= set("0123456789abcdef.:")


# What it is used for


def test_the_server_learns_the_client_s_address_over_bosh():
    front = Front()
    assert opened(front).address == "192.168.1.1"  # who is connected in this test
    assert opened(front, X_Forwarded_For=FAR).address == "192.168.1.1"
    front.factory.proxies = Proxies(["192.168.1.1/32"])
    assert opened(front, X_Forwarded_For=FAR, X_Forwarded_Proto="https").address == FAR
    assert opened(front, X_Forwarded_For=FAR, X_Forwarded_Proto="https").secure is True
    assert opened(front, Forwarded=f"for={FAR}").secure is False
    assert opened(front).address == "192.168.1.1"


def opened(front: Front, **fields: str):
    """What the server is told of a new session's client."""
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} rid='1' to='localhost' wait='60' hold='1' ver='1.6'/>", **fields)
    return front.server.opening


@pytest.mark.parametrize(
    "name", ["forwarded", "x-forwarded-for", "x-forwarded-port", "x-forwarded-anything", "x-real-ip", "via"]
)
def test_fields_that_show_a_proxy(name):
    assert is_forwarding(name.encode())
    assert not is_forwarding(b"x-" + name.removeprefix("x-forwarded-").encode())
