"""Stubs and contacts as a test has them: real sockets, and `TestBed`."""

from __future__ import annotations

import pytest

from conversehost.testing import TestBed, TestBedError
from tests.testing.test_faults import PING, Tcp, say


def test_a_stub_answers_until_it_ends(bed: TestBed):
    alice = Tcp(bed, "alice")
    with bed.stub(kind="iq", account="alice", refuse="policy-violation", reason="not today") as stub:
        assert "not today" in alice.ask(PING, "</iq>")
        assert (stub.kind, stub.strikes, stub.matches) == ("stub", 1, 1)
    assert 'type="result"' in alice.ask(PING, "<iq.*/>|</iq>")
    assert stub.strikes == 1


def test_stubs_are_cleared_all_at_once(bed: TestBed):
    alice = Tcp(bed, "alice")
    bed.stub(kind="iq", answer="<odd xmlns='x'/>")
    assert "<odd" in alice.ask(PING, "</iq>")
    bed.clear_stubs()
    assert "<odd" not in alice.ask(PING, "<iq.*/>|</iq>")


def test_a_contact_talks(bed: TestBed):
    nurse = bed.bot("nurse", {"message": "*", "do": [{"typing": 1.5}, {"say": "Where does it hurt, {name}?"}]})
    assert nurse.jid == "nurse@localhost"
    alice = Tcp(bed, "alice")
    alice.say(say("ouch", nurse.jid))
    assert "<composing" in alice.read("</message>")
    bed.advance(2)
    assert "Where does it hurt, alice?" in alice.read("</message>")
    bed.remove_bot(nurse)
    with pytest.raises(TestBedError, match="there is no bot"):
        bed.remove_bot(nurse)


def test_a_contact_of_a_kind(bed: TestBed):
    bed.bot("parrot", kind="echo", nickname="Polly", status="pieces of eight")
    alice = Tcp(bed, "alice")
    alice.say(say("hello", "parrot@localhost"))
    assert ">hello<" in alice.read("</message>")
