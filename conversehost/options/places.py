"""The options that say how to ask others who somebody is."""

from __future__ import annotations

import os
import shlex
import shutil
import urllib.parse
from pathlib import Path

import attrs

from conversehost.kinds import FILE, Kind, one_of, whole_number
from conversehost.options.option import option

HERE = ("localhost", "127.0.0.1", "::1")


def _url(text: str) -> str:
    """Passwords go there."""
    parts = urllib.parse.urlsplit(text)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
    is_plain = text.isascii() and text.isprintable() and not set(' "<>\\^`{|}') & set(text)
    if not (is_private and is_plain and parts.hostname) or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "wants a URL with https, or with http on this machine, such as https://www.example/auth, without a query"
        )
    return text


def _credentials(text: str) -> tuple[str, str]:
    """Never tells the text in an error: it has a password."""
    name, _, password = text.partition(":")
    if not (name and password):
        raise ValueError("wants NAME:PASSWORD")
    return name, password


def _command(text: str) -> tuple[str, ...]:
    """The program by its whole path: the process may change its folder later."""
    try:
        program, *arguments = shlex.split(text)
    except ValueError:
        raise ValueError(f"wants a command as for a shell, not {text!r}") from None
    found = shutil.which(program)
    if found is None:
        raise ValueError(f"there is no program {program!r}, or it may not be run")
    return (os.path.abspath(found), *arguments)


COMMAND = Kind("COMMAND", _command)
URL = Kind("URL", _url)
CREDENTIALS = Kind("NAME:PASSWORD", _credentials)


@attrs.frozen(kw_only=True, slots=False)
class Places:
    """What `--auth http` and others need to know."""

    http_auth_url: str = option(
        "",
        URL,
        "--auth http asks there, as Prosody does; $host in it stands for the domain of who logs in",
        needs="auth=http",
    )
    http_auth_style: str = option(
        "query",
        one_of("query", "basic", "json"),
        "how it asks: as Prosody's mod_auth_http, mod_auth_http_async or mod_auth_custom_http",
        needs="auth=http",
    )
    http_auth_credentials: tuple[str, str] | None = option(
        None, CREDENTIALS, "how this server says who it is, where the service wants to know", needs="auth=http"
    )
    auth_ca: Path | None = option(
        None,
        FILE,
        "whose certificates (PEM) such services may have, in place of the authorities known here",
        needs="auth=http auth=ldap",
    )

    extauth_program: tuple[str, ...] | None = option(
        None, COMMAND, "--auth extauth asks this program, and its arguments, as ejabberd does", needs="auth=extauth"
    )
    extauth_pool_size: int = option(
        2, whole_number(1, 100, "N"), "how many of them run at once, at most", needs="auth=extauth"
    )
