"""XEP-0202: Entity Time."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import child, element

XEP = Xep(202, "Entity Time", "2.0", "complete")


def install(host: Host) -> None:
    def answer(iq: Stanza) -> Reply:
        made = element(ns.TIME, "time")
        child(made, ns.TIME, "tzo").text = "+00:00"
        child(made, ns.TIME, "utc").text = stamp(host.clock.utc())
        return made

    host.advertise(ns.TIME)
    host.on_iq("get", ns.TIME, "time", answer, at="host")
