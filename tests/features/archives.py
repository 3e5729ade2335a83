"""Archives as their owners ask about them."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from tests.stage import Client


def query(content: str, queryid: str = "") -> str:
    named = f" queryid='{queryid}'" if queryid else ""
    return f"<query xmlns='{ns.MAM}'{named}>{content}</query>"


def form(*fields: str) -> str:
    return f"<x xmlns='jabber:x:data' type='submit'>{field('FORM_TYPE', ns.MAM)}{''.join(fields)}</x>"


def field(name: str, *values: str) -> str:
    return f"<field var='{name}'>{''.join(f'<value>{each}</value>' for each in values)}</field>"


def page(content: str) -> str:
    return f"<set xmlns='{ns.RSM}'>{content}</set>"


def results(client: Client, content: str = "") -> list[Element]:
    """What a query finds: `<result/>` each time. Nothing may wait in the client's inbox that is no presence."""
    client.take()
    answer = client.ask("set", query(content))
    assert answer.type == "result"
    return [each[0] for each in client.take("message")]


def history(client: Client, content: str = "") -> list[Stanza]:
    """The messages that a query finds."""
    found = [each.find(f"{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message") for each in results(client, content)]
    assert all(isinstance(each, Stanza) for each in found)
    return found  # type: ignore[return-value]


def bodies(client: Client, content: str = "") -> list[str]:
    return [each.text_of("body") for each in history(client, content)]


def ids(client: Client, content: str = "") -> list[str]:
    """The ids, in the archive, of what a query finds."""
    return [each.get("id", "") for each in results(client, content)]


def fin(client: Client, content: str = "") -> Element:
    """What ends an answer."""
    made = client.ask("set", query(content))[0]
    client.take("message")
    return made


def told(fin: Element) -> dict[str, str]:
    """What it says of the page."""
    (set,) = fin
    found = {each.tag.partition("}")[2]: each.text or "" for each in set}
    first = set.find("{*}first")
    return found if first is None else found | {"index": first.get("index", "")}
