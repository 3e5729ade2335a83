"""Where a stanza goes: RFC 6120 section 10, RFC 6121 section 8."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from conversehost.server.broadcast import Broadcast
from conversehost.server.session import DEFAULT_LANGUAGE
from conversehost.server.tally import Tally
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError
from conversehost.xmpp.replies import refusal
from conversehost.xmpp.stanza import Stanza

if TYPE_CHECKING:
    from conversehost.server.host import Host
    from conversehost.server.session import Session

_LANG = f"{{{ns.XML}}}lang"
GONE = 1_000
"""Domains that aren't served any more, and are remembered."""


class Destination(Protocol):
    """What stands behind a domain."""

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """A stanza for it; `sender` is the session that it comes from, where it is one of ours.

        Raises StanzaError when it can't be delivered.
        """


class Router:
    """All domains of this server. A stanza that can't be delivered comes back as an error; nothing vanishes.

    `hosts` are those with accounts; `routes` all, by domain; `gone` those that were there, the latest last.
    """

    def __init__(self, report: Callable[[BaseException, Stanza], None]) -> None:
        """`report` hears of unexpected exceptions, with the stanza that caused them."""
        self.hosts: dict[str, Host] = {}
        self.routes: dict[str, Destination] = {}
        self.elsewhere: Destination | None = None  # behind all other domains
        self.report = report
        self.tally = Tally()
        self.gone: dict[str, None] = {}

    def leave(self, domain: str) -> None:
        """It isn't served any more, nor what is below it."""
        for each in [each for each in self.routes if each == domain or each.endswith(f".{domain}")]:
            del self.routes[each]
        del self.hosts[domain]
        self.gone.pop(domain, None)
        self.gone[domain] = None
        if len(self.gone) > GONE:
            del self.gone[next(iter(self.gone))]

    def absence(self, domain: str) -> str:
        """What a stream to a domain that isn't served ends with (RFC 6120 sections 4.9.3.5 and 4.9.3.6)."""
        return "host-gone" if domain in self.gone else "host-unknown"

    def submit(self, session: Session, stanza: Stanza) -> None:
        """A stanza from a client, stamped with what we know of it. An error in it goes back to the client."""
        stamp(stanza, session)
        try:
            self._dispatch(session, stanza)
        except StanzaError as error:
            self._refuse_directly(session, stanza, error)
        except JIDError as error:
            if stanza.get("to") is not None:
                del stanza.attrib["to"]  # else it would be the address that the error is from
            self._refuse_directly(session, stanza, StanzaError("jid-malformed", str(error)))
        except Exception as error:
            self.report(error, stanza)
            self._refuse_directly(session, stanza, StanzaError("internal-server-error"))

    def _dispatch(self, session: Session, stanza: Stanza) -> None:
        """RFC 6120 section 10.3: without `to` it is for the sender's own account."""
        kind = stanza.kind
        self.tally.received[kind] += 1
        to = stanza.to
        for look in session.host.hooks.outgoing:
            look(session, stanza)
        if kind == "message":
            if to is None:
                stanza.set("to", session.bare)
            self.route(stanza, session, to)
            for hook in session.host.hooks.sent:
                hook(session, stanza)
        elif kind == "iq":
            check_iq(stanza)
            if to is None:
                session.host.delivery.serve(session.account, stanza, session)
            else:
                self.route(stanza, session)
        else:
            self._presence(session, stanza)

    def _presence(self, session: Session, presence: Stanza) -> None:
        """Raises StanzaError(bad-request) for types that don't exist."""
        handler = session.host.presence_from.get(presence.type or "")
        if handler is not None:
            handler(session, presence)
        elif presence.type == "error" and presence.get("to") is not None:
            self.route(presence, session)
        elif presence.type not in ("error", "probe"):
            raise StanzaError("bad-request", f"there is no presence of type {presence.type}")

    def route(self, stanza: Stanza, session: Session | None = None, to: JID | None = None) -> None:
        """Deliver by `to`, which must be there, and may be given as it was read already. `session` is the sender's,
        where it is one of ours.

        Raises StanzaError when it can't be delivered, JIDError.
        """
        to = to or stanza.to
        assert to is not None
        destination = self.routes.get(to.domain, self.elsewhere)
        if destination is None:
            raise StanzaError("remote-server-not-found", f"{to.domain} isn't served here")
        destination.deliver(to, stanza, session)

    def send(self, stanza: Stanza) -> None:
        """Deliver what a part of the server says on an account's behalf; an error comes back to that account."""
        try:
            self.route(stanza)
        except (StanzaError, JIDError) as error:
            self.refuse(stanza, error if isinstance(error, StanzaError) else StanzaError("jid-malformed"))

    def take(self, stanza: Stanza) -> None:
        """From a component or another server, which may say whom it is from. What is wrong with it comes back there."""
        try:
            if stanza.kind == "iq":
                check_iq(stanza)
            self.send(stanza)
        except StanzaError as error:
            self.refuse(stanza, error)
        except Exception as error:
            self.report(error, stanza)
            self.refuse(stanza, StanzaError("internal-server-error"))

    def announce(self, to: JID, broadcast: Broadcast) -> None:
        """The same for a presence that goes to many. What can't be delivered is dropped (RFC 6121 section 8.5.1)."""
        host = self.hosts.get(to.domain)
        try:
            if host is None:
                self.route(broadcast.addressed(to.full))
            else:
                host.delivery.announce(to, broadcast)
        except StanzaError:
            return

    def refuse(self, refused: Stanza, error: StanzaError) -> None:
        """Send the error to where the stanza came from; never an answer to an answer (RFC 6120 section 8.3.1)."""
        self.tally.stanza_errors[error.condition] += 1
        if refused.type in ("error", "result") or refused.get("from") is None:
            return
        try:
            self.route(refusal(refused, error))
        except (StanzaError, JIDError):
            return  # its sender has left meanwhile

    def _refuse_directly(self, session: Session, refused: Stanza, error: StanzaError) -> None:
        """The same, back on the way it came: it is the server's word, whomever it is from."""
        self.tally.stanza_errors[error.condition] += 1
        if refused.type not in ("error", "result"):
            session.send(refusal(refused, error))


_DELAY = f"{{{ns.DELAY}}}delay"


def stamp(stanza: Stanza, session: Session) -> None:
    """`from` is what we know, whatever it says (RFC 6120 section 8.1.2.1); the stream's language unless it has its own
    (section 8.1.5); no delay in this server's name (XEP-0203 section 5).
    """
    stanza.set("from", session.full)
    if session.lang != DEFAULT_LANGUAGE and stanza.get(_LANG) is None:
        stanza.set(_LANG, session.lang)
    for delay in list(stanza.iterchildren(_DELAY)):
        if delay.get("from") == session.host.domain:
            stanza.remove(delay)


def check_iq(iq: Stanza) -> None:
    """RFC 6120 section 8.2.3. Raises StanzaError(bad-request)."""
    if not iq.id:
        raise StanzaError("bad-request", "an iq needs an id")
    if iq.type in ("get", "set"):
        if len(iq) != 1:
            raise StanzaError("bad-request", "an iq get or set has exactly one child element")
    elif iq.type not in ("result", "error"):
        raise StanzaError("bad-request", "the type of an iq is get, set, result or error")
