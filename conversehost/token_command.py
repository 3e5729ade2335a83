"""`conversehost token`: makes a token, or says what is wrong with one."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from conversehost.auth import TokenError
from conversehost.auth.tokens import Reader
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import Settings
from conversehost.token_logins import TokenDesk
from conversehost.voice import SILENT
from conversehost.xmpp.jid import JID, JIDError, parse_account

HELP = """\
Usage: conversehost token JID [options]
       conversehost token --explain TOKEN [--for JID] [options]

Makes a token by which an account logs in, once and within a minute. Or says whether a token would
be taken, and if not, why; --for names who shows it. Give the options that conversehost runs with;
what it is told by environment and --config counts here too. See docs/tokens.md.

Examples
  conversehost token alice@chat.example --domain chat.example --token-key-file keys
  conversehost token --explain ch1.1.eyJq... --for alice@chat.example --token-key-file keys
"""


def run(arguments: Sequence[str], environment: Mapping[str, str], now: float | None = None) -> tuple[str, bool]:
    """What to print, and whether all is well: the token would be taken. Raises ConfigError."""
    if not arguments or arguments[0] in ("--help", "-h"):
        return HELP, bool(arguments)
    rest = list(arguments)
    token, account = _take(rest, "--explain"), _take(rest, "--for")
    if token is None and not rest[0].startswith("-"):
        account = rest.pop(0)
    elif token is None:
        raise ConfigError("token wants the address of an account, or --explain TOKEN (see conversehost token --help)")
    settings = load(rest, environment)
    moment = time.time() if now is None else now
    desk = TokenDesk(settings, clock=Clock(), utc=lambda: moment, voice=SILENT)
    said = _account(account, settings)
    if token is not None:
        return explain(token, said, settings, desk.readers(), moment)
    if not desk.has_keys:
        raise ConfigError(
            "no key to sign it with: give the server's, with --token-key KID:KEY or --token-key-file FILE"
        )
    if not said.local:
        raise ConfigError("token wants the address of an account, such as alice@chat.example")
    return desk.issue(said) + "\n", True


def explain(token: str, said: JID, settings: Settings, readers: Sequence[Reader], now: float) -> tuple[str, bool]:
    """All that can be said of it, and whether it would be taken."""
    reader = next((each for each in readers if each.recognises(token)), None)
    if reader is None:
        kinds = ", ".join(each.name for each in readers)
        return f"This has the form of no token that is taken with these options: {kinds}.\n", False
    lines = [f"kind:      {reader.name}", *_facts(token), f"now:       {_time(now)}"]
    try:
        account = reader.read(token, said, now)
        verdict, well = f"It would be taken, for {account}, unless it was used before.", True
    except TokenError as error:
        verdict, well = f"It wouldn't be taken: {error}.", False
    if not well and settings.jwt_keys_url and reader.name == "JWT":
        verdict += "\nKeys from --jwt-keys-url aren't fetched here: save them, and give the file with --jwt-key."
    return "\n".join([*lines, "", verdict, ""]), well


def _facts(token: str) -> Iterator[str]:
    """What it says of itself: true or not, that is no matter here."""
    parts = token.split(".")
    if len(parts) == 4:
        yield f"key:       {_shown(parts[1])}"
    objects = parts[2:3] if len(parts) == 4 else parts[:2]
    for name, value in [pair for text in objects for pair in _json(text).items()]:
        is_time = name in ("exp", "nbf", "iat") and type(value) in (int, float) and 0 <= value < 1e11
        yield f"{name + ':':<10} {_time(value) if is_time else _shown(value)}"


def _json(text: str) -> dict[str, Any]:
    try:
        said: object = json.loads(base64.urlsafe_b64decode(f"{text}==="))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _shown(value: object) -> str:
    return ascii(value) if not isinstance(value, str) or not value.isprintable() else value


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _take(arguments: list[str], name: str) -> str | None:
    """The value of an option that only this command has; it is gone from the others."""
    for position, argument in enumerate(arguments):
        if argument.startswith(f"{name}="):
            return arguments.pop(position).partition("=")[2]
        if argument == name:
            if position + 1 == len(arguments):
                raise ConfigError(f"{name} wants a value")
            value = arguments[position + 1]
            del arguments[position : position + 2]
            return value
    return None


def _account(text: str | None, settings: Settings) -> JID:
    """Nameless where it isn't said: then it is left to the token."""
    if text is None:
        return JID("", settings.domains[0])
    try:
        return parse_account(text, settings.domains[0])
    except JIDError as error:
        raise ConfigError(f"{text!r} is no address of an account: {error}") from None
