"""`/accounts/{jid}/roster`: who is in somebody's roster, and how it stands between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from conversehost.features.roster import GROUPS_PER_ITEM, TEXT, TEXT_PER_ITEM
from conversehost.features.subscriptions import tell_gone, tell_here
from conversehost.server.host import Host
from conversehost.server.roster import RosterItem
from conversehost.testbed.fields import Boolean, Choice, Fields, Text, Texts
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.scenario import nickname_of
from conversehost.testbed.shapes import Shape, boolean, choice, listed, text
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse

SUBSCRIPTIONS = ("none", "to", "from", "both")
MIRRORED = {"none": "none", "to": "from", "from": "to", "both": "both"}
"""How the other side has it."""
ITEM = Shape(
    "RosterItem",
    "A contact.",
    {
        "jid": text("the contact's address", examples=["bob@localhost"]),
        "name": text("as the owner calls it; perhaps empty"),
        "groups": listed(text(), "in which the owner has it"),
        "subscription": choice("to: the owner sees its presence; from: it sees the owner's", *SUBSCRIPTIONS),
        "ask": boolean("the owner asked to see its presence, and waits for the answer"),
        "approved": boolean("should it ask, the answer is yes (RFC 6121 section 3.4)"),
        "pending": boolean("it asked to see the owner's presence, and waits for the answer"),
        "listed": boolean("it is shown in the roster; what isn't is only a request"),
    },
)
ROSTER = Shape("Roster", "A roster, in order of insertion.", {"contacts": listed(ITEM)})
GIVEN = (
    Text("name", f"as the owner calls it; by default its nickname; at most {TEXT} characters", example="Bob"),
    Texts("groups", f"in which the owner has it; at most {GROUPS_PER_ITEM}", example=["Friends"]),
    Choice("subscription", "to: the owner sees its presence; from: it sees the owner's", words=SUBSCRIPTIONS),
    Boolean("ask", "the owner asked to see its presence, and waits for the answer"),
    Boolean("approved", "should it ask, the answer is yes"),
    Boolean("mutual", "true unless given: the roster of the contact, if it is an account here, says so too"),
)
CONTACT = Text("contact", "an address; a name alone is of the first domain", example="bob@localhost", format="account")


class Roster(Noun):
    """Of one account."""

    key = CONTACT

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world)
        self._account = account

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=ROSTER, errors=MISSING),
            "POST": Verb(
                self.add,
                body=(replace(CONTACT, name="jid", required=True), *GIVEN),
                answer=ITEM,
                status=HTTPStatus.CREATED,
                errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
            ),
        }

    def item(self, name: str) -> Noun:
        return OneContact(self.world, self._account, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The whole roster, with requests that wait for an answer."""
        account = self.world.existing(self._account, "jid")
        return Reply({"contacts": [describe(each) for each in self.world.hosts[account.domain].rosters.of(account)]})

    def add(self, query: Fields, body: Fields) -> Reply:
        """Add a contact, anybody in the world, subscribed both ways unless `subscription` says otherwise.

        Who is logged in hears of it at once.
        """
        account = self.world.existing(self._account, "jid")
        contact = address(self.world, body.needed("jid"), "jid", account)
        if self.world.hosts[account.domain].rosters.get(account, contact).listed:
            raise ApiError(HTTPStatus.CONFLICT, f"{contact} is in the roster of {account} already")
        made = change(self.world, account, contact, body, subscription="both")
        location = f"{API}/accounts/{quote(account.bare, safe='')}/roster/{quote(contact.bare, safe='')}"
        return Reply(describe(made), location)


class OneContact(Noun):
    """`/accounts/{jid}/roster/{contact}`."""

    def __init__(self, world: World, account: str, contact: str) -> None:
        super().__init__(world)
        self._account = account
        self._contact = contact

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=ITEM, errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
            "PATCH": Verb(self.change, body=GIVEN, answer=ITEM, errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
            "DELETE": Verb(self.remove, errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One contact."""
        return Reply(describe(self._find()[2]))

    def change(self, query: Fields, body: Fields) -> Reply:
        """Change what is given. Who is logged in hears of it at once, and of a new subscription sees presence."""
        account, contact, _ = self._find()
        return Reply(describe(change(self.world, account, contact, body)))

    def remove(self, query: Fields, body: Fields) -> Reply:
        """Remove the contact: subscriptions end in both directions, and requests, as when the owner does it."""
        account, contact, item = self._find()
        host = self.world.hosts[account.domain]
        host.rosters.remove(account, contact)
        for changed in host.hooks.roster_changed:
            changed(account, item, replace(item, removed=True))
        for end in host.hooks.contact_removed:
            end(account, item)
        return Reply()

    def _find(self) -> tuple[JID, JID, RosterItem]:
        account = self.world.existing(self._account, "jid")
        contact = address(self.world, self._contact, "contact", account)
        item = self.world.hosts[account.domain].rosters.get(account, contact)
        if not item.listed and item.pending is None and not item.approved:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{contact} is not in the roster of {account}")
        return account, contact, item


def address(world: World, name: str, field: str, account: JID) -> JID:
    """A contact's, who may be anybody but the account itself. Raises ApiError(400), ApiError(409)."""
    try:
        jid = parse(name).to_bare() if "@" in name or "." in name else world.account(name, field)
    except JIDError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {name!r} is not an address ({error})") from None
    if jid == account:
        raise ApiError(HTTPStatus.CONFLICT, f"{field}: nobody is in their own roster")
    return jid


def change(world: World, account: JID, contact: JID, given: Fields, subscription: str | None = None) -> RosterItem:
    """As the fields say, with `subscription` where they say nothing of it. Raises ApiError(400), ApiError(409)."""
    host, mutual = world.hosts[account.domain], given.boolean("mutual") is not False
    wanted = given.text("subscription") or subscription
    before = host.rosters.get(account, contact)
    after = replace(before, listed=True, name=given.text("name") or before.name or called(world, contact))
    if given.has("groups"):
        after = replace(after, groups=tuple(dict.fromkeys(given.texts("groups"))))
    check(after)
    ask, approved = given.boolean("ask"), given.boolean("approved")
    after = replace(
        after,
        ask=before.ask if ask is None else ask,
        approved=before.approved if approved is None else approved,
    )
    put(host, account, before, subscribed(after, wanted))
    theirs = world.hosts.get(contact.domain)
    if mutual and wanted and theirs is not None and theirs.accounts.exists(contact):
        before = theirs.rosters.get(contact, account)
        mirrored = replace(before, listed=True, name=before.name or called(world, account))
        put(theirs, contact, before, subscribed(mirrored, MIRRORED[wanted]))
    return host.rosters.get(account, contact)


def subscribed(item: RosterItem, subscription: str | None) -> RosterItem:
    """The same with that subscription, which answers a request; None leaves it as it is."""
    if subscription is None:
        return item
    to, from_ = subscription in ("to", "both"), subscription in ("from", "both")
    return replace(item, to=to, from_=from_, ask=item.ask and not to, pending=None if from_ else item.pending)


def put(host: Host, account: JID, before: RosterItem, after: RosterItem) -> None:
    """Keep it, and tell all who have to hear of it. Raises ApiError(409) when the roster is full."""
    if after == before:
        return
    try:
        host.rosters.check_room(account, before)
    except StanzaError as error:
        raise ApiError(HTTPStatus.CONFLICT, error.text) from None
    host.rosters.put(account, after)
    for changed in host.hooks.roster_changed:
        changed(account, before, after)
    contact = parse(after.jid)
    if after.from_ and not before.from_:
        tell_here(host, account, contact)
    elif before.from_ and not after.from_:
        tell_gone(host, account, contact)


def check(item: RosterItem) -> None:
    """The limits that clients have, too. Raises ApiError(400)."""
    texts = (item.name, *item.groups)
    if len(item.groups) > GROUPS_PER_ITEM:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"groups must be at most {GROUPS_PER_ITEM}")
    if max(map(len, texts)) > TEXT or sum(map(len, texts)) > TEXT_PER_ITEM:
        message = f"name and groups must have at most {TEXT} characters each, and {TEXT_PER_ITEM} together"
        raise ApiError(HTTPStatus.BAD_REQUEST, message)


def called(world: World, contact: JID) -> str:
    """By the vCard, where there is one here."""
    host = world.hosts.get(contact.domain)
    return (host and nickname_of(host, contact)) or contact.local or contact.domain


def describe(item: RosterItem) -> dict[str, object]:
    """As JSON."""
    return {
        "jid": item.jid,
        "name": item.name,
        "groups": list(item.groups),
        "subscription": item.subscription,
        "ask": item.ask,
        "approved": item.approved,
        "pending": item.pending is not None,
        "listed": item.listed,
    }
