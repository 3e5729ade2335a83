"""SASL as XEP-0388 frames it: one request and one answer may log in, resume or bind, and switch features on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conversehost.server.login import decode, encode
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError
from conversehost.xmpp.xml import Element, child, clean, element

if TYPE_CHECKING:
    from conversehost.server.mechanisms import Mechanism
    from conversehost.server.stream import ServerStream

_INITIAL = f"{{{ns.SASL2}}}initial-response"
_USER_AGENT = f"{{{ns.SASL2}}}user-agent"


@dataclass(slots=True)
class Arrival:
    """A client has just logged in: what it asked for beside that, and what it will be told.

    `request`: its `<authenticate/>`. `answers` go into the `<success/>`; `afterwards` is done once that is out.
    `resumed`: an old session goes on, so nothing is bound, and no features are offered.
    """

    stream: ServerStream
    request: Element
    answers: list[Element] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    resumed: bool = False

    @property
    def client(self) -> str:
        """The id of this installation of a client, "" where it has none."""
        return client_of(self.request)


@dataclass(frozen=True, slots=True)
class Inline:
    """Something that can be had with the login. `offer` for the stream features; `arrived` looks whether it is wanted.

    The order is that of registration: who resumes a session comes before who binds one.
    """

    offer: Callable[[ServerStream], Element | None]
    arrived: Callable[[Arrival], None]


Token = Callable[["ServerStream", Element], "Mechanism | None"]
"""The mechanism for an `<authenticate/>` by a token of the server's own; None when it is none."""


class Sasl2:
    """A stream's negotiation. A `server.authentication.Framing`."""

    def __init__(self, stream: ServerStream) -> None:
        self._stream = stream
        self._request: Element | None = None

    def offer(self) -> Iterator[Element]:
        """`<authentication/>` for the stream features."""
        mechanisms = self._stream.authentication.offer()
        if not mechanisms:
            return
        made = element(ns.SASL2, "authentication")
        for mechanism in mechanisms:
            child(made, ns.SASL2, "mechanism").text = mechanism
        inline = child(made, ns.SASL2, "inline")
        inline.extend(
            [each for each in (one.offer(self._stream) for one in self._stream.host.inline) if each is not None]
        )
        yield made

    def receive(self, received: Element) -> None:
        """`<authenticate/>`, `<response/>` or `<abort/>`."""
        name = received.tag.rpartition("}")[2]
        authentication = self._stream.authentication
        authentication.speak(self)
        try:
            if name == "authenticate":
                self._begin(received)
            elif name == "response":
                authentication.respond(decode(received.text))
            elif name == "abort":
                authentication.abort()
            else:
                raise SASLError("malformed-request", f"<{name}/> makes no sense here")
        except SASLError as error:
            authentication.fail(error)

    def _begin(self, request: Element) -> None:
        self._request = request
        text = request.findtext(_INITIAL)
        initial = None if text is None else decode(text)
        for token in self._stream.host.tokens:
            mechanism = token(self._stream, request)
            if mechanism is not None:
                self._stream.authentication.begin_by(mechanism, initial)
                return
        self._stream.authentication.begin(request.get("mechanism", ""), initial)

    # Framing

    def challenge(self, data: bytes) -> None:
        self._stream.send(element(ns.SASL2, "challenge", text=encode(data)))

    def success(self, account: JID, data: bytes) -> None:
        """Everything that was asked for is done, then said, in one answer (section 2.6)."""
        stream, request = self._stream, self._request
        assert request is not None
        said = stream.said_account()
        if said is not None and said != account:
            stream.authentication.fail(SASLError("invalid-authzid", "the stream's from names somebody else"))
            return
        stream.trust(account)
        arrival = Arrival(stream, request)
        for each in stream.host.inline:
            each.arrived(arrival)
        made = element(ns.SASL2, "success")
        if data:
            child(made, ns.SASL2, "additional-data").text = encode(data)
        bound = stream.session
        child(made, ns.SASL2, "authorization-identifier").text = account.full if bound is None else bound.full
        made.extend(arrival.answers)
        stream.send(made)
        if not arrival.resumed:
            stream.send_features()
        for then in arrival.afterwards:
            then()

    def failure(self, error: SASLError) -> None:
        made = element(ns.SASL2, "failure")
        child(made, ns.SASL, error.condition)
        if error.text:
            child(made, ns.SASL2, "text").text = clean(error.text)
        self._stream.send(made)

    def give_up(self, error: StreamError) -> None:
        self._stream.give_up(error)


def client_of(request: Element) -> str:
    """The id of the installation that an `<authenticate/>` comes from; "" where it has none."""
    agent = request.find(_USER_AGENT)
    return "" if agent is None else agent.get("id", "")[:128]
