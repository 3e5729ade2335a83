"""XEP-0357: who is away is told by push services."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

WHERE = "elsewhere.example"
SM = f"<enable xmlns='{ns.SM}' resume='true'/>"


@pytest.fixture
def service(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


def enable(client: Client, node: str = "n1", jid: str = WHERE, form: str = "") -> Stanza:
    return client.ask("set", f"<enable xmlns='{ns.PUSH}' jid='{jid}' node='{node}'>{form}</enable>", client.bare)


def disable(client: Client, node: str = "", jid: str = WHERE) -> Stanza:
    named = f" node='{node}'" if node else ""
    return client.ask("set", f"<disable xmlns='{ns.PUSH}' jid='{jid}'{named}/>", client.bare)


def nodes(got: list[Stanza]) -> list[str]:
    return [each[0][0].get("node", "") for each in got]


def fields(iq: Stanza) -> dict[str, str]:
    return {each.get("var", ""): each.findtext(f"{{{ns.DATA}}}value") or "" for each in iq.iter(f"{{{ns.DATA}}}field")}


OPTIONS = (
    f"<x xmlns='{ns.DATA}' type='submit'><field var='FORM_TYPE'><value>{ns.PUBSUB}#publish-options</value></field>"
    "<field var='secret'><value>s&amp;t</value></field></x>"
)


@pytest.fixture
def away(juliet: Client) -> Client:
    """Juliet has enabled it, and left."""
    assert enable(juliet).type == "result"
    juliet.leave()
    return juliet


def test_it_is_found(juliet: Client):
    """Section 4.1: at the account."""
    info = juliet.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", juliet.bare)[0]
    assert ns.PUSH in [each.get("var") for each in info]


def test_a_message_for_who_is_away_is_told(service: Elsewhere, away: Client, romeo: Client):
    """Section 7."""
    romeo.say(away.bare, "wherefore &lt;art&gt; thou")
    (iq,) = service.take()
    assert (iq.kind, iq.type, iq.get("from"), iq.get("to")) == ("iq", "set", "localhost", WHERE)
    assert iq[0].tag == f"{{{ns.PUBSUB}}}pubsub"
    assert nodes([iq]) == ["n1"]
    told = fields(iq)
    assert told["FORM_TYPE"] == "urn:xmpp:push:summary"
    assert (told["message-count"], told["last-message-sender"]) == ("1", romeo.jid)
    assert told["last-message-body"] == "wherefore <art> thou"
    romeo.say(away.bare, "again")
    assert fields(service.take()[0])["message-count"] == "2"


def test_the_message_is_kept_all_the_same(service: Elsewhere, away: Client, romeo: Client, stage: Stage):
    romeo.say(away.bare, "hi")
    juliet = stage.connect("juliet")
    juliet.available()
    assert juliet.heard() == ["hi"]


def test_who_is_there_is_not_told(service: Elsewhere, juliet: Client, romeo: Client):
    enable(juliet)
    romeo.say(juliet.bare)
    romeo.say(juliet.jid)
    assert service.take() == []


def test_who_may_come_back_is_told(service: Elsewhere, juliet: Client, romeo: Client):
    """XEP-0198: the connection is gone, the session waits."""
    enable(juliet)
    juliet.write(SM)
    juliet.drop()
    romeo.say(juliet.bare)
    assert nodes(service.take()) == ["n1"]


def test_another_client_that_is_there_is_enough(service: Elsewhere, stage: Stage, juliet: Client, romeo: Client):
    enable(juliet)
    juliet.write(SM)
    juliet.drop()
    other = stage.login("juliet", "phone")
    romeo.say(other.bare)
    assert service.take() == []


@pytest.mark.parametrize(
    "message",
    [
        "<message to='juliet@localhost' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        "<message to='juliet@localhost' type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
        "<message to='juliet@localhost' type='headline'><body>news</body></message>",
    ],
)
def test_what_nobody_wrote_is_not_told(service: Elsewhere, away: Client, romeo: Client, message: str):
    romeo.write(message)
    assert service.take() == []


def test_what_is_encrypted_is_told(service: Elsewhere, away: Client, romeo: Client):
    romeo.write(
        f"<message to='{away.bare}' type='chat'><encryption xmlns='{ns.ENCRYPTION}' namespace='x'/>"
        f"<store xmlns='{ns.HINTS}'/></message>"
    )
    assert nodes(service.take()) == ["n1"]


def test_publish_options_go_along(service: Elsewhere, juliet: Client, romeo: Client):
    """Section 7, example 10; the last ones hold (section 5)."""
    enable(juliet)
    enable(juliet, form=OPTIONS)
    juliet.leave()
    romeo.say(juliet.bare)
    (iq,) = service.take()
    options = iq[0].find(f"{{{ns.PUBSUB}}}publish-options")
    assert options is not None
    assert fields(iq)["secret"] == "s&t"


def test_several_services(service: Elsewhere, juliet: Client, romeo: Client):
    for node in ("n1", "n2", "n3"):
        enable(juliet, node)
    disable(juliet, "n2")
    juliet.leave()
    romeo.say(juliet.bare)
    assert nodes(service.take()) == ["n1", "n3"]


def test_all_of_an_address_are_disabled_at_once(service: Elsewhere, juliet: Client, romeo: Client):
    """Section 6."""
    enable(juliet, "n1")
    enable(juliet, "n2")
    assert disable(juliet).type == "result"
    assert disable(juliet).type == "result"  # twice is no mistake
    juliet.leave()
    romeo.say(juliet.bare)
    assert service.take() == []


def test_a_service_that_refuses_is_not_asked_again(service: Elsewhere, away: Client, romeo: Client):
    """Section 7.1."""
    romeo.say(away.bare)
    (iq,) = service.take()
    service.send(
        f"<iq type='error' id='{iq.id}' from='{WHERE}' to='localhost'><error type='cancel'>"
        f"<item-not-found xmlns='{ns.STANZA_ERROR}'/></error></iq>"
    )
    romeo.say(away.bare)
    assert service.take() == []


def test_one_that_is_gone_is_not_asked_again(stage: Stage, away: Client, romeo: Client):
    romeo.say(away.bare)
    service = Elsewhere(stage)
    romeo.say(away.bare)
    assert service.take() == []


def test_somebody_else_cannot_refuse(service: Elsewhere, away: Client, romeo: Client):
    romeo.say(away.bare)
    (iq,) = service.take()
    romeo.write(f"<iq type='error' id='{iq.id}' to='localhost'><error type='cancel'/></iq>")
    romeo.say(away.bare)
    assert nodes(service.take()) == ["n1"]


def test_a_service_that_takes_it_goes_on(service: Elsewhere, away: Client, romeo: Client):
    for _ in range(2):
        romeo.say(away.bare)
        (iq,) = service.take()
        service.send(f"<iq type='result' id='{iq.id}' from='{WHERE}' to='localhost'/>")


def test_a_service_that_says_stop(service: Elsewhere, away: Client, romeo: Client, stage: Stage):
    """Section 8."""
    service.send(
        f"<message from='{WHERE}' to='{away.bare}'><pubsub xmlns='{ns.PUBSUB}' node='n1'>"
        f"<affiliation jid='{away.bare}' affiliation='none'/></pubsub></message>"
    )
    romeo.say(away.bare)
    assert service.take() == []
    juliet = stage.connect("juliet")
    juliet.available()
    assert juliet.heard() == ["hi"]  # and nothing of that


def test_only_for_oneself(juliet: Client, romeo: Client):
    asked = f"<enable xmlns='{ns.PUSH}' jid='{WHERE}' node='n'/>"
    assert condition(romeo.ask("set", asked, juliet.bare)) == "forbidden"


@pytest.mark.parametrize(("jid", "refusal"), [("", "bad-request"), ("@", "jid-malformed")])
def test_a_service_has_an_address(juliet: Client, jid: str, refusal: str):
    assert condition(enable(juliet, jid=jid)) == refusal
    assert condition(disable(juliet, jid=jid)) == refusal


def test_there_is_an_end_to_services(juliet: Client):
    for number in range(20):
        assert enable(juliet, f"n{number}").type == "result"
    assert condition(enable(juliet, "one more")) == "resource-constraint"
    assert enable(juliet, "n3", form=OPTIONS).type == "result"


def test_they_go_with_the_account(stage: Stage, away: Client):
    stage.host.delete_account(away.session.account)
    assert not stage.store.items("push", away.bare)
