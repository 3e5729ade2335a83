"""What lets programs on other machines in at the control API: a bearer token (RFC 6750), kept in a file."""

from __future__ import annotations

import hmac
import re
import secrets
from contextlib import suppress
from pathlib import Path

from conversehost.errors import ConfigError
from conversehost.net import private

FOLDER = "api"
SHORTEST = 16
"""Characters of a token that the operator chose."""
_SYNTAX = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_BEARER = re.compile(rb"bearer +([^ ]+) *", re.IGNORECASE)


class Token:
    """The one that this server takes. `path` is the file that has it; None as long as there is none."""

    def __init__(self, given: Path | None = None) -> None:
        """In place of the operator's file there will be a new one, at each start. Raises ConfigError."""
        self.path = given
        self._is_given = given is not None
        self._text = secrets.token_urlsafe(32) if given is None else read(given)

    def keep(self, folder: Path, port: int) -> None:
        """Write it, unless it was given; `port` tells servers from one another that share a folder for their state.

        Raises ConfigError.
        """
        if self._is_given:
            return
        path = folder / FOLDER / f"token-{port}"
        try:
            for each in (folder, path.parent):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            private.write(path, self._text.encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{error.filename or path}: {error.strerror}") from None
        self.path = path

    def drop(self) -> None:
        """The server stops: what it wrote opens nothing any more."""
        if self.path is not None and not self._is_given:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def opens(self, shown: bytes) -> bool:
        """Whether it is this one; how long that takes tells nothing about it."""
        return hmac.compare_digest(shown, self._text.encode())


def read(path: Path) -> str:
    """A token of the operator's. Raises ConfigError, which never tells what the file says."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"--api-token-file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if len(text) < SHORTEST or not _SYNTAX.fullmatch(text):
        raise ConfigError(
            f"--api-token-file {path}: wants one line of at least {SHORTEST} letters, digits and . _ ~ + / -"
        )
    return text


def bearer(field: bytes | None) -> bytes | None:
    """What an Authorization field shows (RFC 6750 section 2.1); None when it is missing or of another scheme."""
    if field is None or field[:6].lower() != b"bearer":
        return None
    found = _BEARER.fullmatch(field)
    return b"" if found is None else found[1]
