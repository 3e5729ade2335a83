"""Certificates of clients, which say who they are (XEP-0178)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

XMPP_ADDR = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")


def utf8_string(text: str) -> bytes:
    """In DER; short."""
    data = text.encode()
    return bytes((0x0C, len(data)) if len(data) < 128 else (0x0C, 0x81, len(data))) + data


def client_certificate(ca: trustme.CA, *addresses: str | bytes, days: int = 1) -> tuple[x509.Certificate, object]:
    """It and its key. Addresses that are bytes stand there as they are."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    now = datetime.now(UTC)
    names = [x509.OtherName(XMPP_ADDR, utf8_string(each) if isinstance(each, str) else each) for each in addresses]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([*names, x509.DNSName("client.example")]), critical=False)
    )
    signer = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    return builder.sign(signer, hashes.SHA256()), key  # type: ignore[arg-type]


def client_context(certificate: tuple[x509.Certificate, object] | None = None) -> SSL.Context:
    """Of a client that trusts anybody."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if certificate is not None:
        context.use_certificate(certificate[0])
        context.use_privatekey(certificate[1])  # type: ignore[arg-type]
    return context
