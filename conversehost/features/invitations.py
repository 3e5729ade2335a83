"""XEP-0401: Ad-hoc Account Invitation Generation; with XEP-0379 and XEP-0445, how such invitations are followed."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.xep import Xep
from conversehost.server.commands import Command, Done, Run
from conversehost.server.host import Host, Reply
from conversehost.server.invitations import Invitation, Invitations
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID, JIDError, prepare_local
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, element

XEP = Xep(401, "Ad-hoc Account Invitation Generation", "0.6.0", "complete, with a page for each invitation")
PARS = Xep(379, "Pre-Authenticated Roster Subscription", "0.3.3", "complete; the server makes the tokens")
BY_TOKEN = Xep(445, "Pre-Authenticated In-Band Registration", "0.2.0", "complete")
CREATE = Form(
    (
        Field("username", label="Name of the account", desc="Leave it empty for whichever they choose."),
        Field("roster-subscription", "boolean", "Become contacts"),
    ),
    title="Invite somebody to make an account",
)


def install(host: Host) -> None:
    feature = InvitationFeature(host)
    host.on_command(Command(f"{ns.INVITE}#invite", "Invite somebody", feature.is_ours, feature.invite))
    host.hooks.account_deleted.append(feature.forget)
    if host.policy.has_inviters:
        node, name = f"{ns.INVITE}#create-account", "Invite somebody to make an account"
        stages = (lambda run: CREATE,)
        host.on_command(Command(node, name, feature.may_bring, feature.create_account, stages))
        host.hooks.stream_features.append(offer)
        host.on_stream_iq("set", ns.PREAUTH, "preauth", feature.show)


def offer(logged_in: bool) -> Sequence[Element]:
    """XEP-0445 section 4."""
    return [] if logged_in else [element(ns.REGISTER_BY_TOKEN, "register")]


class InvitationFeature:
    """Invitations as people make them, and as newcomers show them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._invitations = Invitations(host)

    def is_ours(self, sender: JID) -> bool:
        return sender.domain == self._host.domain and self._host.accounts.exists(sender.to_bare())

    def may_bring(self, sender: JID) -> bool:
        return self.is_ours(sender) and self._host.policy.may_invite(sender.to_bare())

    def invite(self, run: Run) -> Done:
        """XEP-0401 section 4.1: a contact, who may have no account yet."""
        return self._made(run, newcomer=self.may_bring(run.sender), contact=True)

    def create_account(self, run: Run) -> Done:
        """XEP-0401 section 4.4: an account here, of whatever name or of that one."""
        answers = run.answers[0]
        try:
            username = prepare_local(answers.text("username")) if answers.text("username") else ""
        except JIDError as error:
            raise StanzaError("not-acceptable", str(error)) from None
        return self._made(run, newcomer=True, contact=answers.flag("roster-subscription"), username=username)

    def show(self, stream: ServerStream, iq: Stanza) -> Reply:
        """XEP-0445 section 5: before somebody registers."""
        found = self._invitations.find(iq[0].get("token", ""))
        if found is None or not found.newcomer:
            raise StanzaError("item-not-found", "that invitation doesn't exist, or is over")
        stream.invitation = found
        return None

    def forget(self, account: JID) -> None:
        self._invitations.forget(account)

    def _made(self, run: Run, *, newcomer: bool, contact: bool, username: str = "") -> Done:
        inviter = run.sender.to_bare()
        made = self._invitations.make(inviter, newcomer=newcomer, contact=contact, username=username)
        session = self._host.session(run.sender)
        return Done(payload=told(made, self._host.site(session.opened.origin if session else "")))


def told(invitation: Invitation, site: str) -> Element:
    """A result of one of the commands."""
    return Form(
        (
            Field("uri", label="For a chat program", values=(invitation.uri,)),
            Field("landing-url", label="For a browser", values=(invitation.page(site),)),
            Field("expire", label="Until", values=(stamp(invitation.expires),)),
        ),
        f"{ns.INVITE}#invitation",
        "Invitation",
    ).result()
