"""The two errors that go over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conversehost.xmpp.xml import Element

_TYPES = {
    "bad-request": "modify",
    "conflict": "cancel",
    "feature-not-implemented": "cancel",
    "forbidden": "auth",
    "gone": "cancel",
    "internal-server-error": "cancel",
    "item-not-found": "cancel",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "not-allowed": "cancel",
    "not-authorized": "auth",
    "policy-violation": "modify",
    "recipient-unavailable": "wait",
    "redirect": "modify",
    "registration-required": "auth",
    "remote-server-not-found": "cancel",
    "remote-server-timeout": "wait",
    "resource-constraint": "wait",
    "service-unavailable": "cancel",
    "subscription-required": "auth",
    "undefined-condition": "cancel",
    "unexpected-request": "wait",
}

CONDITIONS = tuple(_TYPES)
"""Of stanza errors (RFC 6120 section 8.3.3)."""


class StanzaError(Exception):
    """Refuses one stanza; becomes `<error/>` in the answer to it (RFC 6120 section 8.3).

    `condition` is one of section 8.3.3; `type` (auth, cancel, continue, modify, wait) is the usual one unless given.
    `application` names an element `(namespace, name)` that says more, `said` are its attributes, `inner` are
    elements of the same namespace in it, as name and text. `uri`: where to turn to instead, for gone and redirect.
    `content`: what of the request was refused, where not all of it was.
    """

    def __init__(
        self,
        condition: str,
        text: str = "",
        *,
        type: str | None = None,
        application: tuple[str, str] | None = None,
        said: Mapping[str, str] | None = None,
        inner: Mapping[str, str] | None = None,
        uri: str = "",
        content: Element | None = None,
    ) -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text
        self.type = type or _TYPES[condition]
        self.application = application
        self.said = said
        self.inner = inner
        self.uri = uri
        self.content = content


class StreamError(Exception):
    """Ends a stream (RFC 6120 section 4.9), in the form that its transport has for it.

    `condition` is one of section 4.9.3; `application` names an element `(namespace, name)` that says more, `said` are
    its attributes.
    """

    def __init__(
        self,
        condition: str,
        text: str = "",
        *,
        application: tuple[str, str] | None = None,
        said: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text
        self.application = application
        self.said = said


class WayError(StreamError):
    """Not the server behind has a fault, but there is no way to it: `condition` is one that BOSH has as well, such as
    remote-connection-failed and host-unknown (XEP-0124 section 17.2).
    """
