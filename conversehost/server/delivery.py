"""Stanzas for one host: who gets them, or answers them (RFC 6120 section 10, RFC 6121 section 8.5)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from conversehost.server.broadcast import Broadcast
from conversehost.server.newcomers import Newcomers
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, parse, to_bytes

if TYPE_CHECKING:
    from conversehost.server.host import At, Host
    from conversehost.server.stream import ServerStream


class Later(Enum):
    """In place of a reply: the handler of the iq answers it itself."""

    LATER = "later"


class Copies(bytes):
    """A message as its `sessions` are sent it: one that ends before it got its copy leaves it to the others.

    Some may get it in a wrapping (XEP-0280); `original` is what is inside.
    """

    sessions: list[Session]
    original: bytes | None

    def __new__(cls, data: bytes, sessions: list[Session], original: bytes | None = None) -> Copies:
        """`original` is None where `data` is the message itself."""
        made = super().__new__(cls, data)
        made.sessions = sessions
        made.original = original
        return made


class Delivery:
    """What comes for a host, its accounts and their sessions."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._incoming = host.hooks.incoming
        self._announced = host.hooks.announced
        self._delivered = host.hooks.delivered
        find = host.rules.find
        self._newcomers = None if find is None else Newcomers(host, find)

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """`sender` is the session that it comes from, where it is one of ours.

        Raises StanzaError when it can't be delivered.
        """
        if not to.local:
            self._to_host(to, stanza, sender)
            return
        if self._newcomers is not None and self._newcomers.holds(to, stanza, sender):
            return
        kind = stanza.kind
        for takes in self._incoming[kind]:
            if takes(to, stanza):
                return
        session = self._host.session(to) if to.resource else None
        if kind == "message":
            if session is not None:
                self._hand_over(to, stanza, [session])
            else:
                self._message_to_account(to, stanza)
        elif kind == "presence":
            self._presence(to, session, stanza)
        elif session is not None:
            session.send(stanza)
        elif not to.resource:
            self.serve(to, stanza, sender)
        elif stanza.type in ("get", "set"):
            raise StanzaError("service-unavailable")

    def announce(self, to: JID, broadcast: Broadcast) -> None:
        """What goes to many, for an account of ours or one of its sessions: presence (RFC 6121 section 4.2.3), or what
        is said in a room. Raises StanzaError.
        """
        sessions: Sequence[Session]
        if to.resource:
            one = self._host.session(to)
            if one is None:
                return
            sessions = (one,)
        else:
            sessions = [each for each in self._host.sessions(to.local) if each.shown is not None]
            if not sessions:
                return
        for keeps in self._announced[broadcast.kind]:
            if keeps(to, broadcast):
                return
        data = broadcast.to(to.full)
        for session in sessions:
            session.deliver(broadcast.kind, data)

    def serve(self, account: JID, iq: Stanza, sender: Session | None) -> None:
        """An iq that the server answers on behalf of an account (RFC 6120 section 10.3.3). Raises StanzaError."""
        payload = iq.payload
        if iq.type not in ("get", "set") or payload is None:
            return
        own = self._host.own_iqs.get((iq.type, payload.tag))
        if own is not None and sender is not None and sender.account == account:
            self._reply(iq, own(sender, iq))
        elif not self._host.accounts.exists(account):
            raise StanzaError("service-unavailable")
        elif own is not None:
            raise StanzaError("forbidden", "that is for its owner alone")
        else:
            self._answer(iq, ("account", "host") if iq.get("to") is None else ("account",))

    def serve_stream(self, stream: ServerStream, iq: Stanza) -> Stanza:
        """The answer to an iq from a stream that hasn't logged in. Raises StanzaError."""
        payload = iq.payload
        handler = None if payload is None else self._host.stream_iqs.get((iq.type or "", payload.tag))
        if handler is None:
            raise StanzaError("not-authorized", "log in first")
        return result(iq, handler(stream, iq))

    def undelivered(self, data: bytes, sent: float | None = None) -> None:
        """A session ended before it got this: another one of the account takes it, or it is stored or bounced.

        `sent`: when that was tried (seconds since 1970), for who gets it later.
        """
        if isinstance(data, Copies):
            if any(self._host.session(each.jid) is each for each in data.sessions):
                return
            data = data.original or data
        lost = parse(data)
        if not isinstance(lost, Stanza) or lost.kind == "presence":
            return
        try:
            to = lost.to
            if to is not None and lost.kind == "message":
                if sent is not None:
                    delay(lost, self._host.domain, sent)
                if lost.get("from") != to.bare:  # else it was on the account's behalf, for that session alone
                    self._message_to_account(to, lost)
            elif lost.type in ("get", "set"):
                raise StanzaError("service-unavailable")
        except StanzaError as error:
            self._host.router.refuse(lost, error)
        except Exception as error:
            self._host.router.report(error, lost)

    def _to_host(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        if stanza.kind == "iq" and stanza.type in ("get", "set"):
            self._answer(stanza, ("host",))
        elif stanza.kind == "iq" and not to.resource:
            if sender is not None:
                self._host.queries.answered(sender, stanza)
            for hook in self._host.hooks.answered:
                hook(stanza)
        elif stanza.kind == "message" and stanza.type != "error":
            raise StanzaError("service-unavailable", "nobody reads messages to the server itself")

    def _answer(self, iq: Stanza, places: tuple[At, ...]) -> None:
        payload = iq.payload
        assert payload is not None and iq.type is not None
        for place in places:
            handler = self._host.iqs.get((place, iq.type, payload.tag))
            if handler is not None:
                self._reply(iq, handler(iq))
                return
        raise StanzaError("service-unavailable")

    def _reply(self, iq: Stanza, reply: Element | Later | None) -> None:
        if not isinstance(reply, Later):
            self._host.router.send(result(iq, reply))

    def _presence(self, to: JID, session: Session | None, presence: Stanza) -> None:
        """Of subscriptions only a request is looked at that is for a resource which isn't there (section 8.5.3.2.2)."""
        handler = self._host.presence_to.get(presence.type or "")
        if to.resource and session is None and presence.type in ("subscribed", "unsubscribe", "unsubscribed"):
            return
        if handler is not None:
            if presence.type == "probe" or self._host.accounts.exists(to):
                handler(to.to_bare(), presence)
        elif session is not None:
            session.send(presence)
        elif not to.resource:
            for each in self._host.sessions(to.local):
                if each.shown is not None:
                    each.send(presence)

    def _message_to_account(self, to: JID, message: Stanza) -> None:
        """To a bare JID, or a resource that isn't there (RFC 6121 sections 8.5.2 and 8.5.3.2.1). Raises StanzaError."""
        type = message.type
        if type == "error" or (type == "headline" and to.resource):
            return
        if type == "groupchat" or (type != "chat" and to.resource):
            raise StanzaError("service-unavailable")
        sessions = choose(message, self._host.sessions(to.local))
        if not sessions:
            if type == "headline":
                return
            self._message_to_nobody(to.to_bare(), message)
        self._hand_over(to, message, sessions)

    def _hand_over(self, to: JID, message: Stanza, sessions: list[Session]) -> None:
        """The same bytes to all of them. Hooks first: if one of them ends over it, it must be known who else has it."""
        addressed = tuple(sessions)
        for hook in self._delivered:
            hook(to, message, sessions)
        data = to_bytes(message)
        if len(sessions) > 1:
            data = Copies(data, sessions)
        for session in addressed:
            session.deliver("message", data)

    def _message_to_nobody(self, account: JID, message: Stanza) -> None:
        if not self._host.accounts.exists(account):
            raise StanzaError("service-unavailable")
        if not any(take(message, account) for take in self._host.hooks.undeliverable):
            raise StanzaError("service-unavailable")


def choose(message: Stanza, sessions: Sequence[Session]) -> list[Session]:
    """Of an account's sessions those for a message to its bare JID (sections 8.5.2.1.1 and 8.5.4).

    Never one with a negative priority. Headlines go to all others, everything else to the most available: those with
    the highest priority.
    """
    ready = [each for each in sessions if each.shown is not None and each.priority >= 0]
    if len(ready) < 2 or message.type == "headline":
        return ready
    highest = max(each.priority for each in ready)
    return [each for each in ready if each.priority == highest]


_DELAY = f"{{{ns.DELAY}}}delay"


def delay(message: Stanza, domain: str, when: float) -> None:
    """Say when a domain had it (seconds since 1970), unless it has said so before (XEP-0203)."""
    if all(each.get("from") != domain for each in message.iterchildren(_DELAY)):
        child(message, ns.DELAY, "delay", {"from": domain, "stamp": stamp(when)})
