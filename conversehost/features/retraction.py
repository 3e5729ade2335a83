"""XEP-0424: Message Retraction: what is taken back leaves a tombstone in the archives, and nothing of what it said."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lxml import etree

from conversehost.features.xep import Xep
from conversehost.server.archive import Archived, other_side
from conversehost.server.host import Host
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, to_bytes

XEP = Xep(424, "Message Retraction", "0.4.2", "complete, in rooms too, with tombstones; and its version 0")
RECENT = 5_000
"""Of a conversation's messages, the latest ones: who takes back what is older than all of them comes too late."""

_RETRACT = f"{{{ns.RETRACTION}}}retract"
_APPLIED = f"{{{ns.FASTENING}}}apply-to"
_TAKING_BACK = (_RETRACT, _APPLIED)
_OLD_RETRACT = f"{{{ns.RETRACTION_0}}}retract"
_ORIGIN_ID = f"{{{ns.STANZA_ID}}}origin-id"
_MUC_USER = f"{{{ns.MUC_USER}}}x"


def install(host: Host) -> None:
    def archived(account: str, id: str, message: Stanza) -> None:
        """The retraction itself is kept too (section 6)."""
        wanted, other = retracted_by(message), other_side(account, message)
        if wanted is None or other is None:
            return
        written = escape(wanted, {'"': "&quot;"}).encode()
        for each in host.archive.latest(account, other.bare, RECENT):
            if written in each.message and each.id != id and is_meant(each, wanted, message):
                host.archive.replace(account, each.id, tombstone(each.parsed(), message, host.clock.utc()))
                return

    for namespace in (ns.RETRACTION, f"{ns.RETRACTION}#tombstone"):
        host.advertise(namespace, at="account")
    for name in _TAKING_BACK:
        host.hooks.archived.setdefault(name, []).append(archived)


def retracted_by(message: Stanza) -> str | None:
    """The id of the message that this one takes back, if it does; also in the way of version 0."""
    found = message.find(_RETRACT)
    if found is None:
        found = message.find(_APPLIED)
        if found is not None and found.find(_OLD_RETRACT) is None:
            found = None
    return None if found is None else found.get("id") or None


def is_meant(archived: Archived, id: str, retraction: Stanza) -> bool:
    """A message of that id, from the same sender; one occupant of a room doesn't speak for another (section 7)."""
    message = archived.parsed()
    origin = message.find(_ORIGIN_ID)
    if id not in (message.id, None if origin is None else origin.get("id")) or retracted_by(message) is not None:
        return False
    one, other = message.sender, retraction.sender
    if one is None or other is None:
        return False
    in_room = retraction.find(_MUC_USER) is not None or message.find(_MUC_USER) is not None
    return one == other if in_room else one.bare == other.bare


def tombstone(message: Stanza, retraction: Stanza, now: float) -> bytes:
    """What stands in its place (section 6): who said something to whom, and since when it isn't there."""
    kept = {name: value for name in ("to", "from", "type", "id") if (value := message.get(name)) is not None}
    made = stanza("message", kept)
    namespace = etree.QName(payload(retraction)).namespace or ""
    said = {"stamp": stamp(now)} | ({"id": retraction.id} if retraction.id else {})
    child(made, namespace, "retracted", said)
    return to_bytes(made)


def payload(retraction: Stanza) -> Element:
    """`<retract/>`, wherever it stands."""
    found = retraction.find(_RETRACT)
    if found is None:
        found = retraction.find(f"{_APPLIED}/{_OLD_RETRACT}")
    assert found is not None
    return found
