"""Host names, as they come in requests and as the operator gives them."""

from __future__ import annotations

import pytest

from conversehost.web.guard import host_name, is_loopback


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b"localhost", "localhost"),
        (b"LocalHost:5280", "localhost"),
        (b"verona.example.", "verona.example"),
        (b"verona.example.:80", "verona.example"),
        (b"127.0.0.1:80", "127.0.0.1"),
        (b"[::1]:80", "::1"),
        (b"[::1]", "::1"),
        (b"", ""),
        (b":80", ""),
    ],
)
def test_the_name_in_a_host_field(field, name):
    assert host_name(field) == name


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("0:0:0:0:0:0:0:1", True),
        ("10.0.0.1", False),
        ("::2", False),
        ("localhost", False),
        ("127.1", False),
        ("", False),
    ],
)
def test_addresses_of_this_machine(host, loopback):
    assert is_loopback(host) is loopback
