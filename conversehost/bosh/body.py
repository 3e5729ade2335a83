"""`<body/>`, both ways (XEP-0124 section 6; XEP-0206 section 2)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from conversehost.xmpp import ns
from conversehost.xmpp.xml import (
    Element,
    Limits,
    XMLError,
    adopt,
    attribute,
    check_shape,
    clean,
    has_prefixes,
    parse,
    read_plain,
)

MAX_RID = 2**53 - 1
RESTART = f"{{{ns.XBOSH}}}restart"
_BODY = f"{{{ns.HTTPBIND}}}body"
_IN_BODY = f"{{{ns.HTTPBIND}}}"
_STANZA = f"{{{ns.CLIENT}}}"
_USUAL = re.compile(
    rb"""<body(?:\ rid=(["'])(\d{1,16}+)\1 | \ sid=(["'])([\w-]++)\3 | \ xmlns=(["'])%b\5){3}\ ?(?:/>|>(.*)</body>)"""
    % re.escape(ns.HTTPBIND.encode()),
    re.DOTALL | re.VERBOSE,
)
_START = f"<body xmlns='{ns.HTTPBIND}'".encode()
_STREAM = f" xmlns:stream='{ns.STREAM}'".encode()


class BodyError(Exception):
    """Why a request isn't served, or a session ends; `condition` is one of XEP-0124 section 17.2, or "" where the
    error is recoverable (17.3) or the end is none. `reason` is for people; `payload` belongs to the condition.
    """

    def __init__(self, condition: str, reason: str = "", payload: Sequence[bytes] = ()) -> None:
        super().__init__(condition, reason)
        self.condition = condition
        self.reason = reason
        self.payload = payload


class ClosedError(BodyError):
    """No session begins here at the moment; elsewhere, or later, one may."""


@dataclass(slots=True)
class Body:
    """A request: its attributes (those with a namespace by Clark name), its stanzas, its size in bytes.

    `content`: in script syntax, what is in it before it is known which stanzas that makes. `said`: its one stanza as it
    was written, where that is at hand: without prefixes, comments and the like.
    """

    attributes: Mapping[str, str]
    payload: Sequence[Element] = field(default=())
    size: int = 0
    content: bytes | None = None
    said: bytes = b""

    def get(self, name: str) -> str | None:
        """The attribute as it stands, or None."""
        return self.attributes.get(name)

    @property
    def sid(self) -> str | None:
        """The session it is for; None creates one."""
        return self.attributes.get("sid")

    @property
    def rid(self) -> int:
        """Section 14.1. Raises BodyError(bad-request)."""
        rid = self.number("rid", 0)
        if not 0 < rid <= MAX_RID:
            raise BodyError("bad-request", "rid must be a number from 1 to 2^53 - 1")
        return rid

    def number(self, name: str, default: int) -> int:
        """An attribute that counts something; however large it is. Raises BodyError(bad-request)."""
        text = self.attributes.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise BodyError("bad-request", f"{name} must be a number, not {text[:20]!r}")
        return int(text) if len(text) < 20 else sys.maxsize

    @property
    def restart(self) -> bool:
        """XEP-0206 section 5."""
        return self.attributes.get(RESTART) in ("true", "1")


def parse_body(data: bytes, limits: Limits) -> Body:
    """A request's content. Raises BodyError(bad-request), whatever is wrong with the XML."""
    usual = _read_usual(data, limits)
    if usual is not None:
        return usual
    try:
        root = parse(data)
        if root.tag != _BODY:
            raise BodyError("bad-request", "the root must be <body/> in http://jabber.org/protocol/httpbind")
        if data.count(b"<") > limits.depth or data.count(b"=") > limits.attributes:  # else it can't be beyond them
            check_shape(root, limits, len(data))
        if len(root):
            prefixes = has_prefixes(data)
            payload = [adopt(each, ns.HTTPBIND, prefixes=prefixes) for each in list(root)]
        else:
            payload = []
    except XMLError as error:
        raise BodyError("bad-request", str(error)) from None
    return Body(dict(root.items()), payload, len(data))  # type: ignore[arg-type]  # lxml's stubs say str or bytes


def _read_usual(data: bytes, limits: Limits) -> Body | None:
    """A request that has a rid and a sid and, at most, one stanza with a namespace of its own: nearly all are so.

    Such a stanza means the same with the body around it as without. None: it may be anything else.
    """
    found = _USUAL.fullmatch(data)
    if found is None:
        return None
    rid, sid, namespace, content = found.group(2, 4, 5, 6)
    if rid is None or sid is None or namespace is None:  # one of them twice
        return None
    payload: list[Element] = []
    if content:
        stanza = read_plain(content, limits)
        if stanza is None:
            return None
        tag: str = stanza.tag
        if not tag.startswith(_STANZA):
            if tag[:1] != "{" or tag.startswith(_IN_BODY):
                return None
            content = b""
        payload.append(stanza)
    return Body({"rid": rid.decode(), "sid": sid.decode()}, payload, len(data), said=content or b"")


def build(attributes: Mapping[str, str] | None, payload: Sequence[bytes]) -> bytes:
    """An answer's content. Attributes may be prefixed; `xmlns:stream` is declared where the payload needs it."""
    content = b"".join(payload)
    start = _START + _STREAM if content.rfind(b"<stream:") >= 0 else _START
    if attributes:
        start += "".join([f" {name}={attribute(value)}" for name, value in attributes.items()]).encode()
    return b"%s>%s</body>" % (start, content) if content else start + b"/>"


EMPTY = build(None, ())
TERMINATE = build({"type": "terminate"}, ())
RECOVERABLE = build({"type": "error"}, ())
"""Section 17.3: the client repeats the request, and all unanswered ones before it."""


def terminate(condition: str | None = None, payload: Sequence[bytes] = (), stream: str = "") -> bytes:
    """Sections 13 and 17.2; of one stream alone where it is named (16.5, 16.6)."""
    if not (condition or payload or stream):
        return TERMINATE
    attributes = {"type": "terminate"}
    if condition:
        attributes["condition"] = condition
    if stream:
        attributes["stream"] = stream
    return build(attributes, payload)


def see_other_uri(uri: str) -> BodyError:
    """The connection manager is to be found at another URI (section 17.2)."""
    return BodyError("see-other-uri", f"this is served at {uri}", [f"<uri>{escape(clean(uri))}</uri>".encode()])


def elsewhere(rid: int) -> BodyError:
    """What a request hears whose rid came once more on another connection (section 14.3)."""
    return BodyError("", f"rid {rid} came again on another connection, which gets the answer")
