"""What was said, retold as a dialogue that can be played again, or as a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from conversehost.testbed.likeness import literal, literally, render
from conversehost.testbed.traffic import Record, Stream
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.xml import Element

STANZAS = ("message", "presence", "iq")
BESIDE = (f"{{{ns.SM}}}enable", f"{{{ns.SM}}}enabled", f"{{{ns.CSI}}}active", f"{{{ns.CSI}}}inactive")
"""What else is part of a dialogue: acknowledgements and logins are made anew."""
CHANCE = ("stamp", "since", "id", "ver", "token", "expiry", "utc", "last", "max", "location")
"""Attributes in which the server says what it made up itself, or what time it is."""

TEST = '''"""What was recorded, played again."""

from __future__ import annotations

DIALOGUE = """
{dialogue}"""


def test_what_was_recorded(testbed):
    testbed.play(DIALOGUE)
'''


@dataclass(slots=True)
class Retelling:
    """Goes through what was said, and writes it down. `passwords`: by bare JID."""

    passwords: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)
    """Of clients, by full JID."""
    present: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    """All that clients have sent, in which what they made up themselves is to be found."""
    questions: dict[str, str] = field(default_factory=dict)
    """What ids of the server's questions are called."""
    lines: list[str] = field(default_factory=list)
    _heading: str = ""

    def tell(self, records: Iterable[Record], ends: Iterable[Stream]) -> str:
        """The dialogue."""
        steps: list[tuple[int, Record | Stream]] = [
            (each.number, each) for each in records if each.jid and not 0 < each.stream.end < each.number
        ]
        steps += [(each.end, each) for each in ends if each.jid]
        for _, step in sorted(steps, key=lambda each: each[0]):
            if isinstance(step, Stream):
                self._leave(step)
            else:
                self._say(step)
        cast = "\n".join(self._introduced(jid, name) for jid, name in self.names.items())
        return f"# What was recorded.\n\n{cast}" + "\n".join(self.lines).rstrip() + "\n"

    def _introduced(self, jid: str, name: str) -> str:
        account = parse(jid)
        password = self.passwords.get(account.bare, "secret")
        return f"[Client] {name}\n    jid: {jid}\n    password: {password}\n"

    def _say(self, record: Record) -> None:
        element = etree.fromstring(record.data)
        literally(element)
        if record.kind not in STANZAS and element.tag not in BESIDE:
            return
        if element.find(f"{{{ns.BIND}}}bind") is not None:
            return
        name = self._name(record.jid)
        if record.jid not in self.present:
            self.present.add(record.jid)
            self._line(f"{name} connects", "")
        if record.direction == "in":
            self.said.append(literal(record.data.decode()))
            self._line(f"{name} sends:", shown(self._sent(element)))
        else:
            self._line(f"{name} receives:", shown(self._received(element)))

    def _leave(self, stream: Stream) -> None:
        if stream.jid in self.present:
            self.present.discard(stream.jid)
            verb = "drops the connection" if stream.broken else "disconnects"
            self._line(f"{self._name(stream.jid)} {verb}", "")

    def _name(self, jid: str) -> str:
        if jid not in self.names:
            local = spoken(parse(jid))
            same = sum(each == local or each.startswith(f"{local} ") for each in self.names.values())
            self.names[jid] = f"{local} {same + 1}" if same else local
        return self.names[jid]

    def _sent(self, element: Element) -> Element:
        """The id of an answer is that of the server's question."""
        if element.get("type") in ("result", "error") and element.get("id") in self.questions:
            element.set("id", self.questions[element.get("id", "")])
        return element

    def _received(self, element: Element) -> Element:
        """What chance or time has put into it is any text; an id only matters where it is answered."""
        id = element.get("id")
        for key in ("id", "to", f"{{{ns.XML}}}lang"):
            if key in element.attrib:
                del element.attrib[key]
        if id is not None and element.get("type") in ("get", "set"):
            element.set("id", self.questions.setdefault(id, f"{{question {len(self.questions) + 1}}}"))
        for each in element.iterdescendants():
            for name in CHANCE:
                if name in each.attrib and not self._was_said(str(each.get(name))):
                    each.set(name, "...")
        if element.tag in BESIDE:
            for name in map(str, element.attrib):
                element.set(name, "...")
        return element

    def _was_said(self, value: str) -> bool:
        return any(value in each for each in self.said)

    def _line(self, heading: str, below: str) -> None:
        if below and heading == self._heading:
            self.lines[-1] += f"\n{below}"
        else:
            self.lines.append(f"\n{heading}\n{below}".rstrip())
        self._heading = heading if below else ""


def spoken(jid: JID) -> str:
    """What a client is called: no digit or sign may be left out, for two accounts are two people."""
    return jid.local[:1].upper() + jid.local[1:] if jid.local else "Guest"


def shown(element: Element) -> str:
    """Indented, as dialogues have it: where a text has lines of its own, they don't begin at the margin."""
    return "\n".join("    " + line.replace("\n", "&#10;") for line in render(element))


def as_test(dialogue: str) -> str:
    """The same as a test for pytest."""
    quoted = dialogue.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return TEST.format(dialogue=quoted)
