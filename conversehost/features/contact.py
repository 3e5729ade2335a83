"""XEP-0157: Contact Addresses for XMPP Services: who is responsible for this one."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.xmpp.forms import Field, Form

XEP = Xep(157, "Contact Addresses for XMPP Services", "1.1.1", "complete")
FORM_TYPE = "http://jabber.org/network/serverinfo"


def install(host: Host) -> None:
    """Told in service discovery; administrators can be reached by XMPP, whatever else there is."""
    addresses: dict[str, list[str]] = {}
    for kind, uri in host.policy.contacts:
        addresses.setdefault(kind, []).append(uri)
    if not addresses.get("admin"):
        addresses["admin"] = [f"xmpp:{each}" for each in sorted(map(str, host.policy.admins))]
    fields = tuple(Field(f"{kind}-addresses", values=tuple(uris)) for kind, uris in addresses.items() if uris)
    if fields:
        host.advertise_form(Form(fields, FORM_TYPE))
