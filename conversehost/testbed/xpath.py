"""XPath as a filter of stanzas: of it, what takes a moment, however large they are. An evaluation that goes on for
minutes can't be stopped, and the whole server would wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element

LONGEST, SEARCHES = 1_000, 4
"""Characters, and how often all that is below something may be searched."""

PREFIXES = {name.lower().replace("_", "-"): space for name, space in vars(ns).items() if name.isupper()}
"""The names that `xmpp.ns` gives namespaces, such as carbons, delay, muc-user. Stanzas need no prefix."""

_NAME = r"[^\W\d][\w.-]*"
_TOKEN = re.compile(
    rf"""\s*( "[^"]*" | '[^']*' | \d+(?:\.\d*)? | \.\d+ | \.\. | // | [!<>]=
    | {_NAME}\s*:: | {_NAME}(?: :(?:{_NAME}|\*) )? | \S )""",
    re.VERBOSE,
)
_WITHIN_PATHS = frozenset(("/", "//", "@"))
_OPERATORS = frozenset(("|", "+", "-", "=", "!=", "<", "<=", ">", ">="))
_DOWN = frozenset(("child::", "attribute::", "self::", "namespace::", "descendant::", "descendant-or-self::"))
_SEARCHES = frozenset(("//", "descendant::", "descendant-or-self::"))


def compiled(expression: str) -> Callable[[Element], bool]:
    """What tries it on a stanza. Raises ValueError, which says what is wrong with it."""
    check(expression)
    absolute = expression if expression.startswith(("/", "(")) else "/" + expression
    try:
        evaluate: Any = etree.XPath(absolute, namespaces=PREFIXES, smart_strings=False)
        evaluate(etree.fromstring(b"<x/>"))
    except etree.XPathError as error:
        raise ValueError(str(error)) from None
    return lambda stanza: bool(evaluate(stanza.getroottree()))


def root_of(expression: str) -> str:
    """The name of the element that it is about, where it is one path that begins with that; else ""."""
    depth, begun, top = 0, 0, []
    for token, path_begins in tokens(expression):
        depth -= token in ("]", ")")
        if not depth:
            begun += path_begins
            top.append(token)
        depth += token in ("[", "(")
    names = top[1:] if top[:1] == ["/"] else top
    single = begun == 1 and names[1:2] != ["("] and re.fullmatch(_NAME, names[0] if names else "")
    return names[0] if single else ""


def check(expression: str) -> None:
    """It goes down the tree alone, and searches it once on its way, and once more in brackets: that takes a few steps
    for each element. Any other way takes as many as the square of that, or the cube. Raises ValueError.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"it has {len(expression)} characters, and may have {LONGEST}")
    brackets = searches = 0
    searched = [False]  # whether the path that goes on has, by brackets and parentheses
    for token, path_begins in tokens(expression):
        if path_begins:
            searched[-1] = False
        if path_begins and brackets and token in ("/", "//"):
            raise ValueError(f"a path within [] can't begin with {token}: that can take too long")
        if token == ".." or (token.endswith("::") and token not in _DOWN):
            raise ValueError(f"{token} isn't taken, for it can take too long; from above it is x[y]")
        if token in _SEARCHES:
            searches += 1
            if searched[-1] or brackets > 1 or searches > SEARCHES:
                raise ValueError(f"{token} is in it too often: that can take too long; a//b//c is a//b[.//c]")
            searched[-1] = True
        if token in ("[", "("):
            searched.append(False)
        elif token in ("]", ")") and len(searched) > 1:
            within = searched.pop()
            searched[-1] |= within and token == ")"
        brackets += (token == "[") - (token == "]")


def tokens(expression: str) -> Iterator[tuple[str, bool]]:
    """Each (XPath 1.0 section 3.7), and whether a path may begin with it."""
    operand = within_path = False  # what came last: one that is complete, or what a path goes on after
    for each in _TOKEN.finditer(expression):
        token = "".join(each[1].split()) if each[1].endswith("::") else each[1]
        yield token, not operand and not within_path
        operator = token in _OPERATORS or (operand and (token == "*" or token[0].isalpha()))
        within_path = token in _WITHIN_PATHS or token.endswith("::")
        operand = not operator and not within_path and token not in ("(", "[", ",")
