"""XEP-0077: In-Band Registration. Installed only where the operator wants it."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, prepare_local
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(77, "2.4", "complete, without data forms")
INSTRUCTIONS = "Choose a name and a password."


def install(host: Host) -> None:
    feature = RegisterFeature(host)
    host.advertise(ns.REGISTER)
    host.hooks.stream_features.append(offer)
    host.on_stream_iq("get", ns.REGISTER, "query", form)
    host.on_stream_iq("set", ns.REGISTER, "query", feature.register)
    host.on_iq("get", ns.REGISTER, "query", feature.status, at="host")
    host.on_iq("set", ns.REGISTER, "query", feature.change, at="host")


def offer(logged_in: bool) -> list[Element]:
    return [] if logged_in else [element(ns.REGISTER_FEATURE, "register")]


def form(iq: Stanza) -> Reply:
    query = element(ns.REGISTER, "query")
    child(query, ns.REGISTER, "instructions").text = INSTRUCTIONS
    child(query, ns.REGISTER, "username")
    child(query, ns.REGISTER, "password")
    return query


class RegisterFeature:
    """Accounts made, changed and removed by their owners."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def register(self, iq: Stanza) -> Reply:
        """Before login (section 3.1)."""
        account, password = self._read(iq)
        if self._host.accounts.exists(account):
            raise StanzaError("conflict", "that name is taken")
        self._host.accounts.put(account, password)
        return None

    def status(self, session: Session, iq: Stanza) -> Reply:
        """Who is registered already is told so."""
        query = element(ns.REGISTER, "query")
        child(query, ns.REGISTER, "registered")
        child(query, ns.REGISTER, "username").text = session.jid.local
        child(query, ns.REGISTER, "password")
        return query

    def change(self, session: Session, iq: Stanza) -> Reply:
        """A new password (section 3.3), or the end of the account (section 3.2)."""
        if iq[0].find(f"{{{ns.REGISTER}}}remove") is not None:
            self._host.delete_account(session.account)
            return None
        account, password = self._read(iq)
        if account != session.account:
            raise StanzaError("not-allowed", "one changes one's own password only")
        self._host.accounts.put(account, password)
        return None

    def _read(self, iq: Stanza) -> tuple[JID, str]:
        username = iq[0].findtext(f"{{{ns.REGISTER}}}username") or ""
        password = iq[0].findtext(f"{{{ns.REGISTER}}}password") or ""
        if not username or not password:
            raise StanzaError("not-acceptable", "a name and a password are needed")
        try:
            return JID(prepare_local(username), self._host.domain), password
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None
