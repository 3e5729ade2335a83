"""XEP-0055: Jabber Search, among the people here who have a vCard."""

from __future__ import annotations

from collections.abc import Iterator

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, Table, form_in
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, element, parse

XEP = Xep(55, "Jabber Search", "1.3", "complete, with data forms")
INSTRUCTIONS = "Fill in one or more fields; a part of a name is enough. With nothing filled in, everybody is found."
RESULTS = 100
"""The most that are told."""
PATHS = {"first": "N/GIVEN", "last": "N/FAMILY", "nick": "NICKNAME", "email": "EMAIL/USERID"}
"""What can be searched for, and where a vCard has it."""
FIELDS = (
    Field("user", label="Name of the account"),
    Field("first", label="Given name"),
    Field("last", label="Family name"),
    Field("nick", label="Nickname"),
    Field("email", label="E-mail"),
)
FORM = Form(FIELDS, ns.SEARCH, "Search for people", INSTRUCTIONS)
COLUMNS = (Field("jid", "jid-single", "Address"), *FIELDS[1:])
Person = dict[str, str]


def install(host: Host) -> None:
    def fields(iq: Stanza) -> Reply:
        query = element(ns.SEARCH, "query")
        child(query, ns.SEARCH, "instructions").text = INSTRUCTIONS
        for name in PATHS:
            child(query, ns.SEARCH, name)
        query.append(FORM.question())
        return query

    def search(iq: Stanza) -> Reply:
        """For those whose vCard has all of what was filled in; told in the form in which it was asked."""
        asker = host.router.hosts.get(iq.sender.domain) if iq.sender else None
        if asker is None or asker.rules.anonymous:
            raise StanzaError("forbidden", "only people who have an account here can search")
        form = form_in(iq[0])
        if form is not None:
            answers = FORM.read(form)
            wanted = {each.var: answers.text(each.var) for each in FIELDS}
        else:
            wanted = {name: iq[0].findtext(f"{{{ns.SEARCH}}}{name}") or "" for name in PATHS}
        found = [each for each in people(host) if matches(each, wanted)][:RESULTS]
        return items(found) if form is None else table(found)

    host.advertise(ns.SEARCH)
    host.identify("directory", "user", "People here")
    host.on_iq("get", ns.SEARCH, "query", fields, at="host")
    host.on_iq("set", ns.SEARCH, "query", search, at="host")


def people(host: Host) -> Iterator[Person]:
    """All of the host who have a vCard, in order of address."""
    for owner in sorted(host.store.owners("vcard")):
        account = parse_jid(owner)
        stored: bytes | None = host.store.get("vcard", owner, "")
        if account.domain == host.domain and stored is not None:
            card = parse(stored)
            named = {
                name: card.findtext("/".join(f"{{{ns.VCARD}}}{each}" for each in path.split("/"))) or ""
                for name, path in PATHS.items()
            }
            yield {"jid": account.full, "user": account.local, **named}


def matches(person: Person, wanted: dict[str, str]) -> bool:
    """Each text occurs in its field, capitals or not; * and % are what people add who know other directories."""
    return all(text.strip().strip("*%").casefold() in person[name].casefold() for name, text in wanted.items())


def items(found: list[Person]) -> Reply:
    query = element(ns.SEARCH, "query")
    for person in found:
        item = child(query, ns.SEARCH, "item", {"jid": person["jid"]})
        for name in PATHS:
            child(item, ns.SEARCH, name).text = person[name] or None
    return query


def table(found: list[Person]) -> Reply:
    rows = [[person[column.var] for column in COLUMNS] for person in found]
    return element(ns.SEARCH, "query", None, Table(COLUMNS, rows, ns.SEARCH, "People found").result())
