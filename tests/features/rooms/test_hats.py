"""XEP-0317."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.hats import FORM_TYPE
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.rooms.test_info import facts, features
from tests.features.rooms.visits import ROOM, affiliate, clear, codes_in, enter
from tests.stage import Client, condition

TEACHER = "http://tech.example.edu/hats#Teacher"


def command(client: Client, name: str, **values: str) -> Stanza:
    """In one step, as who knows the form may do it."""
    fields = f"<field var='FORM_TYPE'><value>{FORM_TYPE}</value></field>"
    fields += "".join(f"<field var='hats#{var}'><value>{value}</value></field>" for var, value in values.items())
    x = f"<x xmlns='{ns.DATA}' type='submit'>{fields}</x>" if values else ""
    node = f"{FORM_TYPE}:{name}"
    return client.ask("set", f"<command xmlns='{ns.COMMANDS}' node='{node}' action='execute'>{x}</command>", ROOM)


def rows(answer: Stanza) -> list[list[str | None]]:
    return [[value.text for value in item.iter(f"{{{ns.DATA}}}value")] for item in answer.iter(f"{{{ns.DATA}}}item")]


def hats(client: Client, nick: str) -> list[dict[str, str]]:
    """Those that the last presence of somebody shows."""
    presence = [each for each in client.take("presence") if each.get("from") == f"{ROOM}/{nick}"][-1]
    return [dict(each.attrib) for each in presence.iter(f"{{{ns.HATS}}}hat")]


@pytest.fixture
def teacher(owner: Client, viola: Client) -> Client:
    """There is a hat, and Viola wears it."""
    assert command(owner, "create", title="Teacher", uri=TEACHER, hue="327.255249").type == "result"
    assert command(owner, "assign", jid=viola.jid, uri=TEACHER).type == "result"
    clear(owner)
    return viola


def test_a_hat_is_made_and_worn(owner: Client, viola: Client, feste: Client):
    """Sections 4.1, 4.2 and 4.5."""
    assert ns.HATS in features(feste)
    answer = command(owner, "create", title="Teacher", uri=TEACHER, hue="327.255249")
    assert answer[0].get("status") == "completed"
    assert [codes_in(each[0]) for each in viola.take("message")] == [(104,)]
    command(owner, "assign", jid="viola@localhost", uri=TEACHER)
    worn = [{"title": "Teacher", "uri": TEACHER, "hue": "327.255249"}]
    assert hats(viola, "Viola") == worn
    enter(feste, "Feste", presence="")
    feste.presence("unavailable", to=f"{ROOM}/Feste")
    feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")
    assert hats(feste, "Viola") == worn


def test_in_two_steps(owner: Client):
    """Section 3.2."""
    begun = command(owner, "create")
    assert begun[0].get("status") == "executing"
    fields = [each.get("var") for each in begun.iter(f"{{{ns.DATA}}}field")]
    assert fields == ["FORM_TYPE", "hats#title", "hats#uri", "hats#hue"]
    x = f"<field var='hats#title'><value>T</value></field><field var='hats#uri'><value>{TEACHER}</value></field>"
    id, node = begun[0].get("sessionid"), begun[0].get("node")
    x = f"<x xmlns='{ns.DATA}' type='submit'>{x}</x>"
    payload = f"<command xmlns='{ns.COMMANDS}' node='{node}' sessionid='{id}'>{x}</command>"
    assert owner.ask("set", payload, ROOM)[0].get("status") == "completed"
    assert rows(command(owner, "list")) == [["T", TEACHER, None]]


def test_a_hat_is_changed(owner: Client, teacher: Client):
    """Section 3.2: who wears it wears it so."""
    command(owner, "create", title="Professor", uri=TEACHER)
    assert hats(owner, "Viola") == [{"title": "Professor", "uri": TEACHER}]


def test_a_hat_is_destroyed(owner: Client, teacher: Client):
    """Section 3.3."""
    command(owner, "destroy", uri=TEACHER)
    assert hats(owner, "Viola") == []
    assert rows(command(owner, "list")) == rows(command(owner, "list-assigned")) == []


def test_a_hat_is_taken(owner: Client, teacher: Client):
    """Section 3.6."""
    command(owner, "unassign", jid=teacher.bare, uri=TEACHER)
    assert hats(owner, "Viola") == []


def test_what_there_is(owner: Client, teacher: Client, feste: Client):
    """Sections 3, 4.4 and 4.7."""
    assert rows(command(teacher, "list")) == [["Teacher", TEACHER, "327.255249"]]
    assert rows(command(owner, "list-assigned")) == [["viola@localhost", TEACHER, "Teacher", "327.255249"]]
    assert len(facts(feste)["hats#hash"][0]) == 40


@pytest.mark.parametrize("name", ["create", "destroy", "assign", "unassign", "list-assigned"])
def test_all_that_is_for_admins(owner: Client, teacher: Client, name: str):
    assert condition(command(teacher, name)) == "forbidden"
    affiliate(owner, "viola", "admin")
    clear(teacher)
    assert command(teacher, name).type == "result"


def test_strangers_see_no_hats(owner: Client, feste: Client):
    assert condition(command(feste, "list")) == "forbidden"


def test_the_commands_are_found(owner: Client, viola: Client):
    def nodes(client: Client) -> set[str]:
        query = client.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}' node='{ns.COMMANDS}'/>", ROOM)[0]
        return {each.get("node", "").rpartition(":")[2] for each in query}

    assert nodes(owner) == {"create", "destroy", "assign", "unassign", "list", "list-assigned"}
    assert nodes(viola) == {"list"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("create", {"title": "T", "uri": "u", "hue": "red"}),
        ("create", {"title": "T", "uri": "u", "hue": "361"}),
        ("create", {"title": "T", "uri": ""}),
        ("assign", {"jid": "viola@localhost", "uri": "no such hat"}),
        ("assign", {"jid": "@", "uri": TEACHER}),
    ],
)
def test_what_cannot_be(owner: Client, teacher: Client, name: str, values: dict[str, str]):
    assert condition(command(owner, name, **values)) == "not-acceptable"


def test_nobody_puts_one_on_himself(owner: Client, viola: Client):
    """Section 17.3 of XEP-0045."""
    forged = f"<hats xmlns='{ns.HATS}'><hat title='King' uri='urn:king'/></hats>"
    viola.write(f"<presence to='{ROOM}/Viola'>{forged}</presence>")
    assert hats(owner, "Viola") == []


def test_hats_have_a_limit(owner: Client, teacher: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.hats.MANY", 1)
    assert condition(command(owner, "create", title="T", uri="urn:t")) == "resource-constraint"
    assert condition(command(owner, "assign", jid="feste@localhost", uri=TEACHER)) == "resource-constraint"
