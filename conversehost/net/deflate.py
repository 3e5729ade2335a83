"""permessage-deflate (RFC 7692), off unless it is switched on."""

from __future__ import annotations

import re
from contextlib import suppress

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

_PARAMETER = re.compile(
    r"(server_max_window_bits)\s*=.+|(client_max_window_bits)(?:\s*=.+)?|((?:client|server)_no_context_takeover)"
)


class Deflate(PerMessageDeflate):
    """wsproto's, which forgets that a message is compressed when a control frame comes between its fragments."""

    _is_control = False  # the frame that is being read

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return RsvBits(False, False, False)
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        return data if self._is_control else super().frame_inbound_payload_data(proto, data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        return None if self._is_control else super().frame_inbound_complete(proto, fin)


def agree(offers: str) -> tuple[Deflate | None, str]:
    """What is agreed on of a Sec-WebSocket-Extensions field, and the field that says so (RFC 7692 section 5)."""
    for offer in offers.split(","):
        name, *parameters = (each.strip() for each in offer.split(";"))
        known = {found[found.lastindex or 0] for each in parameters if (found := _PARAMETER.fullmatch(each))}
        if name != Deflate.name or len(known) < len(parameters):  # one that isn't known so, or the same one twice
            continue
        made = Deflate()
        with suppress(ValueError):
            terms = made.accept(offer)
            if isinstance(terms, str):
                return made, "; ".join(filter(None, (name, terms)))
    return None, ""
