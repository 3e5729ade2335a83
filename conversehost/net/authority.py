"""A certificate authority of one's own, for development: made once, kept in a folder, trusted by hand."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from conversehost.errors import ConfigError
from conversehost.net import keypair, private
from conversehost.net.keypair import KeyPair

if TYPE_CHECKING:
    import trustme

LOCAL = ("localhost", "127.0.0.1", "::1")
"""What every certificate is for."""

LIFETIME, MARGIN = timedelta(days=397), timedelta(days=7)
"""Of a server's certificate: some clients refuse longer ones; and how long before its end it is renewed."""

MOST = 100
"""Names in a certificate that those of earlier starts are kept in."""


class Authority:
    """Makes certificates for the names that a server is reached by. `ca` is the file to trust."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """Nothing is made before `certificate` is called."""
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._names = frozenset(_in_certificate((*LOCAL, *names)))

    def certificate(self) -> KeyPair:
        """The one that is kept, or a new one when that is about to end or lacks a name. Raises ConfigError."""
        try:
            with self._alone():
                return self._certificate()
        except OSError as error:
            raise ConfigError(
                f"{error.filename or self.folder}: {error.strerror}: choose another folder with --state-dir"
            ) from None

    def _certificate(self) -> KeyPair:
        ca, leaf, key = self._authority(), self.folder / "server.pem", self.folder / "server-key.pem"
        old: frozenset[str] = frozenset()
        with contextlib.suppress(ConfigError):  # broken, or not there: a new one
            pair = keypair.read(leaf, key)
            old = names_of(pair.chain[0])
            if old >= self._names and pair.expires > datetime.now(UTC) + MARGIN and self._is_issuer(pair):
                return pair
        names = old | self._names
        now = datetime.now(UTC)
        made = ca.issue_cert(
            *sorted(names if len(names) <= MOST else self._names),
            organization_name="conversehost",
            organization_unit_name="Server for development",
            not_before=now - timedelta(days=1),
            not_after=now + LIFETIME,
        )
        private.write(key, made.private_key_pem.bytes())
        private.write(leaf, b"".join(each.bytes() for each in made.cert_chain_pems))
        return keypair.read(leaf, key)

    def _authority(self) -> trustme.CA:
        import trustme  # seldom needed

        key = self.folder / "ca-key.pem"
        if self.ca.exists() and key.exists():
            try:
                return trustme.CA.from_pem(self.ca.read_bytes(), key.read_bytes())
            except ValueError:
                raise ConfigError(f"{self.ca} or {key.name} beside it is broken: delete both for a new one") from None
        unit = f"Development CA {secrets.token_hex(3)}"  # tells it from others in a browser's list
        made = trustme.CA(organization_name="conversehost", organization_unit_name=unit)
        private.write(key, made.private_key_pem.bytes())
        private.write(self.ca, made.cert_pem.bytes())
        return made

    def _is_issuer(self, pair: KeyPair) -> bool:
        try:
            pair.chain[0].verify_directly_issued_by(keypair.read_chain(self.ca)[0])
        except Exception:  # of several kinds, all of which mean: no
            return False
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two servers that start at once make one authority. Raises OSError."""
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        with open(os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Host names and addresses that it is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset((*names.get_values_for_type(x509.DNSName), *map(str, addresses)))


def _in_certificate(names: Iterable[str]) -> Iterator[str]:
    """As certificates spell them; with what is below each host name, such as its chat rooms.

    Those are named too, since browsers take no wildcard directly below a name such as localhost.
    """
    import idna

    for name in names:
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            with contextlib.suppress(idna.IDNAError):  # no name that a certificate could hold
                spelt = idna.encode(name, uts46=True).decode()
                yield from (spelt, f"*.{spelt}", f"conference.{spelt}")
        else:
            if not address.is_unspecified:
                yield str(address)
