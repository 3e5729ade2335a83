"""The site behind the real HTTP front, in memory: no socket, no reactor."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
from twisted.internet.testing import StringTransport
from twisted.web.resource import IResource

from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.net.exchange import Direct
from conversehost.net.forwarded import Proxies
from conversehost.net.front import HttpFactory
from conversehost.net.prebind import WISH, Prebound, Wish
from conversehost.store.memory import MemoryStore
from conversehost.web.converse import ConverseDist
from conversehost.web.guard import Hosts
from conversehost.web.login import SiteSessions
from conversehost.web.prebind import PATH, PrebindFront
from conversehost.web.site import Parts, site
from conversehost.web.visitors import ByCookie
from conversehost.xmpp.jid import JID, parse


class Chat:
    """`ChatMaker`: writes down what the site asks for."""

    def __init__(self, accounts: Accounts) -> None:
        self.knows = accounts.exists
        self.live: dict[str, tuple[JID, str]] = {}  # by sid
        self.wishes: list[Wish] = []
        self.error: Exception | None = None
        self._made = 0

    def prebind(self, account: JID, owner: str, origin: str = "", wish: Wish = WISH) -> Prebound:
        if self.error is not None:
            raise self.error
        self._made += 1
        sid = f"sid-{self._made}"
        self.live[sid] = (account, owner)
        self.wishes.append(wish)
        return Prebound(f"{account}/{wish.resource or f'resource-{self._made}'}", sid, 1000 + self._made)

    def end(self, account: JID, owner: str) -> None:
        self.live = {sid: made_for for sid, made_for in self.live.items() if made_for != (account, owner)}

    def end_all(self, account: JID) -> int:
        before = len(self.live)
        self.live = {sid: made_for for sid, made_for in self.live.items() if made_for[0] != account}
        return before - len(self.live)


@dataclass
class Answer:
    """One HTTP response."""

    code: int
    reason: str
    fields: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """Sends requests to a resource tree, keeps the cookie, follows no redirect."""

    root: IResource
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookie: str = ""
    """The last Set-Cookie field as it came."""
    proxies: Proxies | None = None
    """Whose word counts; 192.168.1.1 is who connects."""
    direct: Mapping[bytes, Direct] = field(default_factory=dict)

    def another(self, cookies: dict[str, str] | None = None) -> Browser:
        """Of somebody else, at the same site."""
        return Browser(self.root, cookies or {}, direct=self.direct)

    def get(self, target: str, method: str = "GET", **fields: str) -> Answer:
        return self.send(method, target, b"", fields)

    def head(self, target: str, **fields: str) -> Answer:
        return self.get(target, "HEAD", **fields)

    def post(self, target: str, form: Mapping[str, str] | None = None, **fields: str) -> Answer:
        body = urlencode(form or {}).encode()
        return self.send("POST", target, body, {"content_type": "application/x-www-form-urlencoded", **fields})

    def log_in(self, username: str = "alice", password: str = "secret", **fields: str) -> Answer:
        return self.post("/login", {"username": username, "password": password}, **fields)

    def send(self, method: str, target: str, body: bytes, fields: Mapping[str, str]) -> Answer:
        """Header fields are named with _ for -."""
        transport = self.open(method, target, body, fields)
        while transport.producer is not None:  # what a socket does that has room
            transport.producer.resumeProducing()
        return self.read(transport, method)

    def open(self, method: str, target: str, body: bytes, fields: Mapping[str, str]) -> StringTransport:
        """Send the request; the answer may come later."""
        lines = {"host": "localhost:5280", **{name.replace("_", "-"): value for name, value in fields.items()}}
        if body:
            lines["content-length"] = str(len(body))
        if self.cookies:
            lines["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        factory = HttpFactory(self.root, self.direct, clock=Clock(), taken=lambda: None, proxies=self.proxies)
        connection = factory.buildProtocol(None)
        transport = StringTransport()
        connection.makeConnection(transport)
        connection.dataReceived(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        transport.connection = connection
        return transport

    def read(self, transport: StringTransport, method: str = "GET") -> Answer:
        """The answer that is there by now; nothing follows it."""
        stream = io.BytesIO(transport.value())
        response = http.client.HTTPResponse(Wire(stream), method=method)  # type: ignore[arg-type]
        response.begin()
        body = response.read()
        assert stream.read() == b""
        if set_cookie := response.headers["set-cookie"]:
            self.set_cookie = set_cookie
            self._keep(SimpleCookie(set_cookie))
        return Answer(response.status, response.reason, response.headers, body)

    def _keep(self, told: SimpleCookie) -> None:
        for name, morsel in told.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


@dataclass
class Wire:
    """What http.client reads from."""

    stream: io.BytesIO

    def makefile(self, mode: str) -> io.BytesIO:
        self.stream.close = lambda: None  # type: ignore[method-assign]
        return self.stream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def accounts(store: MemoryStore) -> Accounts:
    accounts = Accounts(store)
    for name in ("alice", "bob"):
        accounts.put(parse(f"{name}@localhost"), "secret")
    return accounts


@pytest.fixture
def chat(accounts: Accounts) -> Chat:
    return Chat(accounts)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Something like a built Converse.js, in its package."""
    package = tmp_path / "converse.js"
    folder = package / "dist"
    (folder / "locales").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "converse.js", "version": "14.0.0"}')
    (folder / "converse.min.js").write_text("var converse = 'é';\n" * 5000)
    (folder / "converse.min.css").write_text("body { margin: 0 }\n")
    (folder / "emoji.json").write_text("{}")
    (folder / "curve25519_compiled.wasm").write_bytes(b"\0asm" * 1000)
    (folder / "font.woff2").write_bytes(bytes(range(256)) * 400)
    (folder / ".secret").write_text("hidden")
    (folder / "locales" / "de.js").write_text("'de'")
    return folder


@pytest.fixture
def parts(accounts: Accounts, store: MemoryStore, clock: Clock, chat: Chat, dist: Path) -> Parts:
    return Parts(
        authenticator=accounts,
        store=store,
        clock=clock,
        chat=chat,
        domain="localhost",
        hosts=Hosts(frozenset(("verona.example", "bücher.example"))),
        converse=ConverseDist(dist, "14.0.0"),
        demo=(("alice", "secret"), ("bob", "secret")),
    )


@pytest.fixture
def build(parts: Parts) -> Callable[..., Browser]:
    """A browser at a site made of other parts."""

    def make(**changes: Any) -> Browser:
        changed = attrs.evolve(parts, **changes)
        visitors = ByCookie(SiteSessions(changed.store, changed.clock, changed.chat, {}))
        return Browser(site(changed), direct={PATH: PrebindFront(visitors, changed.chat, changed.hosts)})

    return make


@pytest.fixture
def browser(build: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser at the site. A fault of the site, which shows as 500, fails the test."""
    return build()
