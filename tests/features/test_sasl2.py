"""XEP-0388, XEP-0386 and XEP-0484: logged in, and more, with one answer."""

from __future__ import annotations

import hmac

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import Element, to_bytes
from tests.stage import DOMAIN, PASSWORD, Client, Stage, encoded

AGENT = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Test</software></user-agent>"
BIND = f"<bind xmlns='{ns.BIND2}'><tag>Tester</tag></bind>"
WANT = f"<request-token xmlns='{ns.FAST}' mechanism='HT-SHA-256-NONE'/>"
ENABLE = f"<enable xmlns='{ns.SM}' resume='true'/>"


def plain(password: str = PASSWORD, name: str = "romeo") -> str:
    return f"<initial-response>{encoded(f'{chr(0)}{name}{chr(0)}{password}')}</initial-response>"


def connect(stage: Stage, **opening: object) -> Client:
    """A stream to localhost; its features wait in the inbox."""
    stage.account("romeo")
    client = Client(stage)
    client.opening = StreamOpen(DOMAIN, "stage", **opening)  # type: ignore[arg-type]
    client.stream.open(client.opening, client)
    stage.turn.end()
    return client


def authenticate(client: Client, *content: str, mechanism: str = "PLAIN") -> Element:
    """The first element of the answer; what follows stays in the inbox."""
    client.inbox.clear()
    client.write(f"<authenticate xmlns='{ns.SASL2}' mechanism='{mechanism}'>{''.join(content)}</authenticate>")
    return client.inbox.pop(0)


def name(found: Element) -> str:
    return str(found.tag).rpartition("}")[2]


def identity(success: Element) -> str | None:
    assert success.tag == f"{{{ns.SASL2}}}success", to_bytes(success)
    return success.findtext(f"{{{ns.SASL2}}}authorization-identifier")


def failure(answer: Element) -> str:
    assert answer.tag == f"{{{ns.SASL2}}}failure", to_bytes(answer)
    return str(answer[0].tag).removeprefix(f"{{{ns.SASL}}}")


# SASL2


def test_it_is_offered_with_what_can_be_had_at_once(stage: Stage):
    (features,) = connect(stage).take()
    offered = features.find(f"{{{ns.SASL2}}}authentication")
    assert offered is not None
    mechanisms = [each.text for each in offered.iter(f"{{{ns.SASL2}}}mechanism")]
    assert mechanisms == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    inline = offered[-1]
    assert [each.tag for each in inline] == [f"{{{ns.SM}}}sm", f"{{{ns.BIND2}}}bind", f"{{{ns.FAST}}}fast"]
    at_once = [each.get("var") for each in inline.iter(f"{{{ns.BIND2}}}feature")]
    assert ns.CARBONS in at_once
    assert ns.SM in at_once
    assert [each.text for each in inline.iter(f"{{{ns.FAST}}}mechanism")] == ["HT-SHA-256-NONE"]


def test_logged_in_and_no_restart(stage: Stage):
    client = connect(stage)
    success = authenticate(client, plain())
    assert identity(success) == "romeo@localhost"
    assert (client.trusts, client.restarts) == (1, 0)
    (features,) = client.take()
    assert name(features) == "features"
    assert features.find(f"{{{ns.BIND}}}bind") is not None
    client.write(f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'/></iq>")
    assert client.only("iq").type == "result"


def test_scram_proves_that_we_are_we(stage: Stage):
    from scramp import ScramClient

    client = connect(stage)
    scram = ScramClient(["SCRAM-SHA-256"], "romeo", PASSWORD)
    first = f"<initial-response>{encoded(scram.get_client_first())}</initial-response>"
    challenge = authenticate(client, first, BIND, mechanism="SCRAM-SHA-256")
    assert challenge.tag == f"{{{ns.SASL2}}}challenge"
    scram.set_server_first(decoded(challenge.text))
    client.write(f"<response xmlns='{ns.SASL2}'>{encoded(scram.get_client_final())}</response>")
    success = client.inbox[0]
    scram.set_server_final(decoded(success.findtext(f"{{{ns.SASL2}}}additional-data")))
    assert (identity(success) or "").startswith("romeo@localhost/Tester/")


@pytest.mark.parametrize(
    ("content", "mechanism", "condition"),
    [
        (plain("wrong"), "PLAIN", "not-authorized"),
        (plain(name="nobody"), "PLAIN", "not-authorized"),
        (plain(), "TELEPATHY", "invalid-mechanism"),
        ("<initial-response>%</initial-response>", "PLAIN", "incorrect-encoding"),
        ("<initial-response>YQ==</initial-response>", "PLAIN", "malformed-request"),
    ],
)
def test_refused(stage: Stage, content: str, mechanism: str, condition: str):
    client = connect(stage)
    assert failure(authenticate(client, content, BIND, mechanism=mechanism)) == condition
    assert client.stream.session is None
    assert identity(authenticate(client, plain())) == "romeo@localhost"


def test_after_three_failures_the_stream_ends(stage: Stage):
    client = connect(stage)
    for _ in range(3):
        authenticate(client, plain("wrong"))
    assert client.error is not None
    assert client.error.condition == "policy-violation"


def test_giving_up(stage: Stage):
    client = connect(stage)
    assert name(authenticate(client, mechanism="PLAIN")) == "challenge"
    client.write(f"<abort xmlns='{ns.SASL2}'/>")
    assert failure(client.inbox.pop()) == "aborted"


def test_whom_the_stream_names_and_whom_the_password_is_of_must_agree(stage: Stage):
    stage.account("juliet")
    client = connect(stage, sender="juliet@localhost")
    assert failure(authenticate(client, plain(), BIND)) == "invalid-authzid"
    assert client.stream.account is None
    assert identity(authenticate(connect(stage, sender="romeo@localhost/x"), plain())) == "romeo@localhost"


@pytest.mark.parametrize("other", ["<presence/>", "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"])
def test_nothing_else_may_come_during_a_login(stage: Stage, other: str):
    client = connect(stage)
    authenticate(client)
    client.write(other)
    assert client.error is not None


def test_who_begins_in_one_way_does_not_go_on_in_the_other(stage: Stage):
    client = connect(stage)
    authenticate(client)
    client.take()
    client.write(f"<response xmlns='{ns.SASL}'>{encoded(f'{chr(0)}romeo{chr(0)}{PASSWORD}')}</response>")
    assert client.inbox[0].tag == f"{{{ns.SASL}}}failure"


def test_both_ways_count_as_tries(stage: Stage):
    client = connect(stage)
    wrong = encoded(f"{chr(0)}romeo{chr(0)}wrong")
    authenticate(client, plain("wrong"))
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{wrong}</auth>")
    authenticate(client, plain("wrong"))
    assert client.error is not None


# Bind 2


def test_bound_with_the_login(stage: Stage, juliet: Client):
    client = connect(stage)
    success = authenticate(client, plain(), BIND)
    assert (identity(success) or "").startswith("romeo@localhost/Tester/")
    assert success.find(f"{{{ns.BIND2}}}bound") is not None
    juliet.say(client.jid)
    assert client.heard() == ["hi"]


def test_where_the_archive_stands_at_that_moment(stage: Stage, juliet: Client):
    """Section 4: what is said later comes by itself."""
    bound = authenticate(connect(stage), plain(), BIND).find(f"{{{ns.BIND2}}}bound")
    assert bound is not None
    assert [(each.tag, len(each)) for each in bound] == [(f"{{{ns.MAM}}}metadata", 0)]
    juliet.say("romeo@localhost")
    bound = authenticate(connect(stage), plain(), BIND).find(f"{{{ns.BIND2}}}bound")
    assert bound is not None
    assert [each.get("timestamp") for each in bound[0]] == ["2023-11-14T22:13:20.000Z"] * 2


def test_without_a_tag_the_resource_is_ours(stage: Stage):
    success = authenticate(connect(stage), plain(), f"<bind xmlns='{ns.BIND2}'/>")
    assert len((identity(success) or "").partition("/")[2]) == 12


def test_one_installation_always_has_the_same_resource_which_does_not_tell_its_id(stage: Stage):
    first, second = (identity(authenticate(connect(stage), plain(), AGENT, BIND)) for _ in range(2))
    assert first == second
    assert "d4565fa7" not in (first or "")
    other = AGENT.replace("d4565fa7", "00000000")
    assert identity(authenticate(connect(stage), plain(), other, BIND)) != first


def test_an_earlier_session_of_the_same_installation_ends(stage: Stage):
    one, two = connect(stage), connect(stage)
    authenticate(one, plain(), AGENT, BIND)
    authenticate(two, plain(), AGENT, BIND.replace("Tester", "Newer"))
    assert one.error is not None
    assert one.error.condition == "conflict"
    assert [each.full for each in stage.host.sessions("romeo")] == [two.jid]


def test_carbons_are_on_from_the_start(stage: Stage, juliet: Client):
    client = connect(stage)
    authenticate(client, plain(), BIND.replace("</bind>", f"<enable xmlns='{ns.CARBONS}'/></bind>"))
    client.take()
    stage.login("romeo", "other").say("juliet@localhost", "copy this")
    assert [b"copy this" in to_bytes(each) for each in client.take("message")] == [True]


def test_a_client_may_begin_as_one_that_nobody_looks_at(stage: Stage, juliet: Client):
    client = connect(stage)
    authenticate(client, plain(), BIND.replace("</bind>", f"<inactive xmlns='{ns.CSI}'/></bind>"))
    client.take()
    juliet.write(f"<presence to='{client.jid}'/>")
    assert client.take() == []
    juliet.say(client.jid, "awake?")
    assert [each.kind for each in client.take()] == ["presence", "message"]


def test_stream_management_is_on_from_the_start(stage: Stage, juliet: Client):
    client = connect(stage)
    success = authenticate(client, plain(), AGENT, BIND.replace("</bind>", f"{ENABLE}</bind>"))
    (enabled,) = success.iter(f"{{{ns.SM}}}enabled")
    client.take()
    jid = client.jid
    client.drop()
    juliet.say(jid, "meanwhile")
    back = connect(stage)
    resume = f"<resume xmlns='{ns.SM}' previd='{enabled.get('id')}' h='0'/>"
    success = authenticate(back, plain(), resume, BIND, AGENT)
    assert identity(success) == jid
    assert [each.tag for each in success if each.tag.startswith(f"{{{ns.SM}}}")] == [f"{{{ns.SM}}}resumed"]
    assert success.find(f"{{{ns.BIND2}}}bound") is None
    assert [name(each) for each in back.inbox] == ["message", "r"]  # no features


def test_who_can_not_resume_is_bound_anew(stage: Stage):
    client = connect(stage)
    success = authenticate(client, plain(), f"<resume xmlns='{ns.SM}' previd='gone' h='0'/>", BIND)
    assert [name(each) for each in success][1:] == ["failed", "bound"]
    assert name(client.take()[0]) == "features"


@pytest.mark.parametrize(("asked", "left"), [("", {"sm"}), (ENABLE, set())])
def test_what_came_with_the_login_is_no_feature_any_more(stage: Stage, asked: str, left: set[str]):
    """RFC 6120 section 4.3.3. @xmpp/client would resume and bind once more, and lose its session by that."""
    client = connect(stage)
    authenticate(client, plain(), AGENT, BIND.replace("</bind>", f"{asked}</bind>"))
    features = client.take()[0]
    assert {name(each) for each in features} & {"bind", "sm"} == left
    unbound = connect(stage)
    authenticate(unbound, plain())
    assert {name(each) for each in unbound.take()[0]} & {"bind", "sm"} == {"bind", "sm"}


def test_too_many_sessions(stage: Stage):
    for number in range(10):
        stage.connect("romeo", str(number))
    client = connect(stage)
    success = authenticate(client, plain(), BIND)
    assert identity(success) == "romeo@localhost"
    assert [each[0].tag for each in success.iter(f"{{{ns.BIND2}}}failed")] == [
        f"{{{ns.STANZA_ERROR}}}resource-constraint"
    ]


# FAST


def token_in(success: Element) -> str:
    (token,) = success.iter(f"{{{ns.FAST}}}token")
    return token.get("token", "")


def hashed(token: str, sender: str = "Initiator") -> bytes:
    return hmac.digest(token.encode(), sender.encode(), "sha256")


def by_token(
    client: Client, token: str, *content: str, fast: str = "", agent: str = AGENT, name: str = "romeo"
) -> Element:
    initial = encoded(name.encode() + b"\0" + hashed(token))
    return authenticate(
        client,
        f"<initial-response>{initial}</initial-response>",
        agent,
        f"<fast xmlns='{ns.FAST}' {fast}/>",
        *content,
        mechanism="HT-SHA-256-NONE",
    )


@pytest.fixture
def token(stage: Stage) -> str:
    return token_in(authenticate(connect(stage), plain(), AGENT, WANT))


def test_a_token_is_given_out_and_taken(stage: Stage, token: str):
    success = by_token(connect(stage), token, BIND)
    assert (identity(success) or "").startswith("romeo@localhost/Tester/")
    assert decoded(success.findtext(f"{{{ns.SASL2}}}additional-data"), raw=True) == hashed(token, "Responder")
    assert identity(by_token(connect(stage), token))


def test_it_tells_until_when(stage: Stage):
    success = authenticate(connect(stage), plain(), AGENT, WANT)
    (found,) = success.iter(f"{{{ns.FAST}}}token")
    assert found.get("expiry") == "2023-12-05T22:13:20.000Z"


@pytest.mark.parametrize("content", [WANT, f"{AGENT}{WANT.replace('NONE', 'EXPR')}"])
def test_no_token_without_an_id_or_for_a_binding_that_is_not_there(stage: Stage, content: str):
    success = authenticate(connect(stage), plain(), content)
    assert list(success.iter(f"{{{ns.FAST}}}token")) == []


@pytest.mark.parametrize("wrong", ["token", "client", "name"])
def test_a_wrong_token(stage: Stage, token: str, wrong: str):
    stage.account("juliet")
    client = connect(stage)
    if wrong == "token":
        answer = by_token(client, token + "x")
    elif wrong == "client":
        answer = by_token(client, token, agent=AGENT.replace("d4565fa7", "00000000"))
    else:
        answer = by_token(client, token, name="juliet")
    assert failure(answer) == "not-authorized"


def test_a_token_without_an_id(stage: Stage, token: str):
    assert failure(by_token(connect(stage), token, agent="")) == "malformed-request"


def test_a_token_that_is_too_old(stage: Stage, token: str):
    stage.clock.advance(21 * 86_400)
    assert failure(by_token(connect(stage), token)) == "credentials-expired"


def test_an_old_token_is_replaced_and_good_until_the_new_one_is_used(stage: Stage, token: str):
    by_token(connect(stage), token)
    stage.clock.advance(86_401)
    newer = token_in(by_token(connect(stage), token))
    assert identity(by_token(connect(stage), token))
    newest = token_in(by_token(connect(stage), token))  # the one before was never used
    assert failure(by_token(connect(stage), newer)) == "not-authorized"
    assert identity(by_token(connect(stage), newest))
    assert failure(by_token(connect(stage), token)) == "not-authorized"


def test_a_client_may_want_its_token_to_be_forgotten(stage: Stage, token: str):
    success = by_token(connect(stage), token, fast="invalidate='true'")
    assert list(success.iter(f"{{{ns.FAST}}}token")) == []
    assert failure(by_token(connect(stage), token)) == "not-authorized"


def test_a_count_must_grow(stage: Stage, token: str):
    assert identity(by_token(connect(stage), token, fast="count='5'"))
    assert failure(by_token(connect(stage), token, fast="count='5'")) == "not-authorized"
    assert failure(by_token(connect(stage), token, fast="count='x'")) == "malformed-request"
    assert identity(by_token(connect(stage), token, fast="count='6'"))


def test_a_new_password_ends_all_tokens(stage: Stage, token: str):
    stage.host.change_password(stage.account("romeo"), "another")
    assert failure(by_token(connect(stage), token)) == "not-authorized"


def test_the_mechanism_of_a_token_needs_to_say_that_it_is_one(stage: Stage, token: str):
    initial = f"<initial-response>{encoded(b'romeo' + bytes(1) + hashed(token))}</initial-response>"
    client = connect(stage)
    assert failure(authenticate(client, initial, AGENT, mechanism="HT-SHA-256-NONE")) == "invalid-mechanism"


def test_no_tokens_where_others_can_listen(stage: Stage, token: str):
    client = connect(stage, address="192.0.2.1")
    (features,) = client.take()
    assert list(features.iter(f"{{{ns.FAST}}}fast")) == []
    assert failure(by_token(client, token)) == "invalid-mechanism"


def test_nobody_is_told_who_is_there(stage: Stage):
    one = by_token(connect(stage), "x", name="nobody")
    two = by_token(connect(stage), "x")
    assert to_bytes(one) == to_bytes(two)


def decoded(text: str | None, *, raw: bool = False):
    import base64

    data = base64.b64decode(text or "")
    return data if raw else data.decode()


class Tls:
    """What TLS knows of a connection."""

    types = ("tls-exporter",)

    def binding(self, type: str) -> bytes | None:
        return b"exported" if type in self.types else None

    def addresses(self) -> tuple[str, ...]:
        return ()


def test_a_token_bound_to_the_channel(stage: Stage):
    def connected() -> Client:
        return connect(stage, address="192.0.2.1", secure=True, channel=Tls())

    want = WANT.replace("NONE", "EXPR")
    token = token_in(authenticate(connected(), plain(), AGENT, want))
    fast = f"<fast xmlns='{ns.FAST}'/>"
    for data, mechanism, outcome in (
        (b"Initiator", "HT-SHA-256-EXPR", "failure"),
        (b"Initiator", "HT-SHA-256-NONE", "failure"),
        (b"Initiatorexported", "HT-SHA-256-EXPR", "success"),
    ):
        proof = encoded(b"romeo\0" + hmac.digest(token.encode(), data, "sha256"))
        initial = f"<initial-response>{proof}</initial-response>"
        assert name(authenticate(connected(), initial, AGENT, fast, mechanism=mechanism)) == outcome
