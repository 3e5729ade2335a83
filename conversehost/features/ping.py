"""XEP-0199: XMPP Ping."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza

XEP = Xep(199, "XMPP Ping", "2.0.1", "complete")


def install(host: Host) -> None:
    host.advertise(ns.PING)
    host.advertise(ns.PING, at="account")
    host.on_iq("get", ns.PING, "ping", pong, at="host")
    host.on_iq("get", ns.PING, "ping", pong, at="account")


def pong(iq: Stanza) -> Reply:
    return None
