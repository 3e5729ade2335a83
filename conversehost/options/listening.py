"""The options that say where it listens, and to whom."""

from __future__ import annotations

from pathlib import Path

import attrs

from conversehost.kinds import ADDRESS, BOSH_PATH, DOMAIN, FILE, FLAG, NAME, NETWORK, ORIGIN, PORT
from conversehost.options.option import option

LOOPBACK = ("127.0.0.1", "::1")
LOCAL = ("127.0.0.0/8", "::1/128")


@attrs.frozen(kw_only=True, slots=False)
class Listening:
    """What listens, and who may come from where."""

    port: int = option(5280, PORT, "the site, BOSH and prebind; 0 picks a free port")
    c2s_port: int = option(5222, PORT, "XMPP over TCP, with STARTTLS; 0 picks a free port")
    c2s_tls_port: int | None = option(
        None,
        PORT,
        "XMPP over TLS from the first byte (by default 5223; free where --c2s-port is 0, none where it is another)",
    )
    component_port: int = option(
        5347, PORT, "where components connect, if there are any; 0 picks a free port", needs="component_secrets"
    )
    s2s_port: int = option(5269, PORT, "where other servers connect, with --s2s; 0 picks a free port", needs="s2s")
    tls: bool = option(False, FLAG, "HTTPS too, with a certificate of a development authority that it makes")
    https_port: int = option(5281, PORT, "where it is, with --tls; 0 picks a free port", needs="tls tls_cert")
    tls_cert: Path | None = option(None, FILE, "your own certificate (PEM, with its chain) in place of that one")
    tls_key: Path | None = option(None, FILE, "its private key (PEM), where that is another file", needs="tls_cert")
    client_ca: Path | None = option(
        None, FILE, "whose certificates (PEM) say who a client is, in place of the development authority's"
    )
    no_starttls: bool = option(False, FLAG, "no TLS for XMPP over TCP, for clients that can't trust a certificate")
    require_tls: bool = option(False, FLAG, "no login without TLS, over any transport")
    interfaces: tuple[str, ...] = option(LOOPBACK, ADDRESS, "an address to listen on; repeatable", name="interface")
    bosh_paths: tuple[str, ...] = option(
        (), BOSH_PATH, "a path for BOSH, beside /http-bind and /bosh; repeatable", name="bosh-path"
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        DOMAIN,
        "another host name that browsers may reach it by; repeatable",
        name="allowed-host",
    )
    allowed_origins: tuple[str, ...] = option(
        ("*",),
        ORIGIN,
        "a site whose pages may use BOSH here, such as https://www.example; * are all; repeatable",
        name="allow-origin",
    )
    trusted_proxies: tuple[str, ...] = option(
        LOCAL,
        NETWORK,
        "a proxy, or a network of them, whose word counts on who is beyond it; repeatable",
        name="trusted-proxy",
    )
    instance: str = option(
        "", NAME, "this process' name among several: a cookie by which a proxy keeps a session on it (docs/growing.md)"
    )
