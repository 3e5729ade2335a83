"""`/accounts/{jid}/vcard` and `/accounts/{jid}/avatar`: what somebody says of themselves (XEP-0054, XEP-0153)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from http import HTTPStatus

from conversehost.features.avatars import digest_of
from conversehost.server.host import Host
from conversehost.testbed.fields import Choice, Fields, Lines, Text
from conversehost.testbed.noun import MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.shapes import Shape, nullable, text, whole
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element, XMLError, child, element, parse, to_bytes

PLACES: Mapping[str, tuple[str, ...]] = {
    "full_name": ("FN",),
    "nickname": ("NICKNAME",),
    "family_name": ("N", "FAMILY"),
    "given_name": ("N", "GIVEN"),
    "birthday": ("BDAY",),
    "email": ("EMAIL", "USERID"),
    "phone": ("TEL", "NUMBER"),
    "url": ("URL",),
    "organisation": ("ORG", "ORGNAME"),
    "title": ("TITLE",),
    "role": ("ROLE",),
    "description": ("DESC",),
}
"""Where each field is in the XML."""
EXAMPLES = {"full_name": "Alice Liddell", "email": "alice@wonderland.example", "url": "https://wonderland.example/"}
FIELDS = tuple(
    Lines(name, f"{'/'.join(path)}; empty takes it out", example=EXAMPLES.get(name)) for name, path in PLACES.items()
)
XML = Lines(
    "xml",
    "a whole vCard",
    required=True,
    example="<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>",
)
TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
AVATAR = Shape(
    "Avatar",
    "The picture in a vCard.",
    {
        "type": text("media type, as the vCard says", examples=["image/png"]),
        "data": text("the picture, in base64", contentEncoding="base64"),
        "hash": text("SHA-1 in hexadecimal, as it is in presence"),
        "size": whole("bytes"),
    },
)
VCARD = Shape(
    "VCard",
    "What somebody says of themselves; null is what they don't.",
    {
        **{name: nullable(text("/".join(path))) for name, path in PLACES.items()},
        "avatar_hash": nullable(text("SHA-1 of the picture: see /accounts/{jid}/avatar")),
        "xml": nullable(text("all of it; null when there is none at all")),
    },
)
PICTURE = (
    Choice("type", "media type", words=TYPES, required=True, example="image/png"),
    Text(
        "data",
        "the picture, in base64; with a body of 64 kB it is at most 48 kB",
        required=True,
        format="base64",
        example="iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
    ),
)


class VCard(Noun):
    """Of one account."""

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world)
        self._account = account

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=VCARD, errors=MISSING),
            "PATCH": Verb(self.change, body=FIELDS, answer=VCARD, errors=MISSING),
            "PUT": Verb(self.replace, body=(XML,), answer=VCARD, errors=MISSING),
            "DELETE": Verb(self.delete, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """Somebody's vCard, field by field, and as XML."""
        return Reply(describe(*self._owner()))

    def change(self, query: Fields, body: Fields) -> Reply:
        """Change the fields that are given; all else in the vCard stays."""
        host, account = self._owner()
        change(host, account, {name: said for name in PLACES if (said := body.text(name)) is not None})
        return Reply(describe(host, account))

    def replace(self, query: Fields, body: Fields) -> Reply:
        """Another vCard, as XML. If the picture is another, all who see the account hear of it."""
        host, account = self._owner()
        try:
            vcard = parse(body.needed("xml").encode())
        except XMLError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"xml: {error}") from None
        if vcard.tag != f"{{{ns.VCARD}}}vCard":
            raise ApiError(HTTPStatus.BAD_REQUEST, f"xml must be a vCard element of the namespace {ns.VCARD}")
        put(host, account, vcard)
        return Reply(describe(host, account))

    def delete(self, query: Fields, body: Fields) -> Reply:
        """No vCard any more, nor a picture."""
        host, account = self._owner()
        put(host, account, None)
        return Reply()

    def _owner(self) -> tuple[Host, JID]:
        account = self.world.existing(self._account, "jid")
        return self.world.hosts[account.domain], account


class AvatarNoun(VCard):
    """The picture in it."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.show, answer=AVATAR, errors=MISSING),
            "PUT": Verb(self.wear, body=PICTURE, answer=AVATAR, errors=MISSING),
            "DELETE": Verb(self.remove, errors=MISSING),
        }

    def show(self, query: Fields, body: Fields) -> Reply:
        """Somebody's picture."""
        host, account = self._owner()
        told = avatar(stored(host, account))
        if told is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{account} has no picture")
        return Reply(told)

    def wear(self, query: Fields, body: Fields) -> Reply:
        """Another picture: all who see the account hear of it."""
        host, account = self._owner()
        try:
            data = base64.b64decode(body.needed("data"), validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(HTTPStatus.BAD_REQUEST, "data must be base64, without spaces or line ends") from None
        if not data:
            raise ApiError(HTTPStatus.BAD_REQUEST, "data is no picture: there is nothing in it")
        put(host, account, pictured(stored(host, account), data, body.needed("type")))
        return self.show(query, body)

    def remove(self, query: Fields, body: Fields) -> Reply:
        """No picture any more; the rest of the vCard stays."""
        host, account = self._owner()
        vcard = stored(host, account)
        for photo in vcard.findall(f"{{{ns.VCARD}}}PHOTO"):
            vcard.remove(photo)
        put(host, account, vcard)
        return Reply()


def stored(host: Host, account: JID) -> Element:
    """What there is; a fresh one where there is none."""
    kept: bytes | None = host.store.get("vcard", account.bare, "")
    return element(ns.VCARD, "vCard") if kept is None else parse(kept)


def put(host: Host, account: JID, vcard: Element | None) -> None:
    """Keep it, or none, and tell all who have to hear of it."""
    if vcard is None:
        host.store.delete("vcard", account.bare, "")
    else:
        host.store.put("vcard", account.bare, "", to_bytes(vcard))
    for changed in host.hooks.vcard_changed:
        changed(account)


def change(host: Host, account: JID, said: Mapping[str, str]) -> None:
    """These fields of its vCard are other ones from now on."""
    vcard = stored(host, account)
    for name, value in said.items():
        write(vcard, PLACES[name], value)
    put(host, account, vcard)


def write(vcard: Element, path: tuple[str, ...], value: str) -> None:
    """The first element at that path says so; an empty value takes it out, and what is empty then."""
    at, steps = vcard, []
    for name in path:
        found = at.find(f"{{{ns.VCARD}}}{name}")
        steps.append(at)
        at = child(at, ns.VCARD, name) if found is None else found
    at.text = value
    for parent in reversed(steps):
        if at.text or len(at):
            break
        parent.remove(at)
        at = parent


def pictured(vcard: Element, data: bytes, type: str) -> Element:
    """The same with that picture."""
    for photo in vcard.findall(f"{{{ns.VCARD}}}PHOTO"):
        vcard.remove(photo)
    photo = child(vcard, ns.VCARD, "PHOTO")
    child(photo, ns.VCARD, "TYPE").text = type
    child(photo, ns.VCARD, "BINVAL").text = base64.b64encode(data).decode()
    return vcard


def avatar(vcard: Element) -> dict[str, object] | None:
    """As JSON; None where there is no picture that can be read."""
    digest = digest_of(vcard)
    if digest is None:
        return None
    at = f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}"
    data = "".join((vcard.findtext(f"{at}BINVAL") or "").split())
    size = len(base64.b64decode(data))
    return {"type": vcard.findtext(f"{at}TYPE") or "", "data": data, "hash": digest, "size": size}


def describe(host: Host, account: JID) -> dict[str, object]:
    """As JSON."""
    vcard = stored(host, account)
    found = {name: vcard.findtext("/".join(f"{{{ns.VCARD}}}{each}" for each in path)) for name, path in PLACES.items()}
    kept: bytes | None = host.store.get("vcard", account.bare, "")
    return {**found, "avatar_hash": digest_of(vcard), "xml": None if kept is None else kept.decode()}
