"""TLS for XMPP over TCP, on real sockets and with a real server behind: RFC 6120 section 5, XEP-0178, XEP-0368."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL

from conversehost.errors import ConfigError
from conversehost.net.channel import utf8_string as read_utf8_string
from conversehost.net.clock import ReactorClock
from conversehost.net.keypair import KeyPair
from conversehost.net.secured import XmppTls
from conversehost.net.tcp import OPENING, ClientFactory
from conversehost.net.tls import HANDSHAKE, Certificate
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Limits
from tests.net.certificates import client_certificate, client_context
from tests.net.loop import Loop, Peer
from tests.scram import ScramPeer
from tests.stage import Stage, encoded

HEADER = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' to='localhost' version='1.0'>"
STARTTLS = f"<starttls xmlns='{ns.TLS}'/>"
MESSAGE = f"<message xmlns='{ns.CLIENT}' id='1'/>"


class Given:
    """A certificate that is there already; or isn't."""

    def __init__(self, ca: trustme.CA) -> None:
        self.broken = False
        leaf = ca.issue_cert("localhost")
        chain = x509.load_pem_x509_certificates(leaf.cert_chain_pems[0].bytes())
        pair = KeyPair(tuple(chain), load_pem_private_key(leaf.private_key_pem.bytes(), None), None)  # type: ignore[arg-type]
        authority = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
        self._certificate = Certificate(lambda: pair, lambda: [authority])

    @property
    def certificate(self) -> Certificate:
        if self.broken:
            raise ConfigError("ca.pem: can't be read")
        return self._certificate


class Site:
    """A server with accounts, and two ways to it."""

    def __init__(self, stage: Stage, ca: trustme.CA) -> None:
        self.stage = stage
        stage.account("romeo")
        self.loop = Loop()
        self.given = Given(ca)
        clock = ReactorClock(self.loop, stage.turn)
        self.tls = XmppTls(self.given, clock)  # type: ignore[arg-type]
        self.factory = ClientFactory(
            lambda: ServerStream(stage.router, None, stage.entrance),
            clock=clock,
            turn=stage.turn,
            limits=Limits(),
            tls=self.tls,
        )
        self.direct = self.tls.direct(self.factory)


class Client:
    """A client, with TLS from when it wants to."""

    def __init__(self, site: Site, factory: Any = None) -> None:
        self.peer = Peer(site.loop, factory or site.factory)
        self.tls: SSL.Connection | None = None
        self.heard = ""

    def send(self, text: str | bytes) -> str:
        """And what is answered."""
        data = text.encode() if isinstance(text, str) else text
        if self.tls is None:
            self.peer.send(data)
        else:
            self.tls.sendall(data)
            self._flush()
        return self.listen()

    def listen(self) -> str:
        """What has come since."""
        before = len(self.peer.received)
        self.peer.read()
        data = self.peer.received[before:]
        if self.tls is not None:
            plain = b""
            if data:
                self.tls.bio_write(data)
            with contextlib.suppress(SSL.WantReadError, SSL.ZeroReturnError):
                while True:
                    plain += self.tls.recv(65536)
            data = plain
        return data.decode()

    def shake(self, certificate: Any = None, *, protocols: tuple[bytes, ...] = (), version: int = 0) -> None:
        context = client_context(certificate)
        if protocols:
            context.set_alpn_protos(list(protocols))
        if version:
            context.set_max_proto_version(version)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        for _ in range(4):
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except SSL.WantReadError:
                self._flush()
                before = len(self.peer.received)
                self.peer.read()
                if len(self.peer.received) > before:
                    self.tls.bio_write(self.peer.received[before:])
        raise AssertionError("the handshake has no end")

    def start(self, certificate: Any = None, **how: Any) -> str:
        """The features over TLS."""
        assert "<starttls" in self.send(HEADER)
        assert self.send(STARTTLS) == f"<proceed xmlns='{ns.TLS}'/>"
        self.shake(certificate, **how)
        return self.send(HEADER)

    def _flush(self) -> None:
        assert self.tls is not None
        with contextlib.suppress(SSL.WantReadError):
            self.peer.send(self.tls.bio_read(1 << 20))

    def auth(self, mechanism: str, message: bytes | str) -> str:
        return self.send(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{encoded(message) or '='}</auth>")

    def scram(self, peer: ScramPeer) -> str:
        challenge = ssl_content(self.auth(peer.mechanism, peer.first()))
        return self.send(f"<response xmlns='{ns.SASL}'>{encoded(peer.final(challenge))}</response>")

    @property
    def gone(self) -> bool:
        return self.peer.gone


def ssl_content(answer: str) -> bytes:
    found = re.search(">([^<]+)<", answer)
    assert found, answer
    return base64.b64decode(found[1])


def mechanisms(features: str) -> list[str]:
    return re.findall("<mechanism>([^<]+)<", features)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def site(stage: Stage, ca: trustme.CA, failures: list[str]) -> Iterator[Site]:
    yield Site(stage, ca)
    assert failures == []


@pytest.fixture
def connect(site: Site) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(factory: Any = None) -> Client:
        clients.append(Client(site, factory))
        return clients[-1]

    yield make
    for client in clients:
        client.peer.close()


@pytest.fixture
def client(connect) -> Client:
    return connect()


# STARTTLS


def test_tls_is_offered_first_and_then_no_more(client):
    features = client.send(HEADER)
    assert features.index("<starttls ") < features.index("<mechanisms ")
    client.send(STARTTLS)
    client.shake()
    answer = client.send(HEADER)
    assert answer.startswith("<?xml version='1.0'?><stream:stream ")
    assert "<starttls" not in answer
    assert "SCRAM-SHA-512-PLUS" in mechanisms(answer)


def test_a_login_and_a_message_over_it(client, site):
    client.start()
    assert "<success" in client.auth("PLAIN", "\0romeo\0secret")
    client.send(HEADER)
    bound = f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'><resource>x</resource></bind></iq>"
    assert "romeo@localhost/x" in client.send(bound)
    session = next(site.stage.host.all_sessions())
    assert session.opened.secure
    large = "x" * 50_000
    assert large in client.send(f"<message to='romeo@localhost/x' type='chat'><body>{large}</body></message>")
    assert client.send("</stream:stream>").endswith("</stream:stream>")


def test_nothing_that_came_before_tls_is_read_after_it(client, site):
    """RFC 6120 section 5.4.3.3: what somebody put behind <starttls/> isn't the client's."""
    client.send(HEADER)
    answer = client.send(STARTTLS + HEADER + f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>")
    assert "<proceed" not in answer
    assert "<policy-violation " in answer
    assert client.peer.eof


def test_nor_what_came_before_in_the_same_stream(client):
    """A login that was begun without TLS is no login."""
    client.send(HEADER)
    peer = ScramPeer("SCRAM-SHA-1", "romeo", "secret")
    final = peer.final(ssl_content(client.auth("SCRAM-SHA-1", peer.first())))
    client.send(STARTTLS)
    client.shake()
    client.send(HEADER)
    assert "<malformed-request/>" in client.send(f"<response xmlns='{ns.SASL}'>{encoded(final)}</response>")


@pytest.mark.parametrize("space", [" ", "\r\n"])
def test_space_there_does_no_harm(client, space):
    client.send(HEADER)
    assert "<proceed" in client.send(STARTTLS + space)
    client.shake()
    assert mechanisms(client.send(HEADER))


def test_byte_by_byte(client):
    heard = "".join(client.send(bytes([byte])) for byte in (HEADER + STARTTLS).encode())
    assert heard.endswith(f"</stream:features><proceed xmlns='{ns.TLS}'/>")
    client.shake()
    assert mechanisms(client.send(HEADER))


def test_it_begins_once(client):
    client.start()
    answer = client.send(STARTTLS)
    assert answer == f"<failure xmlns='{ns.TLS}'/></stream:stream>"


def test_where_there_is_none_that_is_said(client, site):
    site.factory.tls = None
    assert "<starttls" not in client.send(HEADER)
    assert client.send(STARTTLS) == f"<failure xmlns='{ns.TLS}'/></stream:stream>"
    assert client.peer.eof


def test_a_certificate_that_cannot_be_read_is_the_operators_to_know(client, site, failures):
    client.send(HEADER)
    site.given.broken = True
    assert client.send(STARTTLS) == f"<failure xmlns='{ns.TLS}'/></stream:stream>"
    assert len(failures) == 1
    assert "ca.pem: can't be read" in failures.pop()


def test_after_login_it_is_too_late(client):
    client.send(HEADER)
    client.auth("PLAIN", "\0romeo\0secret")
    assert "<starttls" not in client.send(HEADER)
    assert "<unsupported-stanza-type " in client.send(STARTTLS)


def test_a_handshake_that_fails_ends_the_connection(client):
    client.send(HEADER)
    client.send(STARTTLS)
    assert "<" not in client.send("<stream:stream to='localhost'>" * 10)
    assert client.gone


def test_a_handshake_that_does_not_come(client, site):
    client.send(HEADER)
    client.send(STARTTLS)
    site.loop.advance(HANDSHAKE + 0.1)
    site.loop.serve()
    assert client.gone
    assert site.factory.connections == set()


@pytest.mark.parametrize("required", [False, True])
def test_it_can_be_required(make_stage, ca, failures, required):
    site = Site(make_stage(tls=required), ca)
    client = Client(site)
    features = client.send(HEADER)
    assert ("<required" in features) == required
    assert bool(mechanisms(features)) != required
    answer = client.auth("PLAIN", "\0romeo\0secret")
    assert ("<encryption-required/>" in answer) == required
    client.peer.close()


# Below


def test_tls_from_the_first_byte(connect, site):
    client = connect(site.direct)
    client.shake(protocols=(b"xmpp-client",))
    assert client.tls.get_alpn_proto_negotiated() == b"xmpp-client"
    features = client.send(HEADER)
    assert "<starttls" not in features
    assert "PLAIN" in mechanisms(features)


def test_without_its_name_too(connect, site):
    client = connect(site.direct)
    client.shake()
    assert mechanisms(client.send(HEADER))


@pytest.mark.parametrize("plain", [HEADER, "GET / HTTP/1.1\r\n\r\n"])
def test_who_forgot_tls_is_told(connect, site, plain):
    answer = connect(site.direct).send(plain)
    assert "This port speaks TLS from the first byte" in answer
    assert answer.endswith("</stream:stream>")


def test_a_client_that_opens_no_stream_is_told_within_tls(connect, site):
    client = connect(site.direct)
    client.shake()
    site.loop.advance(OPENING)
    assert "<connection-timeout " in client.listen()


def test_when_there_is_no_certificate_nobody_is_served(site, failures):
    site.given.broken = True
    assert site.direct.buildProtocol(None) is None
    assert "ca.pem: can't be read" in failures.pop()


# Channel binding


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-512-PLUS"])
@pytest.mark.parametrize("type", ["tls-exporter", "tls-server-end-point"])
def test_both_ends_know_that_nobody_is_between_them(client, mechanism, type):
    client.start()
    if type == "tls-exporter":
        data = client.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    else:
        der = ssl.PEM_cert_to_DER_cert(pem_of(client.tls))
        data = hashlib.sha256(der).digest()
    answer = client.scram(ScramPeer(mechanism, "romeo", "secret", binding=(type, data)))
    assert "<success" in answer


def test_somebody_between_them_is_noticed(client):
    client.start()
    answer = client.scram(ScramPeer("SCRAM-SHA-1-PLUS", "romeo", "secret", binding=("tls-exporter", b"x" * 32)))
    assert "<not-authorized/>" in answer


def test_before_tls_1_3_there_are_other_kinds(client):
    features = client.start(version=SSL.TLS1_2_VERSION)
    assert re.findall('channel-binding type="([^"]+)', features) == ["tls-server-end-point", "tls-unique"]


def test_the_kind_of_that_time(client):
    client.start(version=SSL.TLS1_2_VERSION)
    binding = ("tls-unique", client.tls.get_finished())
    assert "<success" in client.scram(ScramPeer("SCRAM-SHA-1-PLUS", "romeo", "secret", binding=binding))


def pem_of(connection: SSL.Connection) -> str:
    return connection.get_peer_certificate(as_cryptography=True).public_bytes(Encoding.PEM).decode()


# Certificates of clients


def test_a_client_may_be_known_by_its_certificate(client, ca):
    features = client.start(client_certificate(ca, "romeo@localhost"))
    assert mechanisms(features)[0] == "EXTERNAL"
    assert "<success" in client.auth("EXTERNAL", "")


def test_with_a_long_address_among_others(client, ca, site):
    name = "r" * 200
    site.stage.account(name)
    client.start(client_certificate(ca, "juliet@elsewhere", f"{name}@localhost"))
    assert "<success" in client.auth("EXTERNAL", f"{name}@localhost")


@pytest.mark.parametrize("address", [b"\x16\x0fromeo@localhost", b"\x0c\x01\xff", b"\x05\x00"])
def test_what_is_no_address_in_one_names_nobody(client, ca, address):
    assert "EXTERNAL" not in mechanisms(client.start(client_certificate(ca, address)))


@pytest.mark.parametrize(
    ("der", "text"),
    [
        (b"\x0c\x02ab", "ab"),
        (b"\x0c\x81\x80" + b"x" * 128, "x" * 128),
        (b"", None),
        (b"\x0c", None),
        (b"\x0c\x81", None),
        (b"\x0c\x05abc", None),
        (b"\x0c\x02abc", None),
        (b"\x0c\x82\x00\x02ab", None),
        (b"\x16\x02ab", None),
        (b"\x0c\x01\xff", None),
    ],
)
def test_texts_in_certificates(der, text):
    assert read_utf8_string(der) == text


def test_one_of_another_authority_names_nobody_and_is_no_obstacle(client):
    features = client.start(client_certificate(trustme.CA(), "romeo@localhost"))
    assert "EXTERNAL" not in mechanisms(features)
    assert "<success" in client.auth("PLAIN", "\0romeo\0secret")


def test_one_that_is_over_names_nobody(client, ca):
    assert "EXTERNAL" not in mechanisms(client.start(client_certificate(ca, "romeo@localhost", days=-1)))


def test_one_without_any_names_names_nobody(client, ca):
    leaf = ca.issue_cert("romeo@localhost")  # by mail
    pair = (
        x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()),
        load_pem_private_key(leaf.private_key_pem.bytes(), None),
    )
    assert "EXTERNAL" not in mechanisms(client.start(pair))


def test_a_vanished_client_is_found_out_by_the_kernel(client):
    option = client.peer.transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert option == 120_000
