from __future__ import annotations

from dataclasses import dataclass

import pytest

from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, condition, encoded


@dataclass
class Newcomer:
    """Logged in, and not bound yet."""

    client: Client

    def bind(self, resource: str | None = None) -> Stanza:
        wanted = "" if resource is None else f"<resource>{resource}</resource>"
        return self.client.ask("set", f"<bind xmlns='{ns.BIND}'>{wanted}</bind>")


@pytest.fixture
def newcomer(stage: Stage) -> Newcomer:
    return newcomer_to(stage)


def newcomer_to(stage: Stage, name: str = "romeo") -> Newcomer:
    stage.account(name)
    client = stage.open()
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}{name}{chr(0)}secret')}</auth>")
    client.restart()
    return Newcomer(client)


def jid(answer: Stanza) -> str:
    assert answer.type == "result"
    return answer.findtext(f"{{{ns.BIND}}}bind/{{{ns.BIND}}}jid") or ""


def test_the_resource_that_the_client_wants(newcomer: Newcomer):
    assert jid(newcomer.bind("orchard")) == "romeo@localhost/orchard"


def test_a_resource_is_prepared(newcomer: Newcomer):
    assert jid(newcomer.bind("e\u0301 /@")) == "romeo@localhost/\u00e9 /@"


@pytest.mark.parametrize("wanted", [None, ""])
def test_one_that_nobody_can_guess(stage: Stage, wanted: str | None):
    made = {jid(newcomer_to(stage).bind(wanted)) for _ in range(5)}
    assert len(made) == 5
    assert all(each.startswith("romeo@localhost/") and len(each) >= 16 + 16 for each in made)


@pytest.mark.parametrize("wanted", [" x", "\ufdd0", "x" * 1024, "\u00e9" * 512])
def test_one_that_cannot_be(newcomer: Newcomer, wanted: str):
    assert condition(newcomer.bind(wanted)) == "bad-request"
    assert jid(newcomer.bind("orchard")) == "romeo@localhost/orchard"


def test_only_so_many_attempts(newcomer: Newcomer):
    for _ in range(9):
        assert condition(newcomer.bind(" ")) == "bad-request"
    newcomer.client.write(f"<iq type='set' id='1'><bind xmlns='{ns.BIND}'><resource> </resource></bind></iq>")
    assert newcomer.client.error is not None
    assert newcomer.client.error.condition == "policy-violation"


def test_a_resource_in_use_goes_to_the_newcomer(stage: Stage, juliet: Client, newcomer: Newcomer):
    romeo = stage.login("romeo", "orchard")
    juliet.take()
    assert jid(newcomer.bind("orchard")) == "romeo@localhost/orchard"
    assert romeo.error is not None
    assert romeo.error.condition == "conflict"
    assert juliet.seen() == [("romeo@localhost/orchard", "unavailable")]
    juliet.say("romeo@localhost/orchard", "hi")
    assert newcomer.client.heard() == ["hi"]


def test_what_the_older_one_had_not_read_waits_for_the_newcomer(stage: Stage, juliet: Client, newcomer: Newcomer):
    romeo = stage.login("romeo", "orchard")
    romeo.hang()
    juliet.say("romeo@localhost/orchard", "first")
    newcomer.bind("orchard")
    newcomer.client.available()
    assert newcomer.client.heard() == ["first"]


def test_at_most_ten_sessions(stage: Stage):
    clients = [stage.connect("romeo", str(number)) for number in range(10)]
    newcomer = newcomer_to(stage)
    assert condition(newcomer.bind("more")) == "resource-constraint"
    with pytest.raises(StanzaError):
        stage.connect("romeo", "more")
    assert jid(newcomer.bind("3")) == "romeo@localhost/3"  # that takes no more room
    clients[0].drop()
    assert jid(newcomer_to(stage).bind("more")) == "romeo@localhost/more"


def test_nobody_binds_twice(newcomer: Newcomer):
    newcomer.bind("orchard")
    assert condition(newcomer.bind("garden")) == "service-unavailable"
    assert newcomer.client.jid == "romeo@localhost/orchard"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (f"<iq type='get' id='1'><query xmlns='{ns.ROSTER}'/></iq>", "not-authorized"),
        (f"<iq type='get' id='1' to='localhost'><ping xmlns='{ns.PING}'/></iq>", "not-authorized"),
        (f"<iq type='get' id='1'><bind xmlns='{ns.BIND}'/></iq>", "not-authorized"),
        (f"<iq type='set'><bind xmlns='{ns.BIND}'/></iq>", "bad-request"),
        ("<iq type='set' id='1'/>", "bad-request"),
        ("<iq id='1'><x xmlns='urn:x'/></iq>", "bad-request"),
    ],
)
def test_what_else_is_asked_before(newcomer: Newcomer, sent: str, answered: str):
    newcomer.client.write(sent)
    assert condition(newcomer.client.only()) == answered
    assert jid(newcomer.bind("orchard")) == "romeo@localhost/orchard"


@pytest.mark.parametrize("sent", ["<iq type='result' id='1'/>", "<iq type='error' id='1'/>", "<iq type='result'/>"])
def test_answers_are_not_answered(newcomer: Newcomer, sent: str):
    newcomer.client.write(sent)
    assert newcomer.client.take() == []


@pytest.mark.parametrize(
    "sent",
    [
        "<message to='juliet@localhost'><body>hi</body></message>",
        "<presence/>",
        "<iq type='get' id='1' to='juliet@localhost'><x xmlns='urn:x'/></iq>",
    ],
)
def test_nobody_else_is_talked_to_before(juliet: Client, newcomer: Newcomer, sent: str):
    newcomer.client.write(sent)
    assert newcomer.client.error is not None
    assert newcomer.client.error.condition == "not-authorized"
    assert juliet.take() == []


def test_connected_is_not_available(mercutio: Client, newcomer: Newcomer):
    newcomer.bind("orchard")
    mercutio.say("romeo@localhost", "later")
    assert newcomer.client.take() == []
    assert mercutio.take() == []
    newcomer.client.available()
    assert newcomer.client.heard() == ["later"]


# Two that want the same (section 7.7.2.2), in the operator's way


def test_the_newer_one_may_be_refused(make_stage):
    stage = make_stage(policy=Policy(conflict="refuse"))
    older = stage.login("romeo", "orchard")
    newer = newcomer_to(stage)
    assert condition(newer.bind("orchard")) == "conflict"
    assert jid(newer.bind("elsewhere")) == "romeo@localhost/elsewhere"
    assert older.error is None


def test_a_client_that_lost_its_connection_does_not_stand_in_its_own_way(make_stage):
    stage = make_stage(policy=Policy(conflict="refuse"))
    older = stage.login("romeo", "orchard")
    older.write(f"<enable xmlns='{ns.SM}' resume='true'/>")
    older.drop()
    assert jid(newcomer_to(stage).bind("orchard")) == "romeo@localhost/orchard"


def test_the_newer_one_may_get_another(make_stage):
    stage = make_stage(policy=Policy(conflict="new"))
    older = stage.login("romeo", "orchard")
    given = jid(newcomer_to(stage).bind("orchard"))
    assert given.startswith("romeo@localhost/orchard-")
    assert older.error is None
