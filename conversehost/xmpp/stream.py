"""The seam between a client's transport and the XMPP server behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.xml import Element


class Channel(Protocol):
    """What TLS knows of a connection."""

    @property
    def types(self) -> Sequence[str]:
        """The types of channel binding that it has, the strongest first (RFC 5929, 9266)."""

    def binding(self, type: str) -> bytes | None:
        """The data of one of them, which both ends know and nobody between them."""

    def addresses(self) -> Sequence[str]:
        """The XMPP addresses in the client's certificate; none where it isn't from an authority that we believe."""


class Visit(Protocol):
    """A client of a site that says who is logged in there."""

    owner: str
    """What ends together with that login; "" until it is known."""

    def identify(self, done: Callable[[JID | str | None], None]) -> None:
        """Calls `done` exactly once, perhaps before this returns: with the account, with a text that says why it can't
        be known now, or with None where nobody is logged in.
        """


class StreamOpen(NamedTuple):
    """What a client says, and what is known of it, when it opens a stream or restarts it.

    `secure`: nobody can listen; `can_secure`: the client may start TLS. `early_bytes` of one
    element are taken before login, `max_bytes` after it, and a client that says nothing for `idle` seconds is asked
    whether it lives, or must go; 0 where there is no such limit. `origin`: what it reaches us by over HTTP, such as
    https://chat.example:8443; "" where that isn't known. `route`: where the client says that its server is (XEP-0124
    section 7.1). `visit`: what may say who it is, where the client showed some.
    """

    to: str
    transport: str
    address: str = ""
    sender: str = ""
    lang: str = "en"
    secure: bool = False
    can_secure: bool = False
    channel: Channel | None = None
    early_bytes: int = 0
    max_bytes: int = 0
    idle: int = 0
    origin: str = ""
    route: str = ""
    visit: Visit | None = None


class Link(Protocol):
    """Server -> one client, whatever the transport."""

    def send(self, stanza: bytes) -> None:
        """Queue one complete top-level element."""

    def flush(self) -> None:
        """The turn ends: let it go out."""

    def restarting(self) -> None:
        """Login went well: the next thing from the client is a stream restart."""

    def trusted(self) -> None:
        """Login went well, and the stream goes on as it is (XEP-0388)."""

    def close(self, error: StreamError | None = None) -> None:
        """End the stream from our side, after all that was sent."""


class Above:
    """A `Link` above another one, to which it passes all on."""

    __slots__ = ("below",)

    def __init__(self, below: Link) -> None:
        self.below = below

    def send(self, stanza: bytes) -> None:
        self.below.send(stanza)

    def flush(self) -> None:
        self.below.flush()

    def restarting(self) -> None:
        self.below.restarting()

    def trusted(self) -> None:
        self.below.trusted()

    def close(self, error: StreamError | None = None) -> None:
        self.below.close(error)


def lowest(link: Link) -> Link | None:
    """The transport's own, below all that only passes on; None where a session has no connection."""
    found: Link | None = link
    while found is not None and hasattr(found, "below"):
        found = found.below
    return found


class Valve(Protocol):
    """A `Link` that can be too slow, or be slowed."""

    drained: Callable[[], None] | None
    """Called when nothing waits any more."""

    @property
    def waiting(self) -> int:
        """Bytes that the client hasn't taken."""

    def stall(self) -> None:
        """Have the client say no more for now."""

    def go_on(self) -> None:
        """It may."""


class Backend(Protocol):
    """One client's stream -> the XMPP server."""

    def open(self, request: StreamOpen, link: Link) -> None:
        """The client opened the stream; features (or the end) come over `link`."""

    def receive(self, stanza: Element) -> None:
        """One top-level element from the client."""

    def restart(self, request: StreamOpen) -> None:
        """The client restarted the stream, after TLS or login; features come over the link.

        `request` says what holds from now on. Over BOSH `to` may be missing: it is the same then.
        """

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        """The stream ended: the client said goodbye, or it was the server. `undelivered` never reached the client:
        store or bounce it.

        For each stream that was opened either this or `lost` is called, exactly once.
        """

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        """The connection broke, or the client fell silent, without a goodbye. As for `close`."""

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        """After the end: what seemed to have left with it hasn't. Store or bounce it."""


def check_version(said: str) -> None:
    """Of a client's header: whoever knows a later one knows 1.0 too (RFC 6120 section 4.7.5). Raises StreamError."""
    major, dot, _ = said.partition(".")
    if not (dot and major.isdecimal() and int(major[:9]) >= 1):
        raise StreamError("unsupported-version", "version='1.0' is spoken here")


def own_address(sender: str) -> str:
    """Whom our header is to: the bare JID of who the client says it is (RFC 6120 section 4.7.2); "" for nobody."""
    try:
        return parse(sender).bare if sender else ""
    except JIDError:
        return ""
