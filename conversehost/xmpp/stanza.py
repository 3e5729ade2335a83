"""Messages, presence and iqs: an lxml element with the words of RFC 6120 section 8."""

from __future__ import annotations

from lxml import etree

from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse

_CUT = len(ns.CLIENT) + 2


class Stanza(etree.ElementBase):
    """`<message/>`, `<presence/>` or `<iq/>` in jabber:client. Keeps no state besides the XML."""

    @property
    def kind(self) -> str:
        """message, presence or iq."""
        return self.tag[_CUT:]

    @property
    def type(self) -> str | None:
        """The attribute as it stands."""
        return self.get("type")

    @property
    def id(self) -> str | None:
        """The attribute as it stands."""
        return self.get("id")

    @property
    def to(self) -> JID | None:
        """The address, prepared; None when the attribute is missing. Raises JIDError."""
        text = self.get("to")
        return None if text is None else parse(text)

    @property
    def sender(self) -> JID | None:
        """`from`, prepared; None when the attribute is missing. Raises JIDError."""
        text = self.get("from")
        return None if text is None else parse(text)

    @property
    def payload(self) -> etree._Element | None:
        """The first child."""
        return self[0] if len(self) else None

    def text_of(self, name: str) -> str:
        """The text of a child in jabber:client (body, subject, status...); "" when there is none."""
        return self.findtext(f"{{{ns.CLIENT}}}{name}") or ""

    def has(self, namespace: str, name: str) -> bool:
        """Whether there is such a child."""
        return self.find(f"{{{namespace}}}{name}") is not None
