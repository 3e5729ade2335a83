"""XEP-0215: External Service Discovery: STUN, TURN and what else there is, with passwords that expire."""

from __future__ import annotations

import base64
import hashlib
import hmac

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.services import ExternalService
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, element

XEP = Xep(215, "External Service Discovery", "1.0.0", "complete; nothing changes while it runs, so nothing is pushed")
_SERVICE = f"{{{ns.EXTERNAL_SERVICES}}}service"


def install(host: Host) -> None:
    feature = ServicesFeature(host)
    host.advertise(ns.EXTERNAL_SERVICES)
    host.on_iq("get", ns.EXTERNAL_SERVICES, "services", feature.all, at="host")
    host.on_iq("get", ns.EXTERNAL_SERVICES, "credentials", feature.credentials, at="host")


class ServicesFeature:
    """Tells accounts of this host; whoever pays for a relay doesn't lend it to strangers."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def all(self, iq: Stanza) -> Reply:
        """All of them, or those of a type (sections 3.1 and 3.2)."""
        user, type = self._user(iq), iq[0].get("type")
        told = [each for each in self._host.policy.services if type in (None, each.type)]
        made = element(ns.EXTERNAL_SERVICES, "services", {} if type is None else {"type": type})
        made.extend(self._described(each, user) for each in told)
        return made

    def credentials(self, iq: Stanza) -> Reply:
        """For one that the client knows (section 3.3)."""
        user, asked = self._user(iq), iq[0].find(_SERVICE)
        if asked is None or not asked.get("host") or not asked.get("type"):
            raise StanzaError("bad-request", "a <service/> with host and type is wanted")
        found = [
            each
            for each in self._host.policy.services
            if (each.host, each.type) == (asked.get("host"), asked.get("type"))
            and asked.get("port") in (None, str(each.port))
        ]
        if not found:
            raise StanzaError("item-not-found", "there is no such service")
        made = element(ns.EXTERNAL_SERVICES, "credentials")
        made.extend(self._described(each, user) for each in found)
        return made

    def _user(self, iq: Stanza) -> str:
        sender = iq.sender
        if sender is None or sender.domain != self._host.domain:
            raise StanzaError("forbidden", "these are for the accounts here")
        return sender.local

    def _described(self, service: ExternalService, user: str) -> Element:
        made = element(ns.EXTERNAL_SERVICES, "service", {"type": service.type, "host": service.host})
        made.set("port", str(service.port))
        for name in ("transport", "name", "username", "password"):
            if getattr(service, name):
                made.set(name, getattr(service, name))
        if service.is_restricted:
            made.set("restricted", "1")
        if service.secret:
            expires = int(self._host.clock.utc()) + service.ttl
            made.set("username", f"{expires}:{user}")
            made.set("password", password_for(f"{expires}:{user}", service.secret))
            made.set("expires", stamp(expires))
        return made


def password_for(username: str, secret: str) -> str:
    """As TURN servers check it that share a secret (coturn's use-auth-secret)."""
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()
