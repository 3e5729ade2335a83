"""XEP-0153: vCard-Based Avatars: their hash in presence, for clients that don't say it themselves."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from copy import copy

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, parse

XEP = Xep(153, "vCard-Based Avatars", "1.1.1", "complete; the server adds the hash, as XEP-0398 wants it")
_X, _PHOTO = f"{{{ns.VCARD_UPDATE}}}x", f"{{{ns.VCARD_UPDATE}}}photo"
_IMAGE = f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}BINVAL"


def install(host: Host) -> None:
    feature = AvatarFeature(host)
    host.hooks.available.append(feature.available)
    host.hooks.vcard_changed.append(feature.changed)
    host.hooks.session_closed.append(feature.closed)
    host.hooks.account_deleted.append(feature.forget)


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

    def forget(self, account: JID) -> None:
        self._host.store.clear("avatar", account.bare)


def digest_of(vcard: Element) -> str | None:
    """SHA-1 of the picture, in hexadecimal (section 3.1); None when there is none that can be read."""
    try:
        image = b64decode("".join((vcard.findtext(_IMAGE) or "").split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.sha1(image).hexdigest() if image else None


def without_photo(shown: Stanza) -> Stanza:
    """The same presence, in which the server's word is missing; that there was one stays."""
    presence = copy(shown)
    for update in presence.iterchildren(_X):
        for photo in update.findall(_PHOTO):
            update.remove(photo)
    return presence
