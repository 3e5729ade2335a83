"""What the operator can ask for, as one frozen value; `conversehost.loading` reads it.

`Settings` is the one table, a file of this folder for each group. Each of its fields says what the option is called,
what it takes and what it means; the command line, the environment variables, the keys of the file and the text of
--help all follow from it.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import attrs

from conversehost.kinds import FILE
from conversehost.options.beyond import Beyond
from conversehost.options.ldap import Ldap
from conversehost.options.limits import Limits
from conversehost.options.listening import LOCAL as LOCAL
from conversehost.options.listening import LOOPBACK as LOOPBACK
from conversehost.options.listening import Listening
from conversehost.options.option import PREFIX as PREFIX
from conversehost.options.option import Option as Option
from conversehost.options.people import People
from conversehost.options.places import Places
from conversehost.options.running import Running
from conversehost.options.single import SingleSessions
from conversehost.options.tokens import Tokens

# In the order of --help.
GROUPS = {
    Listening: "Where it listens",
    People: "Who is there",
    Places: "Others who know people (docs/authentication.md)",
    Ldap: "People in a directory (docs/ldap.md)",
    Tokens: "Tokens for passwords (docs/tokens.md)",
    SingleSessions: "Single sessions: one login for site and chat (docs/single-sessions.md)",
    Running: "How it runs",
    Beyond: "In front of other XMPP servers",
    Limits: "Limits",
}


@dataclass(frozen=True, slots=True)
class Sockets:
    """What listens already when the parts are put together."""

    http: list[socket.socket]
    c2s: list[socket.socket]
    https: list[socket.socket]
    component: list[socket.socket] = dataclasses.field(default_factory=list)
    c2s_tls: list[socket.socket] = dataclasses.field(default_factory=list)
    s2s: list[socket.socket] = dataclasses.field(default_factory=list)

    @property
    def all(self) -> list[socket.socket]:
        """Of whatever kind."""
        return [*self.http, *self.c2s, *self.https, *self.component, *self.c2s_tls, *self.s2s]


@attrs.frozen(kw_only=True, slots=False)
class Settings(Listening, People, Places, Ldap, Tokens, SingleSessions, Running, Beyond, Limits):
    """All options, checked. Times are whole seconds, `stanza_limit` is bytes, paths are absolute."""

    @property
    def prefix(self) -> str:
        """Where pages of ours are that a site behind `--proxy` may have as well."""
        return "/_" if self.proxy else "/"

    @property
    def first_domain(self) -> str:
        """The site's."""
        if not self.only_upstream:
            return self.domains[0]
        return next((domain for domain, _ in self.upstreams if domain != "*"), self.domains[0])

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Whose accounts count where no domain is served here; `*` are those of any."""
        return tuple(domain for domain, _ in self.upstreams) if self.only_upstream else ()

    @property
    def has_control(self) -> bool:
        """In front of others' servers the control API is closed, unless it is asked for by giving it a token."""
        return not self.only_upstream or self.api_token_file is not None

    @property
    def guests(self) -> str:
        """The domain for them; "" for none."""
        if "anonymous" in self.disabled:
            return ""
        default = f"anon.{self.domains[0]}"
        return self.anonymous_domain or ("" if default in self.domains else default)

    @property
    def origins(self) -> tuple[str, ...]:
        """Whose pages may use BOSH and WebSocket: where a cookie is a login, none that isn't named."""
        return tuple(each for each in self.allowed_origins if each != "*" or not self.external_cookie)

    def back_ends(self, domain: str) -> tuple[str, ...]:
        """Who says who may log in there, in order."""
        chosen = dict(self.auth)
        return chosen.get(domain) or chosen.get("") or ("accounts",)

    def has_passwords(self, domain: str) -> bool:
        """Whether an account's password here lets it in there, if only because any does."""
        return not {"accounts", "any"}.isdisjoint(self.back_ends(domain))

    def places(self) -> dict[str, tuple[str, object]]:
        """By back end the option that says where that is, and its value."""
        return {
            "extauth": ("extauth-program", self.extauth_program),
            "http": ("http-auth-url", self.http_auth_url),
            "ldap": ("ldap-server", self.ldap_server),
        }

    @property
    def makes_accounts(self) -> bool:
        """Whether nobody else says who may log in."""
        return all(each in ("accounts", "any") for _, names in self.auth for each in names)

    def is_open(self, domain: str) -> bool:
        """Whether clients over BOSH and WebSocket may name a domain."""
        allowed, denied = self.allowed_domains, self.denied_domains
        return (not allowed or _is_among(domain, allowed)) and not _is_among(domain, denied)


def _is_among(domain: str, names: Iterable[str]) -> bool:
    return any(domain == name or (name[0] == "." and f".{domain}".endswith(name)) for name in names)


def _table() -> Iterator[Option]:
    for group, title in GROUPS.items():
        for field in attrs.fields(group):
            meta = field.metadata
            name = meta["name"] or field.name.replace("_", "-")
            yield Option(field.name, name, meta["kind"], meta["help"], title, field.default, meta["needs"])


OPTIONS = tuple(_table())
CONFIG = Option(
    "config", "config", FILE, "read options from a TOML file; its keys are the names of options", GROUPS[Running], None
)
SPOKEN = (*OPTIONS, CONFIG)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error: the nearest known word, if one is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f": did you mean {near[0]}?" if near else ""
