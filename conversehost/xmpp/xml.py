"""The one way in and out of XML: safe parsers with limits, and the serialised form that all transports share.

Everything a client sends passes here, over any transport. What comes out of a parser is well-formed UTF-8 without
DOCTYPE, entities, comments or processing instructions (RFC 6120 section 11.1), and within `Limits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza

Element = etree._Element


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one top-level element may be: bytes before and after authentication, and its shape."""

    unauthenticated: int = 10_000
    stanza: int = 262_144
    depth: int = 64
    attributes: int = 128
    children: int = 4_096


class XMLError(ValueError):
    """Not acceptable as XML; `condition` is the stream error that says how (RFC 6120 section 4.9.3)."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text


_SAFE: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": False,
    "remove_pis": False,
}
_lookup = etree.ElementNamespaceClassLookup()
_stanzas = _lookup.get_namespace(ns.CLIENT)
for _kind in ("message", "presence", "iq"):
    _stanzas[_kind] = Stanza


def _parser() -> etree.XMLParser:
    parser = etree.XMLParser(**_SAFE)
    parser.set_element_class_lookup(_lookup)
    return parser


_PARSER = _parser()


def element(
    namespace: str,
    name: str,
    attributes: dict[str, str] | None = None,
    *children: Element,
    text: str | None = None,
    prefix: str | None = None,
) -> Element:
    """A new element; its namespace is declared as the default one unless a prefix is given."""
    made = _PARSER.makeelement(f"{{{namespace}}}{name}", attributes, nsmap={prefix: namespace})
    made.text = text
    made.extend(children)
    return made


def child(parent: Element, namespace: str, name: str, attributes: dict[str, str] | None = None) -> Element:
    """A new last child."""
    made = etree.SubElement(parent, f"{{{namespace}}}{name}", attributes, nsmap={None: namespace})
    return made


def parse(data: bytes) -> Element:
    """The one element in `data`. Raises XMLError: not-well-formed, restricted-xml, unsupported-encoding."""
    try:
        root = etree.fromstring(data, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XMLError("not-well-formed", str(error)) from None
    if b"<!" in data or b"<?" in data:
        _refuse_restricted(root, data)
    return root


def _refuse_restricted(root: Element, data: bytes) -> None:
    """The rare way: something in `data` looks like a declaration, comment or processing instruction."""
    if data.lstrip()[:5] == b"<?xml":
        _refuse_encoding(data[: data.find(b"?>")])
    info = root.getroottree().docinfo
    inside = next(iter(root.iter(etree.Comment, etree.PI, etree.Entity)), None)
    if info.doctype or inside is not None or root.getprevious() is not None or root.getnext() is not None:
        raise XMLError("restricted-xml")


def _refuse_encoding(declaration: bytes) -> None:
    _, found, rest = declaration.partition(b"encoding")
    if found and rest.strip(b" \t\r\n='\"").split(b'"')[0].split(b"'")[0].lower() not in (b"utf-8", b"utf8"):
        raise XMLError("unsupported-encoding")


def check_shape(root: Element, limits: Limits, size: int) -> None:
    """Depth, attributes and children are within limits; `size` bytes bound them all, so small ones cost nothing.

    Raises XMLError(policy-violation).
    """
    if size < min(7 * limits.depth, 5 * limits.attributes):
        return
    depth = 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        if depth > limits.depth or len(node.attrib) > limits.attributes or len(node) > limits.children:
            raise XMLError("policy-violation", "too deep, too many attributes or too many children")


def to_bytes(root: Element) -> bytes:
    """The one serialised form: UTF-8, no declaration, all namespaces declared within."""
    return etree.tostring(root, encoding="utf-8", with_tail=False)


def adopt(found: Element, surrounding: str) -> Element:
    """Take an element out of the document that carried it, in the form that all transports share.

    Stanzas without a namespace of their own stand in the `surrounding` one by mistake (XEP-0206 section 2): it becomes
    jabber:client.
    """
    parent = found.getparent()
    if parent is not None:
        parent.remove(found)
    if found.tag.startswith(f"{{{surrounding}}}"):
        return _rebuilt(found, surrounding)
    return unprefixed(found)


def unprefixed(found: Element) -> Element:
    """The same, with jabber:client as the default namespace: browsers look for plain names."""
    found.tail = None
    if found.prefix is not None and found.tag.startswith(f"{{{ns.CLIENT}}}"):
        return _rebuilt(found, ns.CLIENT)
    return found


def _rebuilt(old: Element, namespace: str | None) -> Element:
    """A copy in which `namespace` is jabber:client, without a prefix. As deep as the XML parser allows: 256."""
    name = etree.QName(old)
    if name.namespace == namespace:
        new = _PARSER.makeelement(f"{{{ns.CLIENT}}}{name.localname}", dict(old.attrib), nsmap={None: ns.CLIENT})
    else:
        nsmap = {old.prefix: name.namespace} if name.namespace else None
        new = _PARSER.makeelement(old.tag, dict(old.attrib), nsmap=nsmap)
    new.text, new.tail = old.text, old.tail
    new.extend([_rebuilt(each, namespace) for each in old])
    return new


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """The opening tag of a stream: its name, attributes (Clark names) and default namespace."""

    tag: str
    attributes: dict[str, str]
    default_namespace: str | None


class StreamParser:
    """XML streams over TCP: bytes in; a `StreamHeader`, then stanzas, then None (the closing tag) out."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.limit = limits.unauthenticated
        self._pull = etree.XMLPullParser(events=("start", "end", "comment", "pi"), **_SAFE)
        self._pull.set_element_class_lookup(_lookup)
        self._start = b""
        self._root: Element | None = None
        self._depth = 0
        self._fed = 0  # bytes of this feed
        self._earlier = 0  # bytes of earlier feeds that the unfinished element may have begun in

    def feed(self, data: bytes) -> Iterator[StreamHeader | Element | None]:
        """What `data` completes, in order. Raises XMLError, after which the parser is of no more use."""
        if self._root is None:
            self._check_start(data)
        self._fed = len(data)
        try:
            self._pull.feed(data)
            for event, node in self._pull.read_events():
                found = self._event(event, node)
                if found is not _NOTHING:
                    yield found  # type: ignore[misc]
        except etree.XMLSyntaxError as error:
            raise XMLError("not-well-formed", str(error)) from None
        for entry in self._pull.feed_error_log:  # lxml stops without a word at an undeclared entity
            if entry.level >= etree.ErrorLevels.ERROR:
                raise XMLError("not-well-formed", entry.message)
        self._check_unfinished()
        self._earlier += self._fed

    def _check_start(self, data: bytes) -> None:
        """Before the header only an XML declaration may stand, and its encoding must be UTF-8."""
        if len(self._start) < 200:
            self._start += data[:200]
        start = self._start
        if start[:1] in (b"\xff", b"\xfe", b"\0") or start[1:2] == b"\0":
            raise XMLError("unsupported-encoding")
        if start[:5] == b"<?xml" and b"?>" in start:
            _refuse_encoding(start[: start.find(b"?>")])

    def _check_unfinished(self) -> None:
        """Whatever the packets: an element that isn't complete yet counts too, and so does a header."""
        if self._earlier + self._fed <= self.limit:
            return
        if self._earlier <= self.limit and self._root is not None:
            if not len(self._root) or len(to_bytes(self._root[-1])) <= self.limit:
                return
        raise XMLError("policy-violation", "stanza too big")

    def _event(self, event: str, node: Element) -> object:
        if event in ("comment", "pi"):
            raise XMLError("restricted-xml")
        if event == "start":
            self._depth += 1
            if self._depth > self.limits.depth:
                raise XMLError("policy-violation", "too deep")
            return self._opened(node) if self._root is None else _NOTHING
        self._depth -= 1
        if self._depth == 0:
            return None
        return self._complete(node) if self._depth == 1 else _NOTHING

    def _opened(self, node: Element) -> StreamHeader:
        if node.getroottree().docinfo.doctype:
            raise XMLError("restricted-xml")
        self._root = node
        self._earlier = 0
        return StreamHeader(node.tag, dict(node.attrib), node.nsmap.get(None))

    def _complete(self, node: Element) -> Element:
        size, self._earlier = self._earlier + self._fed, 0
        assert self._root is not None
        self._root.text = None  # white space between stanzas must not pile up
        if next(iter(node.iter(etree.Entity)), None) is not None:
            raise XMLError("restricted-xml")
        if size > self.limit and len(to_bytes(node)) > self.limit:
            raise XMLError("policy-violation", "stanza too big")
        check_shape(node, self.limits, size)
        taken: Element = node.__copy__()  # removed alone, what it inherits would get a prefix
        self._root.remove(node)
        return unprefixed(taken)


_NOTHING = object()
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """`text` without the characters that XML 1.0 can't carry."""
    return _UNFIT.sub("", text)


def attribute(value: str) -> str:
    """`value` quoted and escaped, for a tag that isn't an element (stream headers, `<body>`)."""
    return quoteattr(clean(value))
