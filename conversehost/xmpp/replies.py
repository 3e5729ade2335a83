"""What the server writes of its own: stanzas, the answers to them, stream errors."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element


def stanza(kind: str, attributes: dict[str, str], *children: Element) -> Stanza:
    """A new stanza."""
    made = element(ns.CLIENT, kind, attributes, *children)
    assert isinstance(made, Stanza)
    return made


def result(iq: Stanza, payload: Element | None = None) -> Stanza:
    """The answer to an iq that went well, back to its sender."""
    return _answer(iq, "result", *(() if payload is None else (payload,)))


def refusal(refused: Stanza, error: StanzaError) -> Stanza:
    """The answer to a stanza that didn't (RFC 6120 section 8.3.1). The content isn't sent back, unless it matters."""
    made = element(ns.CLIENT, "error", {"type": error.type})
    child(made, ns.STANZA_ERROR, error.condition).text = clean(error.uri) or None
    if error.text:
        child(made, ns.STANZA_ERROR, "text", {f"{{{ns.XML}}}lang": "en"}).text = clean(error.text)
    if error.application:
        more = child(made, *error.application, attributes=dict(error.said or {}))
        for name, text in (error.inner or {}).items():
            child(more, error.application[0], name).text = clean(text)
    content = () if error.content is None else (error.content,)
    return _answer(refused, "error", *content, made)


def _answer(to: Stanza, type: str, *children: Element) -> Stanza:
    attributes = {"type": type}
    for ours, theirs in (("id", "id"), ("to", "from"), ("from", "to")):
        value = to.get(theirs)
        if value is not None:
            attributes[ours] = value
    return stanza(to.kind, attributes, *children)


def stream_error(error: StreamError) -> Element:
    """`<stream:error/>` (RFC 6120 section 4.9.2)."""
    made = element(ns.STREAM, "error", prefix="stream")
    child(made, ns.STREAM_ERROR, error.condition)
    if error.text:
        child(made, ns.STREAM_ERROR, "text", {f"{{{ns.XML}}}lang": "en"}).text = clean(error.text)
    if error.application:
        child(made, *error.application, attributes=dict(error.said or {}))
    return made
