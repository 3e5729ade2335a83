"""SCRAM as a server sees it: bytes in, bytes out (RFC 5802; channel binding by RFC 5929 and 9266)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

from conversehost.xmpp.sasl import SASLError, utf8

_FIRST = re.compile(r"(?P<header>(?P<flag>[ny]|p=[A-Za-z0-9.-]+),(?:a=(?P<authzid>[^,]+))?,)(?P<bare>n=(?P<name>[^,]+),"
                    r"r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,\0]+)*)")  # fmt: skip
_FINAL = re.compile(r"(?P<bare>c=(?P<binding>[^,]+),r=(?P<nonce>[!-+\--~]+)(?:,[A-Za-z]=[^,\0]+)*),p=(?P<proof>[^,]+)")
_ESCAPES = re.compile("=(2C|3D)")


def hash_of(mechanism: str) -> str:
    """The name of its hash function in hashlib: SCRAM-SHA-256-PLUS has sha256."""
    return mechanism.removeprefix("SCRAM-").removesuffix("-PLUS").replace("-", "").lower()


class Scram:
    """One exchange: `read_first`, `challenge`, `read_final`, `proves`, `signature`."""

    def __init__(self, mechanism: str, bindings: Callable[[str], bytes | None], *, is_plus_offered: bool) -> None:
        """`bindings` gives the connection's channel binding data of a type; None when it has none of that type."""
        self.username = self.authzid = ""
        self._plus = mechanism.endswith("-PLUS")
        self._hash = hash_of(mechanism)
        self._bindings = bindings
        self._is_plus_offered = is_plus_offered
        self._said = self._nonce = ""
        self._header = self._bound = self._proof = b""

    def read_first(self, message: bytes) -> None:
        """client-first-message: who they are, and whom they want to act as. Raises SASLError."""
        found = _FIRST.fullmatch(utf8(message))
        if found is None:
            raise SASLError("malformed-request", "that is no first message of SCRAM (RFC 5802 section 7)")
        self.username, self.authzid = _unescaped(found["name"]), _unescaped(found["authzid"] or "")
        self._said, self._nonce = found["bare"], found["nonce"] + secrets.token_urlsafe(18)
        self._header, self._bound = found["header"].encode(), self._binding(found["flag"])

    def _binding(self, flag: str) -> bytes:
        """Section 6. Raises SASLError."""
        if flag == "y" and self._is_plus_offered:
            raise SASLError("not-authorized", "channel binding was offered; somebody may have taken that out")
        if flag.startswith("p=") != self._plus:
            raise SASLError("malformed-request", "channel binding belongs to the -PLUS mechanisms, and only to them")
        if not self._plus:
            return b""
        data = self._bindings(flag[2:])
        if data is None:
            raise SASLError("malformed-request", f"there is no channel binding {flag[2:]} here")
        return data

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """server-first-message."""
        message = f"r={self._nonce},s={base64.b64encode(salt).decode()},i={iterations}"
        self._said += f",{message}"
        return message.encode()

    def read_final(self, message: bytes) -> None:
        """client-final-message. Raises SASLError."""
        found = _FINAL.fullmatch(utf8(message))
        if found is None or found["nonce"] != self._nonce:
            raise SASLError("malformed-request", "that is no final message for this exchange (RFC 5802 section 7)")
        binding, length = _decoded(found["binding"]), len(self._header)
        if binding[:length] != self._header or (not self._plus and len(binding) != length):
            raise SASLError("malformed-request", "c= doesn't repeat the beginning of the first message")
        if not hmac.compare_digest(binding[length:], self._bound):
            raise SASLError("not-authorized", "the channel binding is another one: somebody may be between us")
        self._said += f",{found['bare']}"
        self._proof = _decoded(found["proof"])

    def proves(self, stored_key: bytes) -> bool:
        """Whether the client has the password that the key is made of (section 3)."""
        signature = hmac.digest(stored_key, self._said.encode(), self._hash)
        if len(signature) != len(self._proof):
            return False
        client_key = bytes(one ^ other for one, other in zip(signature, self._proof, strict=True))
        return hmac.compare_digest(hashlib.new(self._hash, client_key).digest(), stored_key)

    def signature(self, server_key: bytes) -> bytes:
        """server-final-message, which proves to the client that we have the key."""
        return b"v=" + base64.b64encode(hmac.digest(server_key, self._said.encode(), self._hash))


def _unescaped(name: str) -> str:
    """saslname. Raises SASLError."""
    if "=" in _ESCAPES.sub("", name):
        raise SASLError("malformed-request", "in a name = is written =3D, and a comma =2C")
    return _ESCAPES.sub(lambda found: "," if found[1] == "2C" else "=", name)


def _decoded(text: str) -> bytes:
    """base64, as it is canonically written. Raises SASLError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if base64.b64encode(data).decode() != text:
        raise SASLError("malformed-request", "a part of the message is no base64")
    return data
