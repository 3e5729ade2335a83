"""What a contact of the test bed does when it hears something: data, as scenario files and the control API have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

from conversehost.net import named
from conversehost.testbed.traffic import FilterError, Record, Stream, by_xpath
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import XMLError, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

MARKERS = ("received", "displayed", "acknowledged")
SHOWS = ("available", "chat", "away", "xa", "dnd", "unavailable")
EVENTS = ("message", "presence", "xpath")
LONGEST = 3_600.0
"""Seconds of a pause."""

_PLACE = re.compile(r"\{(body|from|name|to|id)\}")
_CONVERSATION = (None, "normal", "chat", "groupchat")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a contact does. `status` goes with a presence."""

    verb: str
    value: Any
    status: str = ""


Handler = Callable[[Stanza], "str | Iterable[Mapping[str, object]] | None"]
"""Python in place of steps: gets the message, and answers a text to say, steps as in a file, or nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`steps` are for a stanza that fits `event` and `pattern`; or `handler` tells them."""

    event: str
    pattern: str
    steps: tuple[Step, ...] = ()
    handler: Handler | None = None

    def fits(self, stanza: Stanza) -> bool:
        """`message`: what people say, `*` and `?` standing for anything, capitals or not. `presence`: of that type."""
        if self.event == "xpath":
            record = Record(0, 0, "in", Stream(0, "memory", ""), "", to_bytes(stanza))
            return by_xpath(self.pattern)(record)
        if self.event == "presence":
            return stanza.kind == "presence" and (stanza.type or "available") == self.pattern
        if stanza.kind != "message" or stanza.type not in _CONVERSATION:
            return False
        body = stanza.text_of("body")
        return bool(body) and fnmatchcase(body.casefold(), self.pattern.casefold())

    def play(self, stanza: Stanza) -> Sequence[Step]:
        """What is to be done. Raises ValueError for steps of a handler that can't be read."""
        if self.handler is None:
            return self.steps
        told = self.handler(stanza)
        if told is None:
            return ()
        return (Step("say", told),) if isinstance(told, str) else read_steps(list(told))


@dataclass(frozen=True, slots=True)
class Script:
    """The first rule that fits is played. `status` is what its presence says; `rooms` are where it is, too."""

    status: str = ""
    rules: tuple[Rule, ...] = ()
    rooms: tuple[str, ...] = ()

    def rule_for(self, stanza: Stanza) -> Rule | None:
        """The one, if any."""
        return next((each for each in self.rules if each.fits(stanza)), None)


def filled(template: str, heard: Stanza, *, as_xml: bool = False) -> str:
    """With `{body}`, `{from}` (the full JID), `{name}` (the part before the @; in a room the nick), `{to}` and
    `{id}` of what was heard.
    """
    sender = heard.sender
    values = {
        "body": heard.text_of("body"),
        "from": heard.get("from", ""),
        "name": "" if sender is None else sender.resource if heard.type == "groupchat" else sender.local,
        "to": heard.get("to", ""),
        "id": heard.id or "",
    }

    def value(found: re.Match[str]) -> str:
        text = values[found[1]]
        return escape(text, {'"': "&quot;", "'": "&apos;"}) if as_xml else text

    return _PLACE.sub(value, template)


def of_python(spec: str, what: str) -> Script:
    """`package.module:function` answers to all that people say. Raises ConfigError."""
    return Script("", (Rule("message", "*", handler=named.find(spec, what)),))


def read_script(data: Mapping[str, Any]) -> Script:
    """From its keys `status` and `on`. Raises ValueError, which names what is wrong."""
    rules = data.get("on", [])
    if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
        raise ValueError('on must be a list of rules, such as {message = "*", do = [{say = "Hello"}]}')
    found = []
    for number, rule in enumerate(rules, 1):
        try:
            found.append(_read_rule(rule))
        except ValueError as error:
            raise ValueError(f"on number {number}: {error}") from None
    return Script(_text("status", data.get("status", "")), tuple(found))


def _read_rule(data: Mapping[str, Any]) -> Rule:
    events = [name for name in data if name in EVENTS]
    if unknown := [name for name in data if name not in (*EVENTS, "do")]:
        raise ValueError(f"unknown key {unknown[0]!r}; there are {', '.join(EVENTS)}, and do")
    if len(events) != 1:
        raise ValueError(f"needs one of {', '.join(EVENTS)}: what the contact hears")
    rule = Rule(events[0], _text(events[0], data[events[0]]), read_steps(data.get("do", [])))
    if rule.event == "xpath":
        try:
            by_xpath(rule.pattern)
        except FilterError as error:
            raise ValueError(str(error)) from None
    return rule


def read_steps(data: object) -> tuple[Step, ...]:
    """Raises ValueError."""
    if not isinstance(data, list) or not all(isinstance(each, Mapping) for each in data):
        raise ValueError('do must be a list of steps, such as [{typing = 1}, {say = "Hello"}]')
    found = []
    for number, step in enumerate(data, 1):
        try:
            found.append(_read_step(step))
        except ValueError as error:
            raise ValueError(f"do number {number}: {error}") from None
    return tuple(found)


def _read_step(data: Mapping[str, Any]) -> Step:
    verbs = [name for name in data if name != "status"]
    if len(verbs) != 1 or verbs[0] not in VERBS:
        raise ValueError(f"a step is one of {', '.join(VERBS)}")
    if "status" in data and verbs != ["presence"]:
        raise ValueError("status goes with presence")
    return Step(verbs[0], VERBS[verbs[0]](verbs[0], data[verbs[0]]), _text("status", data.get("status", "")))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text")
    return value


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise ValueError(f"{name} must be seconds, from 0 to {LONGEST:g}")
    return float(value)


def _yes(name: str, value: object) -> bool:
    if value is not True:
        raise ValueError(f"{name} can only be true")
    return True


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(f"{name} must be text, or a list of texts")
    return tuple(values)


def _one_of(known: tuple[str, ...]) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}")
        return str(value)

    return read


def check_xml(name: str, value: object) -> str:
    """Stanzas that can be read whatever is put into their places. Raises ValueError."""
    text = _text(name, value)
    try:
        parse_xml(f"<r xmlns='jabber:client'>{_PLACE.sub('x', text)}</r>".encode())
    except XMLError as error:
        raise ValueError(f"{name}: {error}") from None
    return text


VERBS: Mapping[str, Callable[[str, object], Any]] = {
    "say": _text,
    "typing": _seconds,
    "wait": _seconds,
    "receipt": _yes,
    "marker": _one_of(MARKERS),
    "react": _texts,
    "correct": _text,
    "retract": _yes,
    "presence": _one_of(SHOWS),
    "send": check_xml,
}
"""What a contact can do, and how its value is read."""
