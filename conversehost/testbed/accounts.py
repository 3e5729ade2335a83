"""`/accounts`: who exists, with their passwords."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.archive_noun import ArchiveNoun
from conversehost.testbed.blocked import Blocked
from conversehost.testbed.fields import Boolean, Fields, Flag, Text, Texts
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.rosters import Roster
from conversehost.testbed.scenario import introduce, nickname_of, put_nickname
from conversehost.testbed.shapes import Shape, boolean, listed, nullable, text
from conversehost.testbed.vcards import AvatarNoun, VCard, change
from conversehost.xmpp.jid import JID

ACCOUNT = Shape(
    "Account",
    "Somebody who can log in.",
    {
        "jid": text("the whole address", examples=["zoe@localhost"]),
        "password": text("as it is", examples=["secret"]),
        "nickname": nullable(text("from the vCard; null when that has none", examples=["Zoe"])),
        "disabled": boolean("nobody logs in to it"),
    },
)
ACCOUNTS = Shape("Accounts", "Accounts, in order of creation.", {"accounts": listed(ACCOUNT)})
WHOSE = Text(
    "jid", "the account's address; a name alone is one of the first domain", example="alice@localhost", format="account"
)


class Accounts(Noun):
    """All accounts; those of bots only when asked for."""

    key = WHOSE

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=(Flag("bots", "those of bots too"),), answer=ACCOUNTS),
            "POST": Verb(
                self.create,
                body=(
                    Text("jid", "a name, or a whole address", required=True, example="zoe", format="account"),
                    Text("password", "one is made up unless given", example="secret"),
                    Text("nickname", "for the vCard; by default the name", example="Zoe"),
                    Texts("friends", "accounts that are there: each is in the other's roster, subscribed both ways"),
                ),
                answer=ACCOUNT,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.CONFLICT,),
            ),
        }

    def item(self, name: str) -> Noun:
        return OneAccount(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All accounts, in order of creation."""
        bots = query.flag("bots")
        found = [
            describe(self.world, jid, password)
            for host in self.world.hosts.values()
            for jid, password in host.accounts.of(host.domain)
            if bots or not self.world.is_bot(jid)
        ]
        return Reply({"accounts": found})

    def create(self, query: Fields, body: Fields) -> Reply:
        """A new account. The bots are its contacts, as they are everybody's, and so are its friends."""
        world = self.world
        jid = world.account(body.needed("jid"), "jid")
        host = world.hosts[jid.domain]
        if host.accounts.exists(jid):
            raise ApiError(HTTPStatus.CONFLICT, f"there is an account {jid} already")
        password = body.text("password") or secrets.token_urlsafe(12)
        nickname = body.text("nickname") or jid.local.capitalize()
        friends = [self._friend(each) for each in body.texts("friends")]
        put_nickname(host, jid, nickname)
        host.create_account(jid, password)
        for friend in friends:
            introduce(world.hosts, jid, friend, "")
        location = f"{API}/accounts/{quote(jid.full, safe='')}"
        return Reply(describe(world, jid, password), location)

    def _friend(self, name: str) -> JID:
        friend = self.world.account(name, "friends")
        if not self.world.hosts[friend.domain].accounts.exists(friend):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"friends: {name!r} is not an account that is there")
        return friend


class OneAccount(Noun):
    """`/accounts/{jid}`; a name alone is one of the first domain."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name
        self.putChild(b"roster", Roster(world, name))
        self.putChild(b"vcard", VCard(world, name))
        self.putChild(b"avatar", AvatarNoun(world, name))
        self.putChild(b"archive", ArchiveNoun(world, name))
        self.putChild(b"blocked", Blocked(world, name))

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=ACCOUNT, errors=MISSING),
            "PATCH": Verb(
                self.change,
                body=(
                    Text("password", "the new one; sessions that began by the old one end", example="new"),
                    Text("nickname", "for the vCard, in which all else stays", example="Alice"),
                    Boolean("disabled", "true ends its sessions, and nobody logs in to it until it is false again"),
                ),
                answer=ACCOUNT,
                errors=MISSING,
            ),
            "DELETE": Verb(self.delete, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One account."""
        jid = self.world.existing(self._name, "jid")
        passwords = dict(self.world.hosts[jid.domain].accounts.of(jid.domain))
        return Reply(describe(self.world, jid, passwords[jid]))

    def change(self, query: Fields, body: Fields) -> Reply:
        """Change what is given."""
        jid = self.world.existing(self._name, "jid")
        password = body.text("password")
        host = self.world.hosts[jid.domain]
        if password is not None:
            host.change_password(jid, password)
        nickname = body.text("nickname")
        if nickname is not None:
            change(host, jid, {"full_name": nickname, "nickname": nickname})
        if body.boolean("disabled"):
            host.disable_account(jid)
        elif body.has("disabled"):
            host.accounts.enable(jid)
        return self.read(query, body)

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Delete the account, end its sessions, and drop all that is kept for it."""
        jid = self.world.existing(self._name, "jid")
        self.world.hosts[jid.domain].delete_account(jid)
        return Reply()


def describe(world: World, jid: JID, password: str) -> dict[str, object]:
    """An account as JSON; `nickname` is null when its vCard has none."""
    host = world.hosts[jid.domain]
    disabled = host.accounts.is_disabled(jid)
    return {"jid": jid.full, "password": password, "nickname": nickname_of(host, jid), "disabled": disabled}
