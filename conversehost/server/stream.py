"""A client's stream: open -> features -> SASL -> restart -> bind -> stanzas (RFC 6120 sections 4 to 7).

The same for every transport: what comes in are elements, what goes out goes over a `Link`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from conversehost.server.host import Host
from conversehost.server.login import Login
from conversehost.server.router import Router, check_iq
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JID, JIDError, parse, prepare_domain
from conversehost.xmpp.replies import refusal, result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Link, StreamOpen
from conversehost.xmpp.xml import Element, child, element, parse as parse_xml, to_bytes

_BIND = f"{{{ns.BIND}}}bind"
_RESOURCE = f"{{{ns.BIND}}}resource"


class ServerStream:
    """`Backend` of a local domain."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.session: Session | None = None
        self._account: JID | None = None
        self._closed = False

    def open(self, request: StreamOpen, link: Link) -> None:
        """Start; an unknown domain ends the stream at once (host-unknown)."""
        self._request = request
        self._link = link
        try:
            host = self._router.hosts.get(prepare_domain(request.to))
        except JIDError:
            host = None
        if host is None:
            self._closed = True
            served = ", ".join(self._router.hosts)
            link.close(StreamError("host-unknown", f"{request.to} isn't served here; this is {served}"))
            return
        self._host = host
        self._login = Login(host.rules, host.domain, self._send, self._logged_in)
        self._send(self._features())

    def open_as(self, account: JID, request: StreamOpen, link: Link, resource: str = "") -> Session:
        """Start with a stream that is logged in and bound already: nothing is said on it.

        `account` must be of a domain that is served. Raises StanzaError(resource-constraint), JIDError.
        """
        self._request = request
        self._link = link
        self._host = self._router.hosts[account.domain]
        self._login = Login(self._host.rules, self._host.domain, self._send, self._logged_in)
        self._account = account
        return self._bind(resource)

    def restart(self) -> None:
        """After login: what is offered now. Before, the same as at first."""
        if not self._closed:
            self._send(self._features())

    def receive(self, stanza: Element) -> None:
        """One element, in any state; a violation of the protocol ends the stream."""
        session = self.session
        try:
            if self._closed:
                return
            if session is None:
                self._negotiate(stanza)
            elif isinstance(stanza, Stanza):
                self._check_from(stanza, session)
                self._router.submit(session, stanza)
            else:
                raise StreamError("unsupported-stanza-type", f"unexpected {stanza.tag}")
        except StreamError as error:
            self._link.close(error)
            self._end()

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        """The transport is gone."""
        self._end()
        for data in undelivered:
            found = parse_xml(data)
            if isinstance(found, Stanza):
                self._host.undelivered(found)

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._login.closed = True
        if self.session is not None:
            self._host.unbound(self.session)

    def _features(self) -> Element:
        made = element(ns.STREAM, "features", prefix="stream")
        if self._account is None:
            made.append(self._login.offer())
        else:
            child(made, ns.BIND, "bind")
        for hook in self._host.hooks.stream_features:
            made.extend(hook(self._account is not None))
        return made

    def _send(self, made: Element) -> None:
        self._link.send(to_bytes(made))

    def _logged_in(self, account: JID, success: Element) -> None:
        self._account = account
        self._link.restarting()
        self._send(success)

    def _negotiate(self, received: Element) -> None:
        if self._account is None and received.tag.startswith(f"{{{ns.SASL}}}"):
            self._login.receive(received)
        elif isinstance(received, Stanza) and received.kind == "iq":
            self._early_iq(received)
        elif isinstance(received, Stanza):
            raise StreamError("not-authorized", "log in and bind a resource first")
        else:
            raise StreamError("unsupported-stanza-type", f"unexpected {received.tag}")

    def _early_iq(self, iq: Stanza) -> None:
        """Registration before login; binding after it."""
        try:
            check_iq(iq)
            if self._account is None:
                answer = self._host.serve_stream(iq)
            elif iq.type == "set" and iq[0].tag == _BIND:
                bound = element(ns.BIND, "bind")
                self._bind(iq[0].findtext(_RESOURCE) or "")
                assert self.session is not None
                child(bound, ns.BIND, "jid").text = self.session.full
                answer = result(iq, bound)
            else:
                raise StanzaError("not-authorized", "bind a resource first")
        except JIDError as error:
            answer = refusal(iq, StanzaError("bad-request", str(error)))
        except StanzaError as error:
            if error.condition == "not-authorized" and self._account is None:
                raise StreamError("not-authorized", error.text) from None
            answer = refusal(iq, error)
        self._send(answer)

    def _bind(self, resource: str) -> Session:
        assert self._account is not None
        jid = self._account.with_resource(resource or secrets.token_hex(8))
        session = Session(self._host, jid, self._link, self._request, self._host.clock.utc())
        self._host.bound(session)
        self.session = session
        return session

    def _check_from(self, stanza: Stanza, session: Session) -> None:
        """RFC 6120 section 8.1.2.1."""
        said = stanza.get("from")
        if said is None or said == session.full or said == session.bare:
            return
        try:
            if parse(said) in (session.jid, session.account):
                return
        except JIDError:
            pass
        raise StreamError("invalid-from", "from must be your own address, or missing")
