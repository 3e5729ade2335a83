"""What an entity is and can do, and the short form of that: XEP-0030 and section 5 of XEP-0115."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from conversehost.xmpp import ns
from conversehost.xmpp.forms import FORM_TYPE, X, values_of
from conversehost.xmpp.xml import Element

HASHES = {"sha-1": hashlib.sha1, "sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""By the names that IANA gives them."""

_IDENTITY, _FEATURE, _FIELD = f"{{{ns.DISCO_INFO}}}identity", f"{{{ns.DISCO_INFO}}}feature", f"{{{ns.DATA}}}field"
_LANG = f"{{{ns.XML}}}lang"

Identity = tuple[str, str, str, str]
"""Category, type, language, name."""

Extension = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]
"""A form's type, and its other fields with their values (XEP-0128)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """An answer to disco#info."""

    identities: tuple[Identity, ...]
    features: tuple[str, ...]
    extensions: tuple[Extension, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Nothing stands there twice, which would make the short form ambiguous (section 5.4, the third step)."""
        types = [form_type for form_type, _ in self.extensions]
        return all(len(set(each)) == len(each) for each in (self.identities, self.features, types))

    def verification(self, name: str) -> str:
        """The short form, by a hash function of that name (section 5.1)."""
        parts = ["/".join(each) for each in sorted(self.identities)]
        parts += sorted(self.features)
        for form_type, fields in sorted(self.extensions):
            parts.append(form_type)
            for var, values in sorted(fields):
                parts += [var, *sorted(values)]
        text = "".join(f"{part.replace('<', '&lt;')}<" for part in parts)
        return b64encode(HASHES[name](text.encode()).digest()).decode()


def read_capabilities(query: Iterable[Element]) -> Capabilities:
    """What is in a `<query/>`. A form without a hidden FORM_TYPE is ignored."""
    identities: list[Identity] = []
    features: list[str] = []
    extensions: list[Extension] = []
    for each in query:
        if each.tag == _IDENTITY:
            category, type, name = (each.get(part, "") for part in ("category", "type", "name"))
            identities.append((category, type, each.get(_LANG, ""), name))
        elif each.tag == _FEATURE:
            features.append(each.get("var", ""))
        elif each.tag == X and any(
            (field.get("var"), field.get("type")) == (FORM_TYPE, "hidden") for field in each.iterchildren(_FIELD)
        ):
            extensions.append(read_extension(each))
    return Capabilities(tuple(identities), tuple(features), tuple(extensions))


def read_extension(form: Element) -> Extension:
    """A form, as it is."""
    values = values_of(form)
    form_type = "".join(dict.fromkeys(values.pop(FORM_TYPE, ())))
    return form_type, tuple(values.items())
