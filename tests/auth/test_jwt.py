"""JSON Web Tokens: four algorithms, each with keys that are for it, and what forgers have tried."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from conversehost.auth import TokenError
from conversehost.auth.jwt import GivenKeys, JwtTokens, read_keys
from conversehost.xmpp.jid import JID, parse

NOW = 1_700_000_000
ALICE, NOBODY = parse("alice@chat.example"), JID("", "chat.example")
SECRET = "a-secret-that-the-site-and-the-chat-share"
RSA = rsa.generate_private_key(65537, 2048)
PRIVATE: dict[str, Any] = {
    "HS256": SECRET,
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def public(algorithm: str) -> bytes:
    """As an operator gives it."""
    if algorithm == "HS256":
        return SECRET.encode() + b"\n"
    key = PRIVATE[algorithm].public_key()
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def jwk(algorithm: str, **more: str) -> dict[str, str]:
    made = jwt.get_algorithm_by_name(algorithm)
    key = SECRET.encode() if algorithm == "HS256" else PRIVATE[algorithm].public_key()
    return dict(made.to_jwk(key, as_dict=True)) | more  # type: ignore[arg-type]


def tokens(*keys: bytes, **rules: str) -> JwtTokens:
    return JwtTokens([GivenKeys(read_keys(each)) for each in keys or [SECRET.encode()]], **rules)


def token(algorithm: str = "HS256", key: Any = None, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {"jid": "alice@chat.example", "exp": NOW + 60} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key or PRIVATE[algorithm], algorithm, headers)


def forged(header: dict[str, Any], key: bytes = b"") -> str:
    """By hand: libraries refuse to make such."""
    claims = {"jid": "alice@chat.example", "exp": NOW + 60}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signature = hmac.new(key, b".".join(parts), hashlib.sha256).digest() if key else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def why(text: str, said: JID = ALICE, by: JwtTokens | None = None, now: float = NOW) -> str:
    with pytest.raises(TokenError) as caught:
        (by or tokens()).read(text, said, now)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("said", [ALICE, NOBODY])
def test_four_algorithms(algorithm: str, said: JID):
    assert tokens(public(algorithm)).read(token(algorithm), said, NOW) == ALICE


def test_a_set_of_keys_by_name():
    keys = {"keys": [jwk(each, kid=each, use="sig") for each in PRIVATE] + [{"kty": "new"}, jwk("RS256", use="enc")]}
    readers = tokens(json.dumps(keys).encode())
    for each in PRIVATE:
        assert readers.read(token(each, headers={"kid": each}), ALICE, NOW) == ALICE
        assert readers.read(token(each), ALICE, NOW) == ALICE
    assert why(token(headers={"kid": "old"}), by=readers).startswith("there is no key by the name 'old' here, only 'HS")


def test_a_single_key_as_ejabberd_has_it():
    assert tokens(json.dumps(jwk("HS256")).encode()).read(token(), ALICE, NOW) == ALICE


def test_it_may_be_shown_again():
    readers, shown = tokens(), token()
    assert [readers.read(shown, ALICE, NOW + each) for each in (0, 60)] == [ALICE, ALICE]


@pytest.mark.parametrize("name", ["none", "None", "NONE", "HS1", "", None, ["HS256"]])
def test_no_signature(name: Any):
    assert "taken are HS256, RS256, ES256, EdDSA" in why(forged({"alg": name, "typ": "JWT"}))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_is_no_secret(algorithm: str):
    """Key confusion: HS256 with what everybody may know."""
    pem = public(algorithm)
    for key in (pem, pem.strip()):
        assert why(forged({"alg": "HS256"}, key), by=tokens(pem)) == (
            "it is signed with HS256, and the key here isn't for that"
        )
    named = json.dumps({"keys": [jwk(algorithm, kid="a"), jwk("HS256", kid="b")]}).encode()
    assert why(forged({"alg": "HS256", "kid": "a"}, pem), by=tokens(named)).endswith("the key here isn't for that")


def test_a_key_that_comes_with_the_token():
    other = ec.generate_private_key(ec.SECP256R1())
    brought = jwt.get_algorithm_by_name("ES256").to_jwk(other.public_key(), as_dict=True)
    shown = token("ES256", other, {"jwk": brought, "jku": "http://evil.example/keys"})
    assert why(shown, by=tokens(public("ES256"))).startswith("the signature is wrong")


def test_a_wrong_key():
    assert why(token(key=SECRET + "!")).startswith("the signature is wrong")


@pytest.mark.parametrize("cut", [1, 20, 44, 60, 100])
def test_truncated(cut: int):
    assert why(token()[:-cut]).startswith(("the signature is wrong", "it is no token"))


def test_somebody_elses():
    assert why(token(jid="bob@chat.example")) == "it is for bob@chat.example, not for alice@chat.example"
    assert why(token(jid="alice@other.example"), NOBODY).startswith("it is for alice@other.example")


def test_time():
    assert why(token(exp=NOW - 40)) == "it expired 40 seconds ago"
    assert tokens().read(token(exp=NOW - 20), ALICE, NOW) == ALICE
    assert why(token(nbf=NOW + 40)).startswith("it isn't good yet")
    assert tokens().read(token(nbf=NOW + 20), ALICE, NOW) == ALICE
    for never in (None, float("nan"), float("inf"), True):
        assert why(token(exp=never)).startswith("it has no exp")


def test_audience():
    ours = tokens(audience="chat")
    assert ours.read(token(aud="chat"), ALICE, NOW) == ours.read(token(aud=["mail", "chat"]), ALICE, NOW) == ALICE
    assert why(token(aud="mail"), by=ours) == "it is for the audience 'mail', not for 'chat'"
    assert why(token(), by=ours) == "it is for the audience None, not for 'chat'"
    assert why(token(aud="mail")).endswith("--jwt-audience doesn't say that this is us")


def test_issuer():
    ours = tokens(issuer="https://www.example")
    assert ours.read(token(iss="https://www.example"), ALICE, NOW) == ALICE
    assert why(token(iss="https://evil.example"), by=ours).startswith("its issuer is 'https://evil.example'")


def test_another_claim_with_a_name_alone():
    assert tokens(claim="preferred_username").read(token(preferred_username="Alice"), ALICE, NOW) == ALICE
    assert why(token(jid=None)).startswith("it has no claim 'jid'")
    assert why(token(jid=7)).startswith("it has no claim 'jid'")
    assert "isn't the address" in why(token(jid="a b"))


@pytest.mark.parametrize("text", ["eyJ..", "eyJ.a.b", "eyJhbGciOiJIUzI1NiJ9.!.!", "eyJ" + "A" * 9_000 + ".."])
def test_text_that_is_none(text: str):
    assert why(text).startswith(("it is no token", "it is longer"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"short", "a secret of 5 bytes can be guessed"),
        (b"{", "no JWK set"),
        (b'{"keys": 7}', "no JWK set"),
        (b'{"keys": []}', "no key for one of"),
        (json.dumps({"keys": [{"kty": "oct", "k": "YWJj"}]}).encode(), "a secret of 3 bytes can be guessed"),
        (json.dumps({"kty": "RSA", "n": "AQAB"}).encode(), "a key of type RSA can't be read"),
        (RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "that is a private key"),
    ],
)
def test_keys_that_are_none(data: bytes, says: str):
    with pytest.raises(ValueError, match=says):
        read_keys(data)


def test_a_weak_rsa_key():
    weak = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(ValueError, match="1024 bits"):
        read_keys(weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_a_secret_does_not_show():
    assert SECRET not in repr(read_keys(SECRET.encode()))
