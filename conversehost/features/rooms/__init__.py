"""XEP-0045: Multi-User Chat: rooms at `conference.<domain>`."""

from __future__ import annotations

from conversehost.features.rooms import admin, avatar, invitations, mentions, owner, registration, voice
from conversehost.features.rooms.activity import Activity
from conversehost.features.rooms.archive import RoomArchive
from conversehost.features.rooms.hats import Hats
from conversehost.features.rooms.limits import Limits
from conversehost.features.rooms.retraction import Retraction
from conversehost.features.rooms.search import CURRENT, DRAFT, Search
from conversehost.features.rooms.service import NAME, RoomService
from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.xmpp import ns

XEP = Xep(45, "Multi-User Chat", "1.35.5", "complete")
BESIDES = (
    Xep(249, "Direct MUC Invitations", "1.2", "passed on"),
    Xep(317, "Hats", "0.3.1", "complete"),
    Xep(410, "MUC Self-Ping (Schrödinger's Chat)", "1.1.0", "complete"),
    Xep(421, "Occupant identifiers for semi-anonymous MUCs", "1.0.1", "complete"),
    Xep(425, "Moderated Message Retraction", "0.3.0", "complete; its version 0 too"),
    Xep(433, "Extended Channel Search", "0.1.0", "complete, of the host's own rooms; its draft too"),
    Xep(437, "Room Activity Indicators", "0.2.0", "complete"),
    Xep(452, "MUC Mention Notifications", "0.2.2", "for members, by the nick that is reserved for them or by address"),
    Xep(486, "MUC Avatars", "0.1.0", "complete"),
    Xep(500, "MUC Slow Mode", "0.1.1", "complete"),
)
"""What rooms can do beside."""


def install(host: Host) -> None:
    service = RoomService(host)
    service.features += [ns.MUC, f"{ns.MUC}#stable_id", "muc_rooms", ns.OCCUPANT_ID]
    host.hooks.closing.append(service.close)
    archive = RoomArchive(service)
    Retraction(service, archive)
    Activity(service)
    Hats(service)
    Limits(service)
    for words in (CURRENT, DRAFT):
        Search(service, words)
    for part in (admin, owner, invitations, voice, registration, avatar, mentions):
        part.install(service)


def rooms_of(host: Host) -> RoomService | None:
    """Of a host that has rooms."""
    found = host.router.routes.get(f"{NAME}.{host.domain}")
    return found if isinstance(found, RoomService) else None
