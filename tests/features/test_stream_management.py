"""XEP-0198: what was sent is known to have come, and a session outlives its connection."""

from __future__ import annotations

import re

import pytest

from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, to_bytes
from tests.stage import PASSWORD, Client, Stage, encoded

ENABLE = f"<enable xmlns='{ns.SM}' resume='true'/>"
R = f"<r xmlns='{ns.SM}'/>"


def a(h: int) -> str:
    return f"<a xmlns='{ns.SM}' h='{h}'/>"


def nonzas(client: Client) -> list[Element]:
    """What has come that isn't a stanza; the stanzas stay in the inbox."""
    found = [each for each in client.inbox if each.tag.startswith(f"{{{ns.SM}}}")]
    client.inbox = [each for each in client.inbox if each not in found]
    return found


def names(client: Client) -> list[str]:
    return [each.tag.rpartition("}")[2] for each in nonzas(client)]


def enable(client: Client, asked: str = ENABLE) -> Element:
    """The answer."""
    client.write(asked)
    (answer,) = nonzas(client)
    return answer


def again(stage: Stage, name: str = "romeo") -> Client:
    """The same person on a new connection: logged in, and no more."""
    client = stage.open()
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}{name}{chr(0)}{PASSWORD}')}</auth>")
    client.restart()
    return client


def resume(client: Client, id: str, h: int | str = 0) -> Element:
    """The answer; what is sent once more stays in the inbox."""
    client.write(f"<resume xmlns='{ns.SM}' previd='{id}' h='{h}'/>")
    answer = nonzas(client)
    return answer[0]


def failure(answer: Element) -> str:
    assert answer.tag == f"{{{ns.SM}}}failed", to_bytes(answer)
    return str(answer[0].tag).removeprefix(f"{{{ns.STANZA_ERROR}}}")


@pytest.fixture
def romeo(stage: Stage) -> Client:
    return stage.login("romeo", "orchard")


# Enabling (section 3)


def test_it_is_offered_once_one_has_logged_in(stage: Stage):
    stage.account("romeo")
    client = stage.open()
    assert client.take()[0].find(f"{{{ns.SM}}}sm") is None
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}romeo{chr(0)}{PASSWORD}')}</auth>")
    assert client.restart().find(f"{{{ns.SM}}}sm") is not None


def test_enabled_with_an_id_that_nobody_guesses_and_the_time_it_is_good_for(romeo: Client):
    answer = enable(romeo)
    assert answer.tag == f"{{{ns.SM}}}enabled"
    assert (answer.get("resume"), answer.get("max"), answer.get("location")) == ("true", "300", None)
    assert re.fullmatch("[A-Za-z0-9_-]{24}", answer.get("id", ""))


def test_enabled_without_resumption(romeo: Client):
    assert dict(enable(romeo, f"<enable xmlns='{ns.SM}'/>").attrib) == {}


@pytest.mark.parametrize(("wanted", "given"), [("60", "60"), ("900", "300"), ("soon", "300"), ("-1", "300")])
def test_a_client_may_want_less_time(romeo: Client, wanted: str, given: str):
    assert enable(romeo, f"<enable xmlns='{ns.SM}' resume='1' max='{wanted}'/>").get("max") == given


def test_where_to_come_back_to():
    romeo = Stage(policy=Policy(resume_location="chat.example:5222")).login("romeo")
    assert enable(romeo).get("location") == "chat.example:5222"


def test_an_operator_can_do_without_resumption():
    assert dict(enable(Stage(policy=Policy(resume_time=0)).login("romeo")).attrib) == {}


def test_not_before_a_resource_is_bound(stage: Stage):
    stage.account("romeo")
    for client in (stage.open(), again(stage)):
        client.take()
        assert failure(enable(client)) == "unexpected-request"


def test_not_twice(romeo: Client):
    enable(romeo)
    assert failure(enable(romeo)) == "unexpected-request"


# Acknowledgements (section 4)


def test_how_much_has_come(romeo: Client):
    enable(romeo)
    romeo.write(R)
    romeo.available()
    romeo.say("nobody@localhost")
    romeo.take()
    romeo.write(R)
    assert [each.get("h") for each in nonzas(romeo) if each.tag.endswith("}a")] == ["2"]


def test_it_asks_after_a_stanza_and_only_one_question_at_a_time(romeo: Client, juliet: Client):
    enable(romeo)
    juliet.say(romeo.jid, "one")
    juliet.say(romeo.jid, "two")
    assert romeo.heard() == ["one", "two"]
    assert names(romeo) == ["r"]
    romeo.write(a(1))
    assert names(romeo) == ["r"]  # of the second it knows nothing yet
    romeo.write(a(1))
    assert names(romeo) == []  # nor would it, if it were asked as often as it answers
    romeo.write(a(2))
    assert names(romeo) == []
    juliet.say(romeo.jid, "three")
    assert names(romeo) == ["r"]


def test_who_acknowledges_more_than_was_sent_is_told_how_much_that_was(romeo: Client, juliet: Client):
    enable(romeo)
    juliet.say(romeo.jid)
    romeo.write(a(2))
    assert romeo.error is not None
    assert romeo.error.condition == "undefined-condition"
    assert romeo.error.application == (ns.SM, "handled-count-too-high")
    assert romeo.error.said == {"h": "2", "send-count": "1"}


def test_what_was_acknowledged_is_not_taken_back(romeo: Client, juliet: Client):
    enable(romeo)
    juliet.say(romeo.jid)
    romeo.write(a(1))
    romeo.write(a(0))
    assert romeo.error is not None


@pytest.mark.parametrize("h", ["", " h='-1'", " h='many'", " h='99999999999'"])
def test_a_count_must_be_one(romeo: Client, h: str):
    enable(romeo)
    romeo.write(f"<a xmlns='{ns.SM}'{h}/>")
    assert romeo.error is not None
    assert romeo.error.condition == "invalid-xml"


@pytest.mark.parametrize("nonza", [R, a(0)])
def test_without_enabling_it_there_are_no_acknowledgements(romeo: Client, nonza: str):
    romeo.write(nonza)
    assert romeo.error is not None
    assert romeo.error.condition == "unsupported-stanza-type"


def test_counters_begin_anew_at_2_to_the_32(romeo: Client, juliet: Client):
    enable(romeo)
    managed = romeo.stream.managed
    assert managed is not None
    managed.handled = managed._sent = 2**32 - 1
    juliet.say(romeo.jid)
    romeo.say("nobody@localhost", type="error")
    romeo.take()
    romeo.write(R)
    romeo.write(a(0))
    assert romeo.error is None
    assert [each.get("h") for each in nonzas(romeo) if each.tag.endswith("}a")] == ["0"]


# Resumption (section 5)


def test_a_session_goes_on_where_it_was(stage: Stage, romeo: Client, juliet: Client):
    id = enable(romeo).get("id", "")
    romeo.say("juliet@localhost/balcony")
    juliet.say("romeo@localhost/orchard", "one")
    juliet.say("romeo@localhost/orchard", "two")
    romeo.drop()
    juliet.say("romeo@localhost/orchard", "three")
    juliet.say("romeo@localhost", "four")
    back = again(stage)
    answer = resume(back, id, 1)
    assert (answer.tag, dict(answer.attrib)) == (f"{{{ns.SM}}}resumed", {"previd": id, "h": "1"})
    assert back.heard() == ["two", "three", "four"]
    back.write(a(4))
    back.say("juliet@localhost/balcony", "here again")
    assert juliet.heard() == ["hi", "here again"]
    assert back.jid == "romeo@localhost/orchard"


def test_what_was_sent_again_is_what_was_sent(stage: Stage, romeo: Client, juliet: Client):
    id = enable(romeo).get("id", "")
    juliet.say("romeo@localhost/orchard")
    (first,) = romeo.take("message")
    romeo.drop()
    back = again(stage)
    resume(back, id)
    assert to_bytes(back.take("message")[0]) == to_bytes(first)


def test_it_asks_again_for_what_it_sent_again(stage: Stage, romeo: Client, juliet: Client):
    id = enable(romeo).get("id", "")
    juliet.say("romeo@localhost/orchard")
    romeo.drop()
    back = again(stage)
    back.write(f"<resume xmlns='{ns.SM}' previd='{id}' h='0'/>")
    assert names(back) == ["resumed", "r"]


def test_it_stays_present_meanwhile(stage: Stage, romeo: Client, juliet: Client):
    stage.befriend("romeo", "juliet")
    romeo.available()
    juliet.take()
    id = enable(romeo).get("id", "")
    romeo.drop()
    stage.clock.advance(299)
    assert juliet.seen() == []
    resume(again(stage), id)
    stage.clock.advance(1_000)
    assert juliet.seen() == []


def test_who_does_not_come_back_is_gone(stage: Stage, romeo: Client, juliet: Client):
    stage.befriend("romeo", "juliet")
    romeo.available()
    juliet.take()
    enable(romeo)
    romeo.drop()
    stage.clock.advance(300)
    stage.turn.end()
    assert juliet.seen() == [("romeo@localhost/orchard", "unavailable")]


def test_what_nobody_came_back_for_is_kept_for_later_with_the_time_it_was_sent(stage: Stage, romeo: Client, juliet):
    enable(romeo)
    romeo.drop()
    juliet.say("romeo@localhost/orchard", "where are you?")
    stage.clock.advance(300)
    later = stage.login("romeo", "mantua")
    assert later.heard() == []  # `login` has looked at it
    stage = Stage()
    romeo, juliet = stage.login("romeo", "orchard"), stage.login("juliet")
    enable(romeo)
    romeo.drop()
    stage.clock.advance(100)
    juliet.say("romeo@localhost/orchard", "where are you?")
    stage.clock.advance(200)
    later = stage.connect("romeo", "mantua")
    later.available()
    (message,) = later.take("message")
    assert message.text_of("body") == "where are you?"
    assert [each.get("stamp") for each in message.iter(f"{{{ns.DELAY}}}delay")] == ["2023-11-14T22:15:00.000Z"]


def test_questions_that_nobody_came_back_for_are_refused(stage: Stage, romeo: Client, juliet: Client):
    enable(romeo)
    juliet.write(f"<iq type='get' id='q' to='romeo@localhost/orchard'><ping xmlns='{ns.PING}'/></iq>")
    romeo.drop()
    assert juliet.take() == []
    stage.clock.advance(300)
    stage.turn.end()
    assert [(each.type, each.id) for each in juliet.take("iq")] == [("error", "q")]


def test_another_session_of_the_account_takes_what_was_left(stage: Stage, romeo: Client, juliet: Client):
    enable(romeo)
    romeo.drop()
    juliet.say("romeo@localhost/orchard", "where are you?")
    other = stage.login("romeo", "mantua")
    stage.clock.advance(300)
    stage.turn.end()
    assert other.heard() == ["where are you?"]


def test_a_goodbye_ends_the_session(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    romeo.leave()
    assert failure(resume(again(stage), id)) == "item-not-found"


def test_a_goodbye_leaves_what_was_not_acknowledged_for_later(stage: Stage, romeo: Client, juliet: Client):
    enable(romeo)
    juliet.say("romeo@localhost/orchard", "one")
    juliet.say("romeo@localhost/orchard", "two")
    romeo.write(a(1))
    romeo.leave()
    later = stage.connect("romeo")
    later.available()
    assert later.heard() == ["two"]


def test_without_resumption_a_session_ends_with_its_connection(stage: Stage, romeo: Client, juliet: Client):
    enable(romeo, f"<enable xmlns='{ns.SM}'/>")
    juliet.say("romeo@localhost/orchard", "one")
    romeo.drop()
    later = stage.connect("romeo")
    later.available()
    assert later.heard() == ["one"]


def test_a_connection_that_seems_to_be_there_still_is_closed(stage: Stage, romeo: Client, juliet: Client):
    stage.befriend("romeo", "juliet")
    romeo.available()
    juliet.take()
    id = enable(romeo).get("id", "")
    back = again(stage)
    resume(back, id)
    assert romeo.error is not None
    assert romeo.error.condition == "conflict"
    romeo.drop()
    juliet.say("romeo@localhost/orchard", "which of you?")
    assert back.heard() == ["which of you?"]
    assert juliet.seen() == []


def test_only_ones_own_session(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    stage.account("mercutio")
    assert failure(resume(again(stage, "mercutio"), id)) == "item-not-found"
    assert romeo.error is None


def test_who_comes_too_late_is_told_how_far_it_got_and_may_begin_anew(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    romeo.say("nobody@localhost")
    romeo.drop()
    stage.clock.advance(300)
    back = again(stage)
    answer = resume(back, id)
    assert (failure(answer), answer.get("h")) == ("item-not-found", "1")
    back.write(f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'/></iq>")
    assert back.only("iq").type == "result"
    stage.account("mercutio")
    assert resume(again(stage, "mercutio"), id).get("h") is None


def test_not_once_a_resource_is_bound_and_not_before_logging_in(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    assert failure(resume(romeo, id)) == "unexpected-request"
    stranger = stage.open()
    stranger.take()
    assert failure(resume(stranger, id)) == "unexpected-request"


def test_a_wrong_count_ends_the_new_connection_and_not_the_session(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    romeo.drop()
    for h, condition in (("7", "undefined-condition"), ("x", "invalid-xml")):
        back = again(stage)
        back.write(f"<resume xmlns='{ns.SM}' previd='{id}' h='{h}'/>")
        assert back.error is not None
        assert back.error.condition == condition
    assert resume(again(stage), id).tag == f"{{{ns.SM}}}resumed"


def test_a_resumed_session_can_be_resumed_again(stage: Stage, romeo: Client, juliet: Client):
    id = enable(romeo).get("id", "")
    client = romeo
    for number in range(5):
        juliet.say("romeo@localhost/orchard", str(number))
        client.drop()
        client = again(stage)
        assert resume(client, id, number).get("h") == str(number)
        client.say("juliet@localhost/balcony", "got it")
        assert client.heard() == [str(number)]
    assert juliet.heard() == ["got it"] * 5


def test_a_new_client_at_the_same_address_ends_the_one_that_waits(stage: Stage, romeo: Client, juliet: Client):
    id = enable(romeo).get("id", "")
    romeo.drop()
    juliet.say("romeo@localhost/orchard", "are you there?")
    other = stage.connect("romeo", "orchard")
    other.available()
    assert other.heard() == ["are you there?"]
    assert failure(resume(again(stage), id)) == "item-not-found"


def test_an_account_that_goes_takes_its_waiting_sessions_along(stage: Stage, romeo: Client):
    id = enable(romeo).get("id", "")
    romeo.drop()
    stage.host.delete_account(stage.account("romeo"))
    stage.account("romeo")
    assert failure(resume(again(stage), id)) == "item-not-found"


def test_what_waits_has_a_limit_and_nothing_gets_lost(stage: Stage, romeo: Client, juliet: Client, monkeypatch):
    monkeypatch.setattr("conversehost.server.resume.UNACKED", 3)
    enable(romeo)
    romeo.drop()
    for number in range(5):
        juliet.say("romeo@localhost/orchard", str(number))
    later = stage.connect("romeo")
    later.available()
    assert later.heard() == ["0", "1", "2", "3", "4"]


def test_a_client_that_never_acknowledges_is_let_go(stage: Stage, romeo: Client, juliet: Client, monkeypatch):
    monkeypatch.setattr("conversehost.server.resume.UNACKED_BYTES", 1_000)
    enable(romeo)
    juliet.say("romeo@localhost/orchard", "x" * 1_000)
    assert romeo.error is not None
    assert romeo.error.condition == "policy-violation"
