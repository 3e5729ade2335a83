"""The initiating end of a stream, without sockets."""

from __future__ import annotations

import pytest

from conversehost.upstream.initiator import BeginTls, Event, Hear, Initiator, Over, Say
from conversehost.upstream.returned import bounced
from conversehost.xmpp import ns
from conversehost.xmpp.errors import WayError
from conversehost.xmpp.xml import to_bytes

HEADER = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' from='chat.example' id='1' version='1.0'>"
TLS = f"<starttls xmlns='{ns.TLS}'><required/></starttls>"
FEATURES = (
    f"<stream:features>%s<mechanisms xmlns='{ns.SASL}'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
)


def fed(initiator: Initiator, *texts: str) -> list[Event]:
    return [event for text in texts for event in initiator.feed(text.encode()) if event != Say(b"")]


@pytest.fixture
def secure() -> Initiator:
    made = Initiator("chat.example", secure=True)
    made.open()
    assert [type(each) for each in fed(made, HEADER, FEATURES % "")] == [Hear]
    return made


def test_the_header_names_the_domain_and_nobody_in_clear():
    assert b' to="chat.example"' in Initiator("chat.example").open("romeo@chat.example")
    assert b"romeo" not in Initiator("chat.example").open("romeo@chat.example")
    assert b' from="romeo@chat.example"' in Initiator("chat.example", secure=True).open("romeo@chat.example")


@pytest.mark.parametrize("clear", [True, False])
def test_tls_is_taken_where_it_is_offered(clear):
    initiator = Initiator("chat.example", clear=clear)
    initiator.open()
    (asked,) = fed(initiator, HEADER, FEATURES % TLS)
    assert isinstance(asked, Say)
    assert b"starttls" in asked.data
    assert fed(initiator, f"<proceed xmlns='{ns.TLS}'/><evil/>") == [BeginTls()]
    assert initiator.secured().startswith(b"<?xml")
    (heard,) = fed(initiator, HEADER, FEATURES % "")
    assert isinstance(heard, Hear)
    assert b"<stream:features" in to_bytes(heard.stanza)


def test_without_tls_nothing_is_said_where_somebody_could_listen():
    initiator = Initiator("chat.example")
    initiator.open()
    (over,) = fed(initiator, HEADER, FEATURES % "")
    assert isinstance(over, Over)
    assert isinstance(over.error, WayError)
    assert over.error.condition == "remote-connection-failed"


def test_nor_when_the_server_refuses_it():
    initiator = Initiator("chat.example")
    initiator.open()
    _, over = fed(initiator, HEADER, FEATURES % TLS, f"<failure xmlns='{ns.TLS}'/>")
    assert isinstance(over, Over)


def test_after_that_all_is_for_the_client(secure):
    said = "<message from='a@b'><body>hi</body></message>", f"<success xmlns='{ns.SASL}'/>"
    assert [to_bytes(each.stanza) for each in fed(secure, *said)] == [
        b'<message xmlns="jabber:client" from="a@b"><body>hi</body></message>',
        b'<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>',
    ]


def test_an_error_of_the_server_is_kept_whole(secure):
    inner = f"<conflict xmlns='{ns.STREAM_ERROR}'/><text xmlns='{ns.STREAM_ERROR}'>Replaced</text><more xmlns='urn:x'/>"
    (over,) = fed(secure, f"<stream:error>{inner}</stream:error></stream:stream>")
    assert (over.error.condition, over.error.text, over.error.application) == (
        "conflict",
        "Replaced",
        ("urn:x", "more"),
    )
    assert not isinstance(over.error, WayError)


def test_so_is_an_end_without_one(secure):
    assert fed(secure, "</stream:stream>") == [Over()]


def test_another_host_is_followed_before_login_only(secure):
    elsewhere = (
        f"<stream:error><see-other-host xmlns='{ns.STREAM_ERROR}'>b.example:5269</see-other-host></stream:error>"
    )
    early = Initiator("chat.example")
    early.open()
    assert fed(early, HEADER, elsewhere)[0].elsewhere == "b.example:5269"
    assert fed(secure, elsewhere)[0].elsewhere == ""


@pytest.mark.parametrize(
    "said", ["HTTP/1.1 400 Bad Request\r\n", "<stream:stream xmlns='jabber:server'", "<a><b></a>", "<!DOCTYPE a>"]
)
def test_what_is_no_xmpp_ends_it(said):
    initiator = Initiator("chat.example", clear=True)
    initiator.open()
    (over,) = fed(initiator, said + f" xmlns:stream='{ns.STREAM}' version='1.0'>" * said.startswith("<stream"))
    assert over.error.condition == "remote-connection-failed"


def test_what_a_client_never_got_is_told_to_who_waits_for_it():
    def stanza(kind: str, **attributes: str) -> bytes:
        text = "".join(f" {name}='{value}'" for name, value in attributes.items())
        return f"<{kind} xmlns='jabber:client' from='b@c/d' to='a@c/e' id='1'{text}/>".encode()

    answers = bounced([stanza("message", type="chat"), stanza("iq", type="get"), stanza("message")])
    assert len(answers) == 3
    assert all(b'to="b@c/d"' in each and b"recipient-unavailable" in each and b" from=" not in each for each in answers)
    quiet = [
        stanza("presence"),
        stanza("iq", type="result"),
        *(stanza("message", type=each) for each in ("error", "groupchat")),
    ]
    assert bounced([*quiet, b"<broken"]) == []
