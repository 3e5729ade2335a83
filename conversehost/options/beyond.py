"""The options for standing in front of other XMPP servers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from conversehost.kinds import ENDPOINT, FILE, FLAG, NETWORK, UPSTREAM, whole_number
from conversehost.options.option import option

if TYPE_CHECKING:
    from conversehost.xmpp.places import Place


@attrs.frozen(kw_only=True, slots=False)
class Beyond:
    """Which servers those are, and what is asked of them."""

    upstreams: tuple[tuple[str, Place], ...] = option(
        (),
        UPSTREAM,
        "a domain whose server is elsewhere, such as chat.example=xmpp://host:5222, xmpps://host:5223 or srv (by DNS);"
        " * are all others; repeatable; see docs/connection-manager.md",
        name="upstream",
    )
    only_upstream: bool = option(
        False, FLAG, "no domain is served here; so too where there is --upstream, and no --domain"
    )
    upstream_ca: Path | None = option(
        None,
        FILE,
        "whose certificates (PEM) they may have, in place of the authorities that this machine knows",
        needs="upstreams",
    )
    upstream_cert: Path | None = option(
        None,
        FILE,
        "our certificate and its key (PEM), where they let us log people in by that (SASL EXTERNAL): so prebind does",
        needs="upstreams",
    )
    upstream_jwt_key: Path | None = option(
        None,
        FILE,
        "a key that they share with us: prebind and credentials log people in by a JWT (HS256, claim jid)",
        needs="upstreams",
    )
    upstream_insecure: bool = option(
        False, FLAG, "take any certificate of theirs, or none: for tests", needs="upstreams"
    )
    upstream_allow: tuple[str, ...] = option(
        (),
        NETWORK,
        "servers of --upstream '*' may be at this address or network, and no other; repeatable",
        needs="upstreams s2s",
    )
    upstream_deny: tuple[str, ...] = option(
        (), NETWORK, "no server may be at this address or network; repeatable", needs="upstreams s2s"
    )
    upstream_allow_private: bool = option(
        False, FLAG, "those of --upstream '*' may be at addresses that aren't public, too", needs="upstreams s2s"
    )
    upstream_route: bool = option(
        False,
        FLAG,
        "BOSH clients may say by route where their server is, as if it were found by DNS",
        needs="upstreams",
    )
    upstream_keep_alive: int = option(
        60,
        whole_number(1, 86_400, "SECONDS"),
        "a server to which nothing was said for so long is sent a space",
        needs="upstreams",
    )
    resolver: str = option("", ENDPOINT, "the DNS server to ask, in place of the machine's own", needs="upstreams s2s")
