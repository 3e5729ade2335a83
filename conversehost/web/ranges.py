"""Parts of a file that are asked for (RFC 9110 section 14.2)."""

from __future__ import annotations

import re

from twisted.web.server import Request

_ONE = rb"(?:\d{1,15}-\d{0,15}|-\d{1,15})"
_FEW = re.compile(rb"bytes=%s(?:[ \t]*,[ \t]*%s){0,4}" % (_ONE, _ONE))


def keep_few(request: Request) -> None:
    """Drop a Range field that asks for more than five parts, or is none: all of the file is the answer to that.

    A thousand parts fit into one field, each of them may be the whole file, and twisted.web would send them all.
    """
    field = request.getHeader(b"range")
    if field is not None and not _FEW.fullmatch(field):
        request.requestHeaders.removeHeader(b"range")
