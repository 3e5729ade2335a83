"""What is offered to whom, and the mechanisms beyond passwords: RFC 4505, 5802 (binding), 7628, XEP-0178, XEP-0440."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element
from tests.scram import ScramPeer
from tests.server.test_sasl import auth, content, failure, plain, respond, succeeded
from tests.stage import Client, Stage, encoded, offered

SCRAM = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]
PLUS = [f"{each}-PLUS" for each in SCRAM]
REMOTE = "192.0.2.1"


class Wire:
    """What TLS knows."""

    def __init__(self, *addresses: str, types: Sequence[str] = ("tls-exporter", "tls-server-end-point")) -> None:
        self.types = types
        self._addresses = addresses

    def binding(self, type: str) -> bytes | None:
        return f"data of {type}".encode() if type in self.types else None

    def addresses(self) -> Sequence[str]:
        return self._addresses


@pytest.fixture
def arrive(make_stage: Callable[..., Stage]) -> Callable[..., Client]:
    """A client that has opened a stream over TLS, perhaps with a certificate that names addresses."""

    def make(*addresses: str, rules: dict | None = None, **known) -> Client:
        stage = make_stage(**(rules or {}))
        stage.account("romeo")
        client = stage.open(**({"secure": True, "channel": Wire(*addresses), "address": REMOTE} | known))
        client.features = client.only()
        return client

    return make


def mechanisms(client: Client) -> list[str]:
    return list(offered(client.features))


def logged_in_as(client: Client) -> str:
    client.restart()
    answer = client.ask("set", f"<bind xmlns='{ns.BIND}'><resource>x</resource></bind>")
    return str(answer.findtext(f".//{{{ns.BIND}}}jid")).removesuffix("/x")


# What is offered


def test_over_tls_all_that_fits(arrive):
    client = arrive()
    assert mechanisms(client) == [*PLUS, *SCRAM, "PLAIN"]
    types = [each.get("type") for each in client.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]
    assert types == ["tls-exporter", "tls-server-end-point"]


def test_without_tls_there_is_no_channel_binding(arrive):
    client = arrive(secure=False, channel=None, address="127.0.0.1")
    assert mechanisms(client) == [*SCRAM, "PLAIN"]
    assert client.features.find("{urn:xmpp:sasl-cb:0}sasl-channel-binding") is None


def test_a_certificate_without_a_hash_of_its_own_has_no_channel_binding(arrive):
    assert mechanisms(arrive(channel=Wire(types=()))) == [*SCRAM, "PLAIN"]


def test_passwords_dont_cross_a_network_in_the_clear(arrive):
    client = arrive(secure=False, channel=None)
    assert mechanisms(client) == SCRAM
    assert failure(plain(client)) == "encryption-required"


def test_unless_the_operator_wants_that(arrive):
    client = arrive(secure=False, channel=None, rules={"clear": True})
    assert mechanisms(client) == [*SCRAM, "PLAIN"]
    assert succeeded(plain(client))


def test_the_log_says_so(arrive):
    notes: list[str] = []
    client = arrive(secure=False, channel=None, address="::1", rules={"note": notes.append})
    assert succeeded(plain(client))
    assert notes == ["PLAIN without TLS, from ::1 by stage"]


def test_and_not_where_there_is_tls(arrive):
    notes: list[str] = []
    assert succeeded(plain(arrive(rules={"note": notes.append})))
    assert notes == []


def test_the_operator_chooses_and_the_order_is_his(arrive):
    client = arrive(rules={"mechanisms": ("PLAIN", "SCRAM-SHA-256")})
    assert mechanisms(client) == ["PLAIN", "SCRAM-SHA-256"]
    assert failure(auth(client, "SCRAM-SHA-1", "=")) == "invalid-mechanism"


@pytest.mark.parametrize(
    ("permitted", "asked", "condition"),
    [
        ("SCRAM-SHA-512", "SCRAM-SHA-1", "mechanism-too-weak"),
        ("SCRAM-SHA-512", "PLAIN", "mechanism-too-weak"),
        ("EXTERNAL", "PLAIN", "mechanism-too-weak"),
        ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "mechanism-too-weak"),
        ("SCRAM-SHA-1", "SCRAM-SHA-256", "invalid-mechanism"),
        ("SCRAM-SHA-512", "OAUTHBEARER", "invalid-mechanism"),  # which nobody could verify
        ("SCRAM-SHA-512", "CRAM-MD5", "invalid-mechanism"),
    ],
)
def test_what_is_weaker_than_all_that_the_operator_permits(arrive, permitted, asked, condition):
    """RFC 6120 section 6.5.9."""
    client = arrive(rules={"mechanisms": (permitted,)})
    assert failure(auth(client, asked, "=")) == condition


def test_where_tls_is_required_nothing_else_is_offered_before_it(arrive):
    client = arrive(secure=False, channel=None, can_secure=True, rules={"tls": True}, address="127.0.0.1")
    (starttls,) = client.features
    assert starttls.tag == f"{{{ns.TLS}}}starttls"
    assert [each.tag for each in starttls] == [f"{{{ns.TLS}}}required"]
    assert failure(plain(client)) == "encryption-required"
    client.write("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>")
    assert client.error is not None
    assert client.error.condition == "policy-violation"


def test_after_it_all_is(arrive):
    client = arrive(secure=False, channel=None, can_secure=True, rules={"tls": True})
    client.features = client.restart(secure=True, can_secure=False, channel=Wire())
    assert mechanisms(client) == [*PLUS, *SCRAM, "PLAIN"]
    assert client.features.find(f"{{{ns.TLS}}}starttls") is None
    assert succeeded(plain(client))


def test_tls_that_is_only_offered_comes_first(arrive):
    client = arrive(secure=False, channel=None, can_secure=True)
    assert client.features[0].tag == f"{{{ns.TLS}}}starttls"
    assert len(client.features[0]) == 0
    assert mechanisms(client) == SCRAM


def test_what_went_on_before_tls_is_forgotten(arrive):
    client = arrive(secure=False, channel=None, can_secure=True)
    peer = ScramPeer("SCRAM-SHA-1", "romeo", "secret")
    final = peer.final(content(auth(client, "SCRAM-SHA-1", encoded(peer.first()))).encode())
    client.restart(secure=True, can_secure=False, channel=Wire())
    assert failure(respond(client, encoded(final))) == "malformed-request"


def test_limits_are_announced(arrive):
    client = arrive(early_bytes=10_000, max_bytes=20_000, idle=300)
    told = [(each.tag.partition("}")[2], each.text) for each in client.features.find(f"{{{ns.LIMITS}}}limits")]
    assert told == [("max-bytes", "10000"), ("idle-seconds", "300")]
    plain(client)
    assert client.restart().findtext(f".//{{{ns.LIMITS}}}max-bytes") == "20000"
    assert arrive(max_bytes=5).features.findtext(f".//{{{ns.LIMITS}}}idle-seconds") is None
    assert arrive().features.find(f"{{{ns.LIMITS}}}limits") is None


# SCRAM


def converse(client: Client, peer: ScramPeer) -> Element:
    """The last answer."""
    answer = auth(client, peer.mechanism, encoded(peer.first()))
    return respond(client, encoded(peer.final(content(answer).encode())))


@pytest.mark.parametrize("mechanism", PLUS)
@pytest.mark.parametrize("type", ["tls-exporter", "tls-server-end-point"])
def test_channel_binding(arrive, mechanism, type):
    client = arrive()
    peer = ScramPeer(mechanism, "romeo", "secret", binding=(type, f"data of {type}".encode()))
    answer = converse(client, peer)
    assert succeeded(answer)
    assert content(answer).encode() == peer.expected


def test_somebody_between_us(arrive):
    client = arrive()
    answer = converse(client, ScramPeer(PLUS[0], "romeo", "secret", binding=("tls-exporter", b"another connection")))
    assert failure(answer) == "not-authorized"
    assert "between us" in answer.findtext(f"{{{ns.SASL}}}text")


@pytest.mark.parametrize(
    ("mechanism", "options"),
    [
        ("SCRAM-SHA-1-PLUS", {"flag": "n"}),
        ("SCRAM-SHA-1-PLUS", {"binding": ("tls-unique", b"x")}),
        ("SCRAM-SHA-1", {"binding": ("tls-exporter", b"data of tls-exporter")}),
    ],
)
def test_binding_that_cannot_be(arrive, mechanism, options):
    peer = ScramPeer(mechanism, "romeo", "secret", **options)
    assert failure(auth(arrive(), mechanism, encoded(peer.first()))) == "malformed-request"


def test_an_offer_that_was_taken_out_on_the_way_is_noticed(arrive):
    """RFC 5802 section 6: "y" says that the client saw none."""
    peer = ScramPeer("SCRAM-SHA-1", "romeo", "secret", flag="y")
    assert failure(auth(arrive(), "SCRAM-SHA-1", encoded(peer.first()))) == "not-authorized"
    assert succeeded(converse(arrive(secure=False, channel=None, address=""), peer))


@pytest.mark.parametrize("authzid", ["romeo@localhost", "ROMEO@localhost"])
def test_to_act_as_oneself_by_scram(arrive, authzid):
    client = arrive()
    assert succeeded(converse(client, ScramPeer("SCRAM-SHA-256", "romeo", "secret", authzid=authzid)))
    assert logged_in_as(client) == "romeo@localhost"


# ANONYMOUS


def test_a_host_for_anybody(arrive):
    names = set()
    for trace in ("", "=", encoded("sirhc@example"), encoded("é" * 255)):
        client = arrive(rules={"anonymous": True}, secure=False, channel=None)
        assert mechanisms(client) == ["ANONYMOUS"]
        assert succeeded(auth(client, "ANONYMOUS", trace))
        names.add(logged_in_as(client))
    assert len(names) == 4
    assert all(parse_jid(name).domain == "localhost" and len(parse_jid(name).local) == 32 for name in names)


@pytest.mark.parametrize("trace", ["x" * 256, b"\xff"])
def test_a_trace_that_is_none(arrive, trace):
    assert failure(auth(arrive(rules={"anonymous": True}), "ANONYMOUS", encoded(trace))) == "malformed-request"


def test_nobody_has_a_password_there(arrive):
    assert failure(plain(arrive(rules={"anonymous": True}))) == "invalid-mechanism"


# EXTERNAL


def external(client: Client, authzid: str = "") -> Element:
    return auth(client, "EXTERNAL", encoded(authzid) or "=")


@pytest.mark.parametrize("authzid", ["", "romeo@localhost", "Romeo@LOCALHOST"])
def test_a_certificate_says_who_it_is(arrive, authzid):
    client = arrive("romeo@localhost")
    assert mechanisms(client)[0] == "EXTERNAL"
    assert succeeded(external(client, authzid))
    assert logged_in_as(client) == "romeo@localhost"


@pytest.mark.parametrize("addresses", [(), ("romeo@elsewhere",), ("localhost",), ("romeo@localhost/x",), ("@",)])
def test_a_certificate_that_names_nobody_here(arrive, addresses):
    client = arrive(*addresses)
    assert "EXTERNAL" not in mechanisms(client)
    assert failure(external(client)) == "invalid-mechanism"


def test_a_certificate_of_somebody_who_is_not_registered(arrive):
    assert failure(external(arrive("nobody@localhost"))) == "not-authorized"


def test_a_certificate_with_several_addresses(arrive):
    client = arrive("juliet@localhost", "romeo@localhost", "romeo@elsewhere")
    assert failure(external(client)) == "invalid-authzid"
    assert succeeded(external(client, "romeo@localhost"))
    assert logged_in_as(client) == "romeo@localhost"


@pytest.mark.parametrize("authzid", ["juliet@localhost", "romeo@elsewhere", "@", "romeo"])
def test_a_certificate_of_somebody_else(arrive, authzid):
    assert failure(external(arrive("romeo@localhost"), authzid)) == "invalid-authzid"


# OAuth


class Tokens:
    """Knows one token, and whose it is."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        self.asked.append((str(attempt.account), attempt.password))
        right = attempt.password == "vF9.dft4-qm=" and attempt.account.local in ("", "romeo")
        done(Accepted(JID("romeo", "localhost")) if right else Refused())


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def bearer(arrive, tokens) -> Client:
    return arrive(rules={"tokens": tokens})


def bearing(token: str, head: str = "n,,") -> str:
    return encoded(f"{head}\x01host=localhost\x01port=5222\x01auth=Bearer {token}\x01\x01")


def test_tokens_are_taken_where_somebody_verifies_them(bearer, arrive):
    assert mechanisms(bearer) == [*PLUS, *SCRAM, "OAUTHBEARER", "X-OAUTH2", "X-TOKEN", "PLAIN"]
    assert "OAUTHBEARER" not in mechanisms(arrive())


@pytest.mark.parametrize(
    ("head", "asked"), [("n,,", "localhost"), ("n,a=romeo@localhost,", "romeo@localhost"), ("y,,", "localhost")]
)
def test_a_token_says_who_it_is(bearer, tokens, head, asked):
    assert succeeded(auth(bearer, "OAUTHBEARER", bearing("vF9.dft4-qm=", head)))
    assert tokens.asked == [(asked, "vF9.dft4-qm=")]
    assert logged_in_as(bearer) == "romeo@localhost"


@pytest.mark.parametrize("token", ["wrong", "", "two words"])
def test_a_token_that_is_not_taken(bearer, token):
    challenge = auth(bearer, "OAUTHBEARER", bearing(token))
    assert content(challenge) == '{"status":"invalid_token","schemes":"bearer"}'
    assert failure(respond(bearer, encoded("\x01"))) == "not-authorized"
    assert succeeded(auth(bearer, "OAUTHBEARER", bearing("vF9.dft4-qm=")))


@pytest.mark.parametrize("head", ["n,a=romeo@elsewhere,", "n,a=@,"])
def test_a_token_for_somewhere_else(bearer, head):
    assert failure(auth(bearer, "OAUTHBEARER", bearing("vF9.dft4-qm=", head))) == "invalid-authzid"


@pytest.mark.parametrize(
    "message",
    [
        "\x01",
        "n,,",
        "n,,\x01auth=Bearer x",
        "n,,\x01auth=Bearer x\x01",
        "p=x,,\x01auth=Bearer x\x01\x01",
        "n,romeo,\x01auth=Bearer x\x01\x01",
        b"n,,\x01auth=Bearer \xff\x01\x01",
    ],
)
def test_what_is_no_bearer_message(bearer, message):
    assert failure(auth(bearer, "OAUTHBEARER", encoded(message))) == "malformed-request"


@pytest.mark.parametrize("name", ["romeo", "romeo@localhost"])
def test_a_token_for_a_password(bearer, name):
    assert succeeded(auth(bearer, "X-OAUTH2", encoded(f"\0{name}\0vF9.dft4-qm=")))
    assert logged_in_as(bearer) == "romeo@localhost"


@pytest.mark.parametrize(("name", "token"), [("romeo", "wrong"), ("romeo@elsewhere", "vF9.dft4-qm="), ("juliet", "x")])
def test_another_one_for_a_password(bearer, name, token):
    assert failure(auth(bearer, "X-OAUTH2", encoded(f"\0{name}\0{token}"))) == "not-authorized"


def test_tokens_dont_cross_a_network_in_the_clear(arrive, tokens):
    client = arrive(rules={"tokens": tokens}, secure=False, channel=None)
    assert mechanisms(client) == SCRAM
    assert failure(auth(client, "OAUTHBEARER", bearing("x"))) == "encryption-required"


def test_a_verifier_cannot_let_in_people_of_other_domains(arrive):
    class Strange(Tokens):
        def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
            done(Accepted(parse_jid("romeo@elsewhere")))

    client = arrive(rules={"tokens": Strange()})
    assert failure(auth(client, "X-OAUTH2", encoded("\0romeo\0x"))) == "not-authorized"
