"""`/accounts/{jid}/archive`: what somebody has said and was told (XEP-0313), now or at another time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from conversehost.server.archive import addresses
from conversehost.server.host import Host
from conversehost.testbed.archived import ADDED, FILTER, MESSAGES, WITH, found
from conversehost.testbed.fields import Boolean, Fields, Lines, Moment, Text
from conversehost.testbed.noun import MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import clean, element, to_bytes

SAID = (
    Text("with", "the other", required=True, example="bob", format="address"),
    Lines("body", "what was said", required=True, example="hi"),
    Boolean("sent", "true: the account has said it; else the other", example=True),
    Moment("at", "when; now unless given", example="2026-02-28T12:00:00Z"),
    Boolean("mutual", "true unless given: the archive of the other, if it is an account here, has it too"),
)


class ArchiveNoun(Noun):
    """Of one account."""

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world)
        self._account = account

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, query=(WITH, *FILTER), answer=MESSAGES, errors=MISSING),
            "POST": Verb(self.add, body=SAID, answer=ADDED, status=HTTPStatus.CREATED, errors=MISSING),
            "DELETE": Verb(self.forget, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """What the account's archive has: the latest messages that match."""
        host, account = self._owner()
        return Reply(found(host.archive, account.bare, query))

    def add(self, query: Fields, body: Fields) -> Reply:
        """Let a message have been said: it is in the archives, and nobody is told."""
        host, account = self._owner()
        other = self._other(body.needed("with"), account)
        at = body.get("at")
        sender, to = (account, other) if body.boolean("sent") else (other, account)
        message = written(sender, to, body.needed("body"), secrets.token_hex(8))
        moment = host.clock.utc() if at is None else at
        id = record(host, account, message, moment)
        there = self.world.hosts.get(other.domain)
        if body.boolean("mutual") is not False and there is not None and there.accounts.exists(other.to_bare()):
            record(there, other.to_bare(), message, moment)
        return Reply({"id": id})

    def forget(self, query: Fields, body: Fields) -> Reply:
        """Forget all that the account has said and was told."""
        host, account = self._owner()
        host.archive.clear(account.bare)
        return Reply()

    def _owner(self) -> tuple[Host, JID]:
        account = self.world.existing(self._account, "jid")
        return self.world.hosts[account.domain], account

    def _other(self, text: str, account: JID) -> JID:
        try:
            other = parse(text) if "@" in text or "." in text else self.world.account(text, "with")
        except JIDError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"with: {text!r} is not an address ({error})") from None
        if other.to_bare() == account:
            raise ApiError(HTTPStatus.BAD_REQUEST, "with: that is the account itself")
        return other


def written(sender: JID, to: JID, text: str, id: str) -> Stanza:
    """A chat message between two."""
    message = stanza("message", {"from": sender.full, "to": to.full, "type": "chat", "id": id})
    message.append(element(ns.CLIENT, "body", text=clean(text)))
    return message


def record(host: Host, account: JID, message: Stanza, at: float) -> str:
    """It is in the account's archive, as if it had been said then; answers its id there."""
    id = host.archive.new_id(account.bare, at)
    host.archive.add(account.bare, id, to_bytes(message), addresses(account.bare, message))
    return id
