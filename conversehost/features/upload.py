"""XEP-0363: HTTP File Upload: the slots. Files come and go by HTTP, at the URLs that are told here."""

from __future__ import annotations

import re
from urllib.parse import quote

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.subdomain import Subdomain
from conversehost.server.uploads import Slot, Uploads
from conversehost.xmpp import ns, times
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(363, "HTTP File Upload", "1.2.0", "complete, with all purposes")
PURPOSES = ("message", "profile", "ephemeral", "permanent")
LONGEST_NAME = 255
"""Bytes."""

_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}( ?; ?[\w!#$&^.+-]+=[\w!#$&^.+-]+)*", re.ASCII)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\\\]")
_NUMBER = re.compile("[0-9]{1,15}", re.ASCII)


def install(host: Host) -> None:
    service = Subdomain(host, "upload", "store", "file", "Files")
    feature = UploadFeature(host)
    limit = Field("max-file-size", values=(str(host.policy.uploads.file),))
    service.features += [ns.UPLOAD, *(f"{ns.UPLOAD_PURPOSE}#{each}" for each in PURPOSES)]
    service.forms.append(Form((limit,), ns.UPLOAD))
    service.on_iq("get", ns.UPLOAD, "request", feature.request)
    host.hooks.account_deleted.append(feature.forget)


class UploadFeature:
    """Slots are for people who have an account here; the files are for everybody who knows the URL (section 2)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._uploads = Uploads(host.store, host.clock, host.policy.uploads)

    def request(self, iq: Stanza) -> Reply:
        """Section 4: where to put the file, and where to get it."""
        sender = iq.sender
        host = None if sender is None else self._host.router.hosts.get(sender.domain)
        if sender is None or host is None:
            raise StanzaError("forbidden", "only people who have an account here can upload files")
        asked = iq[0]
        name, size, type = file_name(asked), self._size(asked), content_type(asked)
        slot = self._uploads.ask(sender.to_bare(), name, size, type, self._keep(asked))
        session = host.session(sender)
        return described(slot, f"{self._host.site(session.opened.origin if session else '')}upload")

    def forget(self, account: JID) -> None:
        for slot in self._uploads.of(account.bare):
            self._uploads.forget(slot)

    def _size(self, asked: Element) -> int:
        """Raises StanzaError(not-acceptable), with the limit (section 6)."""
        text, limit = asked.get("size", ""), self._host.policy.uploads.file
        if not _NUMBER.fullmatch(text) or int(text) == 0:
            raise StanzaError("bad-request", "size must be the number of bytes")
        if int(text) > limit:
            raise StanzaError(
                "not-acceptable",
                f"the file is too large: at most {limit} bytes",
                application=(ns.UPLOAD, "file-too-large"),
                inner={"max-file-size": str(limit)},
            )
        return int(text)

    def _keep(self, asked: Element) -> float | None:
        """Seconds since 1970 until when, by what it is for (section 5); None: as long as the server runs."""
        purposes = [each for each in asked if each.tag.startswith(f"{{{ns.UPLOAD_PURPOSE}}}")]
        purpose = purposes[0].tag.rpartition("}")[2] if purposes else "message"
        if len(purposes) > 1 or purpose not in PURPOSES:
            raise StanzaError("bad-request", f"a purpose is one of {', '.join(PURPOSES)}")
        if purpose in ("profile", "permanent"):
            return None
        until = self._host.clock.utc() + self._host.policy.uploads.seconds
        if purpose != "ephemeral":
            return until
        try:
            wanted = times.read(purposes[0].get("expire-before", ""))
        except ValueError as error:
            raise StanzaError("bad-request", f"expire-before: {error}") from None
        if wanted <= self._host.clock.utc():
            raise StanzaError("not-acceptable", "expire-before is over already")
        return min(until, wanted)


def file_name(asked: Element) -> str:
    """Raises StanzaError(bad-request) for what no file is called by."""
    name = asked.get("filename", "")
    if not name.strip(". ") or _UNFIT.search(name):
        raise StanzaError("bad-request", "filename must be a name, without / or \\ in it")
    if len(name.encode()) > LONGEST_NAME:
        raise StanzaError("not-acceptable", f"filename must have at most {LONGEST_NAME} bytes")
    return name


def content_type(asked: Element) -> str:
    """The Content-Type that the file will have; "" for whatever. Raises StanzaError(bad-request)."""
    type = asked.get("content-type", "").strip()
    if type and not _TYPE.fullmatch(type):
        raise StanzaError("bad-request", "content-type must be such as image/png")
    return type


def described(slot: Slot, site: str) -> Element:
    """`<slot/>`."""
    url = f"{site}/{slot.token}/{quote(slot.name, safe='')}"
    made = element(ns.UPLOAD, "slot")
    put = child(made, ns.UPLOAD, "put", {"url": url})
    child(put, ns.UPLOAD, "header", {"name": "Authorization"}).text = f"Bearer {slot.secret}"
    child(made, ns.UPLOAD, "get", {"url": url})
    return made
