"""Dialogues: who is there, who sends what, who receives what, as a text for people. docs/dialogues.md is its manual.

This file reads the text; nothing here knows how a dialogue is played.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conversehost.errors import ConfigError
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element, XMLError, adopt
from conversehost.xmpp.xml import parse as parse_xml

TRANSPORTS = ("tcp", "tls", "bosh", "websocket")
FIELDS = ("jid", "password", "resource", "transport", "account")
VERBS = {
    "connect": "connects?",
    "refused": "connects? and (?:is|are) refused: (?P<argument>[a-z-]+)",
    "resume": "resumes?",
    "not_resumed": "resumes? and (?:is|are) refused: (?P<argument>[a-z-]+)",
    "open": "opens? a stream",
    "log_in": "logs? in",
    "online": "comes? online",
    "befriend": "are friends",
    "send": "sends?:?",
    "receive": "receives?:?",
    "receive_in_any_order": "receives? in any order:?",
    "receive_nothing": "receives? nothing",
    "ignore": "ignores? what has come",
    "disconnect": "disconnects?",
    "drop": "(?:drops?|loses?) the connection",
    "ended": "(?:is|are) disconnected(?:: (?P<argument>[a-z-]+))?",
}
"""What people can do, and how that is written."""

SPOKEN = (
    "connects",
    "connects and is refused: not-authorized",
    "resumes",
    "resumes and is refused: item-not-found",
    "opens a stream",
    "logs in",
    "comes online",
    "are friends",
    "sends:",
    "receives:",
    "receives in any order:",
    "receives nothing",
    "ignores what has come",
    "disconnects",
    "drops the connection",
    "is disconnected",
)
_VERBS = {verb: re.compile(pattern) for verb, pattern in VERBS.items()}
_WITH_STANZAS = ("send", "receive", "receive_in_any_order")
_AND = re.compile(", and |, | and ")
_TIME = re.compile(r"(?P<number>\d+) (?P<unit>second|minute|hour|day)s? pass(?:es)?")
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_SECTION = re.compile(r"\[(Client|Server)\]\s*(.*)")
_NAMED = re.compile(r"(?<!\\)\{[^{}<>]*\}")
_WRAPPED = f"<dialogue xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' xmlns:scansion='scansion'>\n"


@dataclass(frozen=True, slots=True)
class Role:
    """One client of an account, which is there from the start unless it says no. Anonymous: `jid` has no local part."""

    name: str
    jid: JID
    password: str
    transport: str = ""
    has_account: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: `verb` is a key of VERBS, or "pass" for time that passes (`seconds`)."""

    line: int
    verb: str
    names: tuple[str, ...] = ()
    argument: str = ""
    stanzas: tuple[Element, ...] = ()
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A text that was read. `options` are the server's, as on its command line."""

    path: str
    title: str
    roles: dict[str, Role]
    options: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def accounts(self) -> dict[JID, str]:
        """Those that are there from the start, with their passwords: of several clients the first one's counts."""
        roles = reversed(self.roles.values())
        return {role.jid.to_bare(): role.password for role in roles if role.has_account}

    def has(self, verb: str) -> bool:
        """Whether that happens in it."""
        return any(step.verb == verb for step in self.steps)


def load(path: Path) -> Dialogue:
    """Read a file. Raises ConfigError: one line with file, line and what is wrong."""
    try:
        return read(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8, at byte {error.start}") from None


def read(text: str, path: str = "dialogue") -> Dialogue:
    """Read a text; `path` is what it is called in messages. Raises ConfigError."""
    reader = _Reader(path)
    for paragraph in _paragraphs(text):
        reader.take(paragraph)
    if not reader.steps:
        raise ConfigError(f"{path}: nothing happens in it")
    return Dialogue(path, _title(text), reader.roles, tuple(reader.options), tuple(reader.steps))


@dataclass(slots=True)
class _Paragraph:
    """A line that begins at the margin, and what is indented below it. Lines count from 1."""

    line: int
    head: str
    below: list[str] = field(default_factory=list)


def _paragraphs(text: str) -> Iterator[_Paragraph]:
    """Comments and rulers become blank lines."""
    current: _Paragraph | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("#", "//", "--")):
            line = ""
        if current is not None and (not line.strip() or line[0] in " \t<"):
            current.below.append(line)
        elif line.strip():
            if current is not None:
                yield current
            current = _Paragraph(number, line.strip())
    if current is not None:
        yield current


def _title(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


class _Reader:
    """Paragraph by paragraph; whoever acts must have been introduced."""

    def __init__(self, path: str) -> None:
        self.roles: dict[str, Role] = {}
        self.options: list[str] = []
        self.steps: list[Step] = []
        self._path = path

    def take(self, paragraph: _Paragraph) -> None:
        """Raises ConfigError."""
        try:
            section = _SECTION.fullmatch(paragraph.head)
            if section is None:
                self.steps.append(self._step(paragraph))
            elif section[1] == "Server":
                self.options += _options(paragraph)
            else:
                role = _role(section[2], _fields(paragraph))
                if role.name in self.roles:
                    raise ValueError(f"{role.name} was introduced before")
                self.roles[role.name] = role
        except ValueError as error:
            raise ConfigError(f"{self._path}:{paragraph.line}: {error}") from None

    def _step(self, paragraph: _Paragraph) -> Step:
        head, line = paragraph.head, paragraph.line
        if time := _TIME.fullmatch(head):
            _nothing_below(paragraph)
            return Step(line, "pass", seconds=int(time["number"]) * _UNITS[time["unit"]])
        names, action = self._subject(head)
        verb, argument = _verb(action)
        if verb == "befriend" and len(names) < 2:
            raise ValueError("one alone can't be friends: write two names or more")
        if verb not in _WITH_STANZAS:
            _nothing_below(paragraph)
            return Step(line, verb, tuple(names), argument)
        return Step(line, verb, tuple(names), stanzas=_stanzas(paragraph))

    def _subject(self, head: str) -> tuple[list[str], str]:
        """Who acts, and the rest of the line. Names may have spaces in them, such as "Juliet's phone"."""
        names: list[str] = []
        known = sorted(self.roles, key=len, reverse=True)
        while True:
            name = next((each for each in known if re.match(f"{re.escape(each)}(?=[ ,]|$)", head)), None)
            if name is None:
                there = ", ".join(self.roles) or "none yet"
                raise ValueError(f"who is {head.partition(' ')[0]!r}? There are {there}; [Client] introduces somebody")
            names.append(name)
            head = head.removeprefix(name)
            joined = _AND.match(head)
            if joined is None:
                return names, head.strip()
            head = head[joined.end() :]


def _verb(text: str) -> tuple[str, str]:
    for verb, pattern in _VERBS.items():
        if found := pattern.fullmatch(text):
            return verb, found.groupdict().get("argument") or ""
    close = difflib.get_close_matches(text, SPOKEN, 1)
    hint = f"Perhaps {close[0]!r}" if close else f"One can say: {', '.join(SPOKEN)}"
    raise ValueError(f"what is {text!r}? {hint}")


def _nothing_below(paragraph: _Paragraph) -> None:
    if any(line.strip() for line in paragraph.below):
        raise ValueError(f"nothing belongs below {paragraph.head!r}")


def _stanzas(paragraph: _Paragraph) -> tuple[Element, ...]:
    """Those below, without the white space that is only there to be read. Lines in errors are those of the file."""
    block = "\n".join(paragraph.below)
    quoted = _NAMED.sub(lambda named: named[0].replace("'", "&apos;"), block)
    wrapped = "\n" * (paragraph.line - 1) + _WRAPPED + quoted + "</dialogue>"
    try:
        root = parse_xml(wrapped.encode())
    except XMLError as error:
        raise ValueError(f"this can't be read as XML: {error.text or error.condition}") from None
    if any(text and text.strip() for text in (root.text, *(each.tail for each in root))):
        raise ValueError("between stanzas stands text that belongs to none")
    if not len(root):
        raise ValueError(f"{paragraph.head!r} wants a stanza below, indented")
    for each in root.iter():
        if len(each):
            _strip(each)
    return tuple(adopt(each, "") for each in list(root))


def _strip(parent: Element) -> None:
    if not (parent.text or "").strip():
        parent.text = None
    for each in parent:
        if not (each.tail or "").strip():
            each.tail = None


def _fields(paragraph: _Paragraph) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in paragraph.below:
        name, colon, value = line.strip().partition(":")
        if name and not colon:
            raise ValueError(f"what is {name!r}? Below {paragraph.head} stand lines such as 'jid: romeo@localhost'")
        if name in fields:
            raise ValueError(f"{name} stands there twice")
        if name:
            fields[name] = value.strip()
    return fields


def _role(name: str, fields: dict[str, str]) -> Role:
    if not name:
        raise ValueError("[Client] wants a name, such as [Client] Romeo")
    for key in fields:
        if key not in FIELDS:
            raise ValueError(f"unknown {key!r}; a client has {', '.join(FIELDS)}")
    jid = _checked(lambda: parse_jid(fields["jid"]), fields, "jid")
    if resource := fields.get("resource"):
        jid = _checked(lambda: jid.with_resource(resource), fields, "resource")
    transport = fields.get("transport", "")
    if transport not in ("", *TRANSPORTS):
        raise ValueError(f"transport {transport!r} isn't one of {', '.join(TRANSPORTS)}")
    if jid.local and not fields.get("password"):
        raise ValueError(f"{name} needs a password")
    if fields.get("account", "yes") not in ("yes", "no"):
        raise ValueError("account is yes or no: whether it is there from the start")
    has_account = bool(jid.local) and fields.get("account") != "no"
    return Role(name, jid, fields.get("password", ""), transport, has_account)


def _checked(make: Callable[[], JID], fields: dict[str, str], key: str) -> JID:
    if not fields.get(key):
        raise ValueError(f"{key} is missing")
    try:
        return make()
    except JIDError as error:
        raise ValueError(f"{key} {fields[key]!r}: {error}") from None


def _options(paragraph: _Paragraph) -> Sequence[str]:
    """`registration: yes` is --registration, `bosh-wait: 5` is --bosh-wait 5."""
    words: list[str] = []
    for name, value in _fields(paragraph).items():
        words += [f"--{name}"] if value == "yes" else [f"--{name}", value]
    return words
