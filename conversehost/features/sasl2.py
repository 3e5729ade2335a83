"""XEP-0388: Extensible SASL Profile, which logs in and sets up a session in one round trip."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.sasl2 import Sasl2
from conversehost.xmpp import ns

XEP = Xep(388, "Extensible SASL Profile", "1.0.2", "complete; no tasks are asked for after a login")


def install(host: Host) -> None:
    host.framings[ns.SASL2] = Sasl2
