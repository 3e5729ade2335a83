"""How a directory names accounts: attributes, and what stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conversehost.xmpp.jid import JID, JIDError, prepare_local

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")


@dataclass(frozen=True, slots=True)
class Naming:
    """An attribute that names accounts. In its form `%u` is the name, and `%d` the domain."""

    attribute: str
    form: str = "%u"

    def value(self, account: JID) -> str:
        """What the attribute is for that account."""
        return filled(self.form, account.local, account.domain)

    def name(self, value: str, domain: str) -> str | None:
        """Whose attribute it is, of the accounts of a domain; None for nobody's."""
        parts = {"%u": "(.+)", "%d": re.escape(domain)}
        pattern = "".join(parts.get(each, re.escape(each)) for each in re.split("(%[ud])", self.form))
        found = re.fullmatch(pattern, value, re.IGNORECASE)
        try:
            return prepare_local(found[1]) if found else None
        except JIDError:
            return None


def read_namings(text: str) -> tuple[Naming, ...]:
    """`uid,mail=%u@%d`. Raises ValueError."""
    found = []
    for each in text.split(","):
        attribute, _, form = each.strip().partition("=")
        if not _ATTRIBUTE.fullmatch(attribute) or (form or "%u").count("%u") != 1:
            raise ValueError(f"wants attributes such as uid, or mail=%u@%d, with commas between them, not {text!r}")
        found.append(Naming(attribute, form or "%u"))
    return tuple(found)


def filled(template: str, user: str, domain: str) -> str:
    """With `user` for `%u`, and `domain` for `%d`."""
    parts = {"%u": user, "%d": domain}
    return "".join(parts.get(each, each) for each in re.split("(%[ud])", template))
