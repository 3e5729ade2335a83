"""Configurations for the web server in front of this one: `conversehost proxy-config nginx`."""

from __future__ import annotations

import re
from pathlib import Path

from conversehost.errors import ConfigError
from conversehost.net.bosh import PATHS
from conversehost.options import Settings, did_you_mean

FILES = {"nginx": "nginx.conf", "apache": "apache.conf", "caddy": "Caddyfile"}
WEBSOCKET = ("xmpp-websocket", "websocket", "ws-xmpp", "ws")
GRACE = 30
"""Seconds by which the web server waits longer than an answer may be held."""
SILENT, KEPT = 3600, 60
"""Seconds that a WebSocket may be silent, and that idle connections are kept; conversehost keeps them longer."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def recipe(server: str, settings: Settings) -> str:
    """The configuration of a web server (nginx, apache or caddy) for a conversehost with these settings.

    Raises ConfigError.
    """
    import jinja2

    name = FILES.get(server)
    if name is None:
        raise ConfigError(f"no recipe for {server!r}: there are {', '.join(FILES)}" + did_you_mean(server, FILES))
    if not settings.port:
        raise ConfigError("--port 0 is another port each time: give the one that the web server is to ask")
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(name).render(
        address=_address(settings),
        names=_names(settings),
        bosh=list(dict.fromkeys(path.strip("/") for path in (*map(bytes.decode, PATHS), *settings.bosh_paths))),
        websocket=WEBSOCKET,
        wait=settings.bosh_wait,
        held=settings.bosh_wait + GRACE,
        body=2 * settings.stanza_limit,
        upload=settings.upload_limit,
        silent=SILENT,
        kept=KEPT,
    )


def _address(settings: Settings) -> str:
    """Where the web server finds conversehost, on the same machine if it listens there."""
    interface = settings.interfaces[0]
    host = _EVERYWHERE.get(interface, interface)
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _names(settings: Settings) -> list[str]:
    """As browsers send them: in ASCII (IDNA)."""
    import idna

    names = dict.fromkeys((*settings.domains, *settings.allowed_hosts))
    return [name if re.fullmatch(r"[\w.:\[\]-]+", name, re.ASCII) else idna.encode(name).decode() for name in names]
