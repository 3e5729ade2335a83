"""`push.<domain>`: a push service that shows what it received (XEP-0357), in place of one of a phone's maker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversehost.server.host import Host, Reply
from conversehost.server.subdomain import Subdomain
from conversehost.testbed.fields import Choice, Fields, Text
from conversehost.testbed.noun import Noun, Verb
from conversehost.testbed.noun import Reply as Answer
from conversehost.testbed.shapes import Shape, choice, listed, nullable, text, time
from conversehost.xmpp import ns
from conversehost.xmpp.errors import CONDITIONS, StanzaError
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


PUSH = Shape(
    "Push",
    "A notification that came.",
    {
        "at": time("when"),
        "from": text("the server that sent it"),
        "node": text("where it was published"),
        "count": text("how many messages wait"),
        "sender": text("who wrote the latest"),
        "body": text("and what"),
        "options": nullable(text("the publish options, as XML")),
    },
)
PUSHES = Shape(
    "Pushes",
    "What the push service got.",
    {"pushes": listed(PUSH), "refuse": nullable(choice("the condition that it refuses with", *CONDITIONS))},
)


class PushesNoun(Noun):
    """`/pushes`: what the push services of the domains got, the oldest first."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=PUSHES, query=(Text("node", "only those of this node"),)),
            "PATCH": Verb(self.change, body=(Choice("refuse", "the stanza error that it answers", words=CONDITIONS),)),
            "DELETE": Verb(self.clear),
        }

    def read(self, query: Fields, body: Fields) -> Answer:
        """What came, the oldest first; all, or those of a node."""
        node = query.text("node")
        found = [dict(each) for domain, store in self._places() for each in store.items("pushes", domain).values()]
        wanted = [each for each in found if node in (None, each["node"])]
        domain, store = next(iter(self._places()))
        return Answer({"pushes": wanted, "refuse": store.get("push_refusal", domain, "")})

    def change(self, query: Fields, body: Fields) -> Answer:
        """Refuse all that comes with this error, from now on; without one, take it again."""
        refusal = body.text("refuse")
        for domain, store in self._places():
            if refusal is None:
                store.delete("push_refusal", domain, "")
            else:
                store.put("push_refusal", domain, "", refusal)
        return Answer()

    def clear(self, query: Fields, body: Fields) -> Answer:
        """Forget what came."""
        for domain, store in self._places():
            store.clear("pushes", domain)
        return Answer()

    def _places(self) -> list[tuple[str, Any]]:
        return [(f"push.{host.domain}", host.store) for host in self.world.hosts.values()]
