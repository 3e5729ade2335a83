"""The options that say where a directory is, and how people are named in it."""

from __future__ import annotations

import urllib.parse

import attrs

from conversehost.kinds import FLAG, TEXT, Kind
from conversehost.options.option import option

UID = "uid,sAMAccountName,mail=%u@%d,userPrincipalName=%u@%d"


def _server(text: str) -> str:
    try:
        parts = urllib.parse.urlsplit(text)
        is_one = parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_one = False
    if not is_one or parts.path not in ("", "/") or parts.query or "@" in parts.netloc:
        raise ValueError(f"wants a server, such as ldap://ldap.example or ldaps://ldap.example:636, not {text!r}")
    return text


def _name(text: str) -> str:
    if "=" not in text:
        raise ValueError(f"wants the name of an entry, such as ou=people,dc=example, not {text!r}")
    return text


def _template(text: str) -> str:
    if text.count("%u") != 1:
        raise ValueError(f"wants a name with %u in it, such as uid=%u,ou=people,dc=example, not {text!r}")
    return text


def _namings(text: str) -> str:
    from conversehost.options.naming import read_namings

    read_namings(text)
    return text


def _filter(text: str) -> str:
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError(f"wants a filter in brackets, such as (objectClass=person), not {text!r}")
    return text


SERVER = Kind("URL", _server)
NAME = Kind("DN", _name, separator=";")
TEMPLATE = Kind("DN", _template)
NAMINGS = Kind("LIST", _namings)
FILTER = Kind("FILTER", _filter)


@attrs.frozen(kw_only=True, slots=False)
class Ldap:
    """What `--auth ldap` needs to know."""

    ldap_server: str = option(
        "",
        SERVER,
        "--auth ldap asks this directory; ldap: with StartTLS, ldaps: with TLS from the first byte",
        needs="auth=ldap",
    )
    ldap_no_tls: bool = option(False, FLAG, "ldap: without StartTLS, to a directory on this machine", needs="auth=ldap")
    ldap_bases: tuple[str, ...] = option(
        (),
        NAME,
        "people are searched for below this entry; repeatable (in the environment with ; between them)",
        name="ldap-base",
        needs="auth=ldap",
    )
    ldap_user_dn: str = option(
        "",
        TEMPLATE,
        "or they log in by this name, without a search, such as uid=%u,ou=people,dc=example or %u@%d",
        needs="auth=ldap",
    )
    ldap_uid: str = option(
        UID, NAMINGS, "the attributes that name an account; one that fits is enough", needs="auth=ldap"
    )
    ldap_filter: str = option(
        "", FILTER, "what else their entries must match, such as (memberOf=cn=chat,dc=example)", needs="auth=ldap"
    )
    ldap_groups: str = option(
        "",
        FILTER,
        "such groups are shown in the rosters of their members, as (objectClass=groupOfNames)",
        needs="auth=ldap",
    )
    ldap_rootdn: str = option("", TEXT, "who searches; without it, nobody in particular", needs="auth=ldap")
    ldap_password: str = option("", TEXT, "and the password for that", needs="auth=ldap")
