"""Script syntax: bodies whose content is part of a stream of characters (XEP-0252)."""

from __future__ import annotations

import re

from conversehost.bosh.body import Body, BodyError, parse_body
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, Limits, StreamParser, XMLError

_START_TAG = re.compile(rb"""\s*<(?:[^"'<>]|"[^"<]*"|'[^'<]*')*>""")
_END_TAG = re.compile(rb"</[^<>]*>\s*\Z")
_DOCUMENT = f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}'>".encode()


def parse_script(data: bytes, limits: Limits) -> Body:
    """A request: its attributes, and the `content` as it stands. Raises BodyError(bad-request)."""
    start = _START_TAG.match(data)
    if start is None:
        raise BodyError("bad-request", "no <body> tag")
    if start[0].endswith(b"/>"):
        return _with_content(parse_body(data, limits), b"")
    end = _END_TAG.search(data)
    if end is None or end.start() < start.end():
        raise BodyError("bad-request", "no </body> tag at the end")
    return _with_content(parse_body(start[0] + end[0], limits), data[start.end() : end.start()])


def _with_content(body: Body, content: bytes) -> Body:
    body.content = content
    body.size = len(content)
    return body


class ScriptContent:
    """What the bodies of one session add up to. A stanza may begin in one and end in another (section 3.2)."""

    __slots__ = ("_parser",)

    def __init__(self, limits: Limits) -> None:
        self._parser = StreamParser(limits)
        self._parser.limit = limits.stanza  # a session looks after its own limit
        list(self._parser.feed(_DOCUMENT))

    def feed(self, content: bytes) -> list[Element]:
        """The stanzas that are complete now. Raises BodyError(bad-request)."""
        try:
            found = list(self._parser.feed(content))
        except XMLError as error:
            raise BodyError("bad-request", str(error)) from None
        stanzas = [each for each in found if each is not None]
        if len(stanzas) < len(found):
            raise BodyError("bad-request", "an end tag without its start tag")
        return stanzas  # type: ignore[return-value]  # the header came with the document's start
