"""How a node is configured: section 16.4.4 of XEP-0060, and the form for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_type_hints

from conversehost.features.pubsub.refusals import refusal
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import FORM_TYPE, Answers, Field, Form, values_of
from conversehost.xmpp.xml import Element

NODE_CONFIG, PUBLISH_OPTIONS = f"{ns.PUBSUB}#node_config", f"{ns.PUBSUB}#publish-options"
PREFIX = "pubsub#"
MAX_ITEMS = 10_000
"""The most that a node keeps: what `max` means."""

FOREVER = 0
"""Of an item's time to live: what `max` means there."""

PAYLOAD = 262_144
"""Bytes of the largest payload."""

TEXT, GROUPS = 10_000, 100
"""Characters of a title and the like; groups of the roster that are named."""

ACCESS_MODELS = ("authorize", "open", "presence", "roster", "whitelist")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """By the names that the fields have, without `pubsub#`. Times are in seconds, sizes in bytes."""

    title: str = ""
    description: str = ""
    language: str = ""
    type: str = ""
    node_type: str = "leaf"
    access_model: str = "open"
    roster_groups_allowed: tuple[str, ...] = ()
    publish_model: str = "publishers"
    subscribe: bool = True
    persist_items: bool = True
    max_items: int = 100
    item_expire: int = FOREVER
    publish_node_full: str = "retract-oldest"
    max_payload_size: int = PAYLOAD
    send_last_published_item: str = "on_sub"
    deliver_notifications: bool = True
    deliver_payloads: bool = True
    presence_based_delivery: bool = False
    notification_type: str = "headline"
    itemreply: str = "none"
    notify_config: bool = False
    notify_delete: bool = True
    notify_retract: bool = False
    notify_sub: bool = False

    @property
    def room(self) -> int:
        """How many items are kept: of a node that doesn't persist them the last one, for who comes later, unless
        there is nothing in it (section 12.6).
        """
        return self.max_items if self.persist_items else int(self.deliver_payloads)


_LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "title": ("A name for the node", ()),
    "description": ("What is published there", ()),
    "language": ("Its language", ()),
    "type": ("The type of what is published, mostly the namespace", ()),
    "node_type": ("The kind of node", ("leaf",)),
    "access_model": ("Who may subscribe and read", ACCESS_MODELS),
    "roster_groups_allowed": ("Groups of the roster who may, with the model roster", ()),
    "publish_model": ("Who may publish", ("publishers", "subscribers", "open")),
    "subscribe": ("Let people subscribe", ()),
    "persist_items": ("Keep items", ()),
    "max_items": (f"How many to keep (max: {MAX_ITEMS})", ()),
    "item_expire": ("Seconds to keep one (max: for ever)", ()),
    "publish_node_full": ("What to do when there are so many", ("retract-oldest", "discard-oldest", "reject")),
    "max_payload_size": ("Bytes that one may have", ()),
    "send_last_published_item": ("When to send the last one", ("never", "on_sub", "on_sub_and_presence")),
    "deliver_notifications": ("Tell subscribers what is published", ()),
    "deliver_payloads": ("Send it to them whole", ()),
    "presence_based_delivery": ("Tell only those who are available", ()),
    "notification_type": ("The type of the messages to them", ("normal", "headline")),
    "itemreply": ("Say who published an item", ("none", "publisher")),
    "notify_config": ("Tell subscribers when the configuration changes", ()),
    "notify_delete": ("Tell them when the node is deleted", ()),
    "notify_retract": ("Tell them when items are removed", ()),
    "notify_sub": ("Tell owners who subscribes and unsubscribes", ()),
}


@cache
def kinds() -> Mapping[str, Any]:
    """What each setting is: str, bool, int or a tuple of strings."""
    return get_type_hints(NodeConfig)


def form(config: NodeConfig) -> Form:
    """The form, filled in as the node is configured."""
    return Form(
        tuple(_field(name, getattr(config, name)) for name in _LABELS), NODE_CONFIG, "Configuration of the node"
    )


def _field(name: str, value: Any) -> Field:
    label, options = _LABELS[name]
    kind = kinds()[name]
    var, options_labelled = PREFIX + name, tuple((each, "") for each in options)
    if kind is bool:
        return Field(var, "boolean", label, (str(int(value)),))
    if options:
        return Field(var, "list-single", label, (value,), options=options_labelled)
    if kind is str or kind is int:
        text = str(value) if kind is str else written(name, value)
        return Field(var, "text-single", label, (text,) if text else ())
    return Field(var, "text-multi", label, value)


def written(name: str, number: int) -> str:
    """As the form has it."""
    return "max" if (name, number) in (("max_items", MAX_ITEMS), ("item_expire", FOREVER)) else str(number)


def read(x: Element, base: NodeConfig) -> NodeConfig:
    """A submission; what it doesn't mention stays (XEP-0004 section 3.2). Raises StanzaError."""
    return replace(base, **changes(x, form(base)))


def read_preconditions(x: Element) -> Mapping[str, Any]:
    """Publishing options (section 7.1.5), as what the settings of those names must be. Raises StanzaError."""
    known = {FORM_TYPE, *(PREFIX + name for name in _LABELS)}
    for var in values_of(x):
        if var not in known:
            raise refusal("bad-request", "invalid-options", f"no node has {var}")
    return changes(x, Form(form(NodeConfig()).fields, PUBLISH_OPTIONS))


def changes(x: Element, asked: Form) -> dict[str, Any]:
    """The settings that a submission has. Raises StanzaError(not-acceptable)."""
    given = values_of(x)
    model = given.get(PREFIX + "access_model", ("open",))
    if not set(model) <= set(ACCESS_MODELS):
        raise refusal("not-acceptable", "unsupported-access-model", f"it is one of {', '.join(ACCESS_MODELS)}")
    answers = asked.read(x)
    return {name: _value(name, answers) for name in _LABELS if PREFIX + name in given}


def from_texts(options: Mapping[str, str], base: NodeConfig) -> NodeConfig:
    """Settings as texts, by name without `pubsub#`. Raises StanzaError."""
    answers = Answers({PREFIX + name: (text,) for name, text in options.items()})
    return replace(base, **{name: _value(name, answers) for name in options})


def _value(name: str, answers: Answers) -> Any:
    kind, var = kinds()[name], PREFIX + name
    if kind is bool:
        return answers.flag(var)
    if kind is int:
        return _number(name, answers.text(var).strip())
    texts = answers.texts(var)
    if len(texts) > GROUPS or sum(map(len, texts)) > TEXT:
        raise StanzaError("not-acceptable", f"{_LABELS[name][0]}: at most {TEXT} characters")
    return answers.text(var) if kind is str else texts


def _number(name: str, text: str) -> int:
    largest = {"max_items": MAX_ITEMS, "item_expire": 2**31 - 1, "max_payload_size": PAYLOAD}[name]
    if text in ("", "max"):
        return FOREVER if name == "item_expire" else largest
    if not (text.isascii() and text.isdecimal()) or len(text) > 10 or int(text) > largest:
        raise StanzaError("not-acceptable", f"{_LABELS[name][0]}: a number up to {largest}, or max")
    if name == "max_items" and int(text) == 0:
        raise StanzaError("not-acceptable", f"{_LABELS[name][0]}: one or more")
    return int(text)
