"""From the options to TLS: whose certificate, and what speaks with it. Loads what that needs when it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conversehost.clock import Clock
from conversehost.options import Settings

if TYPE_CHECKING:
    from conversehost.net.keypair import KeyPair


class Secured:
    """The server's certificate. `ca` is the file to trust it by, None when it is the operator's own."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError."""
        from conversehost.net.tls import Certificate

        self.ca: str | None = None
        self.certificate = Certificate(self._source(settings))

    def _source(self, settings: Settings) -> Callable[[], KeyPair]:
        from conversehost.net import keypair
        from conversehost.net.authority import Authority

        if certificate := settings.tls_cert:
            return lambda: keypair.read(certificate, settings.tls_key or certificate)
        names = (*settings.domains, *settings.allowed_hosts, *settings.interfaces)
        authority = Authority((settings.state_dir or state_folder()) / "tls", names)
        self.ca = str(authority.ca)
        return authority.certificate

    def reload(self) -> datetime:
        """Read it anew; when it expires, in UTC. Raises ConfigError, and then the old one stays."""
        self.certificate.reload()
        return self.certificate.pair.expires

    def below(self, factory: Any, clock: Clock) -> Any:
        """A factory of HTTPS connections."""
        from conversehost.net.tls import PLAIN_HTTP, TlsFactory

        return TlsFactory(self.certificate, factory, b"http/1.1", clock=clock, plain=PLAIN_HTTP)


def state_folder() -> Path:
    """Where programs keep what shall outlive them, and is nobody else's business (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "conversehost"
