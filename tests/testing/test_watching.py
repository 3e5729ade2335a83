"""What `TestBed` sees of what is said."""

from __future__ import annotations

import pytest

from conversehost.testing import TestBed, TestBedError, UnmetError
from tests.clients.bosh import BoshClient
from tests.testing.test_testbed import Stream


@pytest.fixture
def bob(bed: TestBed) -> BoshClient:
    """Available."""
    client = BoshClient(bed.bosh, bed.domain)
    client.log_in("bob", "secret")
    client.send("<presence xmlns='jabber:client'/>")
    return client


def test_expect_and_verify(bed, bob):
    hi = bed.expect("message[body='hi']", to="bob", times=1)
    never = bed.expect("message[body='ho']", never=True)
    assert (hi.state, never.state) == ("unmet", "met")
    bed.message("alice", "bob", "hi")
    bed.verify()
    assert (hi.state, hi.count, hi.why) == ("met", 1, "")
    bed.message("alice", "bob", "ho")
    with pytest.raises(UnmetError, match=r"expected message\[body='ho'\] never: it came once") as caught:
        bed.verify()
    assert caught.value.code == "conflict"
    assert isinstance(caught.value, AssertionError)
    never.remove()
    never.remove()
    assert never.state == "violated"
    bed.verify()


def test_expecting(bed, bob):
    with bed.expecting("message[body='hi']", to="bob") as expectation:
        bed.message("alice", "bob", "hi")
    assert expectation.state == "met"
    with (
        pytest.raises(UnmetError, match=r"the nearest: .*<body>ho</body>"),
        bed.expecting("message[body='hi']", to="bob", timeout=0.2),
    ):
        bed.message("alice", "bob", "ho")
    with pytest.raises(ZeroDivisionError), bed.expecting("message[body='hi']"):
        raise ZeroDivisionError
    bed.verify()  # nothing is left of them


def test_in_order_and_in_time(bed, bob):
    bed.expect("message[body='one']", to=bed.accounts and "bob", group="talk", name="one")
    two = bed.expect("message[body='two']", group="talk", within=30, name="two")
    bed.message("alice", "bob", "one")
    bed.advance(31)
    bed.message("alice", "bob", "two")
    assert two.state == "violated"
    assert repr(two) == "<Expectation two: violated>"


def test_a_mistake_is_no_unmet_expectation(bed):
    with pytest.raises(TestBedError) as caught:
        bed.expect("message[")
    assert not isinstance(caught.value, UnmetError)


def test_an_iq_that_nobody_answers(bed, bob):
    alice = BoshClient(bed.bosh, bed.domain)
    jid = alice.log_in("alice", "secret")
    assert bed.unanswered() == []
    to = bed.sessions("bob")[0].jid
    alice.send(f"<iq xmlns='jabber:client' type='get' id='7' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>")
    (asked,) = bed.unanswered(direction="in")
    assert (asked.session, asked.kind) == (jid, "iq")
    with pytest.raises(TestBedError, match=r"not settled: .* has no answer to <iq "):
        bed.settled(0.1)
    bob.send(f"<iq xmlns='jabber:client' type='result' id='7' to='{jid}'/>")
    assert bed.unanswered(5) == []
    alice.wait_for("iq")
    bed.settled()


def test_an_exception_in_the_server(bed):
    assert bed.errors == []
    bed.call("POST", "bots", name="broken", kind="json:loads")
    bed.message("alice", "broken", "hi")
    (mishap,) = bed.errors
    assert mishap.error.startswith("TypeError: ")
    assert "<body>hi</body>" in (mishap.xml or "")
    bed.call("DELETE", "errors")
    assert bed.errors == []


def test_what_carried_the_stanzas(bed, bob):
    before = bed.last
    bed.message("alice", "bob", "hi")
    bob.wait_for("message")
    (request,) = bed.exchanges(after=before, transport="bosh", text="<body>hi</body>")
    assert (request["status"], request["session"]) == (200, bed.sessions("bob")[0].jid)
    assert [each["direction"] for each in bed.frames(account="bob", text="<body>hi</body>")] == ["out"]
    assert "c2VjcmV0" not in str(bed.exchanges())


def test_all_that_was_said_is_there_however_much(bed, bob):
    """The control API tells the newest 1,000, where it isn't asked for more."""
    ping = "<iq xmlns='jabber:client' type='get' id='many-{}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    bob.send("".join(ping.format(number) for number in range(1100)))
    assert len(bed.traffic("iq[@type='get']/ping:ping", account="bob")) == 1100
    assert len(bed.transcript(text="many-", direction="in").splitlines()) == 1100
    assert len(bed.traffic(text="many-", direction="in", limit=2)) == 2


def test_a_connection_that_stops_and_goes_on(bed):
    stream = Stream(bed, "bob", "secret")
    stream.say("<presence/>", until="<presence")
    (session,) = bed.sessions("bob")
    bed.hold(session)
    bed.message("alice", "bob", "hi")
    assert bed.traffic("message", direction="out") == []
    bed.release(session)
    assert "<body>hi</body>" in stream.read(until="</message>")
    stream.say("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", until="result")
    stream.close()
