"""What people publish is in files too."""

from __future__ import annotations

from dataclasses import replace

from conversehost.features.pubsub.items import Item
from conversehost.features.pubsub.nodes import Node
from conversehost.testbed.noun import API
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, element
from tests.testbed.conftest import House

COLLECTIONS = ("nodes", "items", "affiliations", "subscriptions", "bytes", "moved")


def asked(type: str, id: str, *content: Element, to: str = "") -> Element:
    attributes = {"type": type, "id": id} | ({"to": to} if to else {})
    namespace = ns.PUBSUB_OWNER if content[0].tag.startswith(f"{{{ns.PUBSUB_OWNER}}}") else ns.PUBSUB
    return stanza("iq", attributes, element(namespace, "pubsub", None, *content))


def publish(house: House) -> None:
    """Something in every collection."""
    alice = house.person("alice", "a")
    item = element(ns.PUBSUB, "item", {"id": "1"}, element("urn:mood", "mood", text="<happy>"))
    alice.says(asked("set", "p", element(ns.PUBSUB, "publish", {"node": "urn:mood"}, item)))
    for node in ("news", "olds"):
        alice.says(asked("set", node, element(ns.PUBSUB, "create", {"node": node}), to="pubsub.localhost"))
    subscribe = element(ns.PUBSUB, "subscribe", {"node": "news", "jid": "alice@localhost"})
    alice.says(asked("set", "s", subscribe, to="pubsub.localhost"))
    redirect = element(ns.PUBSUB_OWNER, "redirect", {"uri": "xmpp:elsewhere"})
    alice.says(asked("set", "d", element(ns.PUBSUB_OWNER, "delete", {"node": "olds"}, redirect), to="pubsub.localhost"))


def kept(house: House) -> dict[str, dict[str, object]]:
    """Times to the millisecond: files have no more than microseconds."""
    store = house.server.store
    return {
        name: {
            f"{owner} {key}": rounded(value)
            for owner in store.owners(f"pubsub-{name}")
            for key, value in store.items(f"pubsub-{name}", owner).items()
        }
        for name in COLLECTIONS
    }


def rounded(value: object) -> object:
    if isinstance(value, Node):
        return replace(value, created=round(value.created, 3))
    return replace(value, at=round(value.at, 3)) if isinstance(value, Item) else value


def test_what_is_published_comes_back(house: House):
    publish(house)
    before = kept(house)
    assert all(before[name] for name in COLLECTIONS)
    told = house.api.send("GET", f"{API}/state", b"", {"Accept": "application/toml"}).body
    other = House()
    assert other.api.send("PUT", f"{API}/state", told, {"Content_Type": "application/toml"}).status == 204
    assert kept(other) == before
    alice = other.person("alice", "b")
    alice.says(asked("get", "g", element(ns.PUBSUB, "items", {"node": "urn:mood"})))
    assert alice.got[-1].find(".//{urn:mood}mood").text == "<happy>"
