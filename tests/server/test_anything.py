"""Whatever clients send: no exception that nobody expected, every question one answer, nothing without an end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.testbed.bots import BOTS, ContactBot
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import to_bytes
from tests.stage import Client, Stage, encoded

NAMES = ["romeo", "juliet", "echo"]
PEOPLE = [f"{name}@localhost{resource}" for name in [*NAMES, "nobody"] for resource in ("", "/1", "/2")]
OTHERS = ["localhost", "localhost/x", "elsewhere.example", "@", "", "a b@c", "ROMEO@localhost/1"]
ADDRESSES = st.sampled_from([None, *PEOPLE, *OTHERS])
KINDS = ["get", "set", "result", "error", "chat", "normal", "groupchat", "headline", "nonsense", "probe"]
SUBSCRIPTIONS = ["subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable"]
TYPES = st.sampled_from([None, *KINDS, *SUBSCRIPTIONS])
PAYLOADS = st.sampled_from(
    [
        "",
        "<body>hi</body>",
        "<priority>-1</priority>",
        "<priority>5</priority>",
        "<priority>x</priority>",
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        f"<query xmlns='{ns.ROSTER}'/>",
        f"<query xmlns='{ns.ROSTER}'><item jid='juliet@localhost'/></query>",
        f"<query xmlns='{ns.ROSTER}'><item jid='romeo@localhost' subscription='remove'/></query>",
        f"<query xmlns='{ns.ROSTER}'><item/></query>",
        f"<query xmlns='{ns.DISCO_INFO}'/>",
        f"<query xmlns='{ns.DISCO_ITEMS}' node='x'/>",
        f"<query xmlns='{ns.REGISTER}'/>",
        f"<query xmlns='{ns.REGISTER}'><username>romeo</username><password>x</password></query>",
        f"<query xmlns='{ns.REGISTER}'><remove/></query>",
        f"<vCard xmlns='{ns.VCARD}'><FN>x</FN></vCard>",
        f"<ping xmlns='{ns.PING}'/>",
        f"<enable xmlns='{ns.CARBONS}'/>",
        "<block xmlns='urn:xmpp:blocking'><item jid='juliet@localhost'/></block>",
        "<block xmlns='urn:xmpp:blocking'><item jid='localhost'/></block>",
        "<block xmlns='urn:xmpp:blocking'><item/></block>",
        "<unblock xmlns='urn:xmpp:blocking'/>",
        "<blocklist xmlns='urn:xmpp:blocking'/>",
        "<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>",
        "<query xmlns='jabber:iq:last'/>",
        "<query xmlns='jabber:iq:search'><nick>x</nick></query>",
        "<command xmlns='http://jabber.org/protocol/commands' node='x' action='next'/>",
        "<no-store xmlns='urn:xmpp:hints'/><body>x</body>",
        "<private xmlns='urn:xmpp:carbons:2'/><body>x</body>",
        "<x xmlns='vcard-temp:x:update'><photo/></x>",
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>",
        f"<time xmlns='{ns.TIME}'/>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items/></pubsub>",
        f"<bind xmlns='{ns.BIND}'/>",
        f"<delay xmlns='{ns.DELAY}' from='localhost'/>",
        "<x xmlns=''/>",
        "<a xmlns='urn:a'/><b xmlns='urn:b'/>",
    ]
)


def written(kind: str, type: str | None, to: str | None, payload: str, id: str | None) -> str:
    attributes = {"type": type, "to": to, "id": id}
    told = "".join(f" {name}='{value}'" for name, value in attributes.items() if value is not None)
    return f"<{kind}{told}>{payload}</{kind}>"


STANZAS = st.builds(
    written,
    st.sampled_from(["message", "presence", "iq"]),
    TYPES,
    ADDRESSES,
    PAYLOADS,
    st.sampled_from([None, "", "q"]),
)
NONZAS = st.sampled_from(
    [
        f"<enable xmlns='{ns.SM}' resume='true'/>",
        f"<enable xmlns='{ns.SM}'/>",
        f"<resume xmlns='{ns.SM}' previd='x' h='0'/>",
        f"<a xmlns='{ns.SM}' h='0'/>",
        f"<a xmlns='{ns.SM}' h='2'/>",
        f"<r xmlns='{ns.SM}'/>",
        f"<inactive xmlns='{ns.CSI}'/>",
        f"<active xmlns='{ns.CSI}'/>",
        f"<authenticate xmlns='{ns.SASL2}' mechanism='PLAIN'/>",
        "<nonsense xmlns='urn:x'/>",
    ]
)
EVENTS = st.one_of(
    st.tuples(st.integers(0, 3), NONZAS),
    st.tuples(st.integers(0, 3), STANZAS),
    st.tuples(st.integers(0, 3), STANZAS),
    st.tuples(st.integers(0, 3), st.sampled_from(["hang", "drop"])),
)


class Play:
    """Two people with two clients each, and a bot."""

    def __init__(self) -> None:
        self.stage = Stage(registration=True)
        self.stage.befriend("romeo", "juliet")
        self.stage.account("echo")
        ContactBot(self.stage.router, self.stage.turn, self.stage.clock, parse("echo@localhost"), BOTS["echo"])
        self.clients = [self.enter(number) for number in range(4)]

    def enter(self, number: int) -> Client:
        client = self.stage.connect(NAMES[number // 2], str(number % 2 + 1))
        client.available()
        return client

    def act(self, number: int, what: str) -> None:
        """A client says something, or goes; one that has gone comes back."""
        client = self.clients[number]
        if client.closed:
            client = self.clients[number] = self.enter(number)
        client.take()
        if what == "hang":
            client.hang()
        elif what == "drop":
            client.drop()
        else:
            client.write(what)
            self.check_answer(client, what)

    def check_answer(self, client: Client, asked: str) -> None:
        """By the server, at once; another client may take its time."""
        answers = [each for each in client.inbox if each.get("id") == "q" and each.get("type") in ("result", "error")]
        assert len(answers) <= 1, [to_bytes(each) for each in answers]
        local = "to='localhost" in asked or "to=" not in asked
        if local and asked.startswith("<iq type='get'") and "id='q'" in asked and not client.hanging:
            assert len(answers) == 1, asked


@settings(max_examples=200, deadline=None)
@given(events=st.lists(EVENTS, max_size=25))
def test_whatever_clients_send(events: list[tuple[int, str]]):
    play = Play()
    for number, what in events:
        play.act(number, what)
    for client in play.clients:
        client.drop()
    play.stage.clock.advance(300)  # some might have been resumed
    play.stage.turn.end()
    assert play.stage.unexpected == []
    assert [each.bare for each in play.stage.host.all_sessions()] in (["echo@localhost"], [])


def negotiating(namespace: str, name: str, mechanism: str, content: str) -> str:
    inner = (
        f"<initial-response>{content}</initial-response><bind xmlns='{ns.BIND2}'/>"
        if name == "authenticate"
        else content
    )
    return f"<{name} xmlns='{namespace}' mechanism='{mechanism}'>{inner}</{name}>"


SASL = st.builds(
    negotiating,
    st.sampled_from([ns.SASL, ns.SASL2]),
    st.sampled_from(["auth", "authenticate", "response", "abort", "success"]),
    st.sampled_from(["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-512", "HT-SHA-256-NONE", "NONE"]),
    st.one_of(
        st.sampled_from(["", "=", "*"]),
        st.binary(max_size=20).map(encoded),
        st.text(st.sampled_from("ny,=anrpcbm\0é romeo"), max_size=24).map(encoded),
        st.sampled_from(["\0romeo\0secret", "n,,n=romeo,r=abc", "c=biws,r=abc,p=AAAA"]).map(encoded),
    ),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.one_of(SASL, STANZAS), max_size=6))
def test_whatever_comes_before_login(steps: list[str]):
    stage = Stage(registration=True)
    stage.account("romeo")
    client = stage.open()
    for step in steps:
        client.write(step)
    client.drop()
    assert stage.unexpected == []
    assert list(stage.host.all_sessions()) == []
