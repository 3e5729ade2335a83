"""`--prebind-ask`: the site is asked whose cookies they are; it may be slow, dead, or talk nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers

from conversehost.auth.rest import PAUSE, TOO_LATE
from conversehost.clock import Clock
from conversehost.collected import LARGEST
from conversehost.voice import Voice
from conversehost.web.asking import AT_ONCE, FRESH, PATIENCE, AskSite
from conversehost.web.prebind import PATH, PrebindFront
from conversehost.web.site import Parts, site
from conversehost.web.visitors import Directory
from tests.web.conftest import Answer, Browser, Chat


class Site:
    """An `IAgent` for the page that is asked, and the response that it gave last."""

    def __init__(self) -> None:
        self.asked: list[tuple[Headers, Deferred[Any]]] = []
        self.aborted = 0

    def request(self, method: bytes, url: bytes, headers: Headers, body: object) -> Deferred[Any]:
        assert (method, url, body) == (b"GET", b"http://localhost:8000/who", None)
        self.asked.append((headers, Deferred()))
        return self.asked[-1][1]

    def deliverBody(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.transport = self

    def abortConnection(self) -> None:
        self.aborted += 1
        self.protocol.connectionLost(Failure(ResponseFailed([])))

    def begin(self, code: int = 200, **fields: str) -> None:
        self.code = code
        self.headers = Headers({name.replace("_", "-"): [value] for name, value in fields.items()})
        self.asked[-1][1].callback(self)

    def answer(self, code: int = 200, body: bytes = b"", **fields: str) -> None:
        self.begin(code, **fields)
        self.protocol.dataReceived(body)
        if not self.aborted:
            self.protocol.connectionLost(Failure(ResponseDone()))


class Scene:
    """Browsers at a server that asks the site."""

    def __init__(self, parts: Parts) -> None:
        self.clock, self.site, self.said = Clock(), Site(), list[str]()
        directory = Directory("localhost", parts.chat.knows)
        asking: Any = self.site
        asked = AskSite(
            "http://localhost:8000/who",
            asking,
            directory,
            clock=self.clock,
            voice=Voice(self.said.append, self.said.append),
        )
        front = PrebindFront(asked, parts.chat, parts.hosts)
        self.browser = Browser(site(parts), direct={PATH: front})

    def open(self, cookie: str = "sessionid=1") -> Any:
        return self.browser.open("GET", "/prebind", b"", {"cookie": cookie})

    def read(self, transport: Any) -> Answer:
        self.clock.advance(0)
        return self.browser.read(transport)

    def tell(self, code: int = 200, body: bytes = b"", **fields: str) -> Answer:
        """What a browser gets when the site says this."""
        waiting = self.open()
        self.site.answer(code, body, **fields)
        return self.read(waiting)


@pytest.fixture
def scene(parts: Parts) -> Scene:
    return Scene(parts)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"user": "alice"}', {}),
        (b'{"jid": "alice@localhost"}', {}),
        (b"", {"X_Remote_User": "alice"}),
        (b"<p>Hello!", {"Remote_User": "alice"}),
    ],
)
def test_the_site_says_who_it_is(scene: Scene, chat: Chat, body: bytes, fields: dict[str, str]):
    assert scene.tell(200, body, **fields).json["jid"] == "alice@localhost/resource-1"
    assert len(chat.live) == 1


def test_it_gets_the_cookies_and_where_they_come_from(scene: Scene):
    scene.open("a=1; sessionid=2")
    headers = scene.site.asked[0][0]
    assert headers.getRawHeaders("Cookie") == ["a=1; sessionid=2"]
    assert headers.getRawHeaders("Host") == ["localhost:5280"]
    assert headers.getRawHeaders("X-Forwarded-Proto") == ["http"]


@pytest.mark.parametrize(
    ("code", "body"), [(401, b""), (403, b""), (302, b"to the login"), (200, b'{"user": null}'), (200, b'{"user": ""}')]
)
def test_nobody_is_logged_in_there(scene: Scene, chat: Chat, code: int, body: bytes):
    assert scene.tell(code, body).code == 401
    assert chat.live == {}


@pytest.mark.parametrize("name", [b'{"user": "stranger"}', b'{"user": "alice@elsewhere.example"}'])
def test_somebody_it_knows_and_the_chat_does_not(scene: Scene, name: bytes):
    assert scene.tell(200, name).code == 401


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [
        (500, b"oops", "HTTP 500"),
        (404, b"", "HTTP 404"),
        (200, b"<h1>Welcome</h1>", "neither a field X-Remote-User nor JSON"),
        (200, b'{"user": 5}', "jid and user must be texts"),
        (200, b'{"user": ', "Expecting value"),
        (200, b"{" + b" " * LARGEST, "the answer breaks off"),
    ],
)
def test_what_is_no_answer_lets_nobody_in(scene: Scene, chat: Chat, code: int, body: bytes, says: str):
    answer = scene.tell(code, body)
    assert (answer.code, answer.fields["retry-after"]) == (503, "2")
    assert "try again" in answer.json["error"]
    assert says in scene.said[0]
    assert chat.live == {}


def test_a_site_that_is_dead(scene: Scene):
    waiting = scene.open()
    scene.site.asked[0][1].errback(Failure(ConnectionRefusedError()))
    assert scene.read(waiting).code == 503
    assert "doesn't say who is logged in" in scene.said[0]


@pytest.mark.parametrize("begun", [False, True])
def test_a_site_that_is_slow(scene: Scene, begun: bool):
    waiting = scene.open()
    if begun:
        scene.site.begin()
    scene.clock.advance(PATIENCE - 1)
    assert waiting.value() == b""
    scene.clock.advance(1)
    assert scene.read(waiting).code == 503
    (line,) = scene.said
    assert line.startswith("--prebind-ask: http://localhost:8000/who doesn't say who is logged in: ")
    assert begun or f"logged in: nothing for {PATIENCE} seconds; " in line
    assert scene.site.aborted == begun


@pytest.mark.parametrize("begun", [False, True])
def test_a_site_that_is_too_slow_again_and_again_is_left_alone_for_a_while(scene: Scene, begun: bool):
    for _ in range(TOO_LATE):
        waiting = scene.open()
        if begun:
            scene.site.begin()
        scene.clock.advance(PATIENCE)
        assert scene.read(waiting).code == 503
    assert scene.read(scene.open()).code == 503
    assert len(scene.site.asked) == TOO_LATE
    scene.clock.advance(PAUSE)
    scene.site.aborted = 0
    assert scene.tell(200, b'{"user": "alice"}').code == 200


def test_the_operator_is_told_once_that_his_site_does_not_say_and_once_that_it_does_again(scene: Scene):
    for _ in range(3):
        assert scene.tell(500, b"").code == 503
    assert len(scene.said) == 1
    assert scene.tell(200, b'{"user": "alice"}').code == 200
    assert scene.said[1:] == ["--prebind-ask: http://localhost:8000/who says again who is logged in"]


def test_an_answer_counts_for_seconds(scene: Scene):
    assert scene.tell(200, b'{"user": "alice"}').code == 200
    assert scene.read(scene.open()).code == 200
    assert len(scene.site.asked) == 1
    scene.clock.advance(FRESH)
    scene.open()
    assert len(scene.site.asked) == 2


def test_it_counts_for_those_cookies_alone(scene: Scene):
    scene.tell(200, b'{"user": "alice"}')
    other = scene.open("sessionid=2")
    assert other.value() == b""
    scene.site.answer(401)
    assert scene.read(other).code == 401


def test_that_it_could_not_say_is_not_kept(scene: Scene):
    assert scene.tell(500).code == 503
    assert scene.tell(200, b'{"user": "alice"}').code == 200


def test_several_at_once_are_one_question(scene: Scene, chat: Chat):
    waiting = [scene.open() for _ in range(5)]
    scene.site.answer(200, b'{"user": "alice"}')
    assert [scene.read(each).code for each in waiting] == [200] * 5
    assert len(scene.site.asked) == 1


def test_whoever_left_gets_no_session(scene: Scene, chat: Chat):
    scene.open().connection.connectionLost(Failure(ResponseDone()))
    scene.site.answer(200, b'{"user": "alice"}')
    scene.clock.advance(0)
    assert chat.live == {}


def test_without_cookies_there_is_nothing_to_ask(scene: Scene):
    assert scene.browser.get("/prebind").code == 401
    assert scene.site.asked == []


def test_a_flood_does_not_reach_the_site(scene: Scene):
    for number in range(AT_ONCE):
        scene.open(f"sessionid={number}")
    assert scene.read(scene.open("sessionid=more")).code == 503
    assert len(scene.site.asked) == AT_ONCE
