"""A client of SCRAM by the book (RFC 5802 section 3), for what the library used elsewhere can't do."""

from __future__ import annotations

import base64
import hashlib
import hmac


class ScramPeer:
    """`binding`: a type of channel binding and its data, for the -PLUS mechanisms; `flag` what it says else."""

    def __init__(
        self,
        mechanism: str,
        name: str,
        password: str,
        *,
        authzid: str = "",
        flag: str = "n",
        binding: tuple[str, bytes] | None = None,
    ) -> None:
        self.mechanism = mechanism
        self._hash = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS").replace("-", "").lower()
        self._password = password
        said = f"p={binding[0]}" if binding else flag
        identity = f"a={authzid.replace('=', '=3D').replace(',', '=2C')}" if authzid else ""
        self._header = f"{said},{identity},".encode()
        self._bound = binding[1] if binding else b""
        self._bare = f"n={name},r=the-clients-nonce"

    def first(self) -> bytes:
        return self._header + self._bare.encode()

    def final(self, challenge: bytes) -> bytes:
        fields = dict(each.split("=", 1) for each in challenge.decode().split(","))
        bound = base64.b64encode(self._header + self._bound).decode()
        without_proof = f"c={bound},r={fields['r']}"
        said = ",".join((self._bare, challenge.decode(), without_proof)).encode()
        salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self._hash, self._password.encode(), salt, rounds)
        key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, key).digest(), said)
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        self.expected = b"v=" + base64.b64encode(self._hmac(self._hmac(salted, b"Server Key"), said))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)
