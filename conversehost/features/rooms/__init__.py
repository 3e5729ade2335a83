"""XEP-0045: Multi-User Chat: rooms at `conference.<domain>`."""

from __future__ import annotations

from conversehost.features.rooms import admin, invitations, owner, registration, voice
from conversehost.features.rooms.archive import RoomArchive
from conversehost.features.rooms.retraction import Retraction
from conversehost.features.rooms.service import NAME, RoomService
from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.xmpp import ns

XEP = Xep(45, "Multi-User Chat", "1.35.5", "complete")
BESIDES = (
    Xep(249, "Direct MUC Invitations", "1.2", "passed on"),
    Xep(410, "MUC Self-Ping (Schrödinger's Chat)", "1.1.0", "complete"),
    Xep(421, "Occupant identifiers for semi-anonymous MUCs", "1.0.1", "complete"),
    Xep(424, "Message Retraction", "0.4.2", "in rooms, with tombstones; its version 0 too"),
    Xep(425, "Moderated Message Retraction", "0.3.0", "complete; its version 0 too"),
)
"""What rooms can do beside."""


def install(host: Host) -> None:
    service = RoomService(host)
    service.features += [ns.MUC, f"{ns.MUC}#stable_id", "muc_rooms", ns.OCCUPANT_ID]
    host.hooks.closing.append(service.close)
    archive = RoomArchive(service)
    Retraction(service, archive)
    for part in (admin, owner, invitations, voice, registration):
        part.install(service)


def rooms_of(host: Host) -> RoomService | None:
    """Of a host that has rooms."""
    found = host.router.routes.get(f"{NAME}.{host.domain}")
    return found if isinstance(found, RoomService) else None
