"""The way to a server: what DNS says, where one may not go, what is tried after what."""

from __future__ import annotations

import pytest
import trustme
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.names import dns
from twisted.names.authority import FileAuthority
from twisted.python.failure import Failure

from conversehost.errors import ConfigError
from conversehost.net.reaching import (
    TRIED,
    ClientTls,
    Resolver,
    Roads,
    Search,
    ascii_name,
    read_certificates,
    read_own,
)
from conversehost.upstream.addresses import AddressRules
from conversehost.upstream.candidates import Record
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.places import Place


class Told(Resolver):
    """A DNS that knows this."""

    def __init__(self, records: dict[str, list[Record]], addresses: dict[str, list[str]]) -> None:
        self._records = records
        self._known = addresses

    def services(self, domain: str) -> Deferred[list[Record]]:
        return succeed(self._records.get(domain, []))

    def addresses(self, host: str) -> Deferred[list[str]]:
        return succeed(self._known.get(host, []))


class Hunt:
    """A search, and what came of it."""

    def __init__(self, domain: str, *, rules: AddressRules | None = None, **known: dict) -> None:
        self.reactor = MemoryReactorClock()
        resolver = Told(known.get("records", {}), known.get("addresses", {}))
        roads = Roads(self.reactor, resolver, ClientTls(insecure=True), rules or AddressRules())
        self.found: list[Place] = []
        self.failed: list[StreamError] = []
        self.search = Search(roads, domain, self._connected, self.failed.append)

    def _connected(self, place: Place) -> Protocol:
        self.found.append(place)
        return Protocol()

    @property
    def tried(self) -> list[tuple[str, int]]:
        return [(host, port) for host, port, *_ in self.reactor.tcpClients]

    def refused(self) -> None:
        """The newest attempt."""
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def taken(self) -> None:
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(IPv4Address("TCP", "8.8.8.8", 1))
        protocol.makeConnection(self.reactor.connectors[-1])


def test_one_after_the_other_until_one_takes_us():
    records = [Record(1, 0, 5222, "a.example."), Record(2, 0, 5223, "b.example.", tls=True)]
    hunt = Hunt(
        "chat.example",
        records={"chat.example": records},
        addresses={"a.example": ["8.8.8.8", "8.8.4.4"], "b.example": ["1.1.1.1"]},
    )
    hunt.search.begin(Place(), named=False)
    hunt.refused()
    hunt.refused()
    assert hunt.tried == [("8.8.8.8", 5222), ("8.8.4.4", 5222), ("1.1.1.1", 5223)]
    hunt.refused()
    assert [each.condition for each in hunt.failed] == ["remote-connection-failed"]


def test_the_first_that_takes_us_is_it():
    hunt = Hunt("chat.example", addresses={"chat.example": ["8.8.8.8"]})
    hunt.search.begin(Place(), named=False)
    hunt.taken()
    assert hunt.found == [Place("chat.example", 5222)]
    assert hunt.failed == []


def test_dns_cannot_have_a_thousand_places_tried():
    records = [Record(1, 0, 5222, f"s{number}.example") for number in range(1_000)]
    many = [f"8.8.{number}.8" for number in range(200)]
    addresses = {f"s{number}.example": many for number in range(1_000)}
    hunt = Hunt("chat.example", records={"chat.example": records}, addresses=addresses)
    hunt.search.begin(Place(), named=False)
    while not hunt.failed:
        hunt.refused()
    assert len(hunt.tried) == TRIED * TRIED


def test_nor_a_thousand_addresses_looked_at_where_one_may_not_go():
    records = [Record(1, 0, 5222, "127.0.0.1")] * 1_000
    hunt = Hunt("chat.example", records={"chat.example": records})
    hunt.search.begin(Place(), named=False)
    assert [each.condition for each in hunt.failed] == ["host-unknown"]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_into_our_own_network_is_not_followed(address):
    hunt = Hunt("evil.example", addresses={"evil.example": [address]})
    hunt.search.begin(Place(), named=False)
    assert hunt.tried == []
    assert [each.condition for each in hunt.failed] == ["host-unknown"]


def test_nor_is_an_address_as_a_domain():
    hunt = Hunt("127.0.0.1")
    hunt.search.begin(Place(), named=False)
    assert hunt.tried == []
    assert [each.condition for each in hunt.failed] == ["host-unknown"]


def test_where_the_operator_says_it_is_it_may_be_anywhere_but_where_he_denies_it():
    hunt = Hunt("chat.example")
    hunt.search.begin(Place("127.0.0.1", 5222), named=True)
    assert hunt.tried == [("127.0.0.1", 5222)]
    denied = Hunt("chat.example", rules=AddressRules(denied=["127.0.0.0/8"]))
    denied.search.begin(Place("127.0.0.1", 5222), named=True)
    assert denied.tried == []


def test_nobody_is_told_of_a_search_that_was_given_up():
    hunt = Hunt("chat.example", addresses={"chat.example": ["8.8.8.8"]})
    hunt.search.begin(Place(), named=False)
    hunt.search.cancel()
    assert hunt.failed == hunt.found == []


def test_a_name_in_any_script():
    assert ascii_name("bücher.example") == "xn--bcher-kva.example"
    assert ascii_name("[::1]") == "::1"
    assert ascii_name("x" * 300) == ascii_name("ü" * 300) == ""


class Zone(FileAuthority):
    """Records in memory."""

    def __init__(self, records: dict[bytes, list[dns.IRecord]]) -> None:
        super().__init__(records)

    def loadFile(self, filename: dict[bytes, list[dns.IRecord]]) -> None:
        self.soa = (b"chat.example", dns.Record_SOA())
        self.records = filename


def test_what_dns_says_is_read():
    zone = Zone(
        {
            b"chat.example": [dns.Record_SOA(), dns.Record_A("8.8.8.8"), dns.Record_AAAA("2001:db8::1")],
            b"_xmpp-client._tcp.chat.example": [dns.Record_SRV(5, 1, 5222, b"a.chat.example")],
            b"_xmpps-client._tcp.chat.example": [dns.Record_SRV(1, 1, 5223, b"b.chat.example")],
        }
    )
    resolver = Resolver.__new__(Resolver)
    resolver._dns, resolver._service = zone, "client"
    found: list[object] = []
    resolver.services("chat.example").addCallback(found.append)
    resolver.addresses("chat.example").addCallback(found.append)
    resolver.addresses("nobody.chat.example").addCallback(found.append)
    assert found == [
        [Record(5, 1, 5222, "a.chat.example"), Record(1, 1, 5223, "b.chat.example", tls=True)],
        ["8.8.8.8", "2001:db8::1"],
        [],
    ]


def test_servers_look_for_servers():
    zone = Zone(
        {
            b"chat.example": [dns.Record_SOA()],
            b"_xmpp-server._tcp.chat.example": [
                dns.Record_SRV(5, 1, 5269, b"a.chat.example"),
                dns.Record_SRV(6, 1, 5269, b"\xff.example"),
            ],
            b"_xmpps-server._tcp.chat.example": [dns.Record_SRV(1, 1, 5270, b"b.chat.example")],
            b"_xmpp-client._tcp.chat.example": [dns.Record_SRV(1, 1, 5222, b"c.chat.example")],
        }
    )
    resolver = Resolver.__new__(Resolver)
    resolver._dns, resolver._service = zone, "server"
    found: list[object] = []
    resolver.services("chat.example").addCallback(found.append)
    assert found == [[Record(5, 1, 5269, "a.chat.example"), Record(6, 1, 5269, "\ufffd.example")]]
    assert ascii_name("\ufffd.example") == ""


def test_a_certificate_of_ones_own(tmp_path):
    certificate, path = trustme.CA().issue_cert("site.example"), tmp_path / "own.pem"
    path.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    assert read_own(path).privateKey.matches(read_own(path).getPublicKey())
    path.write_bytes(certificate.cert_chain_pems[0].bytes())
    with pytest.raises(ConfigError, match=r"--upstream-cert .* wants a certificate and its key"):
        ClientTls(own=path)


def test_authorities_of_ones_own(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(trustme.CA().cert_pem.bytes() + trustme.CA().cert_pem.bytes())
    assert len(read_certificates(path)) == 2
    path.write_text("nothing")
    with pytest.raises(ConfigError, match="no certificate"):
        ClientTls(path)
