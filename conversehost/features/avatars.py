"""XEP-0153: vCard-Based Avatars, hashed in presence; by XEP-0398 one with those of XEP-0084: User Avatar."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from copy import copy

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.personal import PersonalNodes
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element, parse, to_bytes

XEP = Xep(153, "vCard-Based Avatars", "1.1.1", "complete; the server adds the hash, as XEP-0398 wants it")
USER_AVATAR = Xep(84, "User Avatar", "1.1.4", "complete")
CONVERSION = Xep(398, "User Avatar to vCard-Based Avatars Conversion", "1.0.0", "complete, both ways")
CONVERTS = "urn:xmpp:pep-vcard-conversion:0"
PUBLIC = ("open", "presence")
"""Access models of pictures that may stand in the vCard, which everybody can read."""

_X, _PHOTO = f"{{{ns.VCARD_UPDATE}}}x", f"{{{ns.VCARD_UPDATE}}}photo"
_PICTURE = f"{{{ns.VCARD}}}PHOTO"
_IMAGE, _TYPE = f"{_PICTURE}/{{{ns.VCARD}}}BINVAL", f"{_PICTURE}/{{{ns.VCARD}}}TYPE"
_INFO = f"{{{ns.AVATAR_METADATA}}}info"


def install(host: Host) -> None:
    feature = AvatarFeature(host)
    host.hooks.available.append(feature.available)
    host.hooks.vcard_changed.append(feature.changed)
    host.hooks.session_closed.append(feature.closed)
    host.hooks.restored.append(feature.restored)
    host.hooks.account_deleted.append(feature.forget)
    if host.personal is not None:
        conversion = Conversion(host, host.personal)
        host.advertise(CONVERTS, at="account")
        host.hooks.vcard_changed.append(conversion.from_vcard)
        host.hooks.published.append(conversion.from_nodes)


class AvatarFeature:
    """The hash of an account's picture is in the store: collection "avatar". `_own` are sessions that say their own."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._own: set[Session] = set()

    def available(self, session: Session, presence: Stanza) -> None:
        """What a client says of its photo stands. Where it says nothing the server does, also in presence for one
        (XEP-0398 section 4).
        """
        update = presence.find(_X)
        speaks = update is not None and update.find(_PHOTO) is not None
        if presence.get("to") is None:
            (self._own.add if speaks else self._own.discard)(session)
        digest: str | None = self._host.store.get("avatar", session.bare, "")
        if speaks or (update is None and digest is None):
            return
        if update is None:
            update = child(presence, ns.VCARD_UPDATE, "x")
        child(update, ns.VCARD_UPDATE, "photo").text = digest

    def changed(self, account: JID) -> None:
        """A vCard is new: if the picture is, all who see the account hear of it."""
        stored: bytes | None = self._host.store.get("vcard", account.bare, "")
        before, after = self._host.store.get("avatar", account.bare, ""), stored and digest_of(parse(stored))
        if before == after:
            return
        if after:
            self._host.store.put("avatar", account.bare, "", after)
        else:
            self._host.store.delete("avatar", account.bare, "")
        for session in self._host.sessions(account.local):
            if session.presence is not None and session not in self._own:
                self._host.presence_from[""](session, without_photo(session.presence))

    def closed(self, session: Session) -> None:
        self._own.discard(session)

    def restored(self, session: Session) -> None:
        """Its account may have another picture now."""
        if session.presence is not None and session not in self._own:
            digest: str | None = self._host.store.get("avatar", session.bare, "")
            if (session.presence.findtext(f"{_X}/{_PHOTO}") or None) != digest:
                self._host.presence_from[""](session, without_photo(session.presence))

    def forget(self, account: JID) -> None:
        self._host.store.clear("avatar", account.bare)


class Conversion:
    """Whichever way a picture is published, it is there for clients that know only the other (XEP-0398 section 3)."""

    def __init__(self, host: Host, personal: PersonalNodes) -> None:
        self._host = host
        self._personal = personal

    def from_vcard(self, account: JID) -> None:
        """A vCard is new: its picture is published, or that there is none any more."""
        stored: bytes | None = self._host.store.get("vcard", account.bare, "")
        vcard = None if stored is None else parse(stored)
        image = b"" if vcard is None else read_image(vcard.findtext(_IMAGE))
        digest, published = hashlib.sha1(image).hexdigest(), self._info(account)
        metadata = element(ns.AVATAR_METADATA, "metadata")
        try:
            if image and vcard is not None and (published is None or published.get("id") != digest):
                data = element(ns.AVATAR_DATA, "data")
                data.text = b64encode(image).decode()
                self._personal.publish(account, ns.AVATAR_DATA, digest, data, {"access_model": "open"})
                described = {"id": digest, "bytes": str(len(image)), "type": vcard.findtext(_TYPE) or "image/png"}
                child(metadata, ns.AVATAR_METADATA, "info", described)
                self._personal.publish(account, ns.AVATAR_METADATA, digest, metadata, {"access_model": "open"})
            elif not image and published is not None:
                self._personal.publish(account, ns.AVATAR_METADATA, "none", metadata, {})
        except StanzaError:
            return  # the account keeps too much already; its vCard stands all the same

    def from_nodes(self, account: JID, node: str) -> None:
        """Something is published: if it is a picture that everybody may see, or none any more, the vCard has it."""
        if node != ns.AVATAR_METADATA or self._personal.access_model(account, node) not in (*PUBLIC, None):
            return
        stored: bytes | None = self._host.store.get("vcard", account.bare, "")
        vcard = element(ns.VCARD, "vCard") if stored is None else parse(stored)
        info = self._info(account)
        image = b"" if info is None else self._image(account, info.get("id", ""))
        if (info is not None and not image) or image == read_image(vcard.findtext(_IMAGE)):
            return
        for photo in vcard.findall(_PICTURE):
            vcard.remove(photo)
        if info is not None:
            photo = child(vcard, ns.VCARD, "PHOTO")
            child(photo, ns.VCARD, "TYPE").text = clean(info.get("type", "image/png"))
            child(photo, ns.VCARD, "BINVAL").text = b64encode(image).decode()
        self._host.store.put("vcard", account.bare, "", to_bytes(vcard))
        for hook in self._host.hooks.vcard_changed:
            hook(account)

    def _info(self, account: JID) -> Element | None:
        """What is said of the picture that is published here, not elsewhere; None when there is none."""
        published = list(self._personal.items(account, ns.AVATAR_METADATA).values())
        if not published or published[-1] is None:
            return None
        return next((each for each in published[-1].iterchildren(_INFO) if each.get("url") is None), None)

    def _image(self, account: JID, id: str) -> bytes:
        """The picture of that hash; b"" when it isn't there, or is another."""
        data = self._personal.items(account, ns.AVATAR_DATA).get(id)
        image = b"" if data is None else read_image(data.text)
        return image if hashlib.sha1(image).hexdigest() == id else b""


def digest_of(vcard: Element) -> str | None:
    """SHA-1 of the picture, in hexadecimal (section 3.1); None when there is none that can be read."""
    image = read_image(vcard.findtext(_IMAGE))
    return hashlib.sha1(image).hexdigest() if image else None


def read_image(text: str | None) -> bytes:
    """Base64, perhaps in several lines; b"" when it is none."""
    try:
        return b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def without_photo(shown: Stanza) -> Stanza:
    """The same presence, in which the server's word is missing; that there was one stays."""
    presence = copy(shown)
    for update in presence.iterchildren(_X):
        for photo in update.findall(_PHOTO):
            update.remove(photo)
    return presence
