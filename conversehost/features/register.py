"""XEP-0077: In-Band Registration, for everybody or for those who are invited, as the operator wants it."""

from __future__ import annotations

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.invitations import Invitations
from conversehost.server.registration import Registration
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, form_in
from conversehost.xmpp.jid import JID, JIDError, prepare_local
from conversehost.xmpp.replies import result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element

XEP = Xep(77, "In-Band Registration", "2.4", "complete, with data forms; with `--registration`, or an invitation")
INSTRUCTIONS = "Choose a name and a password."
CHANGE = "You are registered. Send your name and a new password to change it."
FORM = Form(
    (
        Field("username", label="Name", required=True),
        Field("password", "text-private", "Password", required=True),
    ),
    ns.REGISTER,
    "Registration",
    INSTRUCTIONS,
)

_REMOVE = f"{{{ns.REGISTER}}}remove"


def install(host: Host) -> None:
    if not (host.policy.registration or host.policy.has_inviters):
        return
    feature = RegisterFeature(host)
    host.advertise(ns.REGISTER)
    host.hooks.stream_features.append(offer)
    host.on_stream_iq("get", ns.REGISTER, "query", feature.form)
    host.on_stream_iq("set", ns.REGISTER, "query", feature.register)
    host.on_iq("get", ns.REGISTER, "query", feature.status, at="host")
    host.on_iq("set", ns.REGISTER, "query", feature.change, at="host")
    if host.policy.welcome:
        host.hooks.account_created.append(feature.expect)
        host.hooks.became_available.append(feature.welcome)
        host.hooks.account_deleted.append(feature.forget)


def offer(logged_in: bool) -> list[Element]:
    return [] if logged_in else [element(ns.REGISTER_FEATURE, "register")]


class RegisterFeature:
    """Accounts made, changed and removed by their owners."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._invitations = Invitations(host)
        self._registration = Registration(host)

    def form(self, stream: ServerStream, iq: Stanza) -> Reply:
        """What is needed."""
        self._check_open(stream)
        query = element(ns.REGISTER, "query")
        child(query, ns.REGISTER, "instructions").text = INSTRUCTIONS
        child(query, ns.REGISTER, "username").text = stream.invitation.username if stream.invitation else ""
        child(query, ns.REGISTER, "password")
        query.append(FORM.question())
        return query

    def register(self, stream: ServerStream, iq: Stanza) -> Reply:
        """Before login (section 3.1)."""
        self._check_open(stream)
        if is_cancelled(iq):
            return None
        name, password = read(iq)
        if not name or not password:
            raise StanzaError("not-acceptable", "a name and a password are needed")
        account = self._account(name)
        if stream.invitation is not None:
            self._invitations.register(stream.invitation, account.local, password)
            stream.invitation = None
        else:
            self._registration.make(account.local, password, stream.opened.address)
        return None

    def _check_open(self, stream: ServerStream) -> None:
        if not self._host.policy.registration and stream.invitation is None:
            raise StanzaError("not-allowed", "one gets an account by invitation here")

    def status(self, iq: Stanza) -> Reply:
        """Who is registered already is told so."""
        account = self._own(iq)
        query = element(ns.REGISTER, "query")
        child(query, ns.REGISTER, "registered")
        child(query, ns.REGISTER, "instructions").text = CHANGE
        child(query, ns.REGISTER, "username").text = account.local
        child(query, ns.REGISTER, "password")
        return query

    def change(self, iq: Stanza) -> Reply:
        """A new password (section 3.3), which ends the account's other sessions, or the end of the account (3.2)."""
        account = self._own(iq)
        if is_cancelled(iq):
            return None
        if iq[0].find(_REMOVE) is not None:
            if len(iq[0]) > 1:
                raise StanzaError("bad-request", "<remove/> stands alone")
            self._host.router.send(result(iq))  # now, as the account's sessions end
            self._host.delete_account(account)
            return None
        name, password = read(iq)
        if not name or not password:
            raise StanzaError("bad-request", "your name and a new password are needed")
        if self._account(name) != account:
            raise StanzaError("not-allowed", "one changes one's own password only")
        self._host.change_password(account, password, spared=iq.sender)
        return None

    def expect(self, account: JID) -> None:
        """Somebody who is to be welcomed."""
        self._host.store.put("welcome", account.bare, "", self._host.policy.welcome)

    def welcome(self, session: Session) -> None:
        """At the first login, as a headline: it is the server's word, and for Converse.js no chat with a stranger."""
        text: str | None = self._host.store.get("welcome", session.bare, "")
        if text is not None:
            self.forget(session.account)
            said = element(ns.CLIENT, "body", text=clean(text))
            session.send(stanza("message", {"type": "headline", "from": self._host.domain, "to": session.full}, said))

    def forget(self, account: JID) -> None:
        self._host.store.clear("welcome", account.bare)

    def _own(self, iq: Stanza) -> JID:
        """The account that asks. Raises StanzaError."""
        sender = iq.sender
        assert sender is not None
        if sender.domain != self._host.domain or not sender.local:
            raise StanzaError("not-allowed", f"your account is one of {sender.domain}")
        return sender.to_bare()

    def _account(self, name: str) -> JID:
        try:
            return JID(prepare_local(name), self._host.domain)
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None


def read(iq: Stanza) -> tuple[str, str]:
    """Name and password, from the form if there is one (section 4); "" for what isn't there.

    Raises StanzaError(not-acceptable) for a form that isn't filled in.
    """
    query = iq[0]
    filled = form_in(query)
    if filled is not None:
        answers = FORM.read(filled)
        return answers.text("username"), answers.text("password")
    return query.findtext(f"{{{ns.REGISTER}}}username") or "", query.findtext(f"{{{ns.REGISTER}}}password") or ""


def is_cancelled(iq: Stanza) -> bool:
    """A form was sent back without answers: somebody has thought better of it."""
    filled = form_in(iq[0])
    return filled is not None and filled.get("type") == "cancel"
