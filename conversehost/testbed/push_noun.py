"""`/pushes`: what a push service received, and what it refuses with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conversehost.testbed.fields import Choice, Fields, Text
from conversehost.testbed.noun import Noun, Reply, Verb
from conversehost.testbed.shapes import Shape, choice, listed, nullable, text, time
from conversehost.xmpp.errors import CONDITIONS

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

    def read(self, query: Fields, body: Fields) -> Reply:
        """What came, the oldest first; all, or those of a node."""
        node = query.text("node")
        found = [dict(each) for domain, store in self._places() for each in store.items("pushes", domain).values()]
        wanted = [each for each in found if node in (None, each["node"])]
        domain, store = next(iter(self._places()))
        return Reply({"pushes": wanted, "refuse": store.get("push_refusal", domain, "")})

    def change(self, query: Fields, body: Fields) -> Reply:
        """Refuse all that comes with this error, from now on; without one, take it again."""
        refusal = body.text("refuse")
        for domain, store in self._places():
            if refusal is None:
                store.delete("push_refusal", domain, "")
            else:
                store.put("push_refusal", domain, "", refusal)
        return Reply()

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Forget what came."""
        for domain, store in self._places():
            store.clear("pushes", domain)
        return Reply()

    def _places(self) -> list[tuple[str, Any]]:
        return [(f"push.{host.domain}", host.store) for host in self.world.hosts.values()]
