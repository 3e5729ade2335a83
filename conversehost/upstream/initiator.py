"""The initiating end of a stream (RFC 6120 sections 4 and 5), from the first byte to the last: bytes in, events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import QName

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.xml import (
    Element,
    Limits,
    StreamHeader,
    StreamParser,
    XMLError,
    attribute,
    element,
    to_bytes,
)

GOODBYE = b"</stream:stream>"
LIMITS = Limits(unauthenticated=1 << 20, stanza=1 << 20, depth=200, attributes=1_024, children=1 << 16)
"""For what a server says, whose rosters and archives are larger than anything that a client may say."""

_STREAM, _ERROR, _FEATURES = (f"{{{ns.STREAM}}}{name}" for name in ("stream", "error", "features"))
_STARTTLS, _PROCEED, _TLS_FAILURE = (f"{{{ns.TLS}}}{name}" for name in ("starttls", "proceed", "failure"))
_NO_TLS = "the server offers no TLS, and without it passwords could be read on the way"


@dataclass(frozen=True, slots=True)
class Say:
    """Bytes for the server."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BeginTls:
    """The server waits for a TLS handshake; then the stream is to be opened anew."""


@dataclass(frozen=True, slots=True)
class Hear:
    """Something for the client."""

    stanza: Element


@dataclass(frozen=True, slots=True)
class Over:
    """The stream has ended: as the server said, or as it must. `elsewhere`: it is at another host and port. `ours`: the
    fault was found here, and the server is to be told.
    """

    error: StreamError | None = None
    elsewhere: str = ""
    ours: bool = False


Event = Say | BeginTls | Hear | Over


class Initiator:
    """One stream. TLS is taken where it is offered; all after that is between client and server."""

    def __init__(self, domain: str, *, secure: bool = False, clear: bool = False) -> None:
        """`secure`: there is TLS below; `clear`: go on without, where none is offered."""
        self._domain = domain
        self._clear = clear
        self._parser: StreamParser | None = None
        self._asked = False  # for TLS
        self.secure = secure
        self.settled = False  # features have come that the client may see

    def open(self, sender: str = "", lang: str = "en") -> bytes:
        """Our header: at the beginning, after TLS, and when the client restarts the stream."""
        parser = self._parser = StreamParser(LIMITS)
        parser.limit = LIMITS.stanza
        names = f"to={attribute(self._domain)} version='1.0' xml:lang={attribute(lang)}"
        if sender and self.secure:  # RFC 6120 section 4.7.1
            names += f" from={attribute(sender)}"
        return f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' {names}>".encode()

    def feed(self, data: bytes) -> Iterator[Event]:
        """What the server says. Nothing more comes after `BeginTls` and `Over`, and of the stream that was when it has
        been opened anew meanwhile.
        """
        parser = self._parser
        if parser is None:
            return
        try:
            for found in parser.feed(data):
                yield self._event(found)
                if self._parser is not parser:
                    return
        except XMLError as error:
            yield self._over(WayError("remote-connection-failed", f"what the server says is no XMPP ({error})"))

    def secured(self, sender: str = "", lang: str = "en") -> bytes:
        """TLS has begun."""
        self.secure = True
        return self.open(sender, lang)

    def _event(self, found: StreamHeader | Element | None) -> Event:
        if found is None:
            return self._over(None)
        if isinstance(found, StreamHeader):
            return self._header(found)
        if found.tag == _ERROR:
            return self._error(found)
        if self._asked and not self.secure:
            return self._answered(found)
        return Hear(found) if self.settled else self._settle(found)

    def _header(self, header: StreamHeader) -> Event:
        if header.tag != _STREAM or header.default_namespace != ns.CLIENT:
            return self._over(WayError("remote-connection-failed", "there is no XMPP server for clients"))
        if header.attributes.get("version", "") < "1.0":
            return self._over(WayError("remote-connection-failed", "the server is older than XMPP 1.0"))
        return Say(b"")

    def _settle(self, first: Element) -> Event:
        """The first features decide about TLS (section 5.4.1)."""
        offer = first.find(_STARTTLS) if first.tag == _FEATURES else None
        if offer is not None and not self.secure:
            self._asked = True
            return Say(to_bytes(element(ns.TLS, "starttls")))
        if not (self.secure or self._clear):
            return self._over(WayError("remote-connection-failed", _NO_TLS))
        self.settled = True
        return Hear(first)

    def _answered(self, found: Element) -> Event:
        if found.tag != _PROCEED:
            return self._over(WayError("remote-connection-failed", "the server refuses the TLS that it offers"))
        self._parser = None
        return BeginTls()

    def _error(self, found: Element) -> Event:
        error = read_error(found)
        where = found.findtext(f"{{{ns.STREAM_ERROR}}}see-other-host") or ""
        over = self._over(error)
        return Over(error, where.strip()) if where and not self.settled else over

    def _over(self, error: StreamError | None) -> Over:
        self._parser = None
        return Over(error)


def read_error(found: Element) -> StreamError:
    """What `<stream:error/>` says (section 4.9.2)."""
    condition, text, application = "undefined-condition", "", None
    for each in found:
        name = QName(each)
        if name.namespace != ns.STREAM_ERROR:
            application = (name.namespace or "", name.localname)
        elif name.localname == "text":
            text = each.text or ""
        else:
            condition = name.localname
    return StreamError(condition, text, application=application if application and application[0] else None)
