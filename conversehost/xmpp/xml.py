"""The one way in and out of XML: safe parsers with limits, and the serialised form that all transports share.

Everything a client sends passes here, over any transport. What comes out of a parser is well-formed UTF-8 without
DOCTYPE, entities, comments or processing instructions (RFC 6120 section 11.1), and within `Limits`.
"""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from threading import get_ident
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
    "collect_ids": False,  # xml:id twice in a document is nobody's business here
}
_SPACE = b" \t\r\n"
_PIECES = re.compile(rb"[^>]*>|[^>]+")
_NAME = re.compile(rb"<[a-zA-Z]+")
_SPECIAL = re.compile(b"<[!?]")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")
_WARNINGS = 100
_NOTHING = object()

_lookup = etree.ElementNamespaceClassLookup()
_stanzas = _lookup.get_namespace(ns.CLIENT)
for _kind in ("message", "presence", "iq"):
    _stanzas[_kind] = Stanza


def _parser(**options: Any) -> Any:
    parser = etree.XMLParser(**_SAFE | options)
    parser.set_element_class_lookup(_lookup)
    return parser


def _pull_parser() -> Any:
    """Without a DOCTYPE there is no entity to resolve: told to do so, the parser refuses references."""
    parser = etree.XMLPullParser(events=("start", "end", "comment", "pi"), **_SAFE | {"resolve_entities": True})
    parser.set_element_class_lookup(_lookup)
    return parser


_PARSER: etree.XMLParser = _parser()
_FED: dict[int, Any] = defaultdict(lambda: _parser(encoding=None))  # UTF-8 is quicker to guess than to be told of
"""By thread, of which clients may have several: what two feed to one parser at once is mixed up."""
_make: Any = _PARSER.makeelement  # the stubs don't know the default namespace, and not what a parser's errors are
_make_in: Any = etree.SubElement


def element(
    namespace: str,
    name: str,
    attributes: dict[str, str] | None = None,
    *children: Element,
    text: str | None = None,
    prefix: str | None = None,
) -> Element:
    """A new element; its namespace is declared as the default one unless a prefix is given."""
    made: Element = _make(f"{{{namespace}}}{name}", attributes, nsmap={prefix: namespace})
    if text is not None:
        made.text = text
    if children:
        made.extend(children)
    return made


def child(parent: Element, namespace: str, name: str, attributes: dict[str, str] | None = None) -> Element:
    """A new last child."""
    made: Element = _make_in(parent, f"{{{namespace}}}{name}", attributes, nsmap={None: namespace})
    return made


def attributes_of(found: Any) -> dict[str, str]:
    """The attributes; those with a namespace by Clark name."""
    return dict(found.attrib)


def parse(data: bytes) -> Element:
    """The one element in `data`. Raises XMLError: not-well-formed, restricted-xml, unsupported-encoding."""
    fed = _fed(data)
    if fed is not None:
        return fed
    suspicious = _SPECIAL.search(data) is not None
    if suspicious:
        check_prolog(data.removeprefix(codecs.BOM_UTF8))
    try:
        root = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise _not_utf8() if _is_utf16(data) else _refusal(error) from None
    if suspicious and (next(root.iter(etree.Comment, etree.PI), None) is not None or root.getnext() is not None):
        raise _restricted()
    return root


def parse_stanza(data: bytes, limits: Limits) -> Element:
    """One top-level element on its own, as all transports have it: jabber:client without a prefix. Raises XMLError."""
    plain = read_plain(data, limits)
    if plain is not None:
        return plain
    root = parse(data)
    check_shape(root, limits, len(data))
    return _rebuilt(root, ns.CLIENT) if has_prefixes(data) and _is_prefixed(root) else root


def has_prefixes(data: bytes) -> bool:
    """Whether a prefix may be declared in it: few documents do, and only those need a second look."""
    return data.rfind(b"xmlns:") >= 0  # from behind it takes an eighth of the time


def read_plain(data: bytes, limits: Limits) -> Element | None:
    """The element in `data`, if it is like nearly all that clients send; else None, and `parse` may judge.

    It has no comments, processing instructions and declarations of prefixes, and is so small in everything that it
    can't be beyond the limits.
    """
    if data.count(b"<") > limits.depth or data.count(b"=") > limits.attributes or has_prefixes(data):
        return None
    return _fed(data)


def _fed(data: bytes) -> Element | None:
    """The same for whatever has no comments and processing instructions: it takes lxml half as long as `fromstring`."""
    if data[:1] != b"<" or not data[1:2].isalpha():  # else it might be in another encoding
        return None
    if _SPECIAL.search(data):
        return None
    try:
        parser = _FED[get_ident()]
        parser.feed(data)
        found: Element = parser.close()
    except etree.XMLSyntaxError:
        return None
    return found


def _is_prefixed(root: Element) -> bool:
    return any(each.prefix is not None for each in root.iter(f"{{{ns.CLIENT}}}*"))


def check_prolog(start: bytes) -> None:
    """The start of a document, as far as it has come: before the root stands an XML declaration at most, of UTF-8.

    So a DOCTYPE never reaches the parser. Raises XMLError (RFC 6120 sections 11.1 and 11.6).
    """
    if _is_utf16(start):
        raise _not_utf8()
    rest = start
    if start.startswith(b"<?xml"):
        declaration, end, rest = start.partition(b"?>")
        if not end:
            return
        _check_encoding(declaration)
    elif b"<?xml".startswith(start):
        return
    if rest.lstrip(_SPACE).startswith((b"<!", b"<?")):
        raise _restricted()


def _is_utf16(start: bytes) -> bool:
    return start[:1] in (b"\xff", b"\xfe", b"\0") or start[:2] == b"<\0"


def _check_encoding(declaration: bytes) -> None:
    named = _ENCODING.search(declaration)
    if named is not None and named[1].lower() not in (b"utf-8", b"utf8"):
        raise _not_utf8()


def _not_utf8() -> XMLError:
    return XMLError("unsupported-encoding", "not UTF-8")


def _restricted() -> XMLError:
    return XMLError("restricted-xml", "a DOCTYPE, a comment or a processing instruction")


def _refusal(error: Any) -> XMLError:
    """What an error of libxml2 is called in RFC 6120: an exception, or an entry of its log."""
    code, message = getattr(error, "code", None) or error.type, getattr(error, "msg", None) or error.message
    if code == etree.ErrorTypes.ERR_UNDECLARED_ENTITY:
        return XMLError("restricted-xml", "an entity reference")
    if code == etree.ErrorTypes.ERR_INVALID_ENCODING:
        return _not_utf8()
    return XMLError("not-well-formed", message)


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
    return etree.tostring(root, encoding="unicode", with_tail=False).encode()  # to UTF-8 itself, lxml is slower


def adopt(found: Element, surrounding: str, *, prefixes: bool = True) -> Element:
    """An element without the one that carried it, in the form that all transports share.

    Stanzas without a namespace of their own stand in the `surrounding` one by mistake (XEP-0206 section 2): it becomes
    jabber:client. `prefixes`: the document has some, so that what is in it can't just be taken out.
    """
    if found.tag.startswith(f"{{{surrounding}}}"):
        return _rebuilt(found, surrounding)
    if prefixes:
        return unprefixed(found)
    found.tail = None
    carrier = found.getparent()
    if carrier is not None:
        carrier.remove(found)
    return found


def unprefixed(found: Element) -> Element:
    """A copy with jabber:client as the default namespace of all that is in it: browsers look for plain names."""
    if _is_prefixed(found):
        return _rebuilt(found, ns.CLIENT)
    taken = copy(found)  # taken out of its document instead, it could get prefixes that mean something else in it
    taken.tail = None
    return taken


def _rebuilt(old: Element, namespace: str) -> Element:
    """A copy in which `namespace` is jabber:client, without a prefix."""
    new = element(ns.CLIENT, etree.QName(old).localname, attributes_of(old))
    _fill(new, old, namespace)
    return new


def _fill(new: Element, old: Element, namespace: str) -> None:
    """From the top down and without prefixes for elements: put together in any other way, lxml can give an attribute
    a prefix that means something else where it stands. As deep as the XML parser allows: 256.
    """
    new.text = old.text
    for each in old:
        name = etree.QName(each)
        if name.namespace:
            space = ns.CLIENT if name.namespace == namespace else name.namespace
            made = child(new, space, name.localname, attributes_of(each))
        else:  # made in any other way it would fall into the namespace around it
            made = etree.fromstring(f'<{name.localname} xmlns=""/>'.encode(), _PARSER)
            new.append(made)
            made.attrib.update(each.attrib)
        _fill(made, each, namespace)
        made.tail = each.tail


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """The opening tag of a stream: its name, attributes (Clark names) and default namespace."""

    tag: str
    attributes: dict[str, str]
    default_namespace: str | None


class StreamParser:
    """XML streams over TCP: bytes in; a `StreamHeader`, then stanzas, then None (the closing tag) out.

    A stanza can only end at a ">": fed up to there each time, its size in bytes is known exactly, and what comes out
    doesn't depend on how the bytes were spread over packets. A packet that is one stanza, as most are, is read at once;
    if that needn't come to the same, it is fed piece by piece after all.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.limit = limits.unauthenticated
        self._pull = _pull_parser()
        self._header = b""
        self._root: Element | None = None
        self._depth = 0
        self._size = 0  # bytes of the header or stanza that isn't complete yet
        self._ended = False

    def feed(self, data: bytes) -> Iterator[StreamHeader | Element | None]:
        """What `data` completes, in order. Raises XMLError, after which the parser is of no more use."""
        whole = self._whole(data)
        if whole is not None:
            yield whole
            return
        for piece in _PIECES.findall(data):
            if not self._size:
                piece = piece.lstrip(_SPACE)  # keep-alives cost nothing, however many
            if piece and not self._ended:
                yield from self._feed(piece)

    def _whole(self, data: bytes) -> Element | None:
        """The one stanza that `data` is, if it is."""
        if self._depth != 1 or self._size or len(data) > self.limit or not data.endswith(b">"):
            return None
        stanza = read_plain(_in_stream(data), self.limits)
        return stanza if stanza is not None and stanza.tag.startswith("{") else None

    def _feed(self, piece: bytes) -> Iterator[StreamHeader | Element | None]:
        room = self.limit - self._size
        self._size += len(piece)
        if self._root is None:
            self._header += piece[:room]
            self._check_start()
        try:
            self._pull.feed(piece[:room])
            for event, node in self._pull.read_events():
                found = self._event(event, node)
                if found is not _NOTHING:
                    self._check_log()
                    yield found
        except etree.XMLSyntaxError as error:
            raise _refusal(error) from None
        if self._size > self.limit:
            raise XMLError("policy-violation", "stanza too big")

    def _check_start(self) -> None:
        check_prolog(self._header)
        if not self._header.startswith(b"<"):
            raise XMLError("not-well-formed", "a stream begins with <stream:stream")

    def _event(self, event: str, node: Element) -> Any:
        if event in ("comment", "pi"):
            raise _restricted()
        if event == "start":
            self._depth += 1
            if self._depth > self.limits.depth:
                raise XMLError("policy-violation", "too deep")
            return self._opened(node) if self._root is None else _NOTHING
        self._depth -= 1
        if self._depth == 0:
            self._ended = True
            return None
        return self._complete(node) if self._depth == 1 else _NOTHING

    def _opened(self, node: Element) -> StreamHeader:
        self._root = node
        self._size = 0
        return StreamHeader(node.tag, attributes_of(node), node.nsmap.get(None))

    def _complete(self, node: Element) -> Element:
        assert self._root is not None
        text, self._root.text = self._root.text, None
        if text and text.strip():
            raise XMLError("bad-format", "text between stanzas")
        check_shape(node, self.limits, self._size)
        self._size = 0
        taken = unprefixed(node)
        self._root.remove(node)
        return taken

    def _check_log(self) -> None:
        """Errors that don't stop lxml: prefixes that aren't declared. Warnings are kept as long as a parser, and a
        namespace that isn't absolute, such as vcard-temp, gives one each time: after many, begin again.
        """
        log = self._pull.feed_error_log
        for entry in log:
            if entry.level >= etree.ErrorLevels.ERROR:
                raise _refusal(entry)
        if len(log) > _WARNINGS and not self._ended:
            self._pull = _pull_parser()
            self._pull.feed(self._header)
            ((_, self._root),) = self._pull.read_events()


def _in_stream(data: bytes) -> bytes:
    """The element that `data` may be, on its own: in the default namespace of streams, unless its tag names another.

    Put where no attribute can stand, or a second time, the declaration makes it ill-formed.
    """
    name = _NAME.match(data)
    if name is None or data.find(b" xmlns=", 0, data.find(b">")) != -1:
        return data
    return b"%s xmlns='jabber:client'%s" % (name[0], data[name.end() :])


_HARMLESS = re.compile(r"[\w ./:;,=@+-]*", re.ASCII)
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """`text` without the characters that XML 1.0 can't carry."""
    return _UNFIT.sub("", text)


@lru_cache(maxsize=1024)
def attribute(value: str) -> str:
    """`value` quoted and escaped, for a tag that isn't an element (stream headers, `<body>`)."""
    if _HARMLESS.fullmatch(value):
        return f'"{value}"'
    return quoteattr(clean(value))
