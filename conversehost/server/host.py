"""One virtual host: its accounts, their sessions, and what its features answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.server.delivery import Copies, choose, send_to_all
from conversehost.server.hooks import Hooks
from conversehost.server.login import LoginRules
from conversehost.server.roster import Rosters
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.store import Store
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

SESSIONS_PER_ACCOUNT = 10

K = TypeVar("K")
H = TypeVar("H")

Reply = Element | None
"""What an iq handler answers: the payload of the result, or None for an empty one."""

IqHandler = Callable[[Session, Stanza], Reply]
StreamIqHandler = Callable[[Stanza], Reply]
At = Literal["host", "account"]


class Host:
    """`example.org`. Features register here what they answer; a second handler for the same thing is refused."""

    def __init__(
        self, domain: str, *, store: Store, clock: Clock, router: Router, accounts: Accounts, rules: LoginRules
    ) -> None:
        self.domain = domain
        self.jid = JID("", domain)
        self.store = store
        self.clock = clock
        self.router = router
        self.accounts = accounts
        self.rules = rules
        self.rosters = Rosters(store)
        self.hooks = Hooks()
        self.features: dict[At, list[str]] = {"host": [], "account": []}
        self._sessions: dict[str, dict[str, Session]] = {}
        self._iq: dict[tuple[At, str, str], IqHandler] = {}
        self._presence_from: dict[str, Callable[[Session, Stanza], None]] = {}
        self._presence_to: dict[str, Callable[[JID, Stanza], None]] = {}
        self._stream_iq: dict[tuple[str, str], StreamIqHandler] = {}
        router.hosts[domain] = self

    # What features register

    def advertise(self, feature: str, *, at: At = "host") -> None:
        """A feature for service discovery, of the host or of each account."""
        if feature not in self.features[at]:
            self.features[at].append(feature)

    def on_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: IqHandler, *, at: At) -> None:
        """Answer iqs with that payload, addressed to the host or to an account (or to nobody: the sender's own)."""
        register(self._iq, (at, type, f"{{{namespace}}}{name}"), handler)

    def on_presence_from(self, type: str, handler: Callable[[Session, Stanza], None]) -> None:
        """Presence of that type ("" when available) from one of our clients."""
        register(self._presence_from, type, handler)

    def on_presence_to(self, type: str, handler: Callable[[JID, Stanza], None]) -> None:
        """Presence of that type, from anybody, for one of our accounts."""
        register(self._presence_to, type, handler)

    def on_stream_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: StreamIqHandler) -> None:
        """Answer iqs with that payload on a stream that hasn't logged in."""
        register(self._stream_iq, (type, f"{{{namespace}}}{name}"), handler)

    # Sessions

    def sessions(self, local: str) -> Sequence[Session]:
        """All sessions of an account, in order of binding."""
        found = self._sessions.get(local)
        return tuple(found.values()) if found else ()

    def all_sessions(self) -> Iterator[Session]:
        """Every session of this host."""
        for sessions in tuple(self._sessions.values()):
            yield from tuple(sessions.values())

    def session(self, jid: JID) -> Session | None:
        """The session at a full JID."""
        return self._sessions.get(jid.local, {}).get(jid.resource)

    def bound(self, session: Session) -> None:
        """A client has bound its resource. An older session there ends (RFC 6120 section 7.7.2.2, the third way): it is
        mostly the same client's, whose connection broke.

        Raises StanzaError(resource-constraint) when the account has too many.
        """
        older = self.session(session.jid)
        if older is not None:
            older.link.close(StreamError("conflict", "another client took this resource"))
            self.unbound(older)
        sessions = self._sessions.setdefault(session.jid.local, {})
        if len(sessions) >= SESSIONS_PER_ACCOUNT:
            raise StanzaError("resource-constraint", f"at most {SESSIONS_PER_ACCOUNT} sessions per account")
        sessions[session.jid.resource] = session

    def unbound(self, session: Session) -> None:
        """A session ends, for whatever reason; once. Its contacts hear of it."""
        sessions = self._sessions.get(session.jid.local, {})
        if sessions.get(session.jid.resource) is not session:
            return
        for hook in self.hooks.session_closed:
            try:
                hook(session)
            except Exception as error:  # the others must hear of it all the same
                self.router.report(error, stanza("presence", {"type": "unavailable", "from": session.full}))
        session.presence = None
        del sessions[session.jid.resource]
        if not sessions:
            del self._sessions[session.jid.local]

    def create_account(self, account: JID, password: str) -> None:
        """One that didn't exist."""
        self.accounts.put(account, password)
        for hook in self.hooks.account_created:
            hook(account)

    def delete_account(self, account: JID) -> bool:
        """Drop the account, its sessions and all that is kept for it. False when there was none."""
        existed = self.accounts.delete(account)
        for session in self.sessions(account.local):
            session.link.close(StreamError("not-authorized", "the account was deleted"))
            self.unbound(session)
        if existed:
            for hook in self.hooks.account_deleted:
                hook(account)
        return existed

    # Stanzas

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """A stanza for this domain (RFC 6121 section 8.5). Raises StanzaError when it can't be delivered."""
        if not to.local:
            self._to_host(stanza, sender)
        elif to.resource and (session := self.session(to)) is not None:
            if stanza.kind == "presence" and stanza.type in self._presence_to:
                self._presence_for(to, stanza)
            else:
                session.send(stanza)
        elif stanza.kind == "message":
            self._message_to_account(to, stanza)
        elif stanza.kind == "presence":
            self._presence_for(to, stanza)
        elif not to.resource and sender is not None:
            self.serve(to, stanza, sender)
        elif stanza.type in ("get", "set"):
            raise StanzaError("service-unavailable")

    def serve(self, account: JID, iq: Stanza, sender: Session) -> None:
        """An iq that the server answers on behalf of an account (RFC 6120 section 10.3.3). Raises StanzaError."""
        if iq.type in ("get", "set"):
            if not self.accounts.exists(account):
                raise StanzaError("service-unavailable")
            self._answer(iq, sender, ("account", "host") if iq.get("to") is None else ("account",))

    def serve_stream(self, iq: Stanza) -> Stanza:
        """The answer to an iq from a stream that hasn't logged in. Raises StanzaError."""
        payload = iq.payload
        handler = None if payload is None else self._stream_iq.get((iq.type or "", payload.tag))
        if handler is None:
            raise StanzaError("not-authorized", "log in first")
        return result(iq, handler(iq))

    def presence_from(self, session: Session, presence: Stanza) -> None:
        """Presence from a client. Raises StanzaError(bad-request) for types that don't exist."""
        handler = self._presence_from.get(presence.type or "")
        if handler is not None:
            handler(session, presence)
        elif presence.type == "error" and presence.get("to") is not None:
            self.router.route(presence, session)
        elif presence.type not in ("error", "probe"):
            raise StanzaError("bad-request", f"there is no presence of type {presence.type}")

    def undelivered(self, data: bytes) -> None:
        """A session ended before it got this: another one of the account takes it, or it is stored or bounced."""
        if isinstance(data, Copies) and any(self.session(each.jid) is each for each in data.sessions):
            return
        lost = parse_xml(data)
        if not isinstance(lost, Stanza) or lost.kind == "presence":
            return
        try:
            to = lost.to
            if to is not None and lost.kind == "message":
                self._message_to_account(to, lost)
            elif lost.type in ("get", "set"):
                raise StanzaError("service-unavailable")
        except StanzaError as error:
            self.router.refuse(lost, error)
        except Exception as error:
            self.router.report(error, lost)

    def _to_host(self, stanza: Stanza, sender: Session | None) -> None:
        if stanza.kind == "iq" and stanza.type in ("get", "set"):
            if sender is None:
                raise StanzaError("service-unavailable")
            self._answer(stanza, sender, ("host",))
        elif stanza.kind == "message" and stanza.type != "error":
            raise StanzaError("service-unavailable", "nobody reads messages to the server itself")

    def _answer(self, iq: Stanza, sender: Session, places: tuple[At, ...]) -> None:
        payload = iq.payload
        assert payload is not None and iq.type is not None
        for place in places:
            handler = self._iq.get((place, iq.type, payload.tag))
            if handler is not None:
                self.router.send(result(iq, handler(sender, iq)))
                return
        raise StanzaError("service-unavailable")

    def _presence_for(self, to: JID, presence: Stanza) -> None:
        handler = self._presence_to.get(presence.type or "")
        if handler is not None:
            if presence.type == "probe" or self.accounts.exists(to):
                handler(to.to_bare(), presence)
        elif not to.resource:
            for session in self.sessions(to.local):
                if session.presence is not None:
                    session.send(presence)

    def _message_to_account(self, to: JID, message: Stanza) -> None:
        """To a bare JID, or a resource that isn't there (RFC 6121 sections 8.5.2 and 8.5.3.2.1). Raises StanzaError."""
        type = message.type
        if type == "error" or (type == "headline" and to.resource):
            return
        if type == "groupchat" or (type != "chat" and to.resource):
            raise StanzaError("service-unavailable")
        sessions = choose(message, self.sessions(to.local))
        if sessions:
            send_to_all(to_bytes(message), sessions)
        elif type != "headline":
            self._message_to_nobody(to.to_bare(), message)

    def _message_to_nobody(self, account: JID, message: Stanza) -> None:
        if not self.accounts.exists(account):
            raise StanzaError("service-unavailable")
        if not any(take(message, account) for take in self.hooks.undeliverable):
            raise StanzaError("service-unavailable")


def register(table: dict[K, H], key: K, handler: H) -> None:
    """One handler for each key: which of two answers must not depend on an order. Raises ValueError."""
    if key in table:
        raise ValueError(f"two handlers for {key}")
    table[key] = handler
