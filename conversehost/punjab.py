"""The names that Punjab's options had, for scripts and habits from then: each means one or more of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from conversehost.errors import ConfigError

SHORT = "b:v"
"""As getopt wants them."""

Ours = list[tuple[str, str]]
"""Options by name (without hyphens), with what is given to each; "" for a flag."""

PAGE = "docs/coming-from-punjab.md"
PORTS = {"tcp": "port", "tcp6": "port", "ssl": "https-port"}
"""Which option has the port of an endpoint, by its kind."""


def strports(text: str) -> Ours:
    """What an endpoint's description asks for: `tcp:5280:interface=127.0.0.1`, `ssl:5281:certKey=a:privateKey=b`."""
    kind, *parts = [re.sub(r"\\(.)", r"\1", part) for part in re.findall(r"(?:[^:\\]|\\.)+", text)] or [""]
    if kind not in PORTS:
        raise ConfigError(f"--strports {text}: only tcp and ssl are served: use --port or --https-port ({PAGE})")
    known = {"port": PORTS[kind], "interface": "interface"}
    found: Ours = []
    if kind == "ssl":
        known |= {"certKey": "tls-cert", "privateKey": "tls-key"}
        found.append(("tls", ""))
    for number, part in enumerate(parts):
        name, equals, value = part.partition("=")
        if not equals and number == 0:
            name, value = "port", part
        if name == "backlog":
            continue  # it is long enough here
        if name not in known or not value:
            raise ConfigError(f"--strports {text}: {part!r} has no meaning here: leave it out ({PAGE})")
        found.append((known[name], value))
    return found


def _one(name: str) -> Callable[[str], Ours]:
    return lambda text: [(name, text)]


def _several(name: str) -> Callable[[str], Ours]:
    return lambda text: [(name, each.strip()) for each in text.split(",") if each.strip()]


def _flag(name: str, value: str = "") -> Callable[[str], Ours]:
    return lambda text: [(name, value)]


def _gone(why: str) -> Callable[[str], Ours]:
    def refuse(text: str) -> Ours:
        raise ConfigError(f"{why} ({PAGE})")

    return refuse


OPTIONS: dict[str, Callable[[str], Ours]] = {
    "b": _one("bosh-path"),
    "v": _flag("log-level", "debug"),
    "httpb=": _one("bosh-path"),
    "polling=": _one("bosh-polling"),
    "html_dir=": _one("site"),
    "strports=": strports,
    "ssl=": _flag("tls"),
    "ssl_cert=": _one("tls-cert"),
    "ssl_privkey=": _one("tls-key"),
    "white_list=": _several("allow-domain"),
    "black_list=": _several("deny-domain"),
    "verbose": _flag("log-level", "debug"),
    "host=": _gone("--host has no meaning here: leave it out; --interface says where it listens"),
    "route=": _gone("--route isn't needed, the XMPP server is this one: leave it out"),
    "directTLS=": _gone("--directTLS isn't needed, the XMPP server is this one: leave it out"),
    "site_log_file=": _gone("--site_log_file isn't here: use twistd --logfile FILE conversehost"),
}
"""By name as getopt wants it: with `=` when it takes a value."""

LONG = [name for name in OPTIONS if len(name) > 1]


def prepare(arguments: Sequence[str]) -> list[str]:
    """Give `--ssl` its value where that is missing: it meant nothing, so people left it out."""
    after = [*arguments[1:], "-"]
    return [
        "--ssl=1" if one == "--ssl" and following.startswith("-") else one
        for one, following in zip(arguments, after, strict=False)
    ]


def ours(name: str, text: str) -> Ours:
    """What an option, Punjab's or our own, asks for in our own names. Raises ConfigError."""
    translate = OPTIONS.get(name) or OPTIONS.get(name + "=")
    return [(name, text)] if translate is None else translate(text)
