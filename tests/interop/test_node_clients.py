"""strophe.js, @xmpp/client and stanza in Node, over all that they have: what every client can do.

@xmpp/client has no BOSH. strophe.js has no TCP for clients, stanza none at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import CLIENT, BoshClient

from .people import Node, Person, juliet_on_bosh

NASTY = "<b>&\"' é 漢 🎉"
ESCAPED = "&lt;b&gt;&amp;\"' é 漢 🎉"


class Kind(NamedTuple):
    """A client on a transport, and how it says, in its own words, that ..."""

    client: str
    transport: str
    refused: str  # the password is wrong
    unknown: str  # there is no such domain
    stopped: str  # the server stops


KINDS = [
    Kind("strophe", "bosh", "AUTHFAIL not-authorized", "CONNFAIL host-unknown", "CONNFAIL system-shutdown"),
    Kind("strophe", "websocket", "AUTHFAIL not-authorized", "CONNFAIL host-unknown", "ERROR system-shutdown"),
    Kind("stanza", "bosh", "auth:failed", "bosh:terminate host-unknown", "bosh:terminate system-shutdown"),
    Kind("stanza", "websocket", "auth:failed", "streamError host-unknown", "streamError system-shutdown"),
    Kind("xmpp", "websocket", "SASLError not-authorized", "StreamError host-unknown", "StreamError system-shutdown"),
    Kind("xmpp", "tcp", "SASLError not-authorized", "StreamError host-unknown", "StreamError system-shutdown"),
    Kind("xmpp", "tls", "SASLError not-authorized", "StreamError host-unknown", "StreamError system-shutdown"),
]
OPTIONS = ("--bosh-hold", "1")
"""stanza asks for two requests to be held, and has no third to speak by."""


@pytest.fixture(scope="module")
def server() -> Iterator[TestBed]:
    with TestBed.start(*OPTIONS) as bed:
        yield bed


@pytest.fixture
def bed(server: TestBed) -> TestBed:
    server.reset()
    return server


def named(kind: Kind) -> str:
    return f"{kind.client}-{kind.transport}"


def all_but(client: str, transport: str) -> pytest.MarkDecorator:
    """For what this one can't do."""
    kinds = [each for each in KINDS if each[:2] != (client, transport)]
    return pytest.mark.parametrize("kind", kinds, indirect=True, ids=named)


def only(*those: tuple[str, str]) -> pytest.MarkDecorator:
    """For what no other can do: client and transport."""
    kinds = [each for each in KINDS if each[:2] in those]
    return pytest.mark.parametrize("kind", kinds, indirect=True, ids=named)


@pytest.fixture(scope="module", params=KINDS, ids=named)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture(scope="module")
def node(kind: Kind, server: TestBed) -> Iterator[Node]:
    with Node(kind.client, server.ca or "") as node:
        yield node


@pytest.fixture
def person(node: Node, kind: Kind, bed: TestBed) -> Iterator[Callable[[str], Person]]:
    """By name, not logged in yet."""
    people: list[Person] = []

    def make(name: str) -> Person:
        people.append(Person(node, name, service(bed, kind.transport)))
        return people[-1]

    yield make
    for each in people:
        each.does("leave")


@pytest.fixture
def romeo(person: Callable[[str], Person]) -> Person:
    return person("romeo")


@pytest.fixture
def juliet(bed: TestBed) -> BoshClient:
    return juliet_on_bosh(bed)


def service(bed: TestBed, transport: str) -> str:
    """Where a server has it."""
    return {
        "bosh": bed.bosh,
        "websocket": bed.websocket or "",
        "tcp": f"xmpp://{bed.c2s}",
        "tls": f"xmpps://{bed.c2s_tls}",
    }[transport]


def sees(viewer: BoshClient, jid: str, kind: str | None) -> None:
    """The next presence of `jid` that comes is of this kind."""
    presence = viewer.wait_for("presence")
    while presence.get("from") != jid:
        presence = viewer.wait_for("presence")
    assert presence.get("type") == kind


@pytest.mark.parametrize("mechanism", ["", "PLAIN"])
def test_it_logs_in_by_the_mechanism_it_likes_best_and_by_plain(romeo, bed, kind, mechanism):
    jid = romeo.logs_in(mechanism=mechanism)
    (session,) = bed.sessions("romeo")
    assert (session.jid, session.transport) == (jid, kind.transport.replace("tls", "tcp"))
    assert f'mechanism="{mechanism or "SCRAM-"}' in bed.transcript()


def test_a_wrong_password_is_called_one(romeo, bed, kind):
    romeo.connects(password="wrong")
    romeo.is_told(kind.refused)
    assert bed.sessions("romeo") == []


@all_but("xmpp", "tls")
def test_a_domain_that_is_not_here_is_named_so(romeo, kind):
    """@xmpp/client over TLS from the first byte sometimes leaves the error to nobody, which ends its process."""
    romeo.connects(domain="elsewhere.example")
    romeo.is_told(kind.unknown)


def test_its_roster_is_there(romeo):
    romeo.logs_in()
    romeo.does("roster")
    contacts = {item["jid"]: item for item in romeo.next("roster")["items"]}
    juliet = contacts["juliet@localhost"]
    assert (juliet["name"], juliet["subscription"]) == ("Juliet Capulet", "both")
    assert sorted(juliet["groups"]) == ["Friends", "Verona"]


def test_messages_pass_both_ways_in_order(romeo, juliet):
    jid = romeo.logs_in()
    for number in range(10):
        romeo.does("say", to="juliet@localhost", body=f"{number} {NASTY}")
    for number in range(10):
        message = juliet.wait_for("message")
        assert message.findtext(f"{{{CLIENT}}}body") == f"{number} {NASTY}"
        assert message.get("from") == jid
    stanza = "<message xmlns='jabber:client' type='chat' to='{}'><body>{} {}</body></message>"
    juliet.send("".join(stanza.format(jid, number, ESCAPED) for number in range(10)))
    for number in range(10):
        assert romeo.hears(f"{number} {NASTY}")["from"].startswith("juliet@localhost/")


def test_two_of_a_kind_see_and_hear_each_other(person):
    romeo, juliet = person("romeo"), person("juliet")
    here, there = romeo.logs_in(), juliet.logs_in()
    romeo.appears()
    juliet.does("present")
    romeo.next("presence", **{"from": there, "type": "available"})
    juliet.next("presence", **{"from": here, "type": "available"})
    romeo.does("say", to=there, body=NASTY)
    juliet.hears(NASTY, **{"from": here})
    juliet.does("leave")
    romeo.next("presence", **{"from": there, "type": "unavailable"})


def test_leaving_ends_the_session_at_once(romeo, juliet, bed):
    jid = romeo.logs_in()
    romeo.appears()
    sees(juliet, jid, None)
    romeo.does("leave")
    sees(juliet, jid, "unavailable")
    romeo.next("offline")  # some say that they are unavailable first, and then close
    assert bed.sessions("romeo") == []


def comes_back(romeo: Person, juliet: BoshClient, bed: TestBed, condition: str | None) -> None:
    before = romeo.logs_in(returns=True)
    romeo.appears()
    sees(juliet, before, None)
    bed.kill_session("romeo", condition)
    sees(juliet, before, "unavailable")
    romeo.next("offline")
    after = romeo.comes_online()
    there = [session.jid for session in bed.sessions("romeo")]
    assert after in there  # @xmpp/client over TLS now and then comes back twice
    assert before not in there
    romeo.appears()
    sees(juliet, after, None)


@all_but("xmpp", "websocket")
def test_it_comes_back_when_the_server_hung_up(romeo, juliet, bed):
    """@xmpp/client doesn't answer the server's `<close/>`: the server cuts it off, but only after five seconds.

    Over TCP it hears the connection close.
    """
    comes_back(romeo, juliet, bed, None)


@all_but("stanza", "bosh")
def test_it_comes_back_after_a_stream_error(romeo, juliet, bed):
    """stanza over BOSH fails at a `terminate` that has something in it: it ends its own stream, and writes on."""
    comes_back(romeo, juliet, bed, "reset")


@only(("xmpp", "websocket"), ("xmpp", "tcp"), ("xmpp", "tls"), ("stanza", "websocket"))
def test_a_connection_that_breaks_is_resumed(romeo, juliet, bed, kind):
    """strophe.js has no stream management of its own, and the others none over BOSH, which has its own way."""
    jid = romeo.logs_in(returns=True, **({"resumes": True} if kind.client == "stanza" else {}))
    romeo.appears()
    before = next(each for each in bed.sessions("romeo") if each.jid == jid)  # one of before may come back late
    bed.kill(before, "reset")
    juliet.send(f"<message xmlns='jabber:client' type='chat' to='{jid}'><body>{ESCAPED}</body></message>")
    romeo.hears(NASTY)
    assert before.id in [each.id for each in bed.sessions("romeo")]  # the same one, not one that came later
    romeo.does("say", to="juliet@localhost", body=NASTY)
    assert juliet.wait_for("message").findtext(f"{{{CLIENT}}}body") == NASTY


def test_all_notice_that_the_server_stops():
    with TestBed.start(*OPTIONS) as bed, ExitStack() as stack:
        people = []
        for number, kind in enumerate(KINDS):
            node = stack.enter_context(Node(kind.client, bed.ca or ""))
            user = bed.add_user(f"user{number}", "secret")
            people.append((kind, Person(node, user.username, service(bed, kind.transport))))
            people[-1][1].connects()
        for _, person in people:
            person.comes_online()
        bed.stop()
        for kind, person in people:
            person.is_told(kind.stopped)
            person.next("offline")
