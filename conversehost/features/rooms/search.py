"""XEP-0433: Extended Channel Search among a host's rooms; in the words of its draft as well, which Converse.js uses."""

from __future__ import annotations

from dataclasses import dataclass

from conversehost.features.rooms.info import is_open
from conversehost.features.rooms.room import Room
from conversehost.features.rooms.service import RoomService
from conversehost.server.host import Reply
from conversehost.xmpp import rsm
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Answers, Field, Form, form_in, values_of
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element

PAGE = 100
"""Rooms in one answer, at most."""


@dataclass(frozen=True, slots=True)
class Words:
    """What things are called in one version: namespaces, and the two ways to sort."""

    search: str
    form: str
    error: str
    by_users: str
    by_address: str
    anonymity: str


CURRENT = Words(
    "urn:xmpp:channel-search:0:search",
    "urn:xmpp:channel-search:0:search-params",
    "urn:xmpp:channel-search:0:error",
    "{urn:xmpp:channel-search:0:order}nusers",
    "{urn:xmpp:channel-search:0:order}address",
    "{urn:xmpp:channel-search:0:anonymity}none",
)
_DRAFT = "https://xmlns.zombofant.net/muclumbus/search/1.0"
DRAFT = Words(_DRAFT, f"{_DRAFT}#params", f"{_DRAFT}#error", "nusers", "address", "none")


class Search:
    """In one of the versions."""

    def __init__(self, service: RoomService, words: Words) -> None:
        self._service = service
        self._words = words
        service.features.append(words.search)
        service.on_iq("get", words.search, "search", self.answer)

    def answer(self, iq: Stanza) -> Reply:
        """The form, or what was asked for by it. Raises StanzaError."""
        x = form_in(iq[0])
        if x is None:
            return element(self._words.search, "search", None, self._form().question())
        given, answers = values_of(x), self._form().read(x)
        found = self._sorted(self._found(answers, given), answers.text("key"))
        page = rsm.page(rsm.read(iq[0]), found, lambda room: room.jid.bare, PAGE)
        return element(self._words.search, "result", None, *map(self._item, page.items), page.set)

    def _form(self) -> Form:
        words = self._words
        return Form(
            (
                Field("q", label="Search for"),
                Field("all", "boolean", "Return all entries"),
                Field("sinname", "boolean", "Search in name", ("true",)),
                Field("sindescription", "boolean", "Search in description", ("true",)),
                Field("sinaddr", "boolean", "Search in address", ("true",)),
                Field("sinaddress", "boolean", "Search in address", ("true",)),
                Field("min_users", label="Minimum number of users", values=("0",)),
                Field("types", "list-multi", "Service types", ("xep-0045",)),
                Field("key", "list-single", "Sort results by", (words.by_address,)),
            ),
            words.form,
        )

    def _found(self, answers: Answers, given: dict[str, tuple[str, ...]]) -> list[Room]:
        """Public rooms that have all the words in one of the places."""
        everything, terms = answers.flag("all"), answers.text("q").casefold().split()
        if everything and terms:
            raise self._refusal("bad-request", "search for something or for everything", "conflicting-fields")
        if not everything and "q" not in given:
            raise self._refusal("bad-request", "search for something, or for all", "no-search-conditions", "cancel")
        if not everything and not terms:
            raise self._refusal("bad-request", "search for at least one word", "invalid-search-terms")
        if "xep-0045" not in given.get("types", ("xep-0045",)):
            return []
        least = answers.text("min_users")
        users = int(least) if least.isascii() and least.isdigit() else 0
        shown = (each for each in self._service if each.config.public and not each.record.locked)
        places = {name for name in ("sinname", "sindescription", "sinaddr", "sinaddress") if name not in given}
        places |= {name for name in given if name.startswith("sin") and answers.flag(name)}
        return [each for each in shown if _users(each) >= users and all(term in _text(each, places) for term in terms)]

    def _sorted(self, rooms: list[Room], key: str) -> list[Room]:
        if key not in ("", self._words.by_address, self._words.by_users):
            raise self._refusal("feature-not-implemented", "there is no such order", "invalid-sort-key")
        if key == self._words.by_users:
            return sorted(rooms, key=lambda room: (-_users(room), room.jid.bare))
        return sorted(rooms, key=lambda room: room.jid.bare)

    def _item(self, room: Room) -> Element:
        config, space = room.config, self._words.search
        item = element(space, "item", {"address": room.jid.bare})
        anonymity = self._words.anonymity if config.whois == "anyone" else "muc_semianonymous"
        told = {
            "name": config.name or room.jid.local,
            "description": config.description,
            "language": config.language,
            "nusers": str(_users(room)) if is_open(config) else "",
            "service-type": "xep-0045",
            "anonymity-mode": anonymity,
        }
        for name, text in told.items():
            if text:
                child(item, space, name).text = clean(text)
        if is_open(config):
            child(item, space, "is-open")
        return item

    def _refusal(self, condition: str, text: str, application: str, type: str = "modify") -> StanzaError:
        return StanzaError(condition, text, type=type, application=(self._words.error, application))


def _users(room: Room) -> int:
    """How many are in it, as far as strangers may know (XEP-0045 section 14.4)."""
    return len(room.crowd) if is_open(room.config) else 0


def _text(room: Room, places: set[str]) -> str:
    """What is searched, as far as it is to be."""
    config = room.config
    parts = [config.name or room.jid.local] if "sinname" in places else []
    parts += [config.description] if "sindescription" in places else []
    parts += [room.jid.bare] if places & {"sinaddr", "sinaddress"} else []
    return "\n".join(parts).casefold()
