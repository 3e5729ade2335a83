"""How clients speak to a publish-subscribe service, and what they hear from it."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.capabilities import read_capabilities
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, parse, to_bytes
from tests.stage import Client, condition

SERVICE = "pubsub.localhost"
NODE = "princely_musings"
TUNE = "http://jabber.org/protocol/tune"


def form(form_type: str, **fields: str | tuple[str, ...]) -> str:
    """A submission; fields by name without `pubsub#`, and with `_` for `-`."""
    written = f"<field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>"
    for name, values in fields.items():
        texts = (values,) if isinstance(values, str) else values
        content = "".join(f"<value>{each}</value>" for each in texts)
        written += f"<field var='pubsub#{name}'>{content}</field>"
    return f"<x xmlns='{ns.DATA}' type='submit'>{written}</x>"


def config(**fields: str | tuple[str, ...]) -> str:
    return form(f"{ns.PUBSUB}#node_config", **fields)


def request(client: Client, type: str, content: str, to: str | None = SERVICE) -> Stanza:
    """In the namespace of everybody."""
    return client.ask(type, f"<pubsub xmlns='{ns.PUBSUB}'>{content}</pubsub>", to)


def own(client: Client, type: str, content: str, to: str | None = SERVICE) -> Stanza:
    """In the namespace of owners."""
    return client.ask(type, f"<pubsub xmlns='{ns.PUBSUB_OWNER}'>{content}</pubsub>", to)


def create(client: Client, node: str = NODE, to: str | None = SERVICE, **fields: str | tuple[str, ...]) -> None:
    configure = f"<configure>{config(**fields)}</configure>" if fields else ""
    done(request(client, "set", f"<create node='{node}'/>{configure}", to))


def configure(client: Client, node: str = NODE, to: str | None = SERVICE, **fields: str | tuple[str, ...]) -> Stanza:
    return own(client, "set", f"<configure node='{node}'>{config(**fields)}</configure>", to)


def item(id: str | None = None, text: str = "x") -> str:
    named = "" if id is None else f" id='{id}'"
    return f"<item{named}><entry xmlns='urn:e'>{text}</entry></item>"


def publish(
    client: Client, *items: str, node: str = NODE, to: str | None = SERVICE, **options: str | tuple[str, ...]
) -> Stanza:
    """`options` are preconditions."""
    wanted = form(f"{ns.PUBSUB}#publish-options", **options)
    beside = f"<publish-options>{wanted}</publish-options>" if options else ""
    return request(client, "set", f"<publish node='{node}'>{''.join(items)}</publish>{beside}", to)


def retract(client: Client, *ids: str, node: str = NODE, to: str | None = SERVICE, notify: str = "") -> Stanza:
    items = "".join(f"<item id='{each}'/>" for each in ids)
    attribute = f" notify='{notify}'" if notify else ""
    return request(client, "set", f"<retract node='{node}'{attribute}>{items}</retract>", to)


def subscribe(client: Client, node: str = NODE, jid: str | None = None, to: str | None = SERVICE) -> Stanza:
    return request(client, "set", f"<subscribe node='{node}' jid='{jid or client.bare}'/>", to)


def read(client: Client, node: str = NODE, to: str | None = SERVICE, more: str = "", content: str = "") -> list[str]:
    """The ids of the items."""
    answer = done(request(client, "get", f"<items node='{node}'{more}>{content}</items>", to))
    return [each.get("id", "") for each in answer[0][0]]


def texts(client: Client, node: str = NODE, to: str | None = SERVICE) -> list[str]:
    """What is in them."""
    answer = done(request(client, "get", f"<items node='{node}'/>", to))
    return [each[0].text or "" for each in answer[0][0]]


def done(answer: Stanza) -> Stanza:
    assert answer.type == "result", to_bytes(answer)
    return answer


def refused(answer: Stanza) -> tuple[str, str | None]:
    """The condition of an error, and what publish-subscribe adds to it."""
    found = answer.find(f"{{{ns.CLIENT}}}error")
    assert found is not None, to_bytes(answer)
    more = [each for each in found if each.tag.startswith(f"{{{ns.PUBSUB_ERRORS}}}")]
    feature = f" {more[0].get('feature')}" if more and more[0].get("feature") else ""
    return condition(answer), str(more[0].tag).partition("}")[2] + feature if more else None


def events(client: Client) -> list[Stanza]:
    """The events that have come, which all are headlines."""
    found = [each for each in client.take("message") if each.find(f"{{{ns.PUBSUB_EVENT}}}event") is not None]
    assert all(each.id for each in found)
    return found


def content(message: Stanza) -> Element:
    """What the event is."""
    found = message.find(f"{{{ns.PUBSUB_EVENT}}}event")
    assert found is not None and len(found) == 1
    return found[0]


def news(client: Client) -> list[str]:
    """Short: `item id text`, `retract id`, or what else there was."""
    told: list[str] = []
    for message in events(client):
        found = content(message)
        name = str(found.tag).partition("}")[2]
        if name != "items":
            told.append(" ".join((name, *(found.get(each, "") for each in ("jid", "subscription") if found.get(each)))))
        for each in found if name == "items" else ():
            words = (str(each.tag).partition("}")[2], each.get("id", ""), (each[0].text or "") if len(each) else "")
            told.append(" ".join(word for word in words if word))
        if name == "items" and not len(found):
            told.append("items")
    return told


def values(answer: Stanza) -> dict[str, tuple[str, ...]]:
    """The fields of the form in an answer."""
    x = form_in(answer.iter())
    assert x is not None
    return {name.removeprefix("pubsub#"): found for name, found in values_of(x).items()}


def interested(client: Client, *nodes: str) -> None:
    """It shows capabilities that say what it wants to hear of, and answers when it is asked for them."""
    told = "".join(f"<feature var='{each}+notify'/>" for each in nodes)
    query = f"<query xmlns='{ns.DISCO_INFO}'><identity category='client' type='pc'/>{told}</query>"
    ver = read_capabilities(parse(query.encode())).verification("sha-1")
    client.write(f"<presence><c xmlns='{ns.CAPS}' node='urn:client' ver='{ver}' hash='sha-1'/></presence>")
    for each in client.take("iq"):
        if each.type == "get":
            client.write(f"<iq type='result' to='{each.get('from')}' id='{each.id}'>{query}</iq>")
