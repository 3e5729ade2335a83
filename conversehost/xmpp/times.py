"""XEP-0082: dates and times as text."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(utc: float) -> str:
    """`utc`, seconds since 1970, as 2002-09-10T23:08:25.123Z."""
    return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
