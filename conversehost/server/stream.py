"""A client's stream: open -> features -> SASL -> restart -> bind -> stanzas (RFC 6120 sections 4 to 7).

The same for every transport: what comes in are elements, what goes out goes over a `Link`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import cast

from lxml.etree import QName

from conversehost.server.authentication import Authentication
from conversehost.server.entrance import Entrance, Ticket
from conversehost.server.host import Host
from conversehost.server.invitations import Invitation
from conversehost.server.login import Negotiation
from conversehost.server.resume import COUNT, Resumable
from conversehost.server.router import Router, check_iq
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JID, JIDError, parse, prepare_domain
from conversehost.xmpp.replies import refusal, result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Link, StreamOpen
from conversehost.xmpp.xml import Element, child, element, to_bytes

_BIND = f"{{{ns.BIND}}}bind"
_SM = f"{{{ns.SM}}}sm"
_RESOURCE = f"{{{ns.BIND}}}resource"
_NONE: Mapping[str, Negotiation] = {}
BIND_TRIES = 10
"""RFC 6120 section 7.7.3."""


class ServerStream:
    """`Backend` of a local domain."""

    def __init__(
        self, router: Router, domains: Collection[str] | None = None, entrance: Entrance | None = None
    ) -> None:
        """`domains` are those that clients may name; None for all that are served. `entrance` counts those who aren't
        logged in.
        """
        self._router = router
        self._domains = router.hosts if domains is None else domains
        self._entrance = entrance
        self._ticket: Ticket | None = None  # while it isn't logged in and bound
        self.session: Session | None = None
        self.account: JID | None = None  # once it has logged in
        self.managed: Resumable | None = None  # with stream management
        self.invitation: Invitation | None = None  # by which somebody may register (XEP-0445)
        self._bind_failures = 0
        self._closed = False

    def open(self, request: StreamOpen, link: Link) -> None:
        """Start; a domain that isn't served ends the stream at once (host-unknown, host-gone)."""
        self._link = link
        self._router.tally.streams[request.transport] += 1
        try:
            host = self._host_of(request)
            if self._entrance is not None:
                self._ticket = self._entrance.enter(request.address, self._too_slow)
        except StreamError as error:
            self._closed = True
            self._router.tally.stream_errors[error.condition] += 1
            link.close(error)
            return
        self._begin(host, request)
        self.send_features()

    def open_as(self, account: JID, request: StreamOpen, link: Link, resource: str = "") -> Session:
        """Start with a stream that is logged in and bound already: nothing is said on it.

        `account` must be of a domain that is served. Raises StanzaError(resource-constraint), JIDError.
        """
        self._link = link
        self._router.tally.streams[request.transport] += 1
        self._begin(self._router.hosts[account.domain], request)
        self.account = account
        return self.bind(resource)

    def restart(self, request: StreamOpen) -> None:
        """What is offered now: after login another thing than before."""
        if self._closed:
            return
        try:
            self._check_restart(request)
        except StreamError as error:
            self.give_up(error)
            return
        self.opened = request
        self.authentication.restart(request)
        self.send_features()

    def receive(self, stanza: Element) -> None:
        """One element, in any state; a violation of the protocol ends the stream."""
        session = self.session
        try:
            if self._closed:
                return
            if session is None:
                self._negotiate(stanza)
            elif isinstance(stanza, Stanza):
                if self.managed is not None:
                    self.managed.handled = (self.managed.handled + 1) % COUNT
                self._check_from(stanza, session)
                self._router.submit(session, stanza)
            else:
                self._nonza(stanza)
        except StreamError as error:
            self.give_up(error)
        except Exception as error:
            name = QName(stanza)  # not what is in it: that may be a password
            self._router.report(error, cast(Stanza, element(name.namespace or ns.CLIENT, name.localname)))
            self.give_up(StreamError("internal-server-error"))

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        """The stream ended."""
        self._end()
        if self.managed is not None:
            self.managed.give_up()
        self.undelivered(undelivered)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        """The connection broke: a session that can be resumed waits for that, present as it was."""
        managed = self.managed
        if managed is None or not managed.id or self._closed or not self.host.is_bound(managed.session):
            self.close(undelivered)
        else:
            self._closed = True
            managed.detach()

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        """They go where messages go that find nobody; with stream management all of that is kept elsewhere."""
        if self.session is not None and self.managed is None:
            for data in stanzas:
                self.host.delivery.undelivered(data)

    # For features

    @property
    def link(self) -> Link:
        """What is below."""
        return self._link

    def send(self, made: Element) -> None:
        """An element that isn't a stanza of the session."""
        self._link.send(to_bytes(made))

    def send_features(self) -> None:
        """What is offered now: made once for all streams that are in the same state."""
        opened, authentication = self.opened, self.authentication
        types = () if opened.channel is None else tuple(opened.channel.types)
        state: tuple[Hashable, ...] = (opened.can_secure, opened.early_bytes, opened.max_bytes, opened.idle)
        if self.account is None:
            state += (authentication.offer(), types, authentication.is_private, authentication.wants_tls)
        else:
            state += (self.session is None, self.managed is None)
        offered = self.host.offered.get(state)
        if offered is None:
            offered = self.host.offered[state] = to_bytes(self._features())
        self._link.send(offered)

    def logged_in(self, account: JID, success: bytes) -> None:
        """By whichever framing; the stream begins anew."""
        self.account = account
        self._link.restarting()
        self._link.send(success)

    def trust(self, account: JID) -> None:
        """It is logged in, and goes on as it is."""
        self.account = account
        self._link.trusted()

    def said_account(self) -> JID | None:
        """Whom the stream's `from` names, if it names an account."""
        try:
            jid = parse(self.opened.sender) if self.opened.sender else None
        except JIDError:
            return None
        return jid.to_bare() if jid is not None and jid.local else None

    def manage(self, managed: Resumable) -> None:
        """Its session is this stream's, and what goes out goes by way of it."""
        self.managed, self.session = managed, managed.session
        self.session.link, self.session.opened = managed, self.opened
        self._settle()

    def replaced(self) -> None:
        """The session has another stream from now on; this one ends without it."""
        self.session = self.managed = None
        self.give_up(StreamError("conflict", "the session was resumed by another connection"))

    def _host_of(self, request: StreamOpen) -> Host:
        """Whom the client wants to talk to. Raises StreamError."""
        if not request.to:
            raise StreamError("improper-addressing", "a stream needs a domain in 'to'")
        try:
            domain = prepare_domain(request.to)
        except JIDError:
            domain = ""
        host = self._router.hosts.get(domain) if domain in self._domains else None
        if host is None:
            served = ", ".join(self._domains)
            raise StreamError(self._router.absence(domain), f"{request.to} isn't served here; this is {served}")
        return host

    def _check_restart(self, request: StreamOpen) -> None:
        """It is for the same domain, and by who logged in (RFC 6120 sections 4.7.1 and 4.9.3.9). Raises StreamError."""
        if request.to and self._host_of(request) is not self.host:
            raise StreamError("host-unknown", f"this stream is for {self.host.domain}")
        if self.account is not None and request.sender and not self._is_own(request.sender):
            raise StreamError("invalid-from", "from is your own address, or missing")

    def _is_own(self, sender: str) -> bool:
        """Also a domain alone: clients that log in by ANONYMOUS know no more before."""
        try:
            jid = parse(sender)
        except JIDError:
            return False
        return jid.to_bare() == self.account or jid == self.host.jid

    def _begin(self, host: Host, request: StreamOpen) -> None:
        self.host = host
        self.opened = request
        self.authentication = Authentication(host.rules, host.domain, self._entrance, request)
        self._framings: Mapping[str, Negotiation] = {each: framing(self) for each, framing in host.framings.items()}

    def _too_slow(self) -> None:
        assert self._entrance is not None
        self.give_up(StreamError("connection-timeout", f"not logged in within {self._entrance.seconds:.0f} seconds"))

    def _settle(self) -> None:
        """It is logged in, or gone: nobody waits for it any more."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None and self._entrance is not None:
            self._entrance.leave(ticket)

    def give_up(self, error: StreamError) -> None:
        self._router.tally.stream_errors[error.condition] += 1
        self._link.close(error)
        self._end()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._settle()
        self.authentication.closed = True
        if self.session is not None:
            self.host.unbound(self.session)

    def _features(self) -> Element:
        """In the order that clients are to look at them in: TLS, login, the rest (RFC 6120 section 4.3.2). What has
        been negotiated already isn't among them: some clients would do it again.
        """
        made = element(ns.STREAM, "features", prefix="stream")
        if self.opened.can_secure:
            starttls = child(made, ns.TLS, "starttls")
            if self.authentication.wants_tls:
                child(starttls, ns.TLS, "required")
        if self.authentication.wants_tls:
            return made
        if self.account is None:
            for framing in self._framings.values():
                made.extend(framing.offer())
        elif self.session is None:  # else it was bound with the login
            child(made, ns.BIND, "bind")
        if self.opened.max_bytes:
            made.append(limits(self.opened, is_in=self.account is not None))
        for hook in self.host.hooks.stream_features:
            made.extend(hook(self.account is not None))
        managed = made.find(_SM)
        if managed is not None and self.managed is not None:
            made.remove(managed)
        return made

    def _negotiate(self, received: Element) -> None:
        if self._router.hosts.get(self.host.domain) is not self.host:
            raise StreamError("host-gone", f"{self.host.domain} isn't served any more")
        framing = None if self.account is not None else self._framings.get(received.tag[1:].partition("}")[0])
        if framing is not None:
            framing.receive(received)
        elif self.authentication.is_under_way:
            raise StreamError("policy-violation", "a login is under way")
        elif self.authentication.wants_tls:
            raise StreamError("policy-violation", "start TLS first")
        elif isinstance(received, Stanza) and received.kind == "iq":
            self._early_iq(received)
        elif isinstance(received, Stanza):
            raise StreamError("not-authorized", "log in and bind a resource first")
        else:
            self._nonza(received)

    def _nonza(self, received: Element) -> None:
        handler = self.host.nonzas.get(received.tag)
        if handler is None:
            raise StreamError("unsupported-stanza-type", f"unexpected {received.tag}")
        handler(self, received)

    def _early_iq(self, iq: Stanza) -> None:
        """Registration before login; binding after it."""
        try:
            check_iq(iq)
            self.send(self._register(iq) if self.account is None else self._bound(iq))
        except StanzaError as error:
            self._router.tally.stanza_errors[error.condition] += 1
            if iq.type not in ("result", "error"):
                self.send(refusal(iq, error))

    def _register(self, iq: Stanza) -> Stanza:
        try:
            return self.host.delivery.serve_stream(self, iq)
        except StanzaError as error:
            if error.condition == "not-authorized":
                raise StreamError("not-authorized", error.text) from None
            raise

    def _bound(self, iq: Stanza) -> Stanza:
        """The answer to a request to bind (RFC 6120 section 7). Raises StanzaError, StreamError."""
        if iq.get("to") not in (None, self.host.domain, str(self.account)):
            raise StreamError("not-authorized", "bind a resource first")
        if iq.type != "set" or iq[0].tag != _BIND:
            raise StanzaError("not-authorized", "bind a resource first")
        try:
            resource = next(iq[0].iterchildren(_RESOURCE), None)
            session = self.bind("" if resource is None else resource.text or "")
        except (JIDError, StanzaError) as error:
            self._bind_failures += 1
            if self._bind_failures >= BIND_TRIES:
                raise StreamError("policy-violation", "too many attempts to bind a resource") from None
            raise error if isinstance(error, StanzaError) else StanzaError("bad-request", str(error)) from None
        bound = element(ns.BIND, "bind")
        child(bound, ns.BIND, "jid").text = session.full
        return result(iq, bound)

    def bind(self, resource: str) -> Session:
        """A session there, or at a resource of ours for "". Raises StanzaError and JIDError."""
        assert self.account is not None
        jid = self.host.claim(self.account.with_resource(resource or secrets.token_hex(8)))
        session = Session(self.host, jid, self._link, self.opened, self.host.clock.utc())
        self.host.bound(session)
        self._router.tally.sessions[self.opened.transport] += 1
        self.session = session
        self._framings = _NONE  # nobody logs in here again
        self._settle()
        return session

    def _check_from(self, stanza: Stanza, session: Session) -> None:
        """RFC 6120 section 8.1.2.1: `from` will be overridden, but nobody says that they are somebody else.

        Converse.js gives another resource of its own account after it has resumed a session, and the address of its
        occupant to another occupant of the same room.
        """
        said = stanza.get("from")
        if said is None or said == session.full or said == session.bare:
            return
        try:
            sender = parse(said)
            if sender.to_bare() == session.account or self._is_inside(sender, stanza.to):
                return
        except JIDError:
            pass
        raise StreamError("invalid-from", "from must be your own address, or missing")

    def _is_inside(self, sender: JID, to: JID | None) -> bool:
        """From one occupant of a place to another one. Accounts aren't places."""
        if to is None or not sender.resource or not to.resource or sender.bare != to.bare:
            return False
        return sender.domain not in self._router.hosts


def limits(request: StreamOpen, *, is_in: bool) -> Element:
    """What may be sent, by a client that has logged in or hasn't, and how long nothing (XEP-0478)."""
    made = element(ns.LIMITS, "limits")
    child(made, ns.LIMITS, "max-bytes").text = str(request.max_bytes if is_in else request.early_bytes)
    if request.idle:
        child(made, ns.LIMITS, "idle-seconds").text = str(request.idle)
    return made
