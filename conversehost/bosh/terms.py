"""What a client and the connection manager agree on when a session begins (XEP-0124 section 7)."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from conversehost.bosh.body import Body, BodyError
from conversehost.options import Settings
from conversehost.xmpp import ns

VERSION = (1, 11)
CODINGS = "gzip,deflate"
"""What requests may be compressed with."""
CHARSETS = "UTF-8"
DEFAULT_CONTENT = "text/xml; charset=utf-8"

_CONTENT = re.compile(r"[\w.+-]+/[\w.+-]+(;[\x20-\x7e]*)?", re.ASCII)
_CHARSET = re.compile(r"""charset=["']?([\w.:+-]+)""", re.IGNORECASE)
_NOT_TEXT = ("utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape")
_MOST_SECONDS, _MOST_REQUESTS = 65_535, 254
"""The schema's (section 22), for `wait` and for `hold`, which is one less than `requests`."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What clients may ask for at most, and what they are told; seconds, `hold` requests, streams in a session."""

    wait: int = 120
    hold: int = 10
    inactivity: int = 60
    polling: int = 5
    maxpause: int = 120
    streams: int = 8

    @classmethod
    def of(cls, settings: Settings) -> Ceilings:
        """As the operator wants them."""
        return cls(
            settings.bosh_wait,
            settings.bosh_hold,
            settings.bosh_inactivity,
            settings.bosh_polling,
            settings.bosh_maxpause,
            settings.bosh_streams,
        )


@dataclass(frozen=True, slots=True)
class Manner:
    """How a session's answers are put: with which Content-Type ("" is text/xml), whether in ASCII alone since another
    charset was asked for, and whether errors are HTTP codes, since the client is from before they weren't.
    """

    content: str = ""
    ascii: bool = False
    legacy: bool = False


PLAIN = Manner()


class Terms(NamedTuple):
    """Seconds; numbers of requests and of streams; `acks`: the client says which answers it has (section 9.2)."""

    wait: int
    hold: int
    inactivity: int
    polling: int
    maxpause: int
    streams: int = 1
    acks: bool = False
    manner: Manner = PLAIN

    @property
    def requests(self) -> int:
        """How many the client may have open at once."""
        return self.hold + 1

    @property
    def polls(self) -> bool:
        """A polling session (section 12): no request is ever held."""
        return self.wait == 0 or self.hold == 0


def agree(body: Body, ceilings: Ceilings, manner: Manner) -> Terms:
    """What a session creation request gets: at most what it asks for. Raises BodyError(bad-request)."""
    wait, hold = body.number("wait", 60), body.number("hold", 1)
    return Terms(
        wait=min(wait, ceilings.wait, _MOST_SECONDS),
        hold=min(hold, ceilings.hold, _MOST_REQUESTS),
        inactivity=inactivity(ceilings, polls=wait == 0 or hold == 0),
        polling=ceilings.polling,
        maxpause=ceilings.maxpause,
        streams=ceilings.streams,
        acks=body.get("ack") == "1",
        manner=manner,
    )


def inactivity(ceilings: Ceilings, *, polls: bool) -> int:
    """Section 12: that of polling sessions is raised by more than `polling`."""
    return ceilings.inactivity + (2 * ceilings.polling if polls else 0)


def manner(body: Body) -> Manner:
    """How the answers to a session creation request, and all that follow, are put."""
    content, legacy = body.get("content") or "", body.get("ver") is None
    if content.lower() == DEFAULT_CONTENT or not _CONTENT.fullmatch(content) or len(content) > 100:
        return Manner(legacy=True) if legacy else PLAIN
    named = _CHARSET.search(content)
    if named is None or named[1].lower() in ("utf-8", "utf8"):
        return Manner(content, legacy=legacy)
    return Manner(content, ascii=True, legacy=legacy) if _extends_ascii(named[1]) else Manner(legacy=legacy)


def _extends_ascii(charset: str) -> bool:
    """Whether what is written in ASCII, with character references for all else, is right in that charset too."""
    sample = bytes(range(0x20, 0x7F))
    try:
        return sample.decode(charset) == sample.decode() and codecs.lookup(charset).name not in _NOT_TEXT
    except (LookupError, ValueError):
        return False


@lru_cache
def lower_version(asked: str | None) -> str:
    """The lower of the client's version and ours, compared as numbers (section 7.2). Raises BodyError(bad-request)."""
    if asked is None:
        return ".".join(map(str, VERSION))
    major, dot, minor = asked.partition(".")
    if not (dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit() and len(asked) < 12):
        raise BodyError("bad-request", "ver must look like 1.6")
    return ".".join(map(str, min((int(major), int(minor)), VERSION)))


def greeting(terms: Terms, *, sid: str, rid: int, version: str, secure: bool) -> dict[str, str]:
    """The attributes of a session's first answer that are about the session (section 7.2, XEP-0206 section 5)."""
    made = {
        "sid": sid,
        "wait": str(terms.wait),
        "requests": str(terms.requests),
        "hold": str(terms.hold),
        "ver": version,
        "polling": str(terms.polling),
        "inactivity": str(terms.inactivity),
        "maxpause": str(terms.maxpause),
        "accept": CODINGS,
        "charsets": CHARSETS,
        "xmlns:xmpp": ns.XBOSH,
        "xmpp:restartlogic": "true",
    }
    if terms.acks:
        made["ack"] = str(rid)
    if secure:
        made["secure"] = "true"
    return made
