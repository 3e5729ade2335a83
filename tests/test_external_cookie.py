"""`--external-cookie`: SASL EXTERNAL by a login to the site, over BOSH and WebSocket; and what doesn't get in by it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from wsproto.frame_protocol import FrameProtocol

from conversehost.net.prebind import bosh_session_of
from conversehost.web.visitors import ByCookie, Unsure, Visitor
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.net.websockets import OPEN, handshake
from tests.test_single_sessions import Site

SHOP, EVIL = "https://shop.example", "http://evil.example"
_MECHANISM = re.compile("<mechanism>([^<]*)</mechanism>")
_ANSWER = re.compile(rf'<(success|failure) xmlns="{ns.SASL}"(?:/>|>(?:<([a-z-]+))?)')
BIND = f"<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='{ns.BIND}'/></iq>"


class Client:
    """What both transports have: it opens a stream, says an element, and hears what comes."""

    def says(self, text: str) -> str:
        raise NotImplementedError

    @property
    def mechanisms(self) -> list[str]:
        return _MECHANISM.findall(self.features)

    def external(self, authzid: str = "=") -> str:
        """`success`, or the condition of the failure."""
        text = authzid if authzid == "=" else base64.b64encode(authzid.encode()).decode()
        found = _ANSWER.search(self.says(f"<auth xmlns='{ns.SASL}' mechanism='EXTERNAL'>{text}</auth>"))
        assert found is not None
        return found[2] or found[1]

    features = ""


class Bosh(Client):
    """Every request has the header fields."""

    def __init__(self, ours: Site, fields: dict[str, str]) -> None:
        self._ours = ours
        self._fields = fields
        self._rid = 1
        self.features = self._send("to='localhost' wait='1' hold='1' ver='1.6'")
        found = re.search('sid="([^"]*)"', self.features)
        self._sid = found[1] if found else ""

    def says(self, text: str) -> str:
        return self._send(f"sid='{self._sid}'", text)

    def restart(self) -> None:
        self._send(f"sid='{self._sid}' to='localhost' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'")

    def _send(self, attributes: str, payload: str = "") -> str:
        self._rid += 1
        body = f"<body xmlns='{ns.HTTPBIND}' rid='{self._rid}' {attributes}>{payload}</body>"
        self.code, _, said = self._ours.ask("POST", "/http-bind", self._fields, body)
        return said.decode()


class WebSocket(Client):
    """The handshake has them."""

    def __init__(self, ours: Site, fields: dict[str, str]) -> None:
        self._transport = ours.connect()
        said = {name.replace("-", "_"): value for name, value in fields.items()}
        self._transport.connection.dataReceived(handshake(**{"Host": "localhost:5280", **said}))
        head, _, _ = self._transport.value().partition(b"\r\n\r\n")
        self.code = int(head.split()[1])
        self._frames = FrameProtocol(client=True, extensions=[])
        self._transport.clear()
        if self.code == 101:
            self.features = self.says(OPEN)

    def says(self, text: str) -> str:
        self._transport.connection.dataReceived(bytes(self._frames.send_data(text)))
        return self.hears()

    def hears(self) -> str:
        self._frames.receive_bytes(self._transport.value())
        self._transport.clear()
        return "".join(str(each.payload) for each in self._frames.received_frames())

    def restart(self) -> None:
        self.says(OPEN)


@pytest.fixture
def at() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*options: str) -> Site:
        made.append(Site("--external-cookie", *options))
        return made[-1]

    yield make
    for each in made:
        each.server.close_sessions("system-shutdown")


@pytest.fixture(params=[Bosh, WebSocket])
def client(request: pytest.FixtureRequest) -> Any:
    return request.param


def cookie(ours: Site, name: str = "alice") -> dict[str, str]:
    """By the site's form."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"username": name, "password": "secret"})
    _, fields, _ = ours.ask("POST", "/login", kind, form)
    return {"Cookie": fields["set-cookie"].partition(";")[0]}


@pytest.mark.parametrize("authzid", ["=", "localhost", "alice@localhost"])
def test_whoever_is_logged_in_to_the_site_is_in(at: Any, client: Any, authzid: str):
    ours = at()
    alice = client(ours, cookie(ours))
    assert "EXTERNAL" in alice.mechanisms
    assert alice.external(authzid) == "success"
    alice.restart()
    assert "alice@localhost/" in alice.says(BIND)
    assert len(ours.live()) == 1


def test_a_proxy_may_say_who_it_is(at: Any, client: Any):
    ours = at("--prebind-trust-header", "X-Remote-User")
    assert client(ours, {"X-Remote-User": "alice"}).external() == "success"


@pytest.mark.parametrize("authzid", ["bob@localhost", "alice@elsewhere.example", "alice@localhost/phone", "elsewhere"])
def test_nobody_comes_in_as_another(at: Any, client: Any, authzid: str):
    ours = at()
    assert client(ours, cookie(ours)).external(authzid) == "invalid-authzid"
    assert ours.live() == ours.live("bob") == []


def test_without_a_cookie_it_is_not_offered_and_not_taken(at: Any, client: Any):
    nobody = client(at(), {})
    assert "EXTERNAL" not in nobody.mechanisms
    assert nobody.external("alice@localhost") == "invalid-mechanism"


def test_a_cookie_that_names_nobody(at: Any, client: Any):
    assert client(at(), {"Cookie": "conversehost_session=made-up"}).external("alice@localhost") == "not-authorized"


def test_one_that_was_good_before_the_logout(at: Any, client: Any):
    ours = at()
    fields = cookie(ours)
    early = client(ours, fields)
    assert ours.ask("POST", "/logout", fields)[0] == 303
    assert early.external() == "not-authorized"


def test_an_account_that_was_disabled(at: Any, client: Any):
    ours = at()
    fields = cookie(ours)
    ours.server.domains.accounts.disable(parse("alice@localhost"))
    assert client(ours, fields).external() == "not-authorized"


@pytest.mark.parametrize("options", [[], ["--allow-origin", "*"], ["--allow-origin", SHOP]])
def test_pages_of_other_origins_are_refused(at: Any, client: Any, options: list[str]):
    ours = at(*options)
    evil = client(ours, {**cookie(ours), "Origin": EVIL})
    assert (evil.code, evil.features.count("EXTERNAL")) == (403, 0)
    assert client(ours, {"Origin": EVIL}).code == 403
    assert list(ours.server.manager.sessions()) == []


def test_pages_of_an_origin_that_is_named_may(at: Any, client: Any):
    ours = at("--allow-origin", SHOP)
    assert client(ours, {**cookie(ours), "Origin": SHOP, "Sec-Fetch-Site": "cross-site"}).external() == "success"
    assert client(ours, {**cookie(ours), "Origin": "http://localhost:5280"}).external() == "success"


@pytest.mark.parametrize("fields", [{"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}])
def test_what_may_come_from_anywhere_has_no_cookies(at: Any, client: Any, fields: dict[str, str]):
    """`null` is every sandboxed frame, even where it is let in; a Host that isn't ours is DNS rebinding."""
    ours = at("--allow-origin", "null")
    assert "EXTERNAL" not in client(ours, {**cookie(ours), **fields}).mechanisms


def test_a_script_shows_no_cookies(at: Any):
    """`<script src>` has no Origin, and so has XEP-0252."""
    ours = at("--bosh-script")
    body = f"<body xmlns='{ns.HTTPBIND}' rid='1' to='localhost' wait='1' hold='1' ver='1.6'/>"
    code, _, said = ours.ask("GET", f"/http-bind?{urlencode({'': body})[1:]}", cookie(ours))
    assert code == 200
    assert b"EXTERNAL" not in said


def test_without_the_option_no_cookie_counts_and_any_page_may_use_bosh(client: Any):
    ours = Site()
    assert "EXTERNAL" not in client(ours, cookie(ours)).mechanisms
    assert client(ours, {"Origin": EVIL}).mechanisms
    ours.server.close_sessions("system-shutdown")


def test_the_sites_logout_ends_the_session_and_no_other(at: Any, client: Any):
    ours = at()
    fields = cookie(ours)
    for each in (fields, cookie(ours), cookie(ours, "bob")):
        one = client(ours, each)
        assert one.external() == "success"
        one.restart()
        one.says(BIND)
    assert len(ours.live()) == 2
    ours.ask("POST", "/logout", fields)
    assert (len(ours.live()), len(ours.live("bob"))) == (1, 1)


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        (Visitor(parse("alice@localhost"), "site alice"), "success"),
        (Unsure("try again later"), "temporary-auth-failure"),
        (None, "not-authorized"),
    ],
)
def test_the_site_may_answer_later(at: Any, monkeypatch: pytest.MonkeyPatch, told: Any, ends: str):
    waiting: list[Callable[[Any], None]] = []
    ours = at()
    alice = WebSocket(ours, cookie(ours))
    monkeypatch.setattr(ByCookie, "identify", lambda self, exchange, done: waiting.append(done))
    assert alice.says(f"<auth xmlns='{ns.SASL}' mechanism='EXTERNAL'>=</auth>") == ""
    (done,) = waiting
    done(told)
    ours.server.turn.end()
    assert f"<{ends}" in alice.hears()


def test_what_is_kept_of_a_login_is_not_the_request(at: Any):
    ours = at()
    alice = Bosh(ours, cookie(ours))
    assert alice.external() == "success"
    alice.restart()
    alice.says(BIND)
    (session,) = ours.live()
    bosh = bosh_session_of(session)
    assert bosh is not None
    assert bosh.visit is session.opened.visit
    assert session.opened.visit._exchange is None
    assert session.opened.visit.owner
