"""What came, compared with what a dialogue expects; and the difference, as people read it.

In what is expected, `...` stands for anything and `{name}` for a value to remember: the next time it must be the same.
Behind a backslash both are themselves, and so is a backslash.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from xml.sax.saxutils import escape, quoteattr

from lxml.etree import QName

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, attributes_of

ANYTHING = ("...", "{scansion:any}")
LOOSE = ("to", "from", "id", f"{{{ns.XML}}}lang")
"""Attributes that a stanza, also one within another, may have without being mentioned. Elsewhere all count, save
`by` of an error (RFC 6120 section 8.3.1).
"""

_ERROR = f"{{{ns.CLIENT}}}error"
_STANZA_ID = f"{{{ns.STANZA_ID}}}stanza-id"

Memory = Mapping[str, str]
_NAMED = re.compile(r"\$?\{([^{}]+)\}")
_TOKEN = re.compile(rf"\\(\\|\{{|\.\.\.)|{_NAMED.pattern}|\.\.\.")
"""What is itself, a name, and dots."""
_SPECIAL = re.compile(r"[\\{]|\.\.\.")
_PREFIXES = {ns.STREAM: "stream:", ns.XML: "xml:"}


class UnknownNameError(ValueError):
    """`{name}` is to be sent, but nothing of that name has come yet."""


def match(expected: Element, got: Element, memory: Memory) -> dict[str, str] | None:
    """What is remembered after it: `memory` and more. None when they differ."""
    return _match(expected, got, dict(memory))


def fill(stanza: Element, memory: Memory) -> Element:
    """A copy to send, with what is remembered in place of the names. Raises UnknownNameError."""

    def value(found: re.Match[str]) -> str:
        literal, name = found.groups()
        if name is None:
            return literal or found[0]
        if name not in memory:
            raise UnknownNameError(f"{{{name}}} is to be sent, but nothing has been remembered by that name")
        return memory[name]

    made = copy(stanza)
    for each in made.iter():
        each.text, each.tail = (text and _TOKEN.sub(value, text) for text in (each.text, each.tail))
        for name, text in each.attrib.items():
            each.set(name, _TOKEN.sub(value, str(text)))
    return made


def literal(text: str) -> str:
    """As a dialogue has it, where it shall be no more than what it is."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def literally(stanza: Element) -> None:
    """The same for all texts and attributes in it, at its place."""
    for each in stanza.iter():
        each.text, each.tail = (text and literal(text) for text in (each.text, each.tail))
        for name, text in each.attrib.items():
            each.set(name, literal(str(text)))


def difference(expected: Element, got: Element, memory: Memory) -> list[str]:
    """Lines of both, side by side: "- " was expected, "+ " came, "  " is common. Wildcards that fit don't show."""
    lines = difflib.ndiff(list(render(_explained(expected, got, memory))), list(render(got)))
    return [line for line in lines if not line.startswith("?")]


def render(element: Element, surrounding: str = ns.CLIENT, indent: str = "") -> Iterator[str]:
    """One line an element, attributes in alphabetical order, namespaces where they change."""
    name = QName(element)
    prefix = _PREFIXES.get(name.namespace or "", "")
    inner = surrounding if prefix else name.namespace or ""
    attributes = {_attribute_name(key): value for key, value in sorted(_listed(element))}
    if inner != surrounding:
        attributes = {"xmlns": inner} | attributes
    tag = " ".join([prefix + name.localname, *(f"{key}={quoteattr(value)}" for key, value in attributes.items())])
    text = " ".join(_chunks(element)) if len(element) else element.text or ""
    if not len(element):
        yield f"{indent}<{tag}>{escape(text)}</{prefix}{name.localname}>" if text else f"{indent}<{tag}/>"
        return
    yield f"{indent}<{tag}>"
    if text:
        yield f"{indent}  {escape(text)}"
    for each in element:
        yield from render(each, inner, indent + "  ")
    yield f"{indent}</{prefix}{name.localname}>"


def _attribute_name(key: str) -> str:
    name = QName(key)
    return _PREFIXES.get(name.namespace or "", "") + name.localname if name.namespace in _PREFIXES else key


def _match(expected: Element, got: Element, memory: dict[str, str]) -> dict[str, str] | None:
    if expected.tag != got.tag:
        return None
    strict = _is_strict(expected)
    for name, value in _listed(expected):
        found = got.get(name)
        if found is None or not _matches(value, found, memory, dots=True):
            return None
    if strict and any(name not in expected.attrib and not _is_loose(name, got) for name in got.attrib):
        return None
    if _is_open(expected) or not strict:
        return _match_children(expected, got, memory, rest=True)
    if not _matches(_text(expected), _text(got), memory, dots=False):
        return None
    return _match_children(expected, got, memory, rest=False)


def _match_children(expected: Element, got: Element, memory: dict[str, str], *, rest: bool) -> dict[str, str] | None:
    """In any order; each expected one takes the first that is like it. `rest`: others may be there too."""
    left = _counting(expected, got)
    if len(left) < len(expected) or (len(left) > len(expected) and not rest):
        return None
    for each in expected:
        for candidate in left:
            found = _match(each, candidate, dict(memory))
            if found is not None:
                memory.update(found)
                left.remove(candidate)
                break
        else:
            return None
    return memory


def _counting(expected: Element, got: Element) -> list[Element]:
    """The children of what came. The id that an archive has given a stanza only counts where one is expected."""
    if not isinstance(got, Stanza) or expected.find(_STANZA_ID) is not None:
        return list(got)
    return [each for each in got if each.tag != _STANZA_ID]


def _listed(expected: Element) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in attributes_of(expected).items() if not name.endswith("}strict"))


def _is_loose(name: object, element: Element) -> bool:
    return name in LOOSE if isinstance(element, Stanza) else element.tag == _ERROR and name == "by"


def _is_strict(expected: Element) -> bool:
    """scansion:strict='false' says that more attributes and children may be there."""
    return not any(
        str(name).endswith("}strict") and value in ("false", "no") for name, value in expected.attrib.items()
    )


def _chunks(element: Element) -> list[str]:
    return [text.strip() for text in (element.text, *(each.tail for each in element)) if text and text.strip()]


def _is_open(expected: Element) -> bool:
    return any(chunk in ANYTHING for chunk in _chunks(expected))


def _text(element: Element) -> str:
    return " ".join(_chunks(element)) if len(element) else element.text or ""


def _matches(expected: str, got: str, memory: dict[str, str], *, dots: bool) -> bool:
    """`dots`: "..." in it stands for any text. What is new is put into `memory`."""
    if expected in ANYTHING:
        return True
    names: list[str] = []
    found = re.fullmatch(_pattern(expected, memory, names, dots=dots), got, re.DOTALL)
    if found is None:
        return False
    memory.update(zip(names, found.groups(), strict=True))
    return True


def _pattern(expected: str, memory: Memory, names: list[str], *, dots: bool) -> str:
    """As a regular expression; `names` gets those of its groups."""
    parts, at = [], 0
    for token in _TOKEN.finditer(expected):
        parts.append(re.escape(expected[at : token.start()]))
        at = token.end()
        literal, name = token.groups()
        if literal or (token[0] == "..." and not dots):
            parts.append(re.escape(literal or token[0]))
        elif token[0] in ANYTHING:
            parts.append(".*")
        elif name in memory:
            parts.append(re.escape(memory[name]))
        elif name in names:
            parts.append(f"\\{names.index(name) + 1}")
        else:
            names.append(name)
            parts.append("(.+)")
    return "".join([*parts, re.escape(expected[at:])])


def _explained(expected: Element, got: Element, memory: Memory) -> Element:
    """What was expected, with the parts that are met as they came, so that only the others differ."""
    if expected.tag != got.tag:
        return _alone(expected)
    rest = _is_open(expected) or not _is_strict(expected)
    made = _alone(expected)
    del made[:]
    made.attrib.clear()
    made.text = _explained_text(expected, got, memory)
    for name, value in _listed(expected):
        fits = _matches(value, got.get(name) or "", dict(memory), dots=True) and name in got.attrib
        made.set(name, str(got.get(name)) if fits else value)
    for name, value in attributes_of(got).items():
        if name not in made.attrib and (_is_loose(name, got) or not _is_strict(expected)):
            made.set(name, value)
    made.extend(_explained_children(expected, got, memory, rest=rest))
    return made


def _alone(element: Element) -> Element:
    """A copy without the text that follows it."""
    made = copy(element)
    made.tail = None
    return made


def _explained_text(expected: Element, got: Element, memory: Memory) -> str | None:
    fits = _is_open(expected) or _matches(_text(expected), _text(got), dict(memory), dots=False)
    return _text(got if fits else expected) or None


def _explained_children(expected: Element, got: Element, memory: Memory, *, rest: bool) -> Iterator[Element]:
    """In the order of what came; what didn't come stands at the end."""
    partners, counting = _partners(expected, got, memory), _counting(expected, got)
    for index, each in enumerate(got):
        if index in partners:
            yield _explained(partners[index], each, memory)
        elif rest or each not in counting:
            yield _alone(each)
    yield from (_alone(each) for each in expected if all(each is not partner for partner in partners.values()))


def _partners(expected: Element, got: Element, memory: Memory) -> dict[int, Element]:
    """Which child is which, by index: first those that are like one another, then those of the same name."""
    found: dict[int, Element] = {}

    def pair(are_alike: Callable[[Element, Element], bool]) -> None:
        for each in expected:
            if all(each is not partner for partner in found.values()):
                free = (index for index, other in enumerate(got) if index not in found and are_alike(each, other))
                if (index := next(free, None)) is not None:
                    found[index] = each

    pair(lambda one, other: _match(one, other, dict(memory)) is not None)
    pair(lambda one, other: one.tag == other.tag)
    return found
