"""Which addresses a server may have that the operator hasn't named."""

from __future__ import annotations

import pytest

from conversehost.upstream.addresses import AddressRules


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fd00::1", "ff02::1", "::"),
        *("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0"),
        *("fec0::1", "64:ff9b:1::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "5f00::1"),
    ],
)
def test_what_is_not_public_is_refused(address):
    assert not AddressRules().permits(address)
    assert AddressRules(private=True).permits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public_is_not(address):
    assert AddressRules().permits(address)


def test_where_networks_are_allowed_nothing_else_is():
    rules = AddressRules(["10.0.0.0/8", "192.0.2.1/32"], ["10.1.0.0/16"])
    assert [each for each in ("10.2.0.1", "10.1.0.1", "192.0.2.1", "8.8.8.8") if rules.permits(each)] == [
        "10.2.0.1",
        "192.0.2.1",
    ]


def test_what_is_denied_is_refused_to_all():
    rules = AddressRules(denied=["8.8.0.0/16"], private=True)
    assert not rules.permits("8.8.8.8")
    assert rules.is_denied("::ffff:8.8.8.8")
    assert not rules.is_denied("8.9.8.8")
