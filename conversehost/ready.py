"""What clients of a server need to know, as its ready line has it: addresses, by the sockets that listen."""

from __future__ import annotations

import socket

from conversehost.net.handshake import websocket_url
from conversehost.options import Settings, Sockets


def addresses(
    settings: Settings, sockets: Sockets, *, starttls: bool, token_file: str | None, ca: str | None
) -> dict[str, object]:
    """By what they are for; null for what isn't there. `starttls`: XMPP over TCP can be encrypted."""
    local = any(each.startswith("127.") or each in ("::1", "0.0.0.0", "::") for each in settings.interfaces)
    host = "localhost" if local else settings.interfaces[0]
    authority = f"[{host}]" if ":" in host else host

    def at(listening: list[socket.socket]) -> str | None:
        return f"{authority}:{listening[0].getsockname()[1]}" if listening else None

    site = f"http://{at(sockets.http)}"
    return {
        "site": f"{site}/",
        "bosh": f"{site}/http-bind",
        "websocket": websocket_url(site),
        "prebind": f"{site}/prebind",
        "credentials": f"{site}/credentials" if "token" in settings.back_ends(settings.first_domain) else None,
        "api": f"{site}/_conversehost/api/v1" if settings.has_control else None,
        "api_token_file": token_file if settings.has_control else None,
        "https": f"https://{at(sockets.https)}/" if sockets.https else None,
        "ca": ca,
        "c2s": at(sockets.c2s),
        "c2s_tls": at(sockets.c2s_tls) if starttls else None,
        "component": at(sockets.component),
        "s2s": at(sockets.s2s),
        "domain": settings.first_domain,
    }
