"""A certificate and its private key, read from files, and everything that can be wrong with them in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from conversehost.errors import ConfigError


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`chain`: the server's own certificate, then those of its issuers. `path` is where it came from."""

    chain: tuple[x509.Certificate, ...]
    key: Any
    path: Path

    @property
    def expires(self) -> datetime:
        """When the server's own certificate does, in UTC."""
        return self.chain[0].not_valid_after_utc


def read(certificate: Path, key: Path) -> KeyPair:
    """Both as PEM; they may be one file. Raises ConfigError, also when the certificate isn't valid today."""
    pair = KeyPair(read_chain(certificate), read_key(key), certificate)
    if _public(pair.chain[0]) != _public(pair.key):
        raise ConfigError(f"{key}: is not the key of the certificate in {certificate}: give the two that go together")
    now = datetime.now(UTC)
    if pair.expires < now:
        raise ConfigError(f"{certificate}: expired on {pair.expires:%Y-%m-%d}: renew it")
    if (begin := pair.chain[0].not_valid_before_utc) > now:
        raise ConfigError(f"{certificate}: not valid before {begin:%Y-%m-%d %H:%M} UTC: is the clock right?")
    return pair


def read_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """All certificates of a file, in order. Raises ConfigError."""
    try:
        return tuple(x509.load_pem_x509_certificates(_content(path)))
    except ValueError:
        raise ConfigError(f"{path}: no certificate in PEM form (-----BEGIN CERTIFICATE-----) is in there") from None


def read_key(path: Path) -> Any:
    """The private key of a file. Raises ConfigError."""
    try:
        return serialization.load_pem_private_key(_content(path), password=None)
    except TypeError:
        raise ConfigError(f"{path}: the key has a passphrase: take it off (openssl pkey -in FILE -out NEW)") from None
    except ValueError:
        raise ConfigError(f"{path}: no private key in PEM form (-----BEGIN PRIVATE KEY-----) is in there") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None


def _public(of: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return of.public_key().public_bytes(serialization.Encoding.DER, form)
