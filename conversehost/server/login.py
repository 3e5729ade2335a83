"""SASL as RFC 6120 section 6 frames it: `<auth/>`, `<challenge/>`, `<response/>`, `<success/>`, `<failure/>`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError
from conversehost.xmpp.xml import Element, child, clean, element, to_bytes

if TYPE_CHECKING:
    from conversehost.server.stream import ServerStream

_SUCCESS = to_bytes(element(ns.SASL, "success"))


class Negotiation(Protocol):
    """One way to log in on a stream."""

    def offer(self) -> Iterator[Element]:
        """For the stream features."""

    def receive(self, received: Element) -> None:
        """An element in its namespace."""


class Login:
    """A stream's negotiation. A `server.authentication.Framing`."""

    def __init__(self, stream: ServerStream) -> None:
        self._stream = stream
        self._authentication = stream.authentication

    def offer(self) -> Iterator[Element]:
        """For the stream features: `<mechanisms/>`, and the channel bindings that go with them (XEP-0440)."""
        if mechanisms := self._authentication.offer():
            made = element(ns.SASL, "mechanisms")
            for mechanism in mechanisms:
                child(made, ns.SASL, "mechanism").text = mechanism
            yield made
        if bindings := self._authentication.bindings():
            made = element(ns.CHANNEL_BINDING, "sasl-channel-binding")
            for type in bindings:
                child(made, ns.CHANNEL_BINDING, "channel-binding", {"type": type})
            yield made

    def receive(self, received: Element) -> None:
        """`<auth/>`, `<response/>` or `<abort/>`. Whatever was going on is over with the next `<auth/>` (6.4.2)."""
        name = received.tag.rpartition("}")[2]
        self._authentication.speak(self)
        try:
            if name == "abort":
                self._authentication.abort()
            elif name == "auth":
                self._authentication.begin(received.get("mechanism", ""), initial(received.text))
            elif name == "response":
                self._authentication.respond(decode(received.text))
            else:
                raise SASLError("malformed-request", f"<{name}/> makes no sense here")
        except SASLError as error:
            self._authentication.fail(error)

    # Framing

    def challenge(self, data: bytes) -> None:
        self._stream.send(element(ns.SASL, "challenge", text=encode(data)))

    def success(self, account: JID, data: bytes) -> None:
        said = to_bytes(element(ns.SASL, "success", text=encode(data))) if data else _SUCCESS
        self._stream.logged_in(account, said)

    def failure(self, error: SASLError) -> None:
        made = element(ns.SASL, "failure")
        child(made, ns.SASL, error.condition)
        if error.text:
            child(made, ns.SASL, "text", {f"{{{ns.XML}}}lang": "en"}).text = clean(error.text)
        self._stream.send(made)

    def give_up(self, error: StreamError) -> None:
        self._stream.give_up(error)


def encode(data: bytes) -> str | None:
    """base64; nothing is nothing."""
    return base64.b64encode(data).decode() or None


def initial(text: str | None) -> bytes | None:
    """Of `<auth/>`; None where it has none. Raises SASLError(incorrect-encoding)."""
    return decode(text) if text else None


def decode(text: str | None) -> bytes:
    """base64, "=" meaning an empty message (RFC 6120 section 6.4.2). Raises SASLError(incorrect-encoding)."""
    if text is None or text.strip() == "=":
        return b""
    try:
        return base64.b64decode(text.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise SASLError("incorrect-encoding") from None
