"""The site as a tree of URLs, and its pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
from twisted.web.resource import Resource
from twisted.web.server import Request

from conversehost.auth import Authenticator
from conversehost.clock import Clock
from conversehost.server.host import Host
from conversehost.server.invitations import Invitation
from conversehost.server.registration import Registration
from conversehost.store import Store
from conversehost.web.converse import ConverseDist
from conversehost.web.front import tell
from conversehost.web.guard import Hosts, host_name
from conversehost.web.health import Health, Ready
from conversehost.web.hostmeta import well_known
from conversehost.web.invitations import InvitationsResource
from conversehost.web.login import ChatMaker, LoginResource, SiteSessions, see_other
from conversehost.web.metrics import Counted, Metrics
from conversehost.web.registration import RegistrationResource
from conversehost.web.resource import Missing, OwnResource, Problem, base_of
from conversehost.web.root import Root
from conversehost.web.static import Folder
from conversehost.web.upload import UploadedFiles, UploadFront

PAGES = Path(__file__).parent / "pages"
DAY = 86_400

CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline' blob:",  # Converse.js sets style attributes, 7 also makes sheets
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
).encode()


Demo = tuple[tuple[str, str], ...]


@attrs.frozen
class Parts:
    """What the site is made of. `demo`: names and passwords that its login form offers; `demo_of`: those of a domain
    that has the same pages under its own name, None of any other; `folder`: the operator's;
    `prefix`: where the pages are that are only for show or for want of the operator's own; `domains`: those whose
    invitations have pages; `elsewhere`: the domains that others serve, `*` for any, where none is served here.
    """

    authenticator: Authenticator
    store: Store
    clock: Clock
    chat: ChatMaker
    domain: str
    hosts: Hosts
    converse: ConverseDist | None
    registration: bool = False
    demo: Demo = ()
    demo_of: Callable[[str], Demo | None] = lambda domain: None
    bosh_path: str = "/http-bind"
    websocket_path: str | None = None
    folder: Path | None = None
    prefix: str = "/"
    is_ready: Callable[[], bool] = lambda: True
    counted: Callable[[], Counted] | None = None
    uploads: UploadFront | None = None
    rooms: bool = True
    domains: Mapping[str, Host] = attrs.field(factory=dict)
    elsewhere: tuple[str, ...] = ()


def site(parts: Parts) -> Resource:
    """The root of the tree."""
    sessions = SiteSessions(parts.store, parts.clock, parts.chat, parts.domains)
    pages = Pages(parts, sessions)
    problem, hosts = pages.problem, parts.hosts
    login = LoginResource(sessions, parts.authenticator, pages.domain, pages.login, problem, hosts)
    root = Root(problem, Folder(parts.folder, "no-cache", problem, index="index.html") if parts.folder else None)
    own = parts.prefix.encode()[1:]
    root.putChild(b"", Page(pages.home, problem, hosts))
    root.putChild(own + b"form", Page(pages.form, problem, hosts))
    root.putChild(own + b"login", login)
    root.putChild(own + b"logout", Logout(sessions, problem, hosts))
    for path in (b"prebind", b"credentials"):
        root.putChild(path, Missing(tell))  # what is below: they themselves are answered before
    root.putChild(own + b"invite", InvitationsResource(parts.domains, sessions, pages.invitation, problem, hosts))
    if parts.registration and parts.domain in parts.domains:
        registration = Registration(parts.domains[parts.domain])
        form = RegistrationResource(registration, sessions, pages.register, problem, hosts)
        root.putChild(own + b"register", form)
    root.putChild(own + b"static", Folder(PAGES / "static", "no-cache", problem))
    root.putChild(
        b"favicon.ico",
        Page(lambda request: see_other(request, parts.prefix.encode() + b"static/icon.svg"), problem, hosts),
    )
    root.putChild(b".well-known", well_known(parts.bosh_path, parts.websocket_path, problem))
    root.putChild(b"health", Health(problem))
    root.putChild(b"ready", Ready(problem, parts.is_ready))
    if parts.counted is not None:
        root.putChild(b"metrics", Metrics(problem, parts.counted))
    if parts.uploads is not None:
        root.putChild(own + b"upload", UploadedFiles(parts.uploads, problem))
    if parts.converse is not None:
        root.putChild(b"dist", Folder(parts.converse.path, f"public, max-age={DAY}", problem))
    return root


class Page(OwnResource):
    """One page."""

    def __init__(self, render: Callable[[Request], bytes], problem: Problem, hosts: Hosts) -> None:
        super().__init__(problem, hosts)
        self._render = render

    def render_GET(self, request: Request) -> bytes:
        """The page."""
        return self._render(request)


class Logout(OwnResource):
    """`POST /logout` ends the site session, and the chat sessions that were made for it."""

    def __init__(self, sessions: SiteSessions, problem: Problem, hosts: Hosts) -> None:
        super().__init__(problem, hosts)
        self._sessions = sessions

    def render_GET(self, request: Request) -> bytes:
        """A link must not log anybody out."""
        return see_other(request, b"/")

    def render_POST(self, request: Request) -> bytes:
        """303 to the front page, which is the login form again."""
        self._sessions.end(request)
        return see_other(request, b"/")


class Pages:
    """What the pages show."""

    def __init__(self, parts: Parts, sessions: SiteSessions) -> None:
        self._parts = parts
        self._sessions = sessions

    def domain(self, request: Request) -> str:
        """Whose pages they are, by the name that they are called by."""
        name = host_name(request.getHeader(b"host") or b"")
        return self._parts.domain if self._parts.demo_of(name) is None else name

    def home(self, request: Request) -> bytes:
        """The login form; behind it the page with the chat, logged in by prebind."""
        session = self._sessions.of(request)
        if session is None:
            return self.login(request, "", "")
        config = self._config(session.account.domain) | {
            "authentication": "prebind",
            "prebind_url": "/prebind",
            "auto_login": True,
            "allow_logout": False,
        }
        return self._page(request, "chat.html", user=session.account, config=config)

    def login(self, request: Request, username: str, message: str) -> bytes:
        """The site's own form; where all accounts are elsewhere only the chat's own knows them."""
        if self._parts.elsewhere:
            return self.form(request)
        return self._page(request, "login.html", username=username, message=message, demo=self._demo(request))

    def register(self, request: Request, username: str, message: str) -> bytes:
        """Where anybody makes an account."""
        return self._page(request, "register.html", username=username, message=message)

    def form(self, request: Request) -> bytes:
        """Converse.js' own form; the site isn't asked."""
        domain = self.domain(request)
        elsewhere = self._parts.elsewhere
        config = self._config(domain) | {"authentication": "login", "allow_registration": self._parts.registration}
        if elsewhere in ((), (domain,)):
            config |= {"locked_domain": domain, "registration_domain": domain}
        else:  # people write whole addresses, and their servers say where rooms are
            config = {name: value for name, value in config.items() if not name.startswith("muc_")}
        if self._parts.websocket_path and b"transport=websocket" in request.uri:
            del config["bosh_service_url"]
            config["websocket_url"] = "ws" + base_of(request).removeprefix("http") + self._parts.websocket_path
        return self._page(request, "form.html", config=config, demo=self._demo(request))

    def invitation(self, request: Request, invitation: Invitation, username: str, message: str) -> bytes:
        """What somebody does who was invited."""
        return self._page(request, "invitation.html", invitation=invitation, username=username, message=message)

    def problem(self, request: Request, code: int) -> bytes:
        """`Problem`: a friendly page that says what is wrong, and where to go."""
        title, text = PROBLEMS[code]
        request.setResponseCode(code, HTTPStatus(code).phrase.encode())
        host = host_name(request.getHeader(b"host") or b"")
        return self._page(request, "problem.html", title=title, text=text, host=host if code == 421 else "")

    def _demo(self, request: Request) -> Demo:
        shown = self._parts.demo_of(self.domain(request))
        return self._parts.demo if shown is None else shown

    def _config(self, domain: str) -> dict[str, Any]:
        """For `converse.initialize`: this server's chat, the domain's rooms, and nothing from anywhere else."""
        return {
            "bosh_service_url": self._parts.bosh_path,
            "assets_path": self._parts.converse.assets_path if self._parts.converse else "/dist",
            "keepalive": True,
            "view_mode": "overlayed",
            "show_controlbox_by_default": True,
            "discover_connection_methods": False,
            "xmpp_providers_url": "",
            "autocomplete_providers_url": "",
            "embed_3rd_party_media_players": False,
            "play_sounds": False,
            "show_desktop_notifications": False,
            "i18n": "en",
        } | (
            {
                "muc_domain": f"conference.{domain}",
                "muc_search_service": f"conference.{domain}",
                "muc_nickname_from_jid": True,
            }
            if self._parts.rooms
            else {}
        )

    def _page(self, request: Request, name: str, **values: Any) -> bytes:
        for field, value in HEADERS.items():
            request.setHeader(field, value)
        if request.isSecure():  # over plain HTTP browsers complain that they won't
            request.setHeader(b"cross-origin-opener-policy", b"same-origin")
        text = templates().get_template(name).render(parts=self._parts, base=base_of(request), **values)
        return text.encode()


def unreachable(code: int, title: str, text: str) -> bytes:
    """In place of a page of the site that `--proxy` passes requests on to."""
    page: str = templates().get_template("unreachable.html").render(code=code, title=title, text=text)
    return page.encode()


PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("No address of this site", "There is something in it that no file's name has."),
    403: ("That came from another site", "A page elsewhere had your browser send it. Nothing was changed."),
    404: ("There is no such page", "Perhaps the address has a letter too many, or the page is gone."),
    405: ("Not this way", "The page is there, but it doesn't take this kind of request."),
    410: ("That invitation is over", "Somebody has followed it already, or its time is up. Ask for another one."),
    421: ("Not under this name", "This server doesn't answer to the name that you called it by."),
}

HEADERS: Mapping[bytes, bytes] = {
    b"content-type": b"text/html; charset=utf-8",
    b"cache-control": b"no-store",
    b"content-security-policy": CSP,
    b"permissions-policy": b"camera=(), geolocation=(), payment=(), usb=()",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}


@functools.cache
def templates() -> Any:
    """jinja2, with all text escaped; loaded with the first page, so that starting up is quick."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
