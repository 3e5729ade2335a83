"""What the operator can ask for, as one frozen value; `conversehost.loading` reads it.

`Settings` is the one table. Each of its fields says what the option is called, what it takes and what it means; the
command line, the environment variables, the keys of the file and the text of --help all follow from it.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from conversehost.xmpp.places import Place
    from conversehost.xmpp.services import ExternalService

import attrs

from conversehost.kinds import (
    ACCOUNT,
    ADDRESS,
    ASK,
    AUTH,
    BOSH_PATH,
    BOT,
    COMPONENT,
    CONTACT,
    DOMAIN,
    DOMAINS,
    ENDPOINT,
    FEATURE,
    FILE,
    FLAG,
    FOLDER,
    FUNCTION,
    HEADER,
    KEYS_URL,
    MECHANISMS,
    NETWORK,
    NEW_FILE,
    ORIGIN,
    PATH,
    PORT,
    SECRET,
    SEED,
    SERVER,
    SERVICE,
    SHARED_SECRET,
    TEXT,
    TOKEN_KEY,
    UPSTREAM,
    USER,
    Kind,
    one_of,
    whole_number,
)

T = TypeVar("T")
LOOPBACK = ("127.0.0.1", "::1")
LOCAL = ("127.0.0.0/8", "::1/128")
PREFIX = "CONVERSEHOST_"


@dataclass(frozen=True, slots=True)
class Sockets:
    """What listens already when the parts are put together."""

    http: list[socket.socket]
    c2s: list[socket.socket]
    https: list[socket.socket]
    component: list[socket.socket] = dataclasses.field(default_factory=list)
    c2s_tls: list[socket.socket] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `field` is where it is found in `Settings`, `name` is what people type after the two hyphens."""

    field: str
    name: str
    kind: Kind
    help: str
    group: str
    default: Any

    @property
    def is_flag(self) -> bool:
        """It takes no value on the command line."""
        return self.kind.native is bool

    @property
    def is_list(self) -> bool:
        """It can be given several times."""
        return isinstance(self.default, tuple)

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.replace("-", "_").upper()


def option(default: T, kind: Kind, group: str, text: str, *, name: str = "") -> T:
    """A field of `Settings`; typed as its value, as attrs itself does it."""
    made: T = attrs.field(default=default, metadata={"kind": kind, "group": group, "help": text, "name": name})
    return made


def seconds(default: int, low: int, high: int, text: str) -> int:
    """A ceiling for something that BOSH counts in seconds."""
    return option(default, whole_number(low, high, "SECONDS"), LIMITS, text)


LISTEN, PEOPLE, LIMITS, RUN = "Where it listens", "Who is there", "Limits", "How it runs"
SINGLE = "Single sessions: one login for site and chat (docs/single-sessions.md)"
TOKENS = "Tokens for passwords (docs/tokens.md)"
BEYOND = "In front of other XMPP servers"


@attrs.frozen(kw_only=True)
class Settings:
    """All options, checked. Times are whole seconds, `stanza_limit` is bytes, paths are absolute."""

    port: int = option(5280, PORT, LISTEN, "the site, BOSH and prebind; 0 picks a free port")
    c2s_port: int = option(5222, PORT, LISTEN, "XMPP over TCP, with STARTTLS; 0 picks a free port")
    c2s_tls_port: int | None = option(
        None,
        PORT,
        LISTEN,
        "XMPP over TLS from the first byte (by default 5223; free where --c2s-port is 0, none where it is another)",
    )
    component_port: int = option(5347, PORT, LISTEN, "where components connect, if there are any; 0 picks a free port")
    tls: bool = option(False, FLAG, LISTEN, "HTTPS too, with a certificate of a development authority that it makes")
    https_port: int = option(5281, PORT, LISTEN, "where it is, with --tls; 0 picks a free port")
    tls_cert: Path | None = option(
        None, FILE, LISTEN, "your own certificate (PEM, with its chain) in place of that one"
    )
    tls_key: Path | None = option(None, FILE, LISTEN, "its private key (PEM), where that is another file")
    client_ca: Path | None = option(
        None, FILE, LISTEN, "whose certificates (PEM) say who a client is, in place of the development authority's"
    )
    no_starttls: bool = option(
        False, FLAG, LISTEN, "no TLS for XMPP over TCP, for clients that can't trust a certificate"
    )
    require_tls: bool = option(False, FLAG, LISTEN, "no login without TLS, over any transport")
    interfaces: tuple[str, ...] = option(
        LOOPBACK, ADDRESS, LISTEN, "an address to listen on; repeatable", name="interface"
    )
    bosh_paths: tuple[str, ...] = option(
        (), BOSH_PATH, LISTEN, "a path for BOSH, beside /http-bind and /bosh; repeatable", name="bosh-path"
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        DOMAIN,
        LISTEN,
        "another host name that browsers may reach it by; repeatable",
        name="allowed-host",
    )
    allowed_origins: tuple[str, ...] = option(
        ("*",),
        ORIGIN,
        LISTEN,
        "a site whose pages may use BOSH here, such as https://www.example; * are all; repeatable",
        name="allow-origin",
    )
    trusted_proxies: tuple[str, ...] = option(
        LOCAL,
        NETWORK,
        LISTEN,
        "a proxy, or a network of them, whose word counts on who is beyond it; repeatable",
        name="trusted-proxy",
    )
    domains: tuple[str, ...] = option(
        ("localhost",), DOMAIN, PEOPLE, "an XMPP domain; repeatable, the first is the site's", name="domain"
    )
    allowed_domains: tuple[str, ...] = option(
        (),
        DOMAINS,
        PEOPLE,
        "BOSH and WebSocket only for this domain; .NAME: and those below; repeatable",
        name="allow-domain",
    )
    denied_domains: tuple[str, ...] = option(
        (), DOMAINS, PEOPLE, "no BOSH and WebSocket for this domain; as above", name="deny-domain"
    )
    anonymous_domain: str = option(
        "",
        DOMAIN,
        PEOPLE,
        "the domain for guests, who need no password; by default anon. and the first domain; --disable anonymous: none",
    )
    users: tuple[tuple[str, str], ...] = option(
        (), USER, PEOPLE, "one more account; NAME may be a JID; repeatable", name="user"
    )
    scenario: Path | None = option(
        None, FILE, PEOPLE, "accounts, rosters and all else, as TOML or XEP-0227; without it the demo cast"
    )
    auth: tuple[tuple[str, tuple[str, ...]], ...] = option(
        (),
        AUTH,
        PEOPLE,
        "who says who may log in, in order, such as accounts,any (everybody, with any password); repeatable, for one"
        " DOMAIN each; without it accounts; see docs/authentication.md",
    )
    mechanisms: str = option(
        "", MECHANISMS, PEOPLE, "ways to log in, in order, such as SCRAM-SHA-256,PLAIN; without it all that are safe"
    )
    plain_anywhere: bool = option(
        False, FLAG, PEOPLE, "take passwords without TLS from other machines too, as from this one"
    )
    registration: bool = option(False, FLAG, PEOPLE, "let anybody make an account")
    inviters: str = option(
        "admins",
        one_of("nobody", "admins", "everybody"),
        PEOPLE,
        "who may invite people who have no account here to make one (XEP-0401)",
    )
    welcome: str = option("", TEXT, PEOPLE, "what somebody who has registered is told at the first login")
    admins: tuple[str, ...] = option(
        (),
        ACCOUNT,
        PEOPLE,
        "who may administer the server, by ad-hoc commands; repeatable; by default accounts called admin",
        name="admin",
    )
    contacts: tuple[tuple[str, str], ...] = option(
        (),
        CONTACT,
        PEOPLE,
        "whom to write to, such as abuse=mailto:me@chat.example; repeatable",
        name="contact",
    )
    components: tuple[tuple[str, str], ...] = option(
        (),
        COMPONENT,
        PEOPLE,
        "a domain served by a wokkel handler of yours, in this process; repeatable",
        name="component",
    )
    bots: tuple[tuple[str, str], ...] = option(
        (), BOT, PEOPLE, "an account that is such a handler; repeatable", name="bot"
    )
    oauth: str = option(
        "",
        FUNCTION,
        PEOPLE,
        "take OAuth tokens: this function of yours says whose they are; see docs/tokens.md",
    )
    token_keys: tuple[tuple[str, str], ...] = option(
        (), TOKEN_KEY, TOKENS, "a key for signed tokens, and its name; repeatable, the first signs", name="token-key"
    )
    token_key_file: Path | None = option(None, FILE, TOKENS, "such keys, one KID:KEY a line, before those above")
    token_audience: str = option("xmpp", TEXT, TOKENS, "whom signed tokens must be for")
    token_lifetime: int = option(
        3_600, whole_number(1, 31_536_000, "SECONDS"), TOKENS, "the longest that a signed token may live"
    )
    token_secret: str = option("", TEXT, TOKENS, "take tokens as Prosody's mod_auth_token does: its token_secret")
    otp_seed: str = option("", SEED, TOKENS, "and its otp_seed")
    jwt_keys: tuple[Path, ...] = option(
        (), FILE, TOKENS, "take JWTs: a JWK set, a public key in PEM or a secret; repeatable", name="jwt-key"
    )
    jwt_keys_url: str = option("", KEYS_URL, TOKENS, "or a JWK set from there, fetched anew each hour")
    jwt_audience: str = option("", TEXT, TOKENS, "whom JWTs must be for; without it, nobody in particular")
    jwt_issuer: str = option("", TEXT, TOKENS, "who must have made them; without it, whoever has the keys")
    jwt_claim: str = option("jid", TEXT, TOKENS, "the claim that names the account, or its address")
    prebind_trust_header: str = option(
        "", HEADER, SINGLE, "a --trusted-proxy says in this field who is logged in, such as X-Remote-User"
    )
    prebind_ask: str = option(
        "", ASK, SINGLE, "ask this page of your site whose the browser's cookies are: 200 and a name, or 401"
    )
    prebind_secret: str = option(
        "", SHARED_SECRET, SINGLE, "your back end may POST /prebind for anybody, with this secret"
    )
    prebind_secret_file: Path | None = option(None, FILE, SINGLE, "that secret, from a file")
    prebind_create: bool = option(False, FLAG, SINGLE, "make accounts for those who are named so and have none")
    prebind_presence: bool = option(False, FLAG, SINGLE, "sessions made by prebind are present at once")
    component_secrets: tuple[tuple[str, str], ...] = option(
        (),
        SECRET,
        PEOPLE,
        "a domain served by a program of its own, which connects with that secret (XEP-0114); repeatable",
        name="component-secret",
    )
    external_services: tuple[ExternalService, ...] = option(
        (),
        SERVICE,
        RUN,
        "a STUN or TURN server that clients are told of, such as stun:HOST or turn:HOST:3478?secret=SECRET; repeatable",
        name="external-service",
    )
    disabled: tuple[str, ...] = option(
        (),
        FEATURE,
        RUN,
        "leave out a part of the server, such as vcard; repeatable; a wrong name is told all of them",
        name="disable",
    )
    upstreams: tuple[tuple[str, Place], ...] = option(
        (),
        UPSTREAM,
        BEYOND,
        "a domain whose server is elsewhere, such as chat.example=xmpp://host:5222, xmpps://host:5223 or srv (by DNS);"
        " * are all others; repeatable; see docs/connection-manager.md",
        name="upstream",
    )
    only_upstream: bool = option(
        False, FLAG, BEYOND, "no domain is served here; so too where there is --upstream, and no --domain"
    )
    upstream_ca: Path | None = option(
        None,
        FILE,
        BEYOND,
        "whose certificates (PEM) they may have, in place of the authorities that this machine knows",
    )
    upstream_insecure: bool = option(False, FLAG, BEYOND, "take any certificate of theirs, or none: for tests")
    upstream_allow: tuple[str, ...] = option(
        (), NETWORK, BEYOND, "servers of --upstream '*' may be at this address or network, and no other; repeatable"
    )
    upstream_deny: tuple[str, ...] = option(
        (), NETWORK, BEYOND, "no server may be at this address or network; repeatable"
    )
    upstream_allow_private: bool = option(
        False, FLAG, BEYOND, "those of --upstream '*' may be at addresses that aren't public, too"
    )
    upstream_route: bool = option(
        False, FLAG, BEYOND, "BOSH clients may say by route where their server is, as if it were found by DNS"
    )
    upstream_keep_alive: int = option(
        60, whole_number(1, 86_400, "SECONDS"), BEYOND, "a server to which nothing was said for so long is sent a space"
    )
    resolver: str = option("", ENDPOINT, BEYOND, "the DNS server to ask, in place of the machine's own")
    bosh_wait: int = seconds(120, 1, 3600, "the longest that a request is held")
    bosh_hold: int = option(10, whole_number(1, 100, "N"), LIMITS, "the most requests held for a session")
    bosh_inactivity: int = seconds(60, 1, 86_400, "the longest that a session lives without a request")
    bosh_polling: int = seconds(5, 1, 600, "the shortest time between requests of a client that polls")
    bosh_maxpause: int = seconds(120, 1, 86_400, "the longest pause that a client may ask for")
    bosh_streams: int = option(
        8, whole_number(1, 100, "N"), LIMITS, "the most streams in a BOSH session; 1 hides that there can be several"
    )
    bosh_script: bool = option(False, FLAG, LIMITS, "take BOSH in GET requests too, for pages of old (XEP-0252, JSONP)")
    no_bosh_reason: bool = option(False, FLAG, LIMITS, "leave out X-BOSH-Reason, in which BOSH errors say why")
    websocket_ping_interval: int = seconds(60, 1, 86_400, "a silent WebSocket client is pinged after this")
    websocket_timeout: int = seconds(300, 1, 86_400, "and given up after this")
    websocket_queue: int = option(
        1_048_576, whole_number(10_000, 1 << 30, "BYTES"), LIMITS, "what may wait for a WebSocket client that is slow"
    )
    websocket_deflate: bool = option(False, FLAG, LIMITS, "compress WebSocket messages, where the client offers it")
    resource_conflict: str = option(
        "replace",
        one_of("replace", "refuse", "new"),
        LIMITS,
        "when a client wants a resource that another has: that one goes, it is refused, or gets a new one",
    )
    resume_time: int = option(
        300, whole_number(0, 86_400, "SECONDS"), LIMITS, "how long a session waits for a client whose connection broke"
    )
    archive_limit: int = option(
        100_000, whole_number(1, 10_000_000, "N"), LIMITS, "messages kept in an account's archive; the oldest go first"
    )
    archive_default: str = option(
        "always",
        one_of("always", "roster", "never"),
        LIMITS,
        "whose messages are archived, unless an account says otherwise (XEP-0441)",
    )
    resume_location: str = option(
        "", ENDPOINT, LIMITS, "where it should come back to, when not to the same address (XEP-0198)"
    )
    login_timeout: int = seconds(120, 1, 86_400, "how long a client may take to log in")
    login_room: int = option(
        2_000, whole_number(1, 1_000_000, "N"), LIMITS, "the most clients at that, a tenth of them from one address"
    )
    login_failures: int = option(
        30,
        whole_number(1, 1_000_000, "N"),
        LIMITS,
        "failed logins a minute from one address; from this machine 100 times as many",
    )
    c2s_keep_alive: int = seconds(60, 1, 86_400, "a silent TCP client is sent a space after this")
    c2s_timeout: int = seconds(86_400, 1, 1_000_000, "and one that says nothing must go after this")
    connections: int = option(
        10_000, whole_number(1, 1_000_000, "N"), LIMITS, "the most connections in all; open files may allow fewer"
    )
    connections_per_address: int = option(
        1_000, whole_number(1, 1_000_000, "N"), LIMITS, "and from one address; this machine's own are exempt"
    )
    stanza_limit: int = option(
        262_144, whole_number(10_000, 1 << 26, "BYTES"), LIMITS, "the largest stanza that is taken"
    )
    upload_limit: int = option(10_000_000, whole_number(1, 1 << 40, "BYTES"), LIMITS, "the largest file that is taken")
    upload_quota: int = option(100_000_000, whole_number(1, 1 << 50, "BYTES"), LIMITS, "all files of an account")
    upload_space: int = option(1_000_000_000, whole_number(1, 1 << 50, "BYTES"), LIMITS, "all files there are")
    upload_time: int = seconds(86_400, 1, 1_000_000_000, "how long a file is kept")
    upload_url: str = option(
        "", SERVER, RUN, "how clients reach this server by HTTP, for the URLs of files, where that can't be seen"
    )
    converse: Path | None = option(None, FOLDER, RUN, "a Converse.js of your own: its package or its dist folder")
    site: Path | None = option(
        None, FOLDER, RUN, "a site of your own: this folder's files at /, beside login, prebind and BOSH"
    )
    proxy: str = option(
        "", SERVER, RUN, "pass all but chat on to the site at this URL, such as http://localhost:8000; not with --site"
    )
    log_level: str = option("info", one_of("debug", "info", "warn", "error"), RUN, "what is worth a line in the log")
    see_other: str = option("", SERVER, RUN, "send BOSH and WebSocket clients to the server at another URL instead")
    state_dir: Path | None = option(
        None,
        PATH,
        RUN,
        "where authority and tokens are kept; without it $XDG_STATE_HOME/conversehost or ~/.local/state/conversehost",
    )
    api_token_file: Path | None = option(
        None,
        FILE,
        RUN,
        "the control API's token for other machines is in this file; without it a new one in the state folder",
    )
    no_traffic: bool = option(
        False, FLAG, RUN, "don't keep what clients and the server say, which tests may ask for: a little faster"
    )
    json: bool = option(False, FLAG, RUN, "print one line of JSON when ready, and nothing else; log to standard error")
    ready_file: Path | None = option(None, NEW_FILE, RUN, "write that line to a file, which is removed at the end")
    save_on_exit: Path | None = option(
        None, NEW_FILE, RUN, "write all data to a file when it stops, which --scenario reads"
    )
    exit_with_stdin: bool = option(False, FLAG, RUN, "stop when standard input closes, as when a parent process ends")

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

    def back_ends(self, domain: str) -> tuple[str, ...]:
        """Who says who may log in there, in order."""
        chosen = dict(self.auth)
        return chosen.get(domain) or chosen.get("") or ("accounts",)

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
    for field in attrs.fields(Settings):
        meta = field.metadata
        name = meta["name"] or field.name.replace("_", "-")
        yield Option(field.name, name, meta["kind"], meta["help"], meta["group"], field.default)


OPTIONS = tuple(_table())
CONFIG = Option("config", "config", FILE, "read options from a TOML file; its keys are the names above", RUN, None)
SPOKEN = (*OPTIONS, CONFIG)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error: the nearest known word, if one is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f": did you mean {near[0]}?" if near else ""
