"""`/invitations`: by which somebody becomes a contact, or gets an account (XEP-0379, 0401, 0445)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from conversehost.server.host import Host
from conversehost.server.invitations import Invitation, Invitations
from conversehost.testbed.fields import Boolean, Fields, Text
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World, refusals
from conversehost.testbed.shapes import Shape, boolean, listed, nullable, text, time
from conversehost.xmpp.jid import prepare_local
from conversehost.xmpp.times import stamp

FIELDS = (
    Text("inviter", "whose contact they become; an account", required=True, example="alice", format="account"),
    Boolean("newcomer", "true unless given: it makes an account, for who has none"),
    Boolean("contact", "true unless given: inviter and invited become contacts"),
    Text("username", "the name of the new account; without one they choose", example="zoe"),
)
INVITATION = Shape(
    "Invitation",
    "One that can be followed, once.",
    {
        "token": text("what the invited one shows"),
        "inviter": text("the account that invites"),
        "newcomer": boolean("it makes an account"),
        "contact": boolean("they become contacts"),
        "username": nullable(text("of the new account, where that isn't theirs to choose")),
        "expires": time("until when it is good"),
        "uri": text("for a chat program"),
        "page": text("for a browser"),
    },
)
INVITATIONS = Shape(
    "Invitations", "Those that can be followed, the oldest first.", {"invitations": listed(INVITATION, "them")}
)


class InvitationsNoun(Noun):
    """All of them, of all domains."""

    key = Text("token", "what the invited one shows", example="0123456789abcdef0123456789abcdef")

    def verbs(self) -> Mapping[str, Verb]:
        refused = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        return {
            "GET": Verb(self.read, answer=INVITATIONS),
            "POST": Verb(self.make, body=FIELDS, answer=INVITATION, status=HTTPStatus.CREATED, errors=refused),
        }

    def item(self, name: str) -> Noun:
        return OneInvitation(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The invitations that can be followed, the oldest first."""
        return Reply({"invitations": [describe(host, each) for host, each in every(self.world)]})

    def make(self, query: Fields, body: Fields) -> Reply:
        """Invite somebody, as the account does by its client: they have the link, nobody is told."""
        inviter = self.world.existing(body.needed("inviter"), "inviter")
        host, username = self.world.hosts[inviter.domain], body.text("username") or ""
        newcomer, contact = body.boolean("newcomer") is not False, body.boolean("contact") is not False
        if not newcomer and (username or not contact):
            raise ApiError(HTTPStatus.BAD_REQUEST, "newcomer: without an account to make it is for a contact alone")
        with refusals():
            made = Invitations(host).make(
                inviter,
                newcomer=newcomer,
                contact=contact,
                username=prepare_local(username) if username else "",
            )
        return Reply(describe(host, made), f"{API}/invitations/{made.token}")


class OneInvitation(Noun):
    """`/invitations/{token}`."""

    def __init__(self, world: World, token: str) -> None:
        super().__init__(world)
        self._token = token

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=INVITATION, errors=MISSING),
            "DELETE": Verb(self.withdraw, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One invitation, while it can be followed."""
        return Reply(describe(*self._find()))

    def withdraw(self, query: Fields, body: Fields) -> Reply:
        """Withdraw an invitation: nobody can follow it any more."""
        host, found = self._find()
        Invitations(host).use(found)
        return Reply()

    def _find(self) -> tuple[Host, Invitation]:
        for host, each in every(self.world):
            if each.token == self._token:
                return host, each
        raise ApiError(HTTPStatus.NOT_FOUND, "there is no such invitation: it was followed or withdrawn, or is over")


def every(world: World) -> Iterator[tuple[Host, Invitation]]:
    """Those that can be followed, with their hosts."""
    return ((host, each) for host in world.hosts.values() for each in Invitations(host).open())


def describe(host: Host, invitation: Invitation) -> dict[str, object]:
    """As JSON."""
    return {
        "token": invitation.token,
        "inviter": invitation.inviter.bare,
        "newcomer": invitation.newcomer,
        "contact": invitation.contact,
        "username": invitation.username or None,
        "expires": stamp(invitation.expires),
        "uri": invitation.uri,
        "page": invitation.page(host.site("")),
    }
