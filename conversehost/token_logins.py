"""From the options to tokens: which are taken, and the ones that this server makes itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from conversehost.auth import Authenticator
from conversehost.auth.token import SignedTokens
from conversehost.auth.tokens import Reader, TokenLogins
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.kinds import TOKEN_KEY
from conversehost.options import Settings
from conversehost.voice import Voice
from conversehost.xmpp.jid import JID

if TYPE_CHECKING:
    from conversehost.auth.jwt import JwtKey


class TokenDesk:
    """Where tokens are given out and taken."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        utc: Callable[[], float],
        voice: Voice,
    ) -> None:
        """`clock` tells real time, `utc` what people see. `voice` says why a token isn't taken, and why there are no
        keys. Raises ConfigError.
        """
        self._utc = utc
        self._note = voice.note
        keys = token_keys(settings)
        self.has_keys = bool(keys)
        self._signed = SignedTokens(
            keys or {"own": secrets.token_urlsafe(32)},
            audience=settings.token_audience,
            longest=settings.token_lifetime,
        )
        self._readers: list[Reader] = [self._signed, *_timed(settings), *_json(settings, clock, voice.warn)]
        self.is_open = len(self._readers) > 1 or self.has_keys
        """Whether others may have made what is taken here."""

    def issue(self, account: JID) -> str:
        """A password for one login, within a minute."""
        return self._signed.issue(account, self._utc())

    def logins(self, admits: Callable[[JID], bool], otherwise: Authenticator | None = None) -> TokenLogins:
        """Who comes in by them. `admits`: whether an account may; `otherwise` judges what has another form."""
        return TokenLogins(self._readers, admits=admits, now=self._utc, tell=self._note, otherwise=otherwise)

    def readers(self) -> list[Reader]:
        """One for each kind that is taken."""
        return self._readers


def token_keys(settings: Settings) -> dict[str, str]:
    """The operator's, by name; the first one signs. Raises ConfigError, which tells nothing of a key."""
    path = settings.token_key_file
    found = dict(_lines(path)) if path else {}
    if path and not found:
        raise ConfigError(f"--token-key-file {path}: there is no key in it: one KID:KEY a line")
    for kid, key in settings.token_keys:
        if found.setdefault(kid, key) != key:
            raise ConfigError(f"--token-key {kid}: given twice with different keys")
    return found


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-key-file {path}: can't be read: {error}") from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                yield TOKEN_KEY.read(text)
            except ValueError as error:
                raise ConfigError(f"--token-key-file {path}: line {number}: {error}") from None


def _timed(settings: Settings) -> Iterator[Reader]:
    if settings.token_secret:
        from conversehost.auth.totp import TimedTokens

        try:
            yield TimedTokens(settings.token_secret, settings.otp_seed)
        except ValueError as error:
            raise ConfigError(f"--otp-seed: {error}") from None


def _json(settings: Settings, clock: Clock, warn: Callable[[str], None]) -> Iterator[Reader]:
    if not (settings.jwt_keys or settings.jwt_keys_url):
        return
    try:
        import jwt  # noqa: F401
    except ImportError:
        raise ConfigError("JWTs need PyJWT: pip install 'conversehost[jwt]'") from None
    from conversehost.auth.jwt import GivenKeys, JwtTokens, KeySource

    sources: list[KeySource] = [GivenKeys(_read(path)) for path in settings.jwt_keys]
    if settings.jwt_keys_url:
        from conversehost.net.jwks import fetched

        sources.append(fetched(settings.jwt_keys_url, clock=clock, warn=warn))
    yield JwtTokens(sources, audience=settings.jwt_audience, issuer=settings.jwt_issuer, claim=settings.jwt_claim)


def _read(path: Path) -> tuple[JwtKey, ...]:
    from conversehost.auth.jwt import read_keys

    try:
        return read_keys(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--jwt-key {path}: {error}") from None
