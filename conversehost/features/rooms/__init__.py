"""XEP-0045: Multi-User Chat: rooms at `conference.<domain>`."""

from __future__ import annotations

from conversehost.features.rooms import admin, owner
from conversehost.features.rooms.info import RoomInfo
from conversehost.features.rooms.service import NAME, RoomService
from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.xmpp import ns

XEP = Xep(45, "Multi-User Chat", "1.35.5", "complete")


def install(host: Host) -> None:
    service = RoomService(host)
    service.features += [ns.MUC, f"{ns.MUC}#stable_id", "muc_rooms", ns.OCCUPANT_ID]
    host.hooks.closing.append(service.close)
    info = RoomInfo()
    service.on_room_iq("get", ns.DISCO_INFO, "query", info.info)
    service.on_room_iq("get", ns.DISCO_ITEMS, "query", info.items)
    service.on_room_iq("get", ns.MUC_ADMIN, "query", admin.read_lists)
    service.on_room_iq("set", ns.MUC_ADMIN, "query", admin.change_lists)
    service.on_room_iq("get", ns.MUC_OWNER, "query", owner.read_form)
    service.on_room_iq("set", ns.MUC_OWNER, "query", owner.change)
    service.on_room_iq("get", ns.PING, "ping", lambda room, iq: None)


def rooms_of(host: Host) -> RoomService | None:
    """Of a host that has rooms."""
    found = host.router.routes.get(f"{NAME}.{host.domain}")
    return found if isinstance(found, RoomService) else None
