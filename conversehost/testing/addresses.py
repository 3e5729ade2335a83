"""Where a running server is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from conversehost.testing.calls import API, Call, Door, Steps, TestBedError
from conversehost.testing.process import Process


class Addresses:
    """What the server's ready line says.

    `site`, `bosh`, `websocket`, `prebind`, `credentials`, `api` and `https` are URLs, `c2s`, `c2s_tls`, `component` and
    `s2s` are "host:port"; None for what the server doesn't have. `ca` is the file to trust the certificate of `https`
    by, `api_token_file` that with the token for other machines, `domain` its first XMPP domain, `pid` its process.

    `page` is where a browser is sent: the site, for a tenant by the name of its domain. Browsers take that for this
    machine (RFC 6761 section 6.3); other clients may not, and find all that a tenant has at `site`.
    """

    def __init__(self, ready: Mapping[str, Any], process: Process | None = None, token: str | None = None) -> None:
        """From the server's ready line. Mostly one calls `start` or `connect`."""
        self.site: str = ready["site"]
        self.page: str = ready.get("page", self.site)
        self.bosh: str = ready["bosh"]
        self.websocket: str | None = ready["websocket"]
        self.prebind: str = ready["prebind"]
        self.credentials: str | None = ready["credentials"]
        self.api: str = ready["api"]
        self.api_token_file: str | None = ready["api_token_file"]
        self.https: str | None = ready["https"]
        self.ca: str | None = ready["ca"]
        self.c2s: str = ready["c2s"]
        self.c2s_tls: str | None = ready["c2s_tls"]
        self.component: str | None = ready["component"]
        self.s2s: str | None = ready.get("s2s")
        self.domain: str = ready["domain"]
        self.pid: int = ready["pid"]
        self._ready = ready
        self._process = process
        self._door = Door(self.api, token)

    @classmethod
    def of(cls, bed: Addresses) -> Self:
        """The same server as that of another flavour, which is the one that stops it."""
        return cls(bed._ready, token=bed._door.token)

    @property
    def log(self) -> str:
        """What the server has logged so far; "" for one that `connect` found running."""
        return "" if self._process is None else self._process.log()

    @property
    def stopped(self) -> bool:
        """`stop` has been called."""
        return self._process is not None and self._process.stopped

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.site} pid {self.pid}>"


def door_of(url: str, token: str | None) -> Door:
    """To the server that has that address somewhere."""
    parts = urlsplit(url)
    return Door(f"{parts.scheme}://{parts.netloc}{API}", token)


def about(door: Door) -> Steps[Mapping[str, Any]]:
    """The ready line of the server there, its API by the address that it was reached at. Raises TestBedError."""
    told = yield Call("GET", "")
    try:
        return {**told["server"], "api": door.api}
    except (KeyError, TypeError):
        raise TestBedError(f"{door.api} is no conversehost's control API") from None
