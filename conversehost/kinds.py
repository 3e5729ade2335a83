"""What options take: how a value is read from text, and what is wrong with text that isn't one."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conversehost.xmpp.places import Place
    from conversehost.xmpp.services import ExternalService


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option takes. `read` makes the value from text, or raises ValueError with the reason.

    `separator`: what stands between several values in an environment variable.
    """

    metavar: str
    read: Callable[[str], Any]
    native: type = str
    is_path: bool = False
    separator: str = ","


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,64}", text, re.ASCII):
        raise ValueError(f"wants a name of letters, digits, - _ and ., not {text!r}")
    return text


def whole_number(low: int, high: int, metavar: str) -> Kind:
    """A whole number within limits, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
            raise ValueError(f"wants a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return Kind(metavar, read, native=int)


def one_of(*words: str) -> Kind:
    """One of some words."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"wants one of {', '.join(words)}, not {text!r}")
        return text.lower()

    return Kind("|".join(words), read)


BACK_ENDS = ("accounts", "any", "extauth", "http", "ldap", "token")
"""Who may say who somebody is."""


def _auth(text: str) -> tuple[str, tuple[str, ...]]:
    """A domain, "" for all that aren't named, and its back ends, in order."""
    domain, _, listed = text.rpartition("=")
    names = tuple(each.strip().lower() for each in listed.split(","))
    for name in names:
        if name not in BACK_ENDS:
            raise ValueError(f"wants some of {', '.join(BACK_ENDS)}, with commas between them, not {name!r}")
    if "any" in names[:-1]:
        raise ValueError("any lets everybody in, so nobody is asked after it: put it last")
    return _domain(domain) if domain else "", tuple(dict.fromkeys(names))


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"wants true or false, not {text!r}")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise ValueError(f"wants an IP address, such as 127.0.0.1, ::1 or 0.0.0.0, not {text!r}") from None


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"wants an address or a network, such as 192.0.2.1 or 10.0.0.0/8, not {text!r}") from None


def _domain(text: str) -> str:
    from conversehost.xmpp.jid import JIDError, prepare_domain

    try:
        return prepare_domain(text)
    except JIDError:
        raise ValueError(f"wants a name such as chat.example (no address of a page, no port), not {text!r}") from None


def _origin(text: str) -> str:
    """As browsers write it: in lower case, with the name's ASCII form, without the scheme's own port or a path."""
    lower = text.lower().removesuffix("/")
    if lower in ("*", "null"):
        return lower
    try:
        parts = urllib.parse.urlsplit(lower)
        if not parts.scheme or not parts.hostname or lower != f"{parts.scheme}://{parts.netloc}":
            raise ValueError
        if "@" in parts.netloc or parts.netloc.endswith(":"):
            raise ValueError
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        own = {"http": 80, "https": 443}.get(parts.scheme)
        port = f":{parts.port}" if parts.port not in (None, own) else ""
    except ValueError:
        raise ValueError(f"wants scheme, name and port, such as https://www.example:8443, or *, not {text!r}") from None
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _server(text: str) -> str:
    """The URL of another server: its origin."""
    with suppress(ValueError):
        origin = _origin(text)
        if origin.startswith(("http://", "https://")):
            return origin
    raise ValueError(f"wants the URL of a server, without a path, such as https://chat.example:5281, not {text!r}")


def _bosh_path(text: str) -> str:
    path = "/" + text.strip("/")
    if not re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII):
        raise ValueError(f"wants a path such as /http-bind, of letters, digits and . _ ~ -, not {text!r}")
    return path


def _domains(text: str) -> str:
    """A domain; with a leading dot also all that are below."""
    below = text.startswith((".", "*."))
    return ("." if below else "") + _domain(text.lstrip("*").removeprefix("."))


def _endpoint(text: str) -> str:
    """RFC 6120 section 4.9.3.19 has IPv6 addresses in brackets."""
    try:
        parts = urllib.parse.urlsplit("//" + text)
        if parts.hostname and parts.port and parts.netloc == text and not parts.path and "@" not in text:
            return text
    except ValueError:
        pass
    raise ValueError(f"wants a host and a port, such as chat.example:5222 or [::1]:5222, not {text!r}")


def _feature(text: str) -> str:
    return text.lower().replace("_", "-")


def _user(text: str) -> tuple[str, str]:
    """Never tells the text in an error: it may be a password."""
    from conversehost.xmpp.jid import JIDError, parse, prepare_local

    name, _, password = text.partition(":")
    if not (name and password):
        raise ValueError("wants NAME:PASSWORD")
    try:
        jid = parse(name) if "@" in name else None
        account = jid.bare if jid else prepare_local(name)
    except JIDError as error:
        raise ValueError(f"{name!r} is no name for an account ({error})") from None
    if jid and jid.resource:
        raise ValueError(f"wants an account, not {name!r} with a resource")
    return account, password


def _account(text: str) -> str:
    from conversehost.xmpp.jid import JIDError, parse_account

    try:
        parse_account(text, "localhost")
    except JIDError as error:
        raise ValueError(f"wants an account, such as admin or admin@chat.example, not {text!r} ({error})") from None
    return text


def _contact(text: str) -> tuple[str, str]:
    kind, equals, uri = text.partition("=")
    if kind not in CONTACT_KINDS or not equals or not re.match(r"[a-z][a-z0-9+.-]*:\S", uri):
        raise ValueError(
            f"wants one of {', '.join(CONTACT_KINDS)}, = and a URI, such as abuse=mailto:me@chat.example, not {text!r}"
        )
    return kind, uri


def _service(text: str) -> ExternalService:
    from conversehost.xmpp.services import read_service

    return read_service(text)


def _upstream(text: str) -> tuple[str, Place]:
    from conversehost.xmpp.places import read_upstream

    return read_upstream(text)


def _federated(text: str) -> tuple[str, Place]:
    from conversehost.xmpp.places import read_federated

    return read_federated(text)


def _component(text: str) -> tuple[str, str]:
    domain, spec = _handler(text, "NAME=MODULE:CLASS, such as echo.localhost=mine.echo:Echo")
    return _domain(domain), spec


def _bot(text: str) -> tuple[str, str]:
    account, spec = _handler(text, "JID=MODULE:CLASS, such as echo@localhost=mine.echo:Echo")
    return _account(account), spec


def _handler(text: str, wanted: str) -> tuple[str, str]:
    name, _, spec = text.partition("=")
    if not name or not re.fullmatch(r"\w+(\.\w+)*:\w+", spec):
        raise ValueError(f"wants {wanted}, not {text!r}")
    return name, spec


def _function(text: str) -> str:
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", text):
        raise ValueError(f"wants MODULE:FUNCTION, such as mine.login:verify, not {text!r}")
    return text


def _secret(text: str) -> tuple[str, str]:
    """Never tells the text in an error: it has a secret."""
    domain, _, secret = text.partition(":")
    if not (domain and secret):
        raise ValueError("wants NAME:SECRET, such as echo.localhost:secret")
    return _domain(domain), secret


def _token_key(text: str) -> tuple[str, str]:
    """Never tells the text in an error: it has a secret."""
    kid, _, key = text.partition(":")
    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", kid) or len(key) < SHORTEST_KEY:
        raise ValueError(
            f"wants KID:KEY, a name of letters and digits and a secret of at least {SHORTEST_KEY} characters"
        )
    return kid, key


def _seed(text: str) -> str:
    """Never tells the text, neither."""
    if not re.fullmatch("[A-Za-z2-7]{16,}=*", text):
        raise ValueError("wants the seed in base32, at least 16 characters of A to Z and 2 to 7")
    return text


def _shared_secret(text: str) -> str:
    """Never tells the text, neither."""
    if len(text) < SHORTEST_SHARED or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(f"wants at least {SHORTEST_SHARED} letters, digits and signs, without spaces")
    return text


def _header(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9-]{1,64}", text):
        raise ValueError(f"wants the name of a header field, such as X-Remote-User, not {text!r}")
    if text.lower() in ("authorization", "cookie", "host", "origin"):
        raise ValueError(f"wants a field that only a proxy sets, such as X-Remote-User, not {text!r}")
    return text


def _keys_url(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")):
        return text
    raise ValueError(f"wants a URL with https, such as https://www.example/keys.json, not {text!r}")


def _ask(text: str) -> str:
    """Cookies go there; over plain HTTP too, since that is how sites are reached on one machine or in one network."""
    try:
        parts = urllib.parse.urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        good = (
            good
            and text.isascii()
            and text.isprintable()
            and " " not in text
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        good = False
    if not good or not parts.path:
        raise ValueError(f"wants the URL of a page, such as http://localhost:8000/whoami, not {text!r}")
    return text


def _file(text: str) -> Path:
    path = _path(text)
    if not path.is_file():
        raise ValueError(f"{text!r} is not a file that is there")
    return path


def _folder(text: str) -> Path:
    path = _path(text)
    if not path.is_dir():
        raise ValueError(f"{text!r} is not a folder that is there")
    return path


def _new_file(text: str) -> Path:
    path = _path(text)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"{text!r} can't be written: choose a file in a folder that is there and yours")
    return path


def _path(text: str) -> Path:
    """Absolute: the process may change its folder later."""
    return Path(text).expanduser().absolute()


SHORTEST_KEY = 32
"""Characters of a secret that signs tokens."""
SHORTEST_SHARED = 16
"""Characters of a secret that a site and this server share."""
CONTACT_KINDS = ("abuse", "admin", "feedback", "sales", "security", "status", "support")
"""Whom XEP-0157 knows."""


def _mechanisms(text: str) -> str:
    """Names with commas between them."""
    from conversehost.xmpp import sasl

    known = sasl.MECHANISMS
    names = [each.strip().upper() for each in text.split(",")]
    for name in names:
        if name not in known:
            raise ValueError(f"there is no mechanism {name!r}: the names are {', '.join(known)}")
    return ",".join(dict.fromkeys(names))


PORT = whole_number(0, 65535, "PORT")
NAME = Kind("NAME", _name)
FLAG = Kind("", _flag, native=bool)
AUTH = Kind("[DOMAIN=]LIST", _auth, separator=" ")
ADDRESS = Kind("ADDRESS", _address)
MECHANISMS = Kind("LIST", _mechanisms)
NETWORK = Kind("ADDRESS", _network)
DOMAIN = Kind("NAME", _domain)
DOMAINS = Kind("NAME", _domains)
BOSH_PATH = Kind("PATH", _bosh_path)
ORIGIN = Kind("ORIGIN", _origin)
SERVER = Kind("URL", _server)
ENDPOINT = Kind("HOST:PORT", _endpoint)
FEATURE = Kind("FEATURE", _feature)
USER = Kind("NAME:PASSWORD", _user)
ACCOUNT = Kind("JID", _account)
CONTACT = Kind("KIND=URI", _contact)
SERVICE = Kind("TYPE:HOST", _service)
UPSTREAM = Kind("DOMAIN=PLACE", _upstream)
FEDERATED = Kind("DOMAIN=HOST:PORT", _federated)
FUNCTION = Kind("MODULE:FUNCTION", _function)
COMPONENT = Kind("NAME=MODULE:CLASS", _component)
BOT = Kind("JID=MODULE:CLASS", _bot)
SECRET = Kind("NAME:SECRET", _secret)
TOKEN_KEY = Kind("KID:KEY", _token_key)
SEED = Kind("BASE32", _seed)
KEYS_URL = Kind("URL", _keys_url)
SHARED_SECRET = Kind("SECRET", _shared_secret)
HEADER = Kind("HEADER", _header)
ASK = Kind("URL", _ask)
TEXT = Kind("TEXT", str)
FILE = Kind("FILE", _file, is_path=True)
FOLDER = Kind("DIR", _folder, is_path=True)
PATH = Kind("DIR", _path, is_path=True)
NEW_FILE = Kind("FILE", _new_file, is_path=True)
