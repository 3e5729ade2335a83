"""XEP-0092: Software Version."""

from __future__ import annotations

from conversehost import __version__
from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element

XEP = Xep(92, "Software Version", "1.1", "complete; the operating system isn't told")


def install(host: Host) -> None:
    host.advertise(ns.VERSION)
    host.on_iq("get", ns.VERSION, "query", answer, at="host")


def answer(iq: Stanza) -> Reply:
    """Name and version; the operating system isn't told (section 5)."""
    query = element(ns.VERSION, "query")
    child(query, ns.VERSION, "name").text = "conversehost"
    child(query, ns.VERSION, "version").text = __version__
    return query
