"""One virtual host: its accounts, their sessions, and what its features answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.server.archive import Archive
from conversehost.server.authentication import LoginRules
from conversehost.server.clients import ClientFeatures, NothingKnown
from conversehost.server.commands import Command
from conversehost.server.delivery import Delivery, Later
from conversehost.server.discovery import DiscoNode
from conversehost.server.hooks import Hooks
from conversehost.server.login import Login, Negotiation
from conversehost.server.personal import PersonalNodes
from conversehost.server.policy import DEFAULT, Policy
from conversehost.server.queries import Queries
from conversehost.server.resume import is_waiting
from conversehost.server.roster import Rosters
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.store import Store
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.forms import Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

if TYPE_CHECKING:
    from conversehost.server.sasl2 import Inline, Token
    from conversehost.server.stream import ServerStream

SESSIONS_PER_ACCOUNT = 10

K = TypeVar("K")
H = TypeVar("H")

Reply = Element | None
"""What an iq handler answers: the payload of the result, or None for an empty one."""

IqHandler = Callable[[Stanza], Reply | Later]
OwnIqHandler = Callable[[Session, Stanza], Reply | Later]
StreamIqHandler = Callable[["ServerStream", Stanza], Reply]
NonzaHandler = Callable[["ServerStream", Element], None]
At = Literal["host", "account"]


class Host:
    """`example.org`. Features register here what they answer; a second handler for the same thing is refused."""

    def __init__(
        self,
        domain: str,
        *,
        store: Store,
        clock: Clock,
        router: Router,
        accounts: Accounts,
        rules: LoginRules,
        policy: Policy = DEFAULT,
        site: Callable[[str], str] = lambda origin: f"{origin or 'http://localhost'}/",
    ) -> None:
        """`site`: the URL that the site's pages begin with, for who reaches us by this origin ("" if not by HTTP)."""
        self.domain = domain
        self.jid = JID("", domain)
        self.store = store
        self.clock = clock
        self.router = router
        self.accounts = accounts
        self.rules = rules
        self.policy = policy
        self.site = site
        self.rosters = Rosters(store)
        self.archive = Archive(store, "archive", policy.archive_limit)
        self.hooks = Hooks()
        self.queries = Queries(self)
        self.clients: ClientFeatures = NothingKnown()
        self.features: dict[At, list[str]] = {"host": [], "account": []}
        self.personal: PersonalNodes | None = None  # where accounts keep and publish things (XEP-0163)
        self.identities: dict[At, list[tuple[str, str, str]]] = {
            "host": [("server", "im", "conversehost")],
            "account": [("account", "registered", "")],
        }
        self.forms: list[Form] = []
        self.items: dict[str, str] = {}  # what else is there, for service discovery: address and name
        self.nodes: dict[tuple[At, str], DiscoNode] = {}
        self.iqs: dict[tuple[At, str, str], IqHandler] = {}
        self.own_iqs: dict[tuple[str, str], OwnIqHandler] = {}
        self.stream_iqs: dict[tuple[str, str], StreamIqHandler] = {}
        self.nonzas: dict[str, NonzaHandler] = {}
        self.commands: dict[str, Command] = {}
        self.presence_from: dict[str, Callable[[Session, Stanza], None]] = {}
        self.presence_to: dict[str, Callable[[JID, Stanza], None]] = {}
        self.framings: dict[str, Callable[[ServerStream], Negotiation]] = {ns.SASL: Login}
        self.offered: dict[Hashable, bytes] = {}  # stream features, by the state of a stream
        self.inline: list[Inline] = []
        self.tokens: list[Token] = []
        self.on_binding: dict[str, Callable[[ServerStream, Element], Element | None]] = {}
        self.delivery = Delivery(self)
        self._sessions: dict[str, dict[str, Session]] = {}
        router.hosts[domain] = self
        router.routes[domain] = self.delivery

    # What features register

    def advertise(self, feature: str, *, at: At = "host") -> None:
        """A feature for service discovery, of the host or of each account."""
        if feature not in self.features[at]:
            self.features[at].append(feature)

    def identify(self, category: str, type: str, name: str, *, at: At = "host") -> None:
        """One more thing that the host is, or each account, for service discovery."""
        self.identities[at].append((category, type, name))

    def advertise_form(self, form: Form) -> None:
        """More about the host, in service discovery (XEP-0128)."""
        self.forms.append(form)

    def on_node(self, name: str, node: DiscoNode, *, at: At = "host") -> None:
        """A node of service discovery."""
        register(self.nodes, (at, name), node)

    def on_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: IqHandler, *, at: At) -> None:
        """Answer iqs with that payload to the host, or to any of its accounts, from anybody (`iq.sender`)."""
        register(self.iqs, (at, type, f"{{{namespace}}}{name}"), handler)

    def on_own_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: OwnIqHandler) -> None:
        """Answer iqs with that payload to an account from one of its own sessions; all others are forbidden it."""
        register(self.own_iqs, (type, f"{{{namespace}}}{name}"), handler)

    def on_stream_iq(self, type: Literal["get", "set"], namespace: str, name: str, handler: StreamIqHandler) -> None:
        """Answer iqs with that payload on a stream that hasn't logged in."""
        register(self.stream_iqs, (type, f"{{{namespace}}}{name}"), handler)

    def on_nonza(self, namespace: str, name: str, handler: NonzaHandler) -> None:
        """Top-level elements, other than stanzas, on a stream that has logged in, bound or not."""
        register(self.nonzas, f"{{{namespace}}}{name}", handler)

    def on_command(self, command: Command) -> None:
        """Something that people can have the host do by filling in forms (XEP-0050)."""
        register(self.commands, command.node, command)

    def on_bind(self, namespace: str, name: str, handler: Callable[[ServerStream, Element], Element | None]) -> None:
        """Such an element asks for something with the binding of a resource (XEP-0386); perhaps there is an answer."""
        register(self.on_binding, f"{{{namespace}}}{name}", handler)

    def on_presence_from(self, type: str, handler: Callable[[Session, Stanza], None]) -> None:
        """Presence of that type ("" when available) from one of our clients."""
        register(self.presence_from, type, handler)

    def on_presence_to(self, type: str, handler: Callable[[JID, Stanza], None]) -> None:
        """Presence of that type, from anybody, for one of our accounts."""
        register(self.presence_to, type, handler)

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

    def is_bound(self, session: Session) -> bool:
        """Whether it is among its account's sessions still."""
        return self.session(session.jid) is session

    def claim(self, jid: JID) -> JID:
        """The address for a new session that wants this one, in the operator's way of the three of RFC 6120 section
        7.7.2.2: by default an older session there ends, which is mostly the same client's, whose connection broke.

        Raises StanzaError(conflict), JIDError.
        """
        older = self.session(jid)
        if older is None:
            return jid
        if self.policy.conflict == "new":
            return jid.with_resource(f"{jid.resource}-{secrets.token_hex(4)}")
        if self.policy.conflict == "refuse" and not is_waiting(older.link):
            raise StanzaError("conflict", "another client has this resource", type="modify")
        older.link.close(StreamError("conflict", "another client took this resource"))
        self.unbound(older)
        return jid

    def bound(self, session: Session) -> None:
        """A client has bound its resource. Raises StanzaError(resource-constraint) when the account has too many."""
        sessions = self._sessions.setdefault(session.jid.local, {})
        if len(sessions) >= SESSIONS_PER_ACCOUNT:
            raise StanzaError("resource-constraint", f"at most {SESSIONS_PER_ACCOUNT} sessions per account")
        sessions[session.jid.resource] = session
        for hook in self.hooks.session_opened:
            hook(session)

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
        session.shown = None
        del sessions[session.jid.resource]
        if not sessions:
            del self._sessions[session.jid.local]

    def end_sessions(self, jid: JID, error: StreamError) -> int:
        """All sessions of an account, or the one at a full JID; answers how many there were."""
        ended = [each for each in self.sessions(jid.local) if jid.resource in ("", each.jid.resource)]
        for session in ended:
            session.link.close(error)
            self.unbound(session)  # a connection may take its time to close
        return len(ended)

    def may_see(self, account: JID, other: JID) -> bool:
        """Whether the account (a bare JID) shows the other its presence."""
        return other.to_bare() == account or self.rosters.get(account, other).from_

    def create_account(self, account: JID, password: str) -> None:
        """One that didn't exist."""
        self.accounts.put(account, password)
        for hook in self.hooks.account_created:
            hook(account)

    def change_password(self, account: JID, password: str, *, spared: JID | None = None) -> None:
        """Of one that exists. Whoever came in by the old one is out (RFC 6120 section 4.9.3.16): its sessions end, save
        the one at a full JID, whose the change is.
        """
        self.accounts.put(account, password)
        for hook in self.hooks.password_changed:
            hook(account)
        for session in self.sessions(account.local):
            if session.jid != spared:
                self.end_sessions(session.jid, StreamError("reset", "the password was changed"))

    def disable_account(self, account: JID) -> None:
        """Nobody is in it, nor comes in, until it is enabled again."""
        self.accounts.disable(account)
        self.end_sessions(account, StreamError("not-authorized", "the account was disabled"))

    def delete_account(self, account: JID) -> bool:
        """Drop the account, its sessions and all that is kept for it. False when there was none."""
        existed = self.accounts.delete(account)
        self.end_sessions(account, StreamError("not-authorized", "the account was deleted"))
        if existed:
            self.forget(account)
        return existed

    def forget(self, account: JID) -> None:
        """Drop all that is kept for an account that is gone."""
        for hook in self.hooks.account_deleted:
            hook(account)


def register(table: dict[K, H], key: K, handler: H) -> None:
    """One handler for each key: which of two answers must not depend on an order. Raises ValueError."""
    if key in table:
        raise ValueError(f"two handlers for {key}")
    table[key] = handler
