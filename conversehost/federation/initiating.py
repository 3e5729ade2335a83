"""The end of a stream between servers that begins it, and is the one that speaks: bytes in, events out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import QName

from conversehost.federation.dialback import RESULT, VERIFY, domains
from conversehost.upstream.initiator import LIMITS, BeginTls, Over, Say, read_error
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.xml import Element, StreamHeader, StreamParser, XMLError, attribute, element, to_bytes

_STREAM, _ERROR, _FEATURES = (f"{{{ns.STREAM}}}{name}" for name in ("stream", "error", "features"))
_STARTTLS, _PROCEED = (f"{{{ns.TLS}}}{name}" for name in ("starttls", "proceed"))
_KNOWN = (ns.TLS, ns.DIALBACK_FEATURE)


@dataclass(frozen=True, slots=True)
class Ready:
    """The other server waits for what we have to say."""


@dataclass(frozen=True, slots=True)
class Told:
    """Its answer to dialback: `asked` is `result` or `verify`, of the domain `remote` to our domain `local`."""

    asked: str
    local: str
    remote: str
    id: str
    good: bool


Event = Say | BeginTls | Ready | Told | Over


class Initiating:
    """One stream from a domain of ours to one elsewhere. TLS is taken where it is offered; who it is, dialback says."""

    def __init__(self, local: str, remote: str) -> None:
        self._local = local
        self._remote = remote
        self._parser: StreamParser | None = None
        self._secure = self._asked = self._ready = False
        self.id = ""  # as the other server calls the stream

    def open(self) -> bytes:
        """Our header: at the beginning, and after TLS."""
        parser = self._parser = StreamParser(LIMITS)
        parser.limit = LIMITS.stanza
        spaces = f"xmlns='{ns.SERVER}' xmlns:stream='{ns.STREAM}' xmlns:db='{ns.DIALBACK}'"
        names = f"from={attribute(self._local)} to={attribute(self._remote)}"
        return f"<?xml version='1.0'?><stream:stream {spaces} {names} version='1.0'>".encode()

    def secured(self) -> bytes:
        """TLS has begun."""
        self._secure = True
        return self.open()

    def feed(self, data: bytes) -> Iterator[Event]:
        """What the other server says. Nothing more comes after `BeginTls` and `Over`."""
        parser = self._parser
        if parser is None:
            return
        try:
            for found in parser.feed(data):
                event = self._event(found)
                if event is not None:
                    yield event
                if self._parser is not parser:
                    return
        except XMLError as error:
            yield self._fault(error.condition, error.text)

    def _event(self, found: StreamHeader | Element | None) -> Event | None:
        if found is None:
            return self._over(None)
        if isinstance(found, StreamHeader):
            return self._header(found)
        if found.tag == _ERROR:
            return self._over(read_error(found))
        if found.tag == _FEATURES and not self._ready:
            return self._features(found)
        if found.tag == _PROCEED and self._asked and not self._secure:
            self._parser = None
            return BeginTls()
        if found.tag in (RESULT, VERIFY):
            remote, local = domains(found)
            asked = "result" if found.tag == RESULT else "verify"
            return Told(asked, local, remote, found.get("id", ""), found.get("type") == "valid")
        return None  # stanzas come over streams that the other server began

    def _header(self, header: StreamHeader) -> Event | None:
        if header.tag != _STREAM or header.default_namespace != ns.SERVER:
            return self._fault("invalid-namespace", "there is no XMPP server for servers")
        self.id = header.attributes.get("id", "")
        if header.attributes.get("version", "") < "1.0":  # it has no features
            return self._settled()
        return None

    def _features(self, found: Element) -> Event:
        if found.find(_STARTTLS) is not None and not self._secure:
            self._asked = True
            return Say(to_bytes(element(ns.TLS, "starttls")))
        for each in found:
            name = QName(each)
            if name.namespace not in _KNOWN and each.find(f"{{{name.namespace}}}required") is not None:
                return self._fault("unsupported-feature", f"{name.localname} isn't known here")
        return self._settled()

    def _settled(self) -> Ready:
        self._ready = True
        return Ready()

    def _fault(self, condition: str, text: str) -> Over:
        self._parser = None
        return Over(StreamError(condition, text), ours=True)

    def _over(self, error: StreamError | None) -> Over:
        self._parser = None
        return Over(error)
