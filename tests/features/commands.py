"""Running ad-hoc commands as a client does."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.forms import X, values_of
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from tests.stage import Client

NOTE = f"{{{ns.COMMANDS}}}note"


def execute(client: Client, node: str, action: str = "", sessionid: str = "", form: str = "") -> Stanza:
    """One step; the whole answer."""
    given = "".join(f" {name}='{value}'" for name, value in (("action", action), ("sessionid", sessionid)) if value)
    return client.ask("set", f"<command xmlns='{ns.COMMANDS}' node='{node}'{given}>{form}</command>", "localhost")


def filled(*, type: str = "submit", **fields: str | list[str]) -> str:
    """A form."""
    content = "".join(
        f"<field var='{name}'>"
        + "".join(f"<value>{each}</value>" for each in ([values] if isinstance(values, str) else values))
        + "</field>"
        for name, values in fields.items()
    )
    return f"<x xmlns='{ns.DATA}' type='{type}'>{content}</x>"


def status(answer: Stanza) -> str | None:
    return answer[0].get("status")


def shown(answer: Stanza) -> dict[str, tuple[str, ...]]:
    """The values of the form in an answer."""
    x = answer[0].find(X)
    assert x is not None
    return values_of(x)


def actions(answer: Stanza) -> tuple[str | None, list[str]]:
    """What can be done next: the default, and all."""
    found: Element | None = answer[0].find(f"{{{ns.COMMANDS}}}actions")
    assert found is not None
    return found.get("execute"), [each.tag.partition("}")[2] for each in found]


def run(client: Client, node: str, form: str) -> Stanza:
    """A command of one stage, from the first request to the last answer."""
    asked = execute(client, node)
    assert status(asked) == "executing"
    return execute(client, node, sessionid=asked[0].get("sessionid", ""), form=form)
