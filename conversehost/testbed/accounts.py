"""`/accounts`: who exists, with their passwords."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.blocked import Blocked
from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.scenario import introduce, nickname_of, put_nickname
from conversehost.xmpp.jid import JID


class Accounts(Noun):
    """All accounts; those of bots only when asked for."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=("bots",)),
            "POST": Verb(self.create, body=("jid", "password", "nickname", "friends")),
        }

    def item(self, name: str) -> Noun:
        return OneAccount(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The list, in order of creation."""
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
        name = body.text("jid")
        if name is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "jid is missing: a name, or a whole address")
        jid = world.account(name, "jid")
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
        return Reply(describe(world, jid, password), HTTPStatus.CREATED, location)

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

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read),
            "PATCH": Verb(self.change, body=("password",)),
            "DELETE": Verb(self.delete),
        }

    def item(self, name: str) -> Noun | None:
        return Blocked(self.world, self._name) if name == "blocked" else None

    def read(self, query: Fields, body: Fields) -> Reply:
        """The account."""
        jid = self.world.existing(self._name, "jid")
        passwords = dict(self.world.hosts[jid.domain].accounts.of(jid.domain))
        return Reply(describe(self.world, jid, passwords[jid]))

    def change(self, query: Fields, body: Fields) -> Reply:
        """A new password, from the next login on."""
        jid = self.world.existing(self._name, "jid")
        password = body.text("password")
        if password is not None:
            self.world.hosts[jid.domain].change_password(jid, password)
        return self.read(query, body)

    def delete(self, query: Fields, body: Fields) -> Reply:
        """The account, its sessions, and all that is kept for it."""
        jid = self.world.existing(self._name, "jid")
        self.world.hosts[jid.domain].delete_account(jid)
        return Reply()


def describe(world: World, jid: JID, password: str) -> dict[str, object]:
    """An account as JSON; `nickname` is null when its vCard has none."""
    return {"jid": jid.full, "password": password, "nickname": nickname_of(world.hosts[jid.domain], jid)}
