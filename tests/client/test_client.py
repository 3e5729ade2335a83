"""A client by itself: the other end says what the test has written for it."""

from __future__ import annotations

from collections import deque

import pytest
from lxml.etree import QName

from conversehost.client.client import Client
from conversehost.client.wire import RefusedError, SilenceError, StreamEndedError
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element, parse, to_bytes
from tests.stage import encoded, xml

BOUND = f"<iq type='result' id='asked-1'><bind xmlns='{ns.BIND}'><jid>romeo@localhost/orchard</jid></bind></iq>"
SUCCESS = f"<success xmlns='{ns.SASL}'/>"


class Script:
    """A `Wire`: `says` are the elements that come, an exception is what happens instead."""

    def __init__(self, *says: str | Exception, features: str = "<f xmlns='f'/>") -> None:
        self.says = deque(says)
        self.features = deque([offering("PLAIN"), features])
        self.heard: list[Element] = []

    def open(self, domain: str) -> Element:
        return xml(self.features.popleft())

    def send(self, data: bytes) -> None:
        self.heard.append(parse(data))

    def receive(self) -> Element:
        if not self.says:
            raise SilenceError
        said = self.says.popleft()
        if isinstance(said, Exception):
            raise said
        return xml(said)

    def close(self) -> None: ...

    def drop(self) -> None: ...

    @property
    def names(self) -> list[str]:
        return [QName(each).localname for each in self.heard]


def offering(*mechanisms: str) -> str:
    offered = "".join(f"<mechanism>{each}</mechanism>" for each in mechanisms)
    return f"<features xmlns='{ns.STREAM}'><mechanisms xmlns='{ns.SASL}'>{offered}</mechanisms></features>"


def client(wire: Script, jid: str = "romeo@localhost") -> Client:
    made = Client(wire, parse_jid(jid), "secret")
    made.open()
    return made


def logged_in(*says: str | Exception) -> tuple[Client, Script]:
    wire = Script(SUCCESS, BOUND, *says)
    made = client(wire)
    made.log_in()
    wire.heard.clear()
    return made, wire


def test_it_logs_in_and_takes_the_address_that_it_is_given():
    made, wire = client(wire := Script(SUCCESS, BOUND)), wire
    made.log_in()
    assert made.jid.full == "romeo@localhost/orchard"
    assert made.bound
    assert wire.heard[0].text == encoded("\0romeo\0secret")
    assert wire.names == ["auth", "iq"]


@pytest.mark.parametrize(
    ("jid", "offered", "chosen"),
    [
        ("romeo@localhost", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"], "SCRAM-SHA-256"),
        ("romeo@localhost", ["PLAIN", "SCRAM-SHA-1"], "SCRAM-SHA-1"),
        ("romeo@localhost", ["ANONYMOUS", "PLAIN"], "PLAIN"),
        ("localhost", ["ANONYMOUS", "PLAIN"], "ANONYMOUS"),
    ],
)
def test_the_best_mechanism_is_chosen(jid, offered, chosen):
    wire = Script()
    wire.features[0] = offering(*offered)
    with pytest.raises(SilenceError):
        client(wire, jid).log_in()
    assert wire.heard[0].get("mechanism") == chosen


def test_without_a_mechanism_there_is_no_login():
    wire = Script()
    wire.features[0] = offering("X-PIGEON")
    with pytest.raises(RefusedError, match="invalid-mechanism: the server offers X-PIGEON"):
        client(wire).log_in()


@pytest.mark.parametrize(
    "says",
    [
        f"<challenge xmlns='{ns.SASL}'>{encoded('nonsense')}</challenge>",
        f"<challenge xmlns='{ns.SASL}'>no base64 at all</challenge>",
        f"<challenge xmlns='{ns.SASL}'/>",
    ],
)
def test_a_server_that_makes_no_sense_is_left(says):
    wire = Script(says)
    wire.features[0] = offering("SCRAM-SHA-256")
    with pytest.raises(RefusedError, match="malformed-request"):
        client(wire).log_in()


def test_a_mechanism_without_challenges_takes_none():
    with pytest.raises(RefusedError, match="malformed-request: PLAIN has no challenges"):
        client(Script(f"<challenge xmlns='{ns.SASL}'/>")).log_in()


def test_a_failure_has_a_name_and_a_text():
    failure = f"<failure xmlns='{ns.SASL}'><account-disabled/><text>Banned from Verona</text></failure>"
    with pytest.raises(RefusedError, match="account-disabled: Banned from Verona") as refused:
        client(Script(failure)).log_in()
    assert refused.value.condition == "account-disabled"


def test_no_resource_is_a_refusal_too():
    error = f"<error type='wait'><resource-constraint xmlns='{ns.STANZA_ERROR}'/></error>"
    with pytest.raises(RefusedError, match="resource-constraint"):
        client(Script(SUCCESS, f"<iq type='error' id='asked-1'>{error}</iq>")).log_in()


@pytest.mark.parametrize(("inside", "asked"), [("", 2), ("<optional/>", 1)])
def test_a_session_is_asked_for_where_it_must_be(inside, asked):
    session = f"<features xmlns='{ns.STREAM}'><session xmlns='{ns.SESSION}'>{inside}</session></features>"
    wire = Script(SUCCESS, BOUND, "<iq type='result' id='asked-2'/>", features=session)
    client(wire).log_in()
    assert wire.names.count("iq") == asked


def test_features_that_nobody_read_are_gone_after_the_login():
    made = client(Script(SUCCESS, BOUND))
    made.log_in()
    assert made.take_all() == []


def test_settling_keeps_what_comes_meanwhile():
    made, wire = logged_in(
        "<message id='settled-2'/>", "<presence/>", "<iq type='result' id='settled-2'/>", "<message/>"
    )
    made.settle()
    assert wire.heard[0][0].tag == f"{{{ns.PING}}}ping"
    assert [QName(made.receive()).localname for _ in range(3)] == ["message", "presence", "message"]


def test_any_answer_settles():
    made, _ = logged_in("<iq type='error' id='settled-2'/>")
    made.settle()
    assert made.take_all() == []


def test_an_end_that_comes_while_it_settles_is_told_after_what_came_before():
    made, _ = logged_in("<presence/>", StreamEndedError("conflict"))
    made.settle()
    made.settle()
    assert QName(made.receive()).localname == "presence"
    with pytest.raises(StreamEndedError, match="conflict"):
        made.receive()


def test_before_it_is_bound_there_is_nothing_to_settle():
    wire = Script()
    client(wire).settle()
    assert wire.heard == []


def test_the_servers_questions_are_answered_and_do_not_show():
    made, wire = logged_in(
        f"<enabled xmlns='{ns.SM}' id='7'/>",
        "<message/>",
        "<presence/>",
        f"<r xmlns='{ns.SM}'/>",
        "<iq type='get' id='1'/>",
    )
    assert [QName(made.receive()).localname for _ in range(4)] == ["enabled", "message", "presence", "iq"]
    assert [to_bytes(each) for each in wire.heard] == [f'<a xmlns="{ns.SM}" h="2"/>'.encode()]


def test_with_stream_management_it_settles_by_that():
    made, wire = logged_in(f"<enabled xmlns='{ns.SM}'/>", f"<a xmlns='{ns.SM}' h='0'/>", f"<a xmlns='{ns.SM}' h='1'/>")
    made.receive()
    made.send(xml(f"<r xmlns='{ns.SM}'/>"))
    made.settle()
    assert wire.names == ["r", "r"]
    assert [each.get("h") for each in made.take_all()] == ["0"]  # the one that was asked for


def test_another_connection_goes_on_with_the_count():
    broken, _ = logged_in(f"<enabled xmlns='{ns.SM}' id='7'/>", "<message/>", "<message/>")
    for _ in range(3):
        broken.receive()
    assert broken.is_managed
    wire = Script(SUCCESS, f"<resumed xmlns='{ns.SM}' previd='7' h='0'/>", "<message/>")
    made = client(wire)
    made.resume(broken)
    assert to_bytes(wire.heard[1]) == f'<resume xmlns="{ns.SM}" previd="7" h="2"/>'.encode()
    assert made.jid.full == "romeo@localhost/orchard"
    assert QName(made.receive()).localname == "message"


def test_a_session_that_is_over_is_not_resumed():
    broken, _ = logged_in(f"<enabled xmlns='{ns.SM}' id='7'/>")
    broken.receive()
    failed = f"<failed xmlns='{ns.SM}'><item-not-found xmlns='{ns.STANZA_ERROR}'/></failed>"
    with pytest.raises(RefusedError, match="item-not-found"):
        client(Script(SUCCESS, failed)).resume(broken)
