"""XEP-0050, with a command of two stages and one of none."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.server.commands import Command, Done, Run
from conversehost.server.execution import PATIENCE, SESSIONS_PER_SENDER
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.stanza import Stanza
from tests.features.commands import NOTE, actions, execute, filled, shown, status
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

SERVICE = Form((Field("service", "list-single", "Service", required=True, options=(("httpd", ""), ("jabberd", ""))),))


@pytest.fixture
def operator(stage: Stage) -> Client:
    """May run two commands: config, and greet."""

    def is_operator(jid: object) -> bool:
        return str(jid).startswith("operator@localhost/")

    def levels(run: Run) -> Form:
        return Form((Field("level", label="Level", values=(run.answers[0].text("service"),), required=True),))

    def configure(run: Run) -> Done:
        service, level = run.answers[0].text("service"), run.answers[1].text("level")
        if level == "nine":
            raise StanzaError("not-allowed", "nobody may")
        return Done(f"{service} runs at {level}.", Form((Field("service", values=(service,)),)).result())

    stage.host.on_command(Command("config", "Configure", is_operator, configure, (lambda run: SERVICE, levels)))
    stage.host.on_command(Command("greet", "Greet", is_operator, lambda run: Done(f"Hello {run.sender}.")))
    return stage.login("operator", "desk")


def begun(client: Client) -> str:
    """A command under way: its id."""
    return execute(client, "config")[0].get("sessionid", "")


def said_besides(answer: Stanza) -> str:
    """The error of the commands' own."""
    error = answer.find(f"{{{ns.CLIENT}}}error")
    assert error is not None
    return str(error[-1].tag).removeprefix(f"{{{ns.COMMANDS}}}")


# Finding them


def commands(client: Client) -> list[tuple[str | None, str | None, str | None]]:
    query = client.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}' node='{ns.COMMANDS}'/>", "localhost")[0]
    assert query.get("node") == ns.COMMANDS
    found = [(each.get("jid"), each.get("node"), each.get("name")) for each in query]
    return [each for each in found if each[1] != f"{ns.INVITE}#invite"]  # which is for everybody


def test_whoever_may_run_commands_finds_them(operator: Client):
    assert commands(operator) == [("localhost", "config", "Configure"), ("localhost", "greet", "Greet")]


def test_whoever_may_not_finds_none(operator: Client, mercutio: Client):
    assert commands(mercutio) == []


def described(client: Client, node: str) -> list[dict[str, str]]:
    query = client.ask("get", f"<query xmlns='{ns.DISCO_INFO}' node='{node}'/>", "localhost")[0]
    return [dict(each.attrib) for each in query]


def test_what_the_list_is(operator: Client):
    identity, feature = described(operator, ns.COMMANDS)
    assert (identity["category"], identity["type"]) == ("automation", "command-list")
    assert feature == {"var": ns.COMMANDS}


def test_what_a_command_is(operator: Client):
    identity, *features = described(operator, "config")
    assert identity == {"category": "automation", "type": "command-node", "name": "Configure"}
    assert features == [{"var": ns.COMMANDS}, {"var": "jabber:x:data"}]


def test_a_command_that_is_not_for_one(operator: Client, mercutio: Client):
    asked = f"<query xmlns='{ns.DISCO_INFO}' node='config'/>"
    assert condition(mercutio.ask("get", asked, "localhost")) == "forbidden"
    assert condition(execute(mercutio, "config")) == "forbidden"
    elsewhere = Elsewhere(operator.stage)
    command = f"<command xmlns='{ns.COMMANDS}' node='config'/>"
    elsewhere.send(f"<iq type='set' id='1' from='operator@elsewhere.example/a' to='localhost'>{command}</iq>")
    assert condition(elsewhere.take()[0]) == "forbidden"


# Running them


def test_a_command_that_asks_nothing(operator: Client):
    answer = execute(operator, "greet")
    assert (status(answer), answer[0].findtext(NOTE)) == ("completed", "Hello operator@localhost/desk.")
    assert answer[0].get("sessionid")


@pytest.mark.parametrize(("forward", "end"), [("", ""), ("execute", "execute"), ("next", "complete")])
def test_stage_by_stage(operator: Client, forward: str, end: str):
    first = execute(operator, "config", forward)
    sessionid = first[0].get("sessionid", "")
    assert (status(first), actions(first)) == ("executing", ("next", ["next"]))
    second = execute(operator, "config", forward, sessionid, filled(service="httpd"))
    assert (status(second), actions(second)) == ("executing", ("complete", ["prev", "complete"]))
    assert shown(second) == {"level": ("httpd",)}
    assert second[0].get("sessionid") == sessionid
    last = execute(operator, "config", end, sessionid, filled(level="3"))
    assert (status(last), last[0].findtext(NOTE)) == ("completed", "httpd runs at 3.")
    assert shown(last) == {"service": ("httpd",)}


def test_one_stage_back(operator: Client):
    sessionid = begun(operator)
    execute(operator, "config", "next", sessionid, filled(service="httpd"))
    assert actions(execute(operator, "config", "prev", sessionid)) == ("next", ["next"])
    assert shown(execute(operator, "config", "next", sessionid, filled(service="jabberd"))) == {"level": ("jabberd",)}


@pytest.mark.parametrize("form", ["", "<x xmlns='jabber:x:data' type='cancel'/>"])
def test_it_can_be_cancelled(operator: Client, form: str):
    sessionid = begun(operator)
    answer = execute(operator, "config", "" if form else "cancel", sessionid, form)
    assert (status(answer), answer[0].get("sessionid"), len(answer[0])) == ("canceled", sessionid, 0)
    assert said_besides(execute(operator, "config", "", sessionid, filled(service="httpd"))) == "session-expired"


@pytest.mark.parametrize("form", ["", filled(), filled(service="sshd"), filled(type="form", service="httpd")])
def test_a_form_that_is_not_filled_in_well_can_be_sent_again(operator: Client, form: str):
    sessionid = begun(operator)
    answer = execute(operator, "config", "next", sessionid, form)
    assert (condition(answer), said_besides(answer)) == ("bad-request", "bad-payload")
    assert status(execute(operator, "config", "next", sessionid, filled(service="httpd"))) == "executing"


@pytest.mark.parametrize("action", ["prev", "complete"])
def test_what_cannot_be_done_at_the_first_stage(operator: Client, action: str):
    answer = execute(operator, "config", action, begun(operator), filled(service="httpd"))
    assert (condition(answer), said_besides(answer)) == ("bad-request", "bad-action")


def test_what_cannot_be_done_at_the_last_stage(operator: Client):
    sessionid = begun(operator)
    execute(operator, "config", "", sessionid, filled(service="httpd"))
    assert said_besides(execute(operator, "config", "next", sessionid, filled(level="3"))) == "bad-action"


@pytest.mark.parametrize("action", ["prev", "cancel"])
def test_what_cannot_be_done_before_it_began(operator: Client, action: str):
    assert said_besides(execute(operator, "config", action)) == "bad-action"


def test_an_action_that_there_is_not(operator: Client):
    answer = execute(operator, "config", "jump")
    assert (condition(answer), said_besides(answer)) == ("bad-request", "malformed-action")


def test_a_command_that_there_is_not(operator: Client):
    assert condition(execute(operator, "dance")) == "item-not-found"


def test_a_refusal_at_the_end_ends_it(operator: Client):
    sessionid = begun(operator)
    execute(operator, "config", "", sessionid, filled(service="httpd"))
    assert condition(execute(operator, "config", "", sessionid, filled(level="nine"))) == "not-allowed"
    assert said_besides(execute(operator, "config", "", sessionid, filled(level="3"))) == "session-expired"


def test_the_id_of_another_command_or_client(stage: Stage, operator: Client):
    sessionid = begun(operator)
    assert said_besides(execute(operator, "greet", "", sessionid)) == "bad-sessionid"
    other = stage.login("operator", "sofa")
    assert said_besides(execute(other, "config", "", sessionid, filled(service="httpd"))) == "session-expired"


def test_patience_ends_and_each_step_renews_it(operator: Client, clock: Clock):
    sessionid = begun(operator)
    clock.advance(PATIENCE - 1)
    execute(operator, "config", "next", sessionid, filled(service="httpd"))
    clock.advance(PATIENCE - 1)
    assert status(execute(operator, "config", "prev", sessionid)) == "executing"
    clock.advance(PATIENCE)
    answer = execute(operator, "config", "next", sessionid, filled(service="httpd"))
    assert (condition(answer), said_besides(answer)) == ("not-allowed", "session-expired")


def test_not_too_many_at_once(operator: Client, clock: Clock):
    first, *_ = [begun(operator) for _ in range(SESSIONS_PER_SENDER)]
    assert condition(execute(operator, "config")) == "resource-constraint"
    execute(operator, "config", "cancel", first)
    assert status(execute(operator, "config")) == "executing"
    clock.advance(PATIENCE)
    assert clock.next() is None  # nothing of it is left
