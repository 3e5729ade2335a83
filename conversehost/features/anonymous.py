"""XEP-0175: Best Practices for Use of SASL ANONYMOUS: guests, gone when they leave. Only on a domain of their own."""

from __future__ import annotations

import secrets

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza

XEP = Xep(175, "Best Practices for Use of SASL ANONYMOUS", "1.2", "complete; on a domain of its own")
_LASTING = ("subscribe", "subscribed", "unsubscribe", "unsubscribed")


def install(host: Host) -> None:
    """A guest is an account as long as the session lasts: others reach it, and it has whatever an account has."""

    def arrive(session: Session) -> None:
        if not host.accounts.exists(session.account):
            host.create_account(session.account, secrets.token_urlsafe(24))

    def leave(session: Session) -> None:
        if len(host.sessions(session.jid.local)) == 1:  # the hook comes before it is gone
            host.accounts.delete(session.account)
            host.forget(session.account)

    host.hooks.session_opened.append(arrive)
    host.hooks.session_closed.append(leave)
    host.hooks.outgoing.append(refuse_to_subscribe)
    host.hooks.incoming["presence"].append(lambda to, presence: refuse_subscription(host, to, presence))


def refuse_to_subscribe(session: Session, sent: Stanza) -> None:
    """A contact would keep, for ever, an address that nobody will have again. Presence to somebody goes its way."""
    if sent.kind == "presence" and sent.type in _LASTING:
        raise StanzaError("not-allowed", "guests have no lasting contacts")


def refuse_subscription(host: Host, to: JID, came: Stanza) -> bool:
    """The same from the other side: the answer is no, whoever asks."""
    if came.type not in _LASTING:
        return False
    if came.type == "subscribe" and came.get("from"):
        attributes = {"from": to.bare, "to": came.get("from", ""), "type": "unsubscribed"}
        host.router.send(stanza("presence", attributes))
    return True
