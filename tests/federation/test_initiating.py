"""The end of a stream between servers that begins it."""

from __future__ import annotations

import pytest

from conversehost.federation.initiating import Initiating, Ready, Told
from conversehost.upstream.initiator import BeginTls, Over, Say
from conversehost.xmpp import ns

SPACES = f"xmlns='{ns.SERVER}' xmlns:stream='{ns.STREAM}' xmlns:db='{ns.DIALBACK}'"
HEADER = f"<stream:stream {SPACES} id='s1' from='far.example' version='1.0'>"
TLS = f"<stream:features><starttls xmlns='{ns.TLS}'/></stream:features>"
DEMAND = "<stream:features><x xmlns='urn:x'><required/></x></stream:features>"
PROCEED = f"<proceed xmlns='{ns.TLS}'/>"


class End:
    """Ours; what comes of what the other says."""

    def __init__(self) -> None:
        self.stream = Initiating("here.example", "far.example")
        self.opened = self.stream.open().decode()

    def hears(self, text: str) -> list[object]:
        return list(self.stream.feed(text.encode()))


@pytest.fixture
def end() -> End:
    return End()


def test_it_says_from_whom_to_whom(end):
    assert 'from="here.example" to="far.example"' in end.opened
    assert f"xmlns:db='{ns.DIALBACK}'" in end.opened


def test_without_tls_it_may_speak_at_once(end):
    assert end.hears(HEADER) == []
    assert end.hears("<stream:features/>") == [Ready()]
    assert end.stream.id == "s1"


def test_what_it_need_not_do_is_no_obstacle(end):
    assert end.hears(HEADER + DEMAND.replace("<required/>", "<optional/>")) == [Ready()]


def test_an_old_server_has_no_features(end):
    assert end.hears(HEADER.replace(" version='1.0'", "")) == [Ready()]


def test_tls_is_taken_and_the_stream_begins_anew(end):
    (asked,) = end.hears(HEADER + TLS)
    assert isinstance(asked, Say)
    assert b"starttls" in asked.data
    assert end.hears(f"{PROCEED}<db:result from='far.example' to='here.example' type='valid'/>") == [BeginTls()]
    assert end.stream.secured().startswith(b"<?xml")
    assert end.hears(HEADER.replace("s1", "s2") + TLS) == [Ready()]
    assert end.stream.id == "s2"


def test_nobody_begins_tls_who_wasnt_asked(end):
    end.hears(HEADER)
    assert end.hears(PROCEED) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("<db:result from='far.example' to='here.example' type='valid'/>", ("result", "", True)),
        ("<db:result from='far.example' to='here.example' type='invalid'/>", ("result", "", False)),
        ("<db:result from='far.example' to='here.example' type='error'><error/></db:result>", ("result", "", False)),
        ("<db:verify from='FAR.example' to='here.example' id='x' type='valid'/>", ("verify", "x", True)),
    ],
)
def test_what_it_is_told(end, said, told):
    asked, id, good = told
    end.hears(HEADER + "<stream:features/>")
    assert end.hears(said) == [Told(asked, "here.example", "far.example", id, good)]


def test_stanzas_come_over_streams_of_the_others(end):
    end.hears(HEADER + "<stream:features/>")
    assert end.hears("<message from='a@far.example' to='b@here.example'><body>x</body></message>") == []


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        (HEADER.replace(ns.SERVER, ns.CLIENT), "invalid-namespace"),
        (HEADER + f"<stream:error><host-unknown xmlns='{ns.STREAM_ERROR}'/></stream:error>", "host-unknown"),
        (HEADER + "<!-- x -->", "restricted-xml"),
        (HEADER + DEMAND, "unsupported-feature"),
        ("SSH-2.0-x\r\n>", "not-well-formed"),
    ],
)
def test_what_ends_it(end, said, condition):
    *_, over = end.hears(said)
    assert isinstance(over, Over)
    assert over.error is not None
    assert over.error.condition == condition
    assert over.ours == ("host-unknown" not in said)  # whose fault is ours to name
    assert end.hears("<stream:features/>") == []


def test_its_end(end):
    assert end.hears(HEADER + "</stream:stream>") == [Over()]
