"""The conversation of `prebind` by itself: the other end says what the test has written for it."""

from __future__ import annotations

import base64
import re

import pytest

from conversehost.client.prebinding import EMPTY, Order, Prebinding, Prebound, address_of, is_private
from conversehost.client.sasl import Proof
from conversehost.client.wire import RefusedError, StreamEndedError, UnreachableError
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element, parse

PASSWORD = Proof("alice", "secret", authzid="alice@chat.example")
BIND = f"<bind xmlns='{ns.BIND}'/>"
SUCCESS = f"<success xmlns='{ns.SASL}'/>"
BOUND = f"<iq xmlns='jabber:client' type='result' id='bind'><bind xmlns='{ns.BIND}'><jid>a@b/c</jid></bind></iq>"


def features(*parts: str) -> str:
    return f"<f:features xmlns:f='{ns.STREAM}'>{''.join(parts)}</f:features>"


def offering(*mechanisms: str) -> str:
    offered = "".join(f"<mechanism>{each}</mechanism>" for each in mechanisms)
    return features(f"<mechanisms xmlns='{ns.SASL}'>{offered}</mechanisms>")


class Talk:
    """A conversation with a server that says these things, one an answer."""

    def __init__(self, *says: str, proof: Proof = PASSWORD, jid: str = "alice@chat.example", **order: object) -> None:
        self.core = Prebinding(Order(parse_jid(jid), proof, **order))  # type: ignore[arg-type]
        self.heard: list[Element] = []
        for each in says:
            self.hear()
            self.say(each)

    def hear(self) -> None:
        self.heard.append(parse(self.core.request))

    def say(self, text: str, attributes: str = "") -> None:
        body = f"<body xmlns='{ns.HTTPBIND}' sid='s1' {attributes}>{text}</body>"
        self.core.answered(200, body.encode())

    def auth(self) -> tuple[str, str]:
        """Mechanism and message of the login."""
        [auth] = [each for body in self.heard for each in body.iter(f"{{{ns.SASL}}}auth")]
        return auth.get("mechanism", ""), base64.b64decode(auth.text or "").decode()


def test_from_the_first_request_to_the_next_rid():
    talk = Talk(offering("PLAIN"), SUCCESS, features(BIND), BOUND)
    rids = [int(each.get("rid", "")) for each in talk.heard]
    assert rids == list(range(rids[0], rids[0] + 4))
    assert talk.core.result == Prebound("a@b/c", "s1", rids[-1] + 1)
    assert talk.heard[2].get(f"{{{ns.XBOSH}}}restart") == "true"


def test_terms_of_the_session():
    talk = Talk(offering("PLAIN"), route="xmpp:chat.example:5222", wait=30, hold=2)
    first = talk.heard[0]
    assert [first.get(each) for each in ("to", "route", "wait", "hold")] == [
        "chat.example",
        "xmpp:chat.example:5222",
        "30",
        "2",
    ]


def test_answers_with_nothing_in_them_are_asked_again():
    talk = Talk("", offering("PLAIN"), "", SUCCESS, "", features(BIND), "<message xmlns='jabber:client'/>", BOUND)
    assert talk.core.result is not None
    with pytest.raises(StreamEndedError, match="says nothing"):
        Talk(*[""] * EMPTY)


def test_a_session_where_the_server_insists_on_one():
    session = f"<session xmlns='{ns.SESSION}'/>"
    talk = Talk(offering("PLAIN"), SUCCESS, features(BIND, session), BOUND)
    assert talk.core.result is None
    talk.say("<iq xmlns='jabber:client' type='result' id='session'/>")
    assert talk.core.result is not None


@pytest.mark.parametrize(
    ("offered", "proof", "chosen"),
    [
        (["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], PASSWORD, "SCRAM-SHA-256"),
        (["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], PASSWORD, "SCRAM-SHA-512"),
        (["PLAIN", "OAUTHBEARER"], Proof("a", token="t"), "OAUTHBEARER"),
        (["PLAIN", "SCRAM-SHA-1"], Proof("a", token="t"), "PLAIN"),
        (["X-TOKEN", "OAUTHBEARER", "PLAIN"], Proof("a", token="123 abc="), "X-TOKEN"),
        (["PLAIN", "EXTERNAL"], Proof("a", external=True, authzid="a@b"), "EXTERNAL"),
    ],
)
def test_the_best_mechanism_for_it(offered: list[str], proof: Proof, chosen: str):
    talk = Talk(offering(*offered), proof=proof)
    talk.hear()
    assert talk.auth()[0] == chosen


def test_guests_have_nothing_to_say():
    talk = Talk(offering("ANONYMOUS"), proof=Proof(anonymous=True), jid="guests.example", is_private=False)
    talk.hear()
    assert b">=<" in talk.core.request


def test_a_bearer_token_and_whose_it_is():
    talk = Talk(offering("OAUTHBEARER"), proof=Proof("a", token="t.o", authzid="a=b@c"))
    talk.hear()
    assert talk.auth()[1] == "n,a=a=3Db@c,\1auth=Bearer t.o\1\1"
    talk.say(f"<challenge xmlns='{ns.SASL}'>e30=</challenge>")
    assert b">AQ==<" in talk.core.request
    with pytest.raises(RefusedError, match="not-authorized"):
        talk.say(f"<failure xmlns='{ns.SASL}'><not-authorized/></failure>")


@pytest.mark.parametrize("mechanism", ["PLAIN", "OAUTHBEARER", "X-TOKEN", "EXTERNAL"])
def test_what_can_be_read_is_not_sent_in_the_clear(mechanism: str):
    proofs = {
        "PLAIN": PASSWORD,
        "OAUTHBEARER": Proof("a", token="t"),
        "X-TOKEN": Proof("a", token="1 a"),
        "EXTERNAL": Proof("a", external=True),
    }
    with pytest.raises(RefusedError) as refused:
        Talk(offering(mechanism), proof=proofs[mechanism], is_private=False)
    assert refused.value.condition == "encryption-required"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://chat.example/b", True),
        ("http://localhost:5280/b", True),
        ("http://[::1]:5280/b", True),
        ("http://127.0.0.2/b", True),
        ("http://chat.example/b", False),
        ("http://127.0.0.1.evil.example/b", False),
        ("http://localhost.evil.example/b", False),
    ],
)
def test_where_nobody_listens_on_the_way(url: str, expected: bool):
    assert is_private(address_of(url)) is expected


def test_no_mechanism_that_fits():
    with pytest.raises(RefusedError, match=re.escape("invalid-mechanism: the server offers EXTERNAL")):
        Talk(offering("EXTERNAL"))


def test_a_server_that_does_not_know_the_password():
    talk = Talk(offering("SCRAM-SHA-256"))
    with pytest.raises(RefusedError):
        talk.say(f"<challenge xmlns='{ns.SASL}'>bm9uc2Vuc2U=</challenge>")


def test_the_end_of_a_session_says_why_and_leaves_a_farewell_where_there_was_one():
    talk = Talk()
    assert talk.core.farewell() is None
    with pytest.raises(StreamEndedError) as ended:
        talk.say("", "type='terminate' condition='host-unknown'")
    assert ended.value.condition == "host-unknown"
    assert b"type='terminate'" in (talk.core.farewell() or b"")


def test_a_resource_that_is_taken():
    conflict = f"<error type='cancel'><conflict xmlns='{ns.STANZA_ERROR}'/></error>"
    with pytest.raises(RefusedError, match="conflict"):
        Talk(
            offering("PLAIN"),
            SUCCESS,
            features(BIND),
            f"<iq xmlns='jabber:client' type='error' id='bind'>{conflict}</iq>",
        )


def test_a_resource_without_an_address():
    with pytest.raises(StreamEndedError, match="doesn't say which"):
        Talk(offering("PLAIN"), SUCCESS, features(BIND), "<iq xmlns='jabber:client' type='result' id='bind'/>")


def test_what_is_no_bosh():
    with pytest.raises(UnreachableError, match="HTTP 404: is there a BOSH service"):
        Talk().core.answered(404, b"")
    with pytest.raises(UnreachableError, match="HTTP 503: try again in a while"):
        Talk().core.answered(503, b"")
    with pytest.raises(StreamEndedError, match="isn't XML"):
        Talk().core.answered(200, b"<html>")
    with pytest.raises(StreamEndedError, match="HTTP 502"):
        Talk(offering("PLAIN")).core.answered(502, b"")
