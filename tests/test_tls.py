"""A server with --tls, in a process of its own, and clients on real sockets."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.test_launch import FREE, PYTHON, SOON, Program, ready_line, refused, result, until

SECURE = [*FREE, "--tls", "--https-port", "0"]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    program.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    yield program
    program.end()


@pytest.fixture
def ready(program: Program) -> dict[str, Any]:
    return ready_line(program.start(PYTHON, "-m", "conversehost", "--json", *SECURE))


def port_of(ready: dict[str, Any]) -> int:
    return int(ready["https"].rstrip("/").rpartition(":")[2])


def connect(ready: dict[str, Any], **options: Any) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=ready["ca"])
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, value in options.items():
        setattr(context, name, value)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port_of(ready)), SOON), server_hostname="localhost"
    )


def ask(client: socket.socket, request: bytes) -> bytes:
    client.sendall(request)
    answer = b""
    while part := client.recv(65536):
        answer += part
    return answer


def test_whoever_trusts_the_authority_is_served(ready):
    context = ssl.create_default_context(cafile=ready["ca"])
    connection = http.client.HTTPSConnection("localhost", port_of(ready), timeout=SOON, context=context)
    for _ in range(3):
        connection.request("GET", "/health")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"ok\n")
        assert response.getheader("strict-transport-security") is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_spoken(ready, version):
    client = connect(ready, maximum_version=version)
    assert client.version() == version.name.replace("_", ".")
    assert client.selected_alpn_protocol() == "http/1.1"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_1_1_is_refused(ready):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        context.wrap_socket(socket.create_connection(("127.0.0.1", port_of(ready)), SOON))


def test_who_forgot_the_s_is_told(ready):
    answer = ask(socket.create_connection(("127.0.0.1", port_of(ready)), SOON), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\nThis port speaks HTTPS: put https:// before the address.\n")


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\xff\xff" + b"\0" * 500, b"\0" * 500, b"<stream:stream>" * 50])
def test_garbage_does_no_harm(ready, garbage):
    client = socket.create_connection(("127.0.0.1", port_of(ready)), SOON)
    client.sendall(garbage)
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass
    assert connect(ready).version()


def test_a_cookie_that_came_by_tls_goes_by_tls_alone(ready):
    body = b"username=alice&password=secret"
    request = b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body
    answer = ask(connect(ready), request + form)
    assert b" 303 " in answer
    assert b"; Secure" in answer


def test_a_refusal_can_be_read_by_a_client_that_is_still_sending(ready):
    client = connect(ready)
    length = 3_000_000
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length
    answer = ask(client, head + b"x" * length)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_large_file_arrives_whole(program):
    folder = program.folder / "site"
    folder.mkdir()
    (folder / "large.bin").write_bytes(b"0123456789" * 700_000)
    ready = ready_line(program.start(PYTHON, "-m", "conversehost", "--json", *SECURE, "--site", str(folder)))
    answer = ask(connect(ready), b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == b"0123456789" * 700_000


def test_the_banner_says_how_to_trust_it(program):
    process = program.start(PYTHON, "-m", "conversehost", *SECURE)
    text = until(process, "Stop with Ctrl+C")
    ca = program.folder / "state" / "conversehost" / "tls" / "ca.pem"
    assert f"curl --cacert {ca} https://localhost:" in text
    assert f"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n conversehost -i {ca}" in text
    assert f"Import: {ca}" in text


def write_own(folder: Path, name: str) -> list[str]:
    leaf = trustme.CA().issue_cert(name)
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    return ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"), "--https-port", "0"]


def served(ready: dict[str, Any]) -> str:
    """The name in the certificate that a new connection gets."""
    return ssl.get_server_certificate(("127.0.0.1", port_of(ready)))


def test_a_certificate_of_ones_own_is_read_anew_on_sighup(program):
    options = write_own(program.folder, "a.example")
    process = program.start(PYTHON, "-m", "conversehost", "--json", *FREE, *options)
    ready = ready_line(process)
    assert ready["ca"] is None
    assert not (program.folder / "state" / "tls").exists()
    assert process.stderr is not None

    def hang_up(words: str) -> None:
        process.send_signal(signal.SIGHUP)
        assert words in process.stderr.readline().decode()

    old = served(ready)
    assert old == (program.folder / "cert.pem").read_text()
    write_own(program.folder, "b.example")
    hang_up("info  the certificate was read anew: it is good until ")
    new = served(ready)
    assert old != new == (program.folder / "cert.pem").read_text()
    (program.folder / "cert.pem").write_text("broken")
    hang_up(f"error the certificate stays as it was: {program.folder}/cert.pem: no certificate in PEM form")
    assert served(ready) == new
    process.send_signal(signal.SIGTERM)
    assert result(process)[0] == 0


def test_mistakes_are_one_line(program):
    write_own(program.folder, "a.example")
    command = [PYTHON, "-m", "conversehost", *FREE]
    assert refused(program, *command, "--tls-cert", "key.pem").endswith("is in there")
    assert refused(program, *command, "--tls-key", "key.pem").startswith(
        "--tls-key has no effect without --tls-cert: add that, or leave it out"
    )
    assert "both 7: give them" in refused(program, *command, "--tls", "--https-port", "7", "--port", "7")
    (program.folder / "file").touch()
    assert refused(program, *command, "--tls", "--https-port", "0", "--state-dir", "file/x").endswith("--state-dir")


def test_the_ready_line_names_both(ready):
    assert ready["site"].startswith("http://")
    assert ready["https"].startswith("https://localhost:")
    assert json.dumps(ready["ca"]).endswith('/state/conversehost/tls/ca.pem"')


# XMPP


HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    " to='localhost' version='1.0'>"
)


def read_until(client: socket.socket, end: str) -> str:
    heard = b""
    while not heard.endswith(end.encode()):
        part = client.recv(65536)
        assert part, heard
        heard += part
    return heard.decode()


def say(client: socket.socket, text: str, end: str) -> str:
    client.sendall(text.encode())
    return read_until(client, end)


def xmpp(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), SOON)


def start_tls(ready: dict[str, Any]) -> ssl.SSLSocket:
    plain = xmpp(ready["c2s"])
    assert "<starttls " in say(plain, HEADER, "</stream:features>")
    say(
        plain,
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    )
    return ssl.create_default_context(cafile=ready["ca"]).wrap_socket(plain, server_hostname="localhost")


def direct(ready: dict[str, Any]) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=ready["ca"])
    context.set_alpn_protocols(["xmpp-client"])
    return context.wrap_socket(xmpp(ready["c2s_tls"]), server_hostname="localhost")


@pytest.mark.parametrize("way", [start_tls, direct])
def test_xmpp_has_tls_without_being_asked_for_it(program, way):
    ready = ready_line(program.start(PYTHON, "-m", "conversehost", "--json", *FREE))
    assert ready["https"] is None
    assert Path(ready["ca"]).is_file()
    client = way(ready)
    assert client.selected_alpn_protocol() == ("xmpp-client" if way is direct else None)
    assert "<mechanism>SCRAM-SHA-256-PLUS</mechanism>" in say(client, HEADER, "</stream:features>")
    auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>"
    assert say(client, auth, "/>") == '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>'
    assert "<bind " in say(client, HEADER, "</stream:features>")
    say(client, "</stream:stream>", "</stream:stream>")
    assert client.recv(100) == b""


def test_openssl_speaks_with_it(program):
    ready = ready_line(program.start(PYTHON, "-m", "conversehost", "--json", *FREE))
    command = ["openssl", "s_client", "-starttls", "xmpp", "-xmpphost", "localhost", "-connect", ready["c2s"]]
    done = subprocess.run(
        [*command, "-CAfile", ready["ca"], "-verify_return_error"], input=b"Q\n", capture_output=True, timeout=SOON
    )
    assert done.returncode == 0
    assert b"Verification: OK" in done.stdout


def test_without_starttls_there_is_none(program):
    process = program.start(PYTHON, "-m", "conversehost", "--json", "--no-starttls", *FREE)
    ready = ready_line(process)
    assert (ready["ca"], ready["c2s_tls"]) == (None, None)
    assert not (program.folder / "state" / "tls").exists()
    assert "<starttls " not in say(xmpp(ready["c2s"]), HEADER, "</stream:features>")


def test_with_no_place_for_an_authority_there_is_none_either(program):
    (program.folder / "file").touch()
    process = program.start(PYTHON, "-m", "conversehost", "--json", "--state-dir", "file/x", *FREE)
    ready = ready_line(process)
    assert process.stderr is not None
    assert " warn  XMPP is without TLS: " in process.stderr.readline().decode()
    assert (ready["ca"], ready["c2s_tls"]) == (None, None)
    assert "<starttls " not in say(xmpp(ready["c2s"]), HEADER, "</stream:features>")


def test_unless_somebody_insists(program):
    (program.folder / "file").touch()
    command = [PYTHON, "-m", "conversehost", *FREE, "--state-dir", "file/x"]
    assert refused(program, *command, "--require-tls").endswith("--state-dir")


def test_tls_can_be_required_over_any_transport(program):
    ready = ready_line(program.start(PYTHON, "-m", "conversehost", "--json", "--require-tls", *FREE))
    features = say(xmpp(ready["c2s"]), HEADER, "</stream:features>")
    assert "<required/>" in features
    assert "<mechanism>" not in features
    assert "<mechanism>" in say(start_tls(ready), HEADER, "</stream:features>")
    body = (
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost' wait='1' hold='1' ver='1.6'"
        " xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>"
    )
    with urllib.request.urlopen(ready["bosh"], body.encode(), SOON) as answer:
        assert b"<mechanism>" not in answer.read()


def test_everybody_may_come_in(program):
    process = program.start(PYTHON, "-m", "conversehost", "--json", "--auth", "any", *FREE)
    ready = ready_line(process)
    client = xmpp(ready["c2s"])
    features = say(client, HEADER, "</stream:features>")
    assert "<mechanism>PLAIN<" in features
    assert "<mechanism>SCRAM-" not in features
    auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHpvZQB3aGF0ZXZlcg==</auth>"
    assert say(client, auth, "/>") == '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>'
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    assert "info  PLAIN without TLS, from " in line
    assert line.endswith(" by tcp: fine on one machine; --require-tls refuses that\n")


def test_a_new_certificate_is_for_xmpp_too(program):
    options = write_own(program.folder, "localhost")
    process = program.start(PYTHON, "-m", "conversehost", "--json", *FREE, *options)
    ready = ready_line(process)
    host, _, port = ready["c2s_tls"].rpartition(":")
    assert ssl.get_server_certificate((host, int(port))) == (program.folder / "cert.pem").read_text()
    write_own(program.folder, "b.example")
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    assert "read anew" in process.stderr.readline().decode()
    assert ssl.get_server_certificate((host, int(port))) == (program.folder / "cert.pem").read_text()
