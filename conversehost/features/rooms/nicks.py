"""Names that nobody takes for somebody else's (XEP-0045 sections 14.6 and 17.1)."""

from __future__ import annotations

import unicodedata

from conversehost.xmpp.jid import JIDError, prepare_resource

_BLANK = "\u2800"
"""A letter that looks like a space."""


def visible(nick: str) -> str:
    """As one sees it: letters of another width or form are the usual ones (NFKC), and spaces are where one sees them,
    once. Raises JIDError.
    """
    seen = " ".join(unicodedata.normalize("NFKC", nick).replace(_BLANK, " ").split())
    if not seen:
        raise JIDError("a nick that nobody sees")
    return prepare_resource(seen)
