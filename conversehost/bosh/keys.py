"""Key sequencing: whoever only saw a request can't make the next one (XEP-0124 section 15)."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict

from conversehost.bosh.body import Body, BodyError

_KEY = re.compile("[0-9a-fA-F]{40}")


class KeySequence:
    """The keys of one session. Each request has the one whose SHA-1 is the key of the request before."""

    __slots__ = ("_expected", "_kept", "_used")

    def __init__(self, newkey: str, kept: int) -> None:
        """`newkey` of the session creation request; `kept`: how many requests may be repeated.

        Raises BodyError(bad-request).
        """
        self._expected = _read(newkey)
        self._kept = kept
        self._used: OrderedDict[int, str | None] = OrderedDict()

    def check(self, rid: int, body: Body) -> None:
        """A new request. Raises BodyError(item-not-found)."""
        key, newkey = body.get("key"), body.get("newkey")
        if key is None:
            raise BodyError("item-not-found", f"rid {rid} has no key, and the session began with newkey")
        if hashlib.sha1(key.encode()).hexdigest() != self._expected:
            raise BodyError("item-not-found", f"the SHA-1 of rid {rid}'s key isn't the key before it")
        self._expected = key.lower() if newkey is None else _read(newkey)
        self._used[rid] = key
        if len(self._used) > self._kept:
            self._used.popitem(last=False)

    def check_repeat(self, rid: int, body: Body) -> None:
        """A request that was taken before has the key that it had then. Raises BodyError(item-not-found)."""
        key = self._used.get(rid)
        if key is not None and key != body.get("key"):
            raise BodyError("item-not-found", f"rid {rid} came with another key before")


def _read(newkey: str) -> str:
    if not _KEY.fullmatch(newkey):
        raise BodyError("bad-request", "newkey must be 40 hexadecimal digits")
    return newkey.lower()
