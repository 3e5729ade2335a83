"""Why a WebSocket connection is closed (RFC 6455 section 7.4.1), for those who needn't know what reads its frames."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Codes that are said here."""

    NORMAL = 1000
    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    TOO_BIG = 1009


class FrameError(Exception):
    """Frames that break the rules; `code` is what the connection is closed with."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code
