"""The end of a stream between servers that the other one began: bytes in, events out."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml.etree import QName

from conversehost.federation import dialback
from conversehost.federation.dialback import RESULT, VERIFY, Claim, Keys
from conversehost.upstream.initiator import BeginTls, Over, Say
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JIDError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, Limits, StreamHeader, StreamParser, XMLError, adopt, attribute

CLAIMS = 100
"""How often one stream may say whom it is: each time costs a connection to somebody."""

_STREAM, _ERROR, _STARTTLS = f"{{{ns.STREAM}}}stream", f"{{{ns.STREAM}}}error", f"{{{ns.TLS}}}starttls"
_PROCEED = f"<proceed xmlns='{ns.TLS}'/>".encode()
_DIALBACK = f"<dialback xmlns='{ns.DIALBACK_FEATURE}'><errors/></dialback>"
_TLS = f"<starttls xmlns='{ns.TLS}'/>"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether the claim is true, the domain's own server must be asked; then `Receiving.judge`."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Came:
    """A stanza, from a domain that is who it says to be."""

    stanza: Stanza


Event = Say | BeginTls | Asked | Came | Over


class Receiving:
    """One stream. `is_ours` says which domains are here, `absence` the condition for one that isn't."""

    def __init__(
        self,
        is_ours: Callable[[str], bool],
        absence: Callable[[str], str],
        keys: Keys,
        limits: Limits,
        *,
        can_secure: bool,
    ) -> None:
        self._is_ours = is_ours
        self._absence = absence
        self._keys = keys
        self._limits = limits
        self._can_secure = can_secure
        self._parser: StreamParser | None = StreamParser(limits)
        self._secure = self._opened = False
        self._pairs: dict[tuple[str, str], bool] = {}  # local and remote: whether that was proven
        self._claims = 0
        self.id = ""

    @property
    def remotes(self) -> set[str]:
        """The domains that it has proven to be."""
        return {remote for (_, remote), proven in self._pairs.items() if proven}

    def feed(self, data: bytes) -> Iterator[Event]:
        """What the other server says. Nothing more comes after `BeginTls` and `Over`. Raises StreamError."""
        parser = self._parser
        if parser is None:
            return
        try:
            for found in parser.feed(data):
                yield from self._events(found)
                if self._parser is not parser:
                    return
        except XMLError as error:
            raise StreamError(error.condition, error.text) from None

    def secured(self) -> None:
        """TLS has begun: nothing that was said before counts (RFC 6120 section 5.4.3.3)."""
        self._secure, self._opened = True, False
        self._pairs.clear()
        self._parser = StreamParser(self._limits)

    def judge(self, claim: Claim, *, good: bool) -> bytes:
        """What the other server is told about its claim, of this very stream."""
        pair = claim.local, claim.remote
        if claim.id != self.id or self._pairs.get(pair) is None:
            return b""
        if not good:
            del self._pairs[pair]
            return dialback.doubted(*pair, "not-authorized", "auth")
        self._pairs[pair] = True
        if self._parser is not None:
            self._parser.limit = self._limits.stanza
        return dialback.believed(claim)

    def end(self, error: StreamError | None) -> bytes:
        """Our header, where it is still to come."""
        self._parser = None
        return b"" if self._opened else self._header("", "")

    def _events(self, found: StreamHeader | Element | None) -> Iterator[Event]:
        if found is None:
            self._parser = None
            yield Over()
        elif isinstance(found, StreamHeader):
            yield Say(self._open(found))
        elif found.tag == _ERROR:
            self._parser = None
            yield Over(StreamError("undefined-condition", "the other server says that something is wrong"))
        elif found.tag == _STARTTLS and self._can_secure and not self._secure:
            self._parser = None
            yield Say(_PROCEED)
            yield BeginTls()
        elif found.tag == VERIFY and found.get("type") is None:
            yield Say(self._verify(found))
        elif found.tag == RESULT and found.get("type") is None:
            yield self._claim(found)
        else:
            yield Came(self._stanza(found))

    def _open(self, header: StreamHeader) -> bytes:
        """RFC 6120 section 4.7. Raises StreamError."""
        said = header.attributes
        to, sender = said.get("to", ""), said.get("from", "")
        opened = self._header(to, sender)
        if header.tag != _STREAM or header.default_namespace != ns.SERVER:
            self._opened = False
            raise StreamError("invalid-namespace", f"servers open their stream in {ns.SERVER}")
        domain = dialback.domain(to)
        if to and not self._is_ours(domain):
            self._opened = False
            raise StreamError(self._absence(domain), f"{to} isn't served here")
        if said.get("version", "") < "1.0":
            return opened
        offers = _DIALBACK + (_TLS if self._can_secure and not self._secure else "")
        return opened + f"<stream:features>{offers}</stream:features>".encode()

    def _header(self, to: str, sender: str) -> bytes:
        self._opened = True
        self.id = secrets.token_hex(16)
        spaces = f"xmlns='{ns.SERVER}' xmlns:stream='{ns.STREAM}' xmlns:db='{ns.DIALBACK}'"
        names = f"from={attribute(to)} to={attribute(sender)}" if to and sender else ""
        return f"<?xml version='1.0'?><stream:stream {spaces} {names} id='{self.id}' version='1.0'>".encode()

    def _verify(self, found: Element) -> bytes:
        """XEP-0220 section 2.3: we are asked whether a key is ours."""
        receiving, originating = dialback.domains(found)
        id = found.get("id", "")
        good = bool(receiving) and self._is_ours(originating)
        good = good and self._keys.is_good((found.text or "").strip(), receiving, originating, id)
        return dialback.verified(originating, receiving, id, good=good)

    def _claim(self, found: Element) -> Event:
        """Section 2.1.1. Raises StreamError."""
        remote, local = dialback.domains(found)
        if not remote or not local:
            raise StreamError("improper-addressing", "dialback is from a domain to a domain")
        if not self._is_ours(local):
            return Say(dialback.doubted(local, remote, "item-not-found"))
        if self._is_ours(remote):
            raise StreamError("invalid-from", f"{remote} is here")
        claim = Claim(local, remote, self.id, (found.text or "").strip())
        proven = self._pairs.get((local, remote))
        if proven is not None:  # or it is being asked about: that answer is for both
            return Say(dialback.believed(claim) if proven else b"")
        if self._claims >= CLAIMS:
            raise StreamError("policy-violation", "a stream for too many domains")
        self._claims += 1
        self._pairs[local, remote] = False
        return Asked(claim)

    def _stanza(self, found: Element) -> Stanza:
        """From whom it may be from (RFC 6120 section 8.1.2.2). Raises StreamError."""
        taken = adopt(found, ns.SERVER) if found.tag.startswith(f"{{{ns.SERVER}}}") else found
        if not isinstance(taken, Stanza):
            raise StreamError("unsupported-stanza-type", f"unexpected {QName(taken).localname}")
        try:
            sender, to = taken.sender, taken.to
        except JIDError:
            sender = to = None
        if sender is None or to is None:
            raise StreamError("improper-addressing", "stanzas between servers say from whom and to whom they are")
        if not self._pairs.get((to.domain, sender.domain)):
            raise StreamError(
                "invalid-from", f"{sender.domain} hasn't proven to {to.domain} that it is {sender.domain}"
            )
        return taken
