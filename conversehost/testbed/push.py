"""`push.<domain>`: a push service that shows what it received (XEP-0357), in place of one of a phone's maker."""

from __future__ import annotations

from typing import Any

from conversehost.server.host import Host, Reply
from conversehost.server.subdomain import Subdomain
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import to_bytes

KEPT = 1_000
"""Notifications; the oldest go first."""

_NOTIFICATION = f"{{{ns.PUBSUB}}}publish/{{{ns.PUBSUB}}}item/{{{ns.PUSH}}}notification"


class PushService(Subdomain):
    """What it got is data, as all is: in the store."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "push", "pubsub", "push", "Push notifications")
        self.features.append(ns.PUSH)
        self.on_iq("set", ns.PUBSUB, "pubsub", self._publish)

    def _publish(self, iq: Stanza) -> Reply:
        store = self.host.store
        notification = iq[0].find(_NOTIFICATION)
        if notification is None:
            raise StanzaError("bad-request", "only push notifications can be published here")
        refusal: str | None = store.get("push_refusal", self.domain, "")
        if refusal is not None:
            raise StanzaError(refusal, "as the test bed was told")
        options = iq[0].find(f"{{{ns.PUBSUB}}}publish-options")
        form = None if options is None else form_in(options)
        got = {
            "at": stamp(self.host.clock.utc()),
            "from": iq.get("from", ""),
            "node": iq[0][0].get("node", ""),
            **summary(notification),
            "options": to_bytes(form).decode() if form is not None else None,
        }
        store.append("pushes", self.domain, tuple(got.items()))
        kept = store.items("pushes", self.domain)
        if len(kept) > KEPT:
            store.delete("pushes", self.domain, next(iter(kept)))
        return None


def summary(notification: Any) -> dict[str, str]:
    """What it says, by names that are JSON's."""
    form = form_in(notification)
    values = {} if form is None else {name: " ".join(texts) for name, texts in values_of(form).items()}
    names = {"count": "message-count", "sender": "last-message-sender", "body": "last-message-body"}
    return {name: values.get(field, "") for name, field in names.items()}
