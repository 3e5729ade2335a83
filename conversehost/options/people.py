"""The options that say who is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from conversehost.kinds import (
    ACCOUNT,
    AUTH,
    BOT,
    COMPONENT,
    CONTACT,
    DOMAIN,
    DOMAINS,
    FEDERATED,
    FILE,
    FLAG,
    FUNCTION,
    MECHANISMS,
    SECRET,
    TEXT,
    USER,
    one_of,
)
from conversehost.options.option import option

if TYPE_CHECKING:
    from conversehost.xmpp.places import Place


@attrs.frozen(kw_only=True, slots=False)
class People:
    """Domains, accounts, and how somebody logs in."""

    domains: tuple[str, ...] = option(
        ("localhost",), DOMAIN, "an XMPP domain; repeatable, the first is the site's", name="domain"
    )
    allowed_domains: tuple[str, ...] = option(
        (),
        DOMAINS,
        "BOSH and WebSocket only for this domain; .NAME: and those below; repeatable",
        name="allow-domain",
    )
    denied_domains: tuple[str, ...] = option(
        (), DOMAINS, "no BOSH and WebSocket for this domain; as above", name="deny-domain"
    )
    anonymous_domain: str = option(
        "",
        DOMAIN,
        "the domain for guests, who need no password; by default anon. and the first domain; --disable anonymous: none",
    )
    users: tuple[tuple[str, str], ...] = option(
        (), USER, "one more account; NAME may be a JID; repeatable", name="user"
    )
    scenario: Path | None = option(
        None, FILE, "accounts, rosters and all else, as TOML or XEP-0227; without it the demo cast"
    )
    auth: tuple[tuple[str, tuple[str, ...]], ...] = option(
        (),
        AUTH,
        "who says who may log in, in order, such as accounts,any (everybody, with any password); repeatable, for one"
        " DOMAIN each; without it accounts; see docs/authentication.md",
    )
    mechanisms: str = option(
        "", MECHANISMS, "ways to log in, in order, such as SCRAM-SHA-256,PLAIN; without it all that are safe"
    )
    plain_anywhere: bool = option(False, FLAG, "take passwords without TLS from other machines too, as from this one")
    registration: bool = option(False, FLAG, "let anybody make an account; ten a minute from one address")
    inviters: str = option(
        "admins",
        one_of("nobody", "admins", "everybody"),
        "who may invite people who have no account here to make one (XEP-0401)",
    )
    welcome: str = option("", TEXT, "what somebody who has registered is told at the first login", needs="registration")
    admins: tuple[str, ...] = option(
        (),
        ACCOUNT,
        "who may administer the server, by ad-hoc commands; repeatable; by default accounts called admin",
        name="admin",
    )
    contacts: tuple[tuple[str, str], ...] = option(
        (),
        CONTACT,
        "whom to write to, such as abuse=mailto:me@chat.example; repeatable",
        name="contact",
    )
    components: tuple[tuple[str, str], ...] = option(
        (),
        COMPONENT,
        "a domain served by a wokkel handler of yours, in this process; repeatable",
        name="component",
    )
    bots: tuple[tuple[str, str], ...] = option((), BOT, "an account that is such a handler; repeatable", name="bot")
    oauth: str = option(
        "",
        FUNCTION,
        "take OAuth tokens: this function of yours says whose they are; see docs/tokens.md",
    )
    component_secrets: tuple[tuple[str, str], ...] = option(
        (),
        SECRET,
        "a domain served by a program of its own, which connects with that secret (XEP-0114); repeatable",
        name="component-secret",
    )
    s2s: tuple[tuple[str, Place], ...] = option(
        (),
        FEDERATED,
        "a domain elsewhere to speak with, such as far.example=127.0.0.1:5269; without a place DNS says where it is;"
        " * are all others; repeatable; see docs/federation.md",
    )
