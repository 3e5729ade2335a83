"""What the tests of XML need: elements that hypothesis makes up, and what an element is, however it is spelt."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element

STREAM = (
    f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' xmlns:p='urn:p' to='localhost' version='1.0'>"
).encode()


def infoset(found: Element) -> object:
    """All that matters of an element."""
    return (
        found.tag,
        frozenset(found.attrib.items()),
        found.text or "",
        [(infoset(each), each.tail or "") for each in found],
    )


@dataclass(frozen=True)
class Node:
    """An element with content: texts stand between the children. `prefix` is for itself ("": none), `attributes` by
    (prefix, namespace, name); prefixes mean now this, now that.
    """

    namespace: str
    name: str
    prefix: str
    attributes: dict[tuple[str, str, str], str]
    texts: list[str]
    children: list[Node]

    def infoset(self) -> object:
        """As `infoset` has it, worked out without a parser."""
        attributes = {f"{{{space}}}{name}" if space else name: value for (_, space, name), value in self._fit().items()}
        content = [(each.infoset(), text) for each, text in zip(self.children, self.texts[1:], strict=False)]
        tag = f"{{{self.namespace}}}{self.name}" if self.namespace else self.name
        return (tag, frozenset(attributes.items()), self.texts[0], content)

    def write(self) -> str:
        """As XML."""
        prefix = self.prefix if self.namespace else ""
        tag = f"{prefix}:{self.name}" if prefix else self.name
        spaces = {f"xmlns:{prefix}" if prefix else "xmlns": self.namespace}
        attributes = {}
        for (own, space, name), value in self._fit().items():
            attributes[f"{own}:{name}" if space else name] = value
            if space:
                spaces[f"xmlns:{own}"] = space
        written = "".join(f" {name}={_quoted(value)}" for name, value in (spaces | attributes).items())
        content = "".join(
            each.write() + _escaped(text) for each, text in zip(self.children, self.texts[1:], strict=False)
        )
        return f"<{tag}{written}>{_escaped(self.texts[0])}{content}</{tag}>"

    def _fit(self) -> dict[tuple[str, str, str], str]:
        """Of the attributes those that can stand together: a prefix means one thing, a name is there once."""
        means = {self.prefix: self.namespace} if self.prefix and self.namespace else {}
        fit: dict[tuple[str, str, str], str] = {}
        for (prefix, space, name), value in self.attributes.items():
            taken = {(other, each) for _, other, each in fit}
            if (space, name) not in taken and (not space or means.setdefault(prefix, space) == space):
                fit[prefix, space, name] = value
        return fit


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(text)  # with TAB, LF and CR as character references


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc")).filter(lambda each: ord(each) & 0xFFFE != 0xFFFE)
    | st.sampled_from("\t\n\r"),
    max_size=8,
)
_PREFIXES = st.sampled_from(["p", "q"])
_ATTRIBUTES = st.dictionaries(
    st.tuples(_PREFIXES, st.sampled_from(["", "urn:p", "urn:q"]), st.sampled_from(["to", "id"])), TEXT, max_size=3
)


_TEXTS = st.lists(TEXT, min_size=3, max_size=3)
_INNER_SPACES = st.sampled_from([ns.CLIENT, "urn:p", "urn:q", "vcard-temp", ""])
_INNER_NAMES = st.sampled_from(["a", "body", "é"])


def _inner(children: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[Node]:
    return st.builds(Node, _INNER_SPACES, _INNER_NAMES, st.just("") | _PREFIXES, _ATTRIBUTES, _TEXTS, children)


STANZAS = st.builds(
    Node,
    st.just(ns.CLIENT),
    st.sampled_from(["message", "presence", "iq"]),
    st.just("") | _PREFIXES,
    _ATTRIBUTES,
    _TEXTS,
    st.lists(
        st.recursive(_inner(st.just([])), lambda each: _inner(st.lists(each, max_size=2)), max_leaves=4), max_size=2
    ),
)
