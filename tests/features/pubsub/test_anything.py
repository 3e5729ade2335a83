"""Whatever clients ask for, they are answered, and the server has nothing to wonder about."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.features.pubsub.words import NODE, SERVICE, create, item, publish, subscribe
from tests.stage import Stage, condition

VERBS = [
    "affiliations",
    "configure",
    "create",
    "default",
    "delete",
    "items",
    "options",
    "publish",
    "publish-options",
    "purge",
    "redirect",
    "retract",
    "subscribe",
    "subscriptions",
    "unsubscribe",
    "item",
    "affiliation",
    "subscription",
    "nonsense",
]
VALUES = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "true",
        "@",
        NODE,
        "none",
        "owner",
        "subscribed",
        "romeo@localhost",
        "juliet@localhost/x",
        "max",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["node", "jid", "id", "subid", "max_items", "notify", "affiliation", "subscription", "uri", "type"]
    ),
    VALUES,
    max_size=4,
)
FIELDS = st.sampled_from(
    [
        "FORM_TYPE",
        "pubsub#access_model",
        "pubsub#max_items",
        "pubsub#deliver",
        "pubsub#show-values",
        "pubsub#allow",
        "pubsub#node",
        "pubsub#subscriber_jid",
        "pubsub#item_expire",
        "pubsub#roster_groups_allowed",
        "pubsub#title",
        "pubsub#nonsense",
    ]
)
TYPES = st.sampled_from(
    [
        f"{ns.PUBSUB}#{name}"
        for name in ("node_config", "publish-options", "subscribe_options", "subscribe_authorization")
    ]
)


def written(name: str, attributes: dict[str, str], content: str, namespace: str = "") -> str:
    space = f" xmlns='{namespace}'" if namespace else ""
    said = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return f"<{name}{space}{said}>{content}</{name}>"


def field(var: str, values: list[str]) -> str:
    return f"<field var='{var}'>{''.join(f'<value>{each}</value>' for each in values)}</field>"


FORM = st.builds(
    lambda type, fields: f"<x xmlns='{ns.DATA}' type='{type}'>{''.join(fields)}</x>",
    st.sampled_from(["submit", "cancel", "form", ""]),
    st.lists(st.builds(field, FIELDS, st.lists(st.one_of(VALUES, TYPES), max_size=2)), max_size=4),
)
SOMETHING = st.recursive(
    st.one_of(FORM, st.just("<entry xmlns='urn:e'>x</entry>"), st.just("")),
    lambda inner: st.builds(written, st.sampled_from(VERBS), ATTRIBUTES, inner),
    max_leaves=3,
)
VERB = st.builds(written, st.sampled_from(VERBS), ATTRIBUTES, st.lists(SOMETHING, max_size=2).map("".join))
QUESTION = st.builds(
    lambda type, namespace, content, to: (type, written("pubsub", {}, content, namespace), to),
    st.sampled_from(["get", "set"]),
    st.sampled_from([ns.PUBSUB, ns.PUBSUB_OWNER]),
    st.lists(VERB, max_size=2).map("".join),
    st.sampled_from([None, SERVICE, "juliet@localhost"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(QUESTION, max_size=8), FORM)
def test_any_request_is_answered(questions: list[tuple[str, str, str | None]], answer: str):
    stage = Stage()
    stage.befriend("romeo", "juliet")
    romeo, juliet = stage.login("romeo"), stage.login("juliet")
    create(juliet, access_model="authorize")
    publish(juliet, item("1"))
    publish(juliet, item("1"), node=NODE, to=None)
    subscribe(romeo)
    for type, payload, to in questions:
        for client in (romeo, juliet):
            found = client.ask(type, payload, to)
            assert found.type == "result" or condition(found) != "internal-server-error", to_bytes(found)
    for to in (SERVICE, "juliet@localhost"):
        juliet.write(f"<message to='{to}'>{answer}</message>")
    assert not stage.unexpected, stage.unexpected
