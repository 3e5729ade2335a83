"""SASL on a stream, by hand and by an independent SCRAM client."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from scramp import ScramClient, ScramException

from conversehost.server import router
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element, to_bytes
from tests.stage import Client, Stage, encoded, offered

SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture
def client(stage: Stage) -> Client:
    """Has opened a stream and been told the features; romeo's password is "secret"."""
    stage.account("romeo")
    client = stage.open()
    client.take()
    return client


def plain(client: Client, name: str = "romeo", password: str = "secret", authzid: str = "") -> Element:
    return auth(client, "PLAIN", encoded(f"{authzid}\0{name}\0{password}"))


def auth(client: Client, mechanism: str, content: str = "") -> Element:
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{content}</auth>")
    return client.only()


def respond(client: Client, content: str) -> Element:
    client.write(f"<response xmlns='{ns.SASL}'>{content}</response>")
    return client.only()


def succeeded(answer: Element) -> bool:
    return bool(answer.tag == f"{{{ns.SASL}}}success")


def failure(answer: Element) -> str:
    assert answer.tag == f"{{{ns.SASL}}}failure", to_bytes(answer)
    return str(answer[0].tag).removeprefix(f"{{{ns.SASL}}}")


def content(answer: Element) -> str:
    return base64.b64decode(answer.text or "").decode()


def scram(client: Client, mechanism: str, name: str = "romeo", password: str = "secret") -> tuple[ScramClient, Element]:
    """The whole exchange; the last answer."""
    peer = ScramClient([mechanism], name, password)
    challenge = auth(client, mechanism, encoded(peer.get_client_first()))
    peer.set_server_first(content(challenge))
    return peer, respond(client, encoded(peer.get_client_final()))


# What is offered


def test_the_features_before_login(stage: Stage):
    features = stage.open().only()
    assert features.tag == f"{{{ns.STREAM}}}features"
    assert features.prefix == "stream"
    assert list(offered(features)) == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    assert features.find(f"{{{ns.BIND}}}bind") is None


def test_the_features_after_login(client: Client):
    plain(client)
    features = client.restart()
    assert list(offered(features)) == []
    assert features.find(f"{{{ns.BIND}}}bind") is not None
    assert features.find(f"{{{ns.SESSION}}}session") is None  # it would cost every client a round trip


def test_no_domain_at_all(stage: Stage):
    client = stage.open("")
    assert client.error is not None
    assert client.error.condition == "improper-addressing"


@pytest.mark.parametrize("domain", ["elsewhere.example", "exa mple", "localhost/x"])
def test_a_domain_that_is_not_served(stage: Stage, domain: str):
    client = stage.open(domain)
    assert client.error is not None
    assert client.error.condition == "host-unknown"
    client.write("<iq type='get' id='1'><x xmlns='urn:x'/></iq>")
    assert client.take() == []


def test_a_domain_that_was_served(make_stage: Callable[..., Stage]):
    """RFC 6120 section 4.9.3.5: whoever comes, and whoever is at it."""
    stage = make_stage("localhost", "old.example")
    early = stage.open("old.example")
    stage.router.leave("old.example")
    late = stage.open("OLD.example")
    assert late.error is not None
    assert late.error.condition == "host-gone"
    early.take()
    early.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(chr(0) + 'romeo' + chr(0) + 'secret')}</auth>")
    assert early.error is not None
    assert early.error.condition == "host-gone"
    assert early.take() == []


def test_not_all_that_were_served_are_remembered(make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(router, "GONE", 1)
    stage = make_stage("localhost", "a.example", "b.example")
    for each in ("a.example", "b.example"):
        stage.router.leave(each)
    errors = [stage.open(each).error for each in ("a.example", "b.example")]
    assert [each and each.condition for each in errors] == ["host-unknown", "host-gone"]


@pytest.mark.parametrize("domain", ["LOCALHOST", "localhost."])
def test_the_same_domain_spelt_otherwise(stage: Stage, domain: str):
    assert stage.open(domain).error is None


# PLAIN


def test_the_right_password(client: Client):
    assert succeeded(plain(client))
    assert client.restarts == 1


@pytest.mark.parametrize("name", ["ROMEO", "\uff52omeo"])
def test_names_are_prepared(client: Client, name: str):
    assert succeeded(plain(client, name))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("romeo", "wrong"),
        ("nobody", "secret"),
        ("romeo", ""),
        ("", "secret"),
        ("a b", "secret"),
        ("romeo@localhost", "x"),
    ],
)
def test_every_other_attempt_gets_the_same_answer(client: Client, name: str, password: str):
    answer = plain(client, name, password)
    assert to_bytes(answer) == f'<failure xmlns="{ns.SASL}"><not-authorized/></failure>'.encode()
    assert client.restarts == 0


def test_a_password_in_any_script(client: Client):
    client.stage.accounts.put(parse_jid("romeo@localhost"), "<p>&'\u00e9\u6f22\U0001f389")
    assert succeeded(plain(client, password="<p>&'\u00e9\u6f22\U0001f389"))


@pytest.mark.parametrize("authzid", ["romeo@localhost", "Romeo@LOCALHOST"])
def test_to_act_as_oneself_is_fine(client: Client, authzid: str):
    assert succeeded(plain(client, authzid=authzid))


@pytest.mark.parametrize("authzid", ["juliet@localhost", "romeo", "romeo@elsewhere", "romeo@localhost/x", "@"])
def test_to_act_as_somebody_else_is_not(client: Client, authzid: str):
    client.stage.account("juliet")
    assert failure(plain(client, authzid=authzid)) == "invalid-authzid"


@pytest.mark.parametrize(
    "message",
    [b"", b"romeo", b"romeo\0secret", b"\0romeo\0secret\0", b"\0romeo\0\xff", b"\0\xff\0secret"],
)
def test_a_message_that_makes_no_sense(client: Client, message: bytes):
    assert failure(auth(client, "PLAIN", encoded(message) or "=")) == "malformed-request"


def test_the_message_can_wait_to_be_asked_for(client: Client):
    challenge = auth(client, "PLAIN")
    assert (challenge.tag, challenge.text) == (f"{{{ns.SASL}}}challenge", None)
    assert succeeded(respond(client, encoded("\0romeo\0secret")))


# SCRAM


@pytest.mark.parametrize("mechanism", SCRAM)
def test_an_independent_client_logs_in_and_knows_the_server(client: Client, mechanism: str):
    peer, answer = scram(client, mechanism)
    assert succeeded(answer)
    peer.set_server_final(content(answer))
    assert client.restarts == 1


@pytest.mark.parametrize("mechanism", SCRAM)
def test_the_first_message_can_wait_to_be_asked_for(client: Client, mechanism: str):
    peer = ScramClient([mechanism], "romeo", "secret")
    assert auth(client, mechanism).text is None
    peer.set_server_first(content(respond(client, encoded(peer.get_client_first()))))
    assert succeeded(respond(client, encoded(peer.get_client_final())))


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(("name", "password"), [("romeo", "wrong"), ("nobody", "secret")])
def test_a_wrong_proof_and_an_unknown_name_get_the_same_answer(
    client: Client, mechanism: str, name: str, password: str
):
    _, answer = scram(client, mechanism, name, password)
    assert to_bytes(answer) == f'<failure xmlns="{ns.SASL}"><not-authorized/></failure>'.encode()


def test_an_unknown_name_always_has_the_same_salt(stage: Stage):
    stage.account("romeo")
    salts = []
    for name in ("nobody", "nobody", "somebody", "romeo"):
        client = stage.open()
        client.take()
        first = ScramClient(["SCRAM-SHA-256"], name, "x").get_client_first()
        fields = dict(each.split("=", 1) for each in content(auth(client, "SCRAM-SHA-256", encoded(first))).split(","))
        salts.append(fields["s"])
        assert fields["i"] == "4096"
        assert len(base64.b64decode(fields["s"])) == 16
    assert salts[0] == salts[1]
    assert len(set(salts)) == 3


@pytest.mark.parametrize("mechanism", SCRAM)
def test_a_password_in_any_script_by_scram(client: Client, mechanism: str):
    client.stage.accounts.put(parse_jid("romeo@localhost"), "p\u00e4ss,=\u6f22")
    assert succeeded(scram(client, mechanism, password="pa\u0308ss,=\u6f22")[1])


@pytest.mark.parametrize("name", ["a,b", "a=b"])
def test_names_are_escaped_in_scram(client: Client, name: str):
    client.stage.account(f"{name}@localhost")
    assert succeeded(scram(client, "SCRAM-SHA-256", name)[1])


def test_somebody_else_cannot_be_acted_as_by_scram(client: Client):
    first = ScramClient(["SCRAM-SHA-1"], "romeo", "secret").get_client_first()
    asked = first.replace("n,,", "n,a=juliet@localhost,")
    assert failure(auth(client, "SCRAM-SHA-1", encoded(asked))) == "invalid-authzid"


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "n,,",
        "n,,n=romeo",
        "n,,r=abc,n=romeo",
        "n,,n=,r=abc",
        "n,,n=ro=meo,r=abc",
        "n,,m=x,n=romeo,r=abc",
        "p=tls-unique,,n=romeo,r=abc",
        "z,,n=romeo,r=abc",
        b"n,,n=\xff,r=abc",
    ],
)
def test_a_first_message_that_makes_no_sense(client: Client, message: str | bytes):
    assert failure(auth(client, "SCRAM-SHA-1", encoded(message))) == "malformed-request"


def test_a_name_that_nobody_can_have(client: Client):
    assert failure(auth(client, "SCRAM-SHA-1", encoded("n,,n=a b,r=abc"))) == "not-authorized"


@pytest.mark.parametrize(
    "change",
    [
        lambda final: final.replace("r=", "r=x"),
        lambda final: final.replace("c=biws", "c=eSws"),
        lambda final: final.partition(",p=")[0],
        lambda final: final + "=",
        lambda final: "",
        lambda final: "nonsense",
    ],
)
def test_a_final_message_that_makes_no_sense(client: Client, change: Callable[[str], str]):
    peer = ScramClient(["SCRAM-SHA-1"], "romeo", "secret")
    peer.set_server_first(content(auth(client, "SCRAM-SHA-1", encoded(peer.get_client_first()))))
    assert failure(respond(client, encoded(change(peer.get_client_final())) or "=")) == "malformed-request"


def test_a_proof_of_the_wrong_length(client: Client):
    peer = ScramClient(["SCRAM-SHA-1"], "romeo", "secret")
    peer.set_server_first(content(auth(client, "SCRAM-SHA-1", encoded(peer.get_client_first()))))
    final = peer.get_client_final().partition(",p=")[0] + ",p=" + encoded("x")
    assert failure(respond(client, encoded(final))) == "not-authorized"


def test_a_proof_counts_once(client: Client):
    peer = ScramClient(["SCRAM-SHA-1"], "romeo", "secret")
    peer.set_server_first(content(auth(client, "SCRAM-SHA-1", encoded(peer.get_client_first()))))
    final = encoded(peer.get_client_final())
    assert failure(respond(client, encoded("nonsense"))) == "malformed-request"
    assert failure(respond(client, final)) == "malformed-request"


def test_the_clients_check_is_a_real_one(client: Client):
    peer, answer = scram(client, "SCRAM-SHA-1")
    with pytest.raises(ScramException):
        peer.set_server_final("v=" + encoded("x" * 20))
    assert succeeded(answer)


# Either


@pytest.mark.parametrize("mechanism", ["DIGEST-MD5", "", "plain", "SCRAM-SHA-1-PLUS", "EXTERNAL"])
def test_a_mechanism_that_is_not_offered(client: Client, mechanism: str):
    assert failure(auth(client, mechanism, "=")) == "invalid-mechanism"


def test_no_mechanism_at_all(client: Client):
    client.write(f"<auth xmlns='{ns.SASL}'/>")
    assert failure(client.only()) == "invalid-mechanism"


@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAM])
@pytest.mark.parametrize("content", ["*", "a", "AAA", "A===", "=AAA", "\u00e9", "AAAA=AAA"])
def test_what_is_not_base_64(client: Client, mechanism: str, content: str):
    assert failure(auth(client, mechanism, content)) == "incorrect-encoding"


@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAM])
def test_a_login_that_is_given_up(client: Client, mechanism: str):
    auth(client, mechanism)
    client.write(f"<abort xmlns='{ns.SASL}'/>")
    assert failure(client.only()) == "aborted"
    assert failure(respond(client, "=")) == "malformed-request"
    assert succeeded(plain(client))


@pytest.mark.parametrize("element", ["response", "success", "challenge", "nonsense"])
def test_what_makes_no_sense_at_that_point(client: Client, element: str):
    client.write(f"<{element} xmlns='{ns.SASL}'/>")
    assert failure(client.only()) == "malformed-request"


def test_another_mechanism_in_between(client: Client):
    auth(client, "SCRAM-SHA-1", encoded("n,,n=romeo,r=abc"))
    assert succeeded(plain(client))


def test_three_failures_and_the_stream_ends(client: Client):
    for password in ("one", "two"):
        assert failure(plain(client, password=password)) == "not-authorized"
        assert client.error is None
    assert failure(plain(client, password="three")) == "not-authorized"
    assert client.error is not None
    assert client.error.condition == "policy-violation"
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(chr(0) + 'romeo' + chr(0) + 'secret')}</auth>")
    assert client.take() == []


def test_failures_of_any_kind_count(client: Client):
    auth(client, "SCRAM-SHA-1", "*")
    auth(client, "EXTERNAL")
    plain(client, password="wrong")
    assert client.error is not None


def test_giving_up_is_not_a_failure(client: Client):
    for _ in range(10):
        auth(client, "SCRAM-SHA-1")
        client.write(f"<abort xmlns='{ns.SASL}'/>")
        client.only()
    assert succeeded(plain(client))


def test_two_failures_and_then_the_right_password(client: Client):
    plain(client, password="one")
    plain(client, password="two")
    assert succeeded(plain(client))


def test_nobody_logs_in_twice_on_a_stream(client: Client):
    plain(client)
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>=</auth>")
    assert client.error is not None
    assert client.error.condition == "unsupported-stanza-type"


@pytest.mark.parametrize(
    ("sent", "condition"),
    [
        ("<message to='juliet@localhost'/>", "not-authorized"),
        ("<presence/>", "not-authorized"),
        ("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "not-authorized"),
        ("<iq type='result' id='1'/>", "not-authorized"),
        ("<x xmlns='urn:x'/>", "unsupported-stanza-type"),
        ("<x/>", "unsupported-stanza-type"),
    ],
)
def test_nothing_else_comes_before_login(client: Client, sent: str, condition: str):
    client.write(sent)
    assert client.error is not None
    assert client.error.condition == condition
    assert client.take() == []


@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAM])
def test_who_knows_the_password_hears_that_the_account_is_disabled(client: Client, stage: Stage, mechanism: str):
    """RFC 6120 section 6.5.1."""
    stage.accounts.disable(parse_jid("romeo@localhost"))

    def answer(password: str) -> Element:
        return (
            plain(client, password=password) if mechanism == "PLAIN" else scram(client, mechanism, password=password)[1]
        )

    assert failure(answer("guess")) == "not-authorized"
    assert failure(answer("secret")) == "account-disabled"
