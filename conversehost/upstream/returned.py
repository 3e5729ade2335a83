"""What a client's server has handed over, and the client never got: told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.replies import refusal
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Limits, XMLError, parse_stanza, to_bytes

_UNANSWERED = {"iq": ("get", "set"), "message": ("", "normal", "chat")}
_LIMITS = Limits(depth=200, attributes=1_024, children=1 << 16)


def bounced(stanzas: Sequence[bytes]) -> list[bytes]:
    """Errors to the senders of requests and messages, as a client would answer them that can't take any more
    (RFC 6121 section 8.5.3.2.1); a sender who hears of it can say it again.
    """
    found = (_read(each) for each in stanzas)
    return [to_bytes(_refused(each)) for each in found if each is not None and _matters(each)]


def _read(data: bytes) -> Stanza | None:
    try:
        stanza = parse_stanza(data, _LIMITS)
    except XMLError:
        return None
    return stanza if isinstance(stanza, Stanza) else None


def _matters(stanza: Stanza) -> bool:
    return bool(stanza.get("from")) and stanza.get("type", "") in _UNANSWERED.get(stanza.kind, ())


def _refused(stanza: Stanza) -> Stanza:
    text = "the client went before it was there"
    made = refusal(stanza, StanzaError("recipient-unavailable", text, type="wait"))
    made.attrib.pop("from", "")  # the server stamps it
    return made
