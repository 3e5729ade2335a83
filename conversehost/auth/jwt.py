"""JSON Web Tokens (RFC 7519), signed with HS256, RS256, ES256 or EdDSA. PyJWT does the arithmetic."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conversehost.auth import TokenError
from conversehost.auth.token import LARGEST, LAST, SKEW, owner
from conversehost.xmpp.jid import JID

CLAIM = "jid"
"""Who it is, as in ejabberd's."""
SHORTEST = 32
"""Bytes of a shared secret (RFC 7518 section 3.2)."""
RSA_BITS = 2_048
ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")


@dataclass(frozen=True, slots=True)
class JwtKey:
    """A key, and the one algorithm that it is for: a token can't choose another. `kid` is "" where it has no name."""

    kid: str
    algorithm: str
    key: Any

    def __repr__(self) -> str:
        return f"JwtKey({self.kid!r}, {self.algorithm})"


class KeySource(Protocol):
    """Where keys are from."""

    def known(self) -> Sequence[JwtKey]:
        """Those known now."""

    def refresh(self, kid: str, then: Callable[[], None]) -> None:
        """A token is there that was signed with a key of that name; call `then` when keys are as good as they get."""


class GivenKeys:
    """A `KeySource` that knows all from the beginning."""

    def __init__(self, keys: Sequence[JwtKey]) -> None:
        self._keys = tuple(keys)

    def known(self) -> Sequence[JwtKey]:
        return self._keys

    def refresh(self, kid: str, then: Callable[[], None]) -> None:
        then()


class JwtTokens:
    """Takes them, as often as they are shown before they expire: that is how they are meant."""

    name = "JWT"

    def __init__(
        self, sources: Sequence[KeySource], *, audience: str = "", issuer: str = "", claim: str = CLAIM
    ) -> None:
        """`audience`: who we are to the issuer; "": a token that is for somebody in particular isn't for us. `issuer`:
        the only one that counts; "": all that have the keys. `claim` names the account, with a domain or without.
        """
        self._sources = tuple(sources)
        self._audience = audience
        self._issuer = issuer
        self._claim = claim

    def recognises(self, token: str) -> bool:
        """By its looks."""
        return token.startswith("eyJ") and token.count(".") == 2

    def prepare(self, token: str, then: Callable[[], None]) -> None:
        """Get the keys."""
        try:
            kid = header_of(token).get("kid", "")
        except TokenError:
            kid = ""
        self._prepare(list(self._sources), kid if isinstance(kid, str) else "", then)

    def read(self, token: str, said: JID, now: float) -> JID:
        """Whose it is, if it is taken. Raises TokenError."""
        claims = self._signed(token)
        _check_time(claims, now)
        self._check_audience(claims.get("aud"))
        if self._issuer and claims.get("iss") != self._issuer:
            raise TokenError(f"its issuer is {claims.get('iss')!r}, not {self._issuer!r}")
        named = claims.get(self._claim)
        if not isinstance(named, str):
            raise TokenError(f"it has no claim {self._claim!r} with a name or an address; --jwt-claim chooses another")
        return owner(named, said)

    def _prepare(self, sources: list[KeySource], kid: str, then: Callable[[], None]) -> None:
        if sources:
            sources[0].refresh(kid, lambda: self._prepare(sources[1:], kid, then))
        else:
            then()

    def _signed(self, token: str) -> Mapping[str, Any]:
        """The claims, if one of the keys has signed them."""
        import jwt  # few need it

        header = header_of(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise TokenError(f"its algorithm is {str(algorithm)[:20]!r}; taken are {', '.join(ALGORITHMS)}")
        for key in self._candidates(header.get("kid")):
            if key.algorithm != algorithm:
                continue
            try:
                checks: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
                with warnings.catch_warnings():  # about short keys: `read_keys` refuses those
                    warnings.simplefilter("ignore")
                    claims = jwt.decode(token, key.key, algorithms=[key.algorithm], options=checks)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, RecursionError) as error:
                raise TokenError(f"it is no token: {error}") from None
            return claims
        if all(key.algorithm != algorithm for key in self._candidates(header.get("kid"))):
            raise TokenError(f"it is signed with {algorithm}, and the key here isn't for that")
        raise TokenError("the signature is wrong: another key, or somebody has changed the token")

    def _candidates(self, kid: object) -> list[JwtKey]:
        """The key that it names, or all where names are left out."""
        known = [key for source in self._sources for key in source.known()]
        if not known:
            raise TokenError("there are no keys to judge it by: they can't be fetched", "temporary-auth-failure")
        found = [key for key in known if kid is None or not key.kid or key.kid == kid]
        if not found:
            names = ", ".join(repr(key.kid) for key in known)
            raise TokenError(f"there is no key by the name {str(kid)[:64]!r} here, only {names}")
        return found

    def _check_audience(self, said: object) -> None:
        audiences = said if isinstance(said, list) else [] if said is None else [said]
        if self._audience and self._audience not in audiences:
            raise TokenError(f"it is for the audience {said!r}, not for {self._audience!r}")
        if audiences and not self._audience:
            raise TokenError(f"it is for the audience {said!r}, and --jwt-audience doesn't say that this is us")


def header_of(token: str) -> Mapping[str, Any]:
    """What it says about its signature, true or not. Raises TokenError."""
    import jwt

    if len(token) > LARGEST:
        raise TokenError(f"it is longer than {LARGEST} characters")
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenError(f"it is no token: {error}") from None


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    expiry: Any = claims.get("exp")
    start: Any = claims.get("nbf", 0)
    if type(expiry) not in (int, float) or not 0 <= expiry < LAST:  # NaN isn't, either
        raise TokenError("it has no exp, in seconds since 1970: it would be good for ever")
    if now > expiry + SKEW:
        raise TokenError(f"it expired {now - expiry:.0f} seconds ago")
    if type(start) not in (int, float) or not start <= now + SKEW:
        raise TokenError("it isn't good yet (nbf): perhaps clocks differ")


def read_keys(data: bytes) -> tuple[JwtKey, ...]:
    """From a JWK set or a JWK in JSON (RFC 7517), a public key or certificate in PEM, or else a secret as it is.

    Raises ValueError, which says nothing of a secret.
    """
    text = data.strip()
    if text.startswith(b"{"):
        return _from_json(text)
    if text.startswith(b"-----BEGIN"):
        return (_from_pem(text),)
    return (_secret("", text),)


def _from_json(text: bytes) -> tuple[JwtKey, ...]:
    """Keys of a set that are for something else are left out."""
    try:
        said = json.loads(text)
        members = said.get("keys", [said])
        found = [_from_jwk(each) for each in members if each.get("use", "sig") == "sig"]
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"no JWK set: {error}") from None
    usable = tuple(each for each in found if each is not None)
    if not usable:
        raise ValueError(f"no key for one of {', '.join(ALGORITHMS)}")
    return usable


def _from_jwk(said: Mapping[str, Any]) -> JwtKey | None:
    import jwt

    algorithm = {"oct": "HS256", "RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}.get(said.get("kty", ""))
    is_other = said.get("alg", algorithm) != algorithm or said.get("crv", "P-256") not in ("P-256", "Ed25519")
    if algorithm is None or is_other or not isinstance(said.get("kid", ""), str):
        return None
    public = {name: value for name, value in said.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}
    try:
        key = jwt.PyJWK(public, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ValueError(f"a key of type {said['kty']} can't be read: {type(error).__name__}") from None
    kid = said.get("kid", "")
    return _secret(kid, key) if algorithm == "HS256" else JwtKey(kid, algorithm, _strong(key))


def _from_pem(text: bytes) -> JwtKey:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in text:
        raise ValueError("that is a private key, which is for whoever makes tokens: give the public one")
    is_certificate = b"BEGIN CERTIFICATE" in text
    key: Any = x509.load_pem_x509_certificate(text).public_key() if is_certificate else load_pem_public_key(text)
    if isinstance(key, rsa.RSAPublicKey):
        return JwtKey("", "RS256", _strong(key))
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return JwtKey("", "ES256", key)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return JwtKey("", "EdDSA", key)
    raise ValueError("a key for RS256 (RSA), ES256 (P-256) or EdDSA (Ed25519) is wanted")


def _strong(key: Any) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits can be broken: use at least {RSA_BITS}")
    return key


def _secret(kid: str, secret: bytes) -> JwtKey:
    if len(secret) < SHORTEST:
        raise ValueError(f"a secret of {len(secret)} bytes can be guessed: use at least {SHORTEST}")
    return JwtKey(kid, "HS256", secret)
