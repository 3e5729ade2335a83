"""From command line, environment and TOML file to `Settings`: each wins over the next, and all over the defaults."""

from __future__ import annotations

import getopt
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from conversehost import punjab
from conversehost.errors import ConfigError
from conversehost.options import CONFIG, LOOPBACK, OPTIONS, SPOKEN, Option, Settings, did_you_mean
from conversehost.options.needs import check_needs

COMMANDS = "conversehost play, proxy-config, run and token are commands"


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings that a command line (without the program's name) and an environment ask for. Raises ConfigError."""
    values = from_environment(environment) | from_arguments(arguments)
    if path := values.pop(CONFIG.field, None):
        values = from_file(path) | values
    if "upstreams" in values and not values.keys() & {"domains", "scenario", "users", "only_upstream"}:
        values["only_upstream"] = True
    return _agree(Settings(**values))


def from_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Values by field. Raises ConfigError."""
    names = [option.name + ("" if option.is_flag else "=") for option in SPOKEN]
    try:
        found, rest = getopt.gnu_getopt(punjab.prepare(arguments), punjab.SHORT, [*names, *punjab.LONG])
    except getopt.GetoptError as error:
        raise ConfigError(_explain(error)) from None
    if rest:
        raise ConfigError(f"what is {rest[0]!r}? Every option starts with two hyphens; {COMMANDS}")
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
    """Values by field; an empty variable counts as none. Raises ConfigError."""
    return {
        option.field: _read(option, text.split(option.kind.separator) if option.is_list else [text], option.variable)
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
    settings = attrs.evolve(settings, c2s_tls_port=_direct_port(settings))
    _agree_on_ports(settings)
    check_needs(settings)
    if settings.no_starttls and settings.require_tls:
        raise ConfigError("--no-starttls and --require-tls contradict one another: choose one")
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
    _agree_on_logins(settings)
    _agree_on_tokens(settings)
    _agree_on_upstreams(settings)
    _agree_on_federation(settings)
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


def _agree_on_upstreams(settings: Settings) -> None:
    """Each domain is in one place."""
    named: set[str] = set()
    for domain, _ in settings.upstreams:
        if domain in settings.domains and not settings.only_upstream:
            raise ConfigError(f"--upstream {domain}=...: --domain says that it is here, choose one")
        if domain in named:
            raise ConfigError(f"--upstream {domain}=...: given twice, for different places")
        named.add(domain)
    if settings.only_upstream and not settings.upstreams:
        raise ConfigError("--only-upstream: there is none, give one with --upstream DOMAIN=xmpp://HOST:PORT")
    if settings.upstream_ca and settings.upstream_insecure:
        raise ConfigError("--upstream-ca and --upstream-insecure contradict one another: choose one")


def _agree_on_federation(settings: Settings) -> None:
    """Each domain is here or there."""
    if settings.s2s and settings.only_upstream:
        raise ConfigError("--s2s: no domain is served here that could speak to others, add --domain")
    named: set[str] = set()
    for domain, _ in settings.s2s:
        if domain in (*settings.domains, settings.guests):
            raise ConfigError(f"--s2s {domain}=...: that domain is here, leave it out")
        if domain in named:
            raise ConfigError(f"--s2s {domain}=...: given twice, for different places")
        named.add(domain)


def _agree_on_logins(settings: Settings) -> None:
    """Who is asked is there, and can be asked what clients send."""
    for domain, names in settings.auth:
        if domain and domain not in settings.domains:
            raise ConfigError(f"--auth {domain}=...: no such domain here, add --domain {domain}")
        others = [each for each in names if each != "accounts"]
        if others and "PLAIN" not in (settings.mechanisms or "PLAIN").split(","):
            takes = "takes any password" if others == ["any"] else "has to be sent the password"
            raise ConfigError(f"--auth {others[0]} {takes}, so PLAIN must be among --mechanisms")
        if settings.registration and others not in ([], ["any"]):
            raise ConfigError(f"--registration: with --auth {others[0]} accounts are made elsewhere, leave it out")
    asked = {name for _, names in settings.auth for name in names}
    for name, (option, value) in settings.places().items():
        if name in asked and not value:
            raise ConfigError(f"--auth {name}: where is that? Say so with --{option}")
    if "ldap" in asked:
        _agree_on_ldap(settings)
    if settings.http_auth_style == "basic" and settings.http_auth_credentials:
        raise ConfigError("--http-auth-credentials: with --http-auth-style basic each client's are sent, leave it out")


def _agree_on_ldap(settings: Settings) -> None:
    """There is a way to find people, and passwords go to this machine or over TLS."""
    if not (settings.ldap_bases or settings.ldap_user_dn):
        raise ConfigError("--auth ldap: where are people in it? Say so with --ldap-base, or with --ldap-user-dn")
    if bool(settings.ldap_rootdn) != bool(settings.ldap_password):
        raise ConfigError("--ldap-rootdn and --ldap-password belong together: give both")
    if settings.ldap_groups and not settings.ldap_bases:
        raise ConfigError("--ldap-groups: where are they? Say so with --ldap-base")
    parts = urlsplit(settings.ldap_server)
    if settings.ldap_no_tls and (parts.scheme != "ldap" or parts.hostname not in ("localhost", *LOOPBACK)):
        raise ConfigError("--ldap-no-tls is for ldap: and a directory on this machine, as in ldap://localhost")


def _agree_on_tokens(settings: Settings) -> None:
    """Half of something is nothing."""
    if bool(settings.token_secret) != bool(settings.otp_seed):
        raise ConfigError("--token-secret and --otp-seed belong together: give both")


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


def _direct_port(settings: Settings) -> int | None:
    """Where XMPP has TLS from the first byte. Who chose a port of his own for XMPP may have several servers: none."""
    if settings.no_starttls or settings.c2s_tls_port is not None:
        return settings.c2s_tls_port
    return {5222: 5223, 0: 0}.get(settings.c2s_port)


def _agree_on_ports(settings: Settings) -> None:
    ports = {"--port": settings.port, "--c2s-port": settings.c2s_port}
    if settings.c2s_tls_port is not None:
        ports["--c2s-tls-port"] = settings.c2s_tls_port
    if settings.component_secrets:
        ports["--component-port"] = settings.component_port
    if settings.tls or settings.tls_cert:
        ports["--https-port"] = settings.https_port
    if settings.s2s:
        ports["--s2s-port"] = settings.s2s_port
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if port:
            if first := taken.get(port):
                raise ConfigError(f"{first} and {name} are both {port}: give them different ones")
            taken[port] = name
