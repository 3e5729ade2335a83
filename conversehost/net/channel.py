"""What TLS proves of one connection: channel bindings, and who has the client's certificate. Loaded with TLS only."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL, crypto

XMPP_ADDR = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
"""id-on-xmppAddr (RFC 6120 section 13.7.1.4)."""

EXPORTER = b"EXPORTER-Channel-Binding"
UTF8_STRING = 0x0C


class TlsChannel:
    """`Channel` of a connection whose handshake is over."""

    def __init__(self, connection: SSL.Connection, authorities: Sequence[x509.Certificate]) -> None:
        """`authorities` are believed when they say who a client is."""
        self._connection = connection
        self._authorities = authorities

    @property
    def types(self) -> Sequence[str]:
        """Before TLS 1.3 an exporter is as good only with an extended master secret (RFC 9266 section 3), and whether
        there is one OpenSSL doesn't tell us; clients of that time know tls-unique.
        """
        is_new = self._connection.get_protocol_version() >= SSL.TLS1_3_VERSION
        end_point = ["tls-server-end-point"] if self._end_point() else []
        return ["tls-exporter", *end_point] if is_new else [*end_point, "tls-unique"]

    def binding(self, type: str) -> bytes | None:
        if type not in self.types:
            return None
        if type == "tls-exporter":
            return self._connection.export_keying_material(EXPORTER, 32, b"")
        if type == "tls-unique":  # RFC 5929 section 3.1: the first Finished is the client's, as no session is resumed
            return self._connection.get_peer_finished()
        return self._end_point()

    def addresses(self) -> Sequence[str]:
        found = self._connection.get_peer_certificate(as_cryptography=True)
        if found is None or not self._is_believed(found):
            return ()
        return xmpp_addresses(found)

    def _end_point(self) -> bytes | None:
        """RFC 5929 section 4.1: the hash that our certificate is signed with; none for signatures without one."""
        ours = self._connection.get_certificate(as_cryptography=True)
        algorithm = None if ours is None else ours.signature_hash_algorithm
        if ours is None or algorithm is None:
            return None
        return ours.fingerprint(hashes.SHA256() if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else algorithm)

    def _is_believed(self, certificate: x509.Certificate) -> bool:
        store = crypto.X509Store()
        for authority in self._authorities:
            store.add_cert(crypto.X509.from_cryptography(authority))
        chain = self._connection.get_peer_cert_chain() or []
        try:
            crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate), chain).verify_certificate()
        except crypto.X509StoreContextError:
            return False
        return True


def xmpp_addresses(certificate: x509.Certificate) -> list[str]:
    """As it says them (XEP-0178 section 2)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    others = [each.value for each in names.get_values_for_type(x509.OtherName) if each.type_id == XMPP_ADDR]
    return [text for value in others if (text := utf8_string(value)) is not None]


def utf8_string(value: bytes) -> str | None:
    """A short UTF8String in DER; None for anything else."""
    if len(value) < 2 or value[0] != UTF8_STRING:
        return None
    length, content = value[1], value[2:]
    if length == 0x81 and content:
        length, content = content[0], content[1:]
    elif length > 0x7F:
        return None
    try:
        return content.decode() if len(content) == length else None
    except UnicodeDecodeError:
        return None
