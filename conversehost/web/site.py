"""The site as a tree of URLs, and its pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from conversehost.auth import Authenticator
from conversehost.clock import Clock
from conversehost.store import Store
from conversehost.web.converse import ConverseDist
from conversehost.web.guard import Hosts, is_cross_site
from conversehost.web.login import LoginResource, SiteSessions, see_other
from conversehost.web.prebind import ChatMaker, PrebindResource
from conversehost.web.static import Folder

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


@attrs.frozen
class Parts:
    """What the site is made of. `demo`: names and passwords that its login form offers."""

    authenticator: Authenticator
    store: Store
    clock: Clock
    chat: ChatMaker
    domain: str
    hosts: Hosts
    converse: ConverseDist | None
    registration: bool = False
    demo: tuple[tuple[str, str], ...] = ()
    bosh_path: str = "/http-bind"


def site(parts: Parts) -> Resource:
    """The root of the tree."""
    sessions = SiteSessions(parts.store, parts.clock)
    pages = Pages(parts, sessions)
    root = Tree(pages.missing)
    root.putChild(b"", Page(pages.home))
    root.putChild(b"form", Page(pages.form))
    root.putChild(b"login", LoginResource(sessions, parts.authenticator, parts.domain, pages.login))
    root.putChild(b"logout", Logout(sessions, parts.chat, pages.login))
    root.putChild(b"prebind", PrebindResource(sessions, parts.chat, parts.hosts))
    root.putChild(b"static", Folder(PAGES / "static", "no-cache"))
    root.putChild(b"favicon.ico", Page(lambda request: see_other(request, b"/static/icon.svg")))
    if parts.converse is not None:
        root.putChild(b"dist", Folder(parts.converse.path, f"public, max-age={DAY}"))
    return root


class Tree(Resource):
    """A resource whose missing children get our own page."""

    def __init__(self, missing: Callable[[Request], bytes]) -> None:
        super().__init__()
        self._missing = missing

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Page(self._missing)


class Page(Resource):
    """One page, by GET or HEAD."""

    isLeaf = True

    def __init__(self, render: Callable[[Request], bytes]) -> None:
        super().__init__()
        self._render = render

    def render_GET(self, request: Request) -> bytes:
        return self._render(request)


class Logout(Resource):
    """`POST /logout` ends the site session, and the chat sessions that were made for it."""

    isLeaf = True

    def __init__(self, sessions: SiteSessions, chat: ChatMaker, form: Callable[[Request, str, str], bytes]) -> None:
        super().__init__()
        self._sessions = sessions
        self._chat = chat
        self._form = form

    def render_GET(self, request: Request) -> bytes:
        return see_other(request, b"/")

    def render_POST(self, request: Request) -> bytes:
        if is_cross_site(request):
            request.setResponseCode(403)
            return self._form(request, "", "That came from another site. You are still logged in.")
        session = self._sessions.of(request)
        if session is not None:
            self._chat.end(session.account, session.id)
            self._sessions.end(request, session)
        return see_other(request, b"/")


class Pages:
    """What the pages show."""

    def __init__(self, parts: Parts, sessions: SiteSessions) -> None:
        self._parts = parts
        self._sessions = sessions

    def home(self, request: Request) -> bytes:
        """The login form; behind it the page with the chat, logged in by prebind."""
        session = self._sessions.of(request)
        if session is None:
            return self.login(request, "", "")
        config = self._config() | {
            "authentication": "prebind",
            "prebind_url": "/prebind",
            "auto_login": True,
            "allow_logout": False,
        }
        return self._page(request, "chat.html", user=session.account, config=config)

    def login(self, request: Request, username: str, message: str) -> bytes:
        """The site's own form."""
        return self._page(request, "login.html", username=username, message=message, demo=self._parts.demo)

    def form(self, request: Request) -> bytes:
        """Converse.js' own form; the site isn't asked."""
        config = self._config() | {
            "authentication": "login",
            "locked_domain": self._parts.domain,
            "allow_registration": self._parts.registration,
            "registration_domain": self._parts.domain,
        }
        return self._page(request, "form.html", config=config, demo=self._parts.demo)

    def missing(self, request: Request) -> bytes:
        """404."""
        request.setResponseCode(404)
        return self._page(request, "missing.html")

    def _config(self) -> dict[str, Any]:
        """For `converse.initialize`: this server's chat, and nothing from anywhere else."""
        return {
            "bosh_service_url": self._parts.bosh_path,
            "assets_path": "/dist/",
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
            "blacklisted_plugins": ["converse-omemo"],  # keys are kept in personal eventing, which isn't served yet
        }

    def _page(self, request: Request, name: str, **values: Any) -> bytes:
        for field, value in HEADERS.items():
            request.setHeader(field, value)
        host = (request.getHeader(b"host") or b"localhost").decode("latin-1")
        base = f"{'https' if request.isSecure() else 'http'}://{host}"
        text = templates().get_template(name).render(parts=self._parts, base=base, **values)
        return text.encode()


HEADERS: Mapping[bytes, bytes] = {
    b"content-type": b"text/html; charset=utf-8",
    b"cache-control": b"no-store",
    b"content-security-policy": CSP,
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
