"""People in a directory (LDAP, Active Directory): how they are named there, and what its results mean.

A search for somebody is made of attributes and values, never of text, so there is nothing in a name that could get out
of its place; a name that goes into the name of an entry is escaped (RFC 4514 section 2.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from conversehost.auth.guarded import Answer, Trouble
from conversehost.options.naming import Naming, filled
from conversehost.xmpp.jid import JID

SUCCESS, NO_SUCH_OBJECT = 0, 32
REFUSING = frozenset((NO_SUCH_OBJECT, 34, 48, 49))
"""Of a login (RFC 4511 appendix A): noSuchObject, invalidDNSyntax, inappropriateAuthentication, invalidCredentials."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where people are in it. There are `bases` to search below, or a template for the name of their entries, or both.

    `filter`: what else an entry must match (RFC 4515). `root`: by whose name and password it is searched; without it
    anonymously. `groups`: what entries match that are groups of people, if any.
    """

    bases: tuple[str, ...] = ()
    user_dn: str = ""
    namings: tuple[Naming, ...] = (Naming("uid"),)
    filter: str = ""
    root: tuple[str, str] | None = field(default=None, repr=False)
    groups: str = ""

    def entry(self, account: JID) -> str:
        """What somebody logs in by, where that is known without a search; else ""."""
        is_dn = "=" in self.user_dn  # Active Directory takes user@domain as well
        user, domain = (escaped(each) if is_dn else each for each in (account.local, account.domain))
        return filled(self.user_dn, user, domain)

    def names(self, account: JID) -> list[tuple[str, str]]:
        """Attributes and values: one of them is enough to be that account."""
        return [(each.attribute, each.value(account)) for each in self.namings]


def escaped(value: str) -> str:
    """As a value in a distinguished name (RFC 4514 section 2.4)."""
    text = re.sub(r'[,+"\\<>;=]', r"\\\g<0>", value).replace("\0", r"\00")
    if text.startswith(("#", " ")):
        text = "\\" + text
    return text[:-1] + r"\ " if text.endswith(" ") and len(value) > 1 else text


def verdict(code: int) -> Answer:
    """What the result of a login means."""
    if code == SUCCESS:
        return True
    return False if code in REFUSING else Trouble(f"the directory's result of a login is {code}")
