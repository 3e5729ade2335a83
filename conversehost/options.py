"""What the operator asked for: command line over environment over TOML file over defaults, as one frozen value.

`Settings` is the one table. Each of its fields says what the option is called, what it takes and what it means; the
command line, the environment variables, the keys of the file and the text of --help all follow from it.
"""

from __future__ import annotations

import dataclasses
import getopt
import socket
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from conversehost.xmpp.services import ExternalService

import attrs

from conversehost import punjab
from conversehost.errors import ConfigError
from conversehost.kinds import (
    ACCOUNT,
    ADDRESS,
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
    NETWORK,
    NEW_FILE,
    ORIGIN,
    PATH,
    PORT,
    SECRET,
    SERVER,
    SERVICE,
    TEXT,
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


@attrs.frozen(kw_only=True)
class Settings:
    """All options, checked. Times are whole seconds, `stanza_limit` is bytes, paths are absolute."""

    port: int = option(5280, PORT, LISTEN, "the site, BOSH and prebind; 0 picks a free port")
    c2s_port: int = option(5222, PORT, LISTEN, "XMPP over TCP; 0 picks a free port")
    component_port: int = option(5347, PORT, LISTEN, "where components connect, if there are any; 0 picks a free port")
    tls: bool = option(False, FLAG, LISTEN, "HTTPS too, with a certificate of a development authority that it makes")
    https_port: int = option(5281, PORT, LISTEN, "where it is, with --tls; 0 picks a free port")
    tls_cert: Path | None = option(
        None, FILE, LISTEN, "your own certificate (PEM, with its chain) in place of that one"
    )
    tls_key: Path | None = option(None, FILE, LISTEN, "its private key (PEM), where that is another file")
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
    scenario: Path | None = option(None, FILE, PEOPLE, "accounts and rosters, as TOML; without it the demo cast")
    registration: bool = option(False, FLAG, PEOPLE, "let anybody make an account")
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
        "leave out a part of the server, such as vcard; repeatable; docs/xeps.md has the names",
        name="disable",
    )
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
    resume_location: str = option(
        "", ENDPOINT, LIMITS, "where it should come back to, when not to the same address (XEP-0198)"
    )
    connections: int = option(
        10_000, whole_number(1, 1_000_000, "N"), LIMITS, "the most connections in all; open files may allow fewer"
    )
    connections_per_address: int = option(
        1_000, whole_number(1, 1_000_000, "N"), LIMITS, "and from one address; this machine's own are exempt"
    )
    stanza_limit: int = option(
        262_144, whole_number(10_000, 1 << 26, "BYTES"), LIMITS, "the largest stanza that is taken"
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
        "where that authority is kept; without it $XDG_STATE_HOME/conversehost or ~/.local/state/conversehost",
    )
    json: bool = option(False, FLAG, RUN, "print one line of JSON when ready, and nothing else; log to standard error")
    ready_file: Path | None = option(None, NEW_FILE, RUN, "write that line to a file, which is removed at the end")
    exit_with_stdin: bool = option(False, FLAG, RUN, "stop when standard input closes, as when a parent process ends")

    @property
    def guests(self) -> str:
        """The domain for them; "" for none."""
        if "anonymous" in self.disabled:
            return ""
        default = f"anon.{self.domains[0]}"
        return self.anonymous_domain or ("" if default in self.domains else default)

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


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings that a command line (without the program's name) and an environment ask for. Raises ConfigError."""
    values = from_environment(environment) | from_arguments(arguments)
    if path := values.pop(CONFIG.field, None):
        values = from_file(path) | values
    return _agree(Settings(**values))


def from_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Values by field. Raises ConfigError."""
    names = [option.name + ("" if option.is_flag else "=") for option in SPOKEN]
    try:
        found, rest = getopt.gnu_getopt(punjab.prepare(arguments), punjab.SHORT, [*names, *punjab.LONG])
    except getopt.GetoptError as error:
        raise ConfigError(_explain(error)) from None
    if rest:
        raise ConfigError(f"what is {rest[0]!r}? Every option starts with two hyphens")
    texts: dict[str, list[str]] = {}
    for given, value in found:
        for name, text in punjab.ours(given.lstrip("-"), value):
            texts.setdefault(name, []).append(text)
    return {
        option.field: True if option.is_flag else _read(option, texts[option.name], "--" + option.name)
        for option in SPOKEN
        if option.name in texts
    }


def _explain(error: getopt.GetoptError) -> str:
    if len(error.opt) == 1:
        return f"unknown option -{error.opt}: twistd's own options go before the word conversehost"
    name = "--" + error.opt
    if "not recognized" in error.msg:
        return f"unknown option {name}" + did_you_mean(name, ["--" + option.name for option in SPOKEN])
    if "requires argument" in error.msg:
        return f"{name} wants a value"
    if "must not have" in error.msg:
        return f"{name} takes no value"
    return f"{name} is short for more than one option: write it in full"


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Values by field; lists are separated by commas; an empty variable counts as none. Raises ConfigError."""
    return {
        option.field: _read(option, text.split(",") if option.is_list else [text], option.variable)
        for option in SPOKEN
        if (text := environment.get(option.variable, "").strip())
    }


def from_file(path: Path) -> dict[str, Any]:
    """Values by field. Relative paths in the file start at its folder. Raises ConfigError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: can't be read as TOML: {error}") from None
    known = {option.name: option for option in OPTIONS}
    values: dict[str, Any] = {}
    for key, value in content.items():
        option = known.get(key.replace("_", "-"))
        if option is None:
            raise ConfigError(f"{path}: unknown key {key!r}" + did_you_mean(key.replace("_", "-"), known))
        if option.field in values:
            raise ConfigError(f"{path}: {option.name} is there twice, with - and with _: keep one")
        values[option.field] = _read(option, _texts(option, value, path), f"{path}: {key}")
    return values


def _texts(option: Option, value: object, path: Path) -> list[str]:
    """What the file says, as one would have typed it."""
    several: list[Any] = value if option.is_list and isinstance(value, list) else [value]
    for one in several:
        if type(one) is not option.kind.native:
            wanted = {int: "a whole number", bool: "true or false", str: "text in quotes"}[option.kind.native]
            raise ConfigError(f"{path}: {option.name}: wants {wanted}" + (" or a list of it" if option.is_list else ""))
    base = path.parent if option.kind.is_path else Path()
    return [str(base / Path(one).expanduser()) if option.kind.is_path else str(one) for one in several]


def _read(option: Option, texts: Iterable[str], where: str) -> Any:
    try:
        values = [option.kind.read(text.strip()) for text in texts]
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    return tuple(dict.fromkeys(values)) if option.is_list else values[-1]


def _agree(settings: Settings) -> Settings:
    """What no option can know alone; accounts get the domain they are in."""
    _agree_on_ports(settings)
    if settings.tls_key and not settings.tls_cert:
        raise ConfigError("--tls-key is for a certificate of your own: give that with --tls-cert FILE")
    if settings.proxy and settings.site:
        raise ConfigError("--proxy and --site both say what is at /: choose one")
    if settings.proxy and _is_here(settings, settings.proxy):
        raise ConfigError(f"--proxy {settings.proxy} is this server itself: give it another port, or the site's URL")
    if not settings.domains:
        raise ConfigError("no domain: give one with --domain")
    if settings.anonymous_domain in settings.domains:
        raise ConfigError(
            f"--anonymous-domain {settings.anonymous_domain}: that domain is for accounts, choose another"
        )
    if not settings.interfaces:
        raise ConfigError("no address to listen on: give one with --interface")
    _agree_on_components(settings)
    admins = tuple(_full_address(settings, each, "--admin") for each in settings.admins)
    users: dict[str, str] = {}
    for name, password in settings.users:
        account = _full_address(settings, name, "--user")
        if users.setdefault(account, password) != password:
            raise ConfigError(f"--user {account}: given twice with different passwords")
    bots = tuple((_full_address(settings, name, "--bot"), spec) for name, spec in settings.bots)
    tls = settings.tls or settings.tls_cert is not None
    return attrs.evolve(settings, users=tuple(users.items()), admins=admins, bots=bots, tls=tls)


def _agree_on_components(settings: Settings) -> None:
    """Each domain has one to serve it."""
    served = dict.fromkeys((*settings.domains, settings.guests), "is a domain for accounts")
    for name, values in (("--component", settings.components), ("--component-secret", settings.component_secrets)):
        for domain, _ in values:
            if domain in served:
                raise ConfigError(f"{name} {domain}: {served[domain]}, choose another")
            served[domain] = "is another component's"


def _full_address(settings: Settings, name: str, flag: str) -> str:
    """Of an account that is to be of a domain here. Raises ConfigError."""
    from conversehost.xmpp.jid import parse_account

    account = parse_account(name, settings.domains[0])
    if account.domain not in settings.domains:
        raise ConfigError(f"{flag} {account}: no such domain here, add --domain {account.domain}")
    return account.full


def _is_here(settings: Settings, url: str) -> bool:
    """Whether a URL is this server's own, as far as it says so: its requests would go round and round."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return port in (settings.port, settings.https_port) and parts.hostname in (
        "localhost",
        *LOOPBACK,
        *settings.interfaces,
    )


def _agree_on_ports(settings: Settings) -> None:
    ports = {"--port": settings.port, "--c2s-port": settings.c2s_port}
    if settings.component_secrets:
        ports["--component-port"] = settings.component_port
    if settings.tls or settings.tls_cert:
        ports["--https-port"] = settings.https_port
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if port:
            if first := taken.get(port):
                raise ConfigError(f"{first} and {name} are both {port}: give them different ones")
            taken[port] = name


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error: the nearest known word, if one is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f": did you mean {near[0]}?" if near else ""
