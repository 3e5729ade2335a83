"""XEP-0082: dates and times as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)


def stamp(utc: float) -> str:
    """`utc`, seconds since 1970, as 2002-09-10T23:08:25.123Z."""
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def read(text: str) -> float:
    """Seconds since 1970 of a moment such as 2002-09-10T23:08:25.123Z or 2002-09-10T18:08:25-05:00 (section 3.2).

    Raises ValueError.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} isn't a moment such as 2002-09-10T23:08:25Z")
    date = [int(each) for each in found.groups()[:6]]
    zone = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    whole = datetime(*date, tzinfo=timezone(zone))  # type: ignore[arg-type, misc]
    return (whole - _EPOCH) / timedelta(seconds=1) + float(found[7] or 0)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
