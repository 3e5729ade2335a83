"""Archives asked the same at Prosody and here: what XEP-0313 and XEP-0059 don't leave open is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from conversehost.client.client import Client
from conversehost.client.tcp import TcpWire
from conversehost.client.wire import Manners
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.xml import Element
from tests.bench.servers import PROGRAMS, conversehost, prosody
from tests.features.archives import field, form, page, query
from tests.stage import condition, xml

from .tools import program

SAID = (("u1", "u2"), ("u2", "u1"), ("u1", "u3"), ("u1", "u2"), ("u2", "u1"), ("u1", "u3"), ("u1", "u2"))
"""From whom to whom, one message after the other: the body is its number."""

PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"
Question = Callable[[list[str]], str]
"""What is in `<query/>`; by the ids of all messages."""

QUESTIONS: dict[str, Question] = {
    "all of it": lambda ids: "",
    "with one": lambda ids: form(field("with", "u2@localhost")),
    "with another": lambda ids: form(field("with", "u3@localhost")),
    "with nobody": lambda ids: form(field("with", "u4@localhost")),
    "since then": lambda ids: form(field("start", PAST)),
    "since a time to come": lambda ids: form(field("start", FUTURE)),
    "until then": lambda ids: form(field("end", PAST)),
    "until a time to come": lambda ids: form(field("end", FUTURE)),
    "between": lambda ids: form(field("start", PAST), field("end", FUTURE), field("with", "u3@localhost")),
    "the first page": lambda ids: page("<max>3</max>"),
    "the second": lambda ids: page(f"<max>3</max><after>{ids[2]}</after>"),
    "the third, which is the last": lambda ids: page(f"<max>3</max><after>{ids[5]}</after>"),
    "behind the end": lambda ids: page(f"<max>3</max><after>{ids[6]}</after>"),
    "the last page": lambda ids: page("<max>3</max><before/>"),
    "the last but one": lambda ids: page(f"<max>3</max><before>{ids[4]}</before>"),
    "what is left before": lambda ids: page(f"<max>3</max><before>{ids[1]}</before>"),
    "before the beginning": lambda ids: page(f"<max>3</max><before>{ids[0]}</before>"),
    "a page that is all of it": lambda ids: page("<max>7</max>"),
    "the last page with one": lambda ids: form(field("with", "u2@localhost")) + page("<max>2</max><before/>"),
    "a page with one, from an id": lambda ids: (
        form(field("with", "u2@localhost")) + page(f"<max>2</max><after>{ids[1]}</after>")
    ),
    "how many there are": lambda ids: page("<max>0</max>"),
    "how many with one": lambda ids: form(field("with", "u3@localhost")) + page("<max>0</max>"),
    "by ids": lambda ids: form(field("ids", ids[1], ids[4])),
    "after an id": lambda ids: form(field("after-id", ids[4])),
    "before an id": lambda ids: form(field("before-id", ids[2])),
    "between two ids": lambda ids: form(field("after-id", ids[1]), field("before-id", ids[5])),
    "a page turned round": lambda ids: page("<max>3</max>") + f"<flip-page xmlns='{ns.MAM}'/>",
    "the last page turned round": lambda ids: page("<max>3</max><before/>") + f"<flip-page xmlns='{ns.MAM}'/>",
    "after an id that isn't there": lambda ids: page("<max>3</max><after>nothing</after>"),
    "before an id that isn't there": lambda ids: page("<max>3</max><before>nothing</before>"),
    "since no time": lambda ids: form(field("start", "yesterday")),
    "a form of something else": lambda ids: form().replace(ns.MAM, "urn:x:other"),
}


LEFT_OPEN: dict[str, dict[str, Any]] = {
    "how many there are": {"complete": False},
    "how many with one": {"complete": False},
    "after an id": {"count": None},
    "before an id": {"count": None},
    "between two ids": {"count": None},
}
"""What isn't compared: whether a page of nothing is the last one, and a count, which may be approximate."""


class Answer(NamedTuple):
    """What every server says alike: which messages in which order, by number; where the page begins and ends, by number
    too; how many there are; or why not.
    """

    messages: list[int]
    ends: tuple[int | None, int | None]
    complete: bool
    count: int | None
    error: str = ""


class Reader:
    """Somebody who has said something at a server, and reads it there."""

    def __init__(self, port: int) -> None:
        people = {name: _logged_in(port, name) for name in ("u1", "u2", "u3")}
        for number, (sender, to) in enumerate(SAID):
            people[sender].send(
                xml(f"<message to='{to}@localhost' type='chat' id='m{number}'><body>{number}</body></message>")
            )
            people[sender].settle()
        for content in (f"<active xmlns='{ns.CHAT_STATES}'/>", f"<body>x</body><no-store xmlns='{ns.HINTS}'/>"):
            people["u1"].send(xml(f"<message to='u2@localhost' type='chat'>{content}</message>"))
        self._me = people["u1"]
        self._me.settle()
        self._me.take_all()
        self.ids: list[str] = []
        results, _ = self._asked(query(""))
        self.ids = [each.get("id", "") for each in results]
        for each in ("u2", "u3"):
            people[each].close()

    def ask(self, question: Question) -> Answer:
        results, answer = self._asked(query(question(self.ids), "q"))
        assert all(each.get("queryid") == "q" for each in results)
        if answer.get("type") == "error":
            return Answer([], (None, None), False, None, condition(answer))
        (fin,) = answer
        told = {str(each.tag).partition("}")[2]: each.text or "" for each in fin[0]}
        count = told.get("count")
        return Answer(
            [int(_message(each).findtext("{*}body") or "") for each in results],
            (self._number(told.get("first")), self._number(told.get("last"))),
            fin.get("complete") in ("true", "1"),
            None if count is None else int(count),
        )

    def iq(self, type: str, payload: str, to: str = "") -> Element:
        """An iq, and its answer."""
        address = f" to='{to}'" if to else ""
        self._me.send(xml(f"<iq type='{type}' id='asked'{address}>{payload}</iq>"))
        while (got := self._me.receive()).get("id") != "asked":
            pass
        return got

    def everything(self) -> list[dict[str, str]]:
        """All messages: from whom to whom, and so on."""
        kept = [_message(each) for each in self._asked(query(""))[0]]
        return [{name: each.get(name, "") for name in ("from", "to", "type", "id")} for each in kept]

    def close(self) -> None:
        self._me.close()

    def _asked(self, payload: str) -> tuple[list[Element], Element]:
        self._me.send(xml(f"<iq type='set' id='asked'>{payload}</iq>"))
        results: list[Element] = []
        while (got := self._me.receive()).get("id") != "asked":
            results.extend(got.iterchildren(f"{{{ns.MAM}}}result"))
        return results, got

    def _number(self, id: str | None) -> int | None:
        return None if id is None else self.ids.index(id)


def _message(result: Element) -> Element:
    found = result.find(f"{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message")
    assert found is not None
    delay = result.find(f"{{{ns.FORWARD}}}forwarded/{{{ns.DELAY}}}delay")
    assert delay is not None and delay.get("stamp")
    return found


def _logged_in(port: int, name: str) -> Client:
    client = Client(TcpWire("127.0.0.1", port, Manners()), parse_jid(f"{name}@localhost/x"), "pw")
    client.open()
    client.log_in()
    client.send(xml("<presence/>"))
    client.settle()
    return client


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Reader, Reader]]:
    """At Prosody, and here."""
    program(PROGRAMS["prosody"], "prosody")
    with ExitStack() as stack:
        targets = [stack.enter_context(each).target for each in (prosody("mam"), conversehost())]
        there, here = (Reader(each.c2s) for each in targets)
        yield there, here
        for each in (there, here):
            each.close()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_same_question_has_the_same_answer(readers: tuple[Reader, Reader], name: str):
    there, here = (each.ask(QUESTIONS[name])._replace(**LEFT_OPEN.get(name, {})) for each in readers)
    assert here == there


def test_the_same_was_kept(readers: tuple[Reader, Reader]):
    """Who, to whom, and under which id of the sender's."""
    there, here = (each.everything() for each in readers)
    assert here == there
    assert [each["id"] for each in here] == [f"m{number}" for number in range(len(SAID))]


def test_where_it_begins_and_ends(readers: tuple[Reader, Reader]):
    for each in readers:
        start, end = each.iq("get", f"<metadata xmlns='{ns.MAM}'/>")[0]
        assert (start.get("id"), end.get("id")) == (each.ids[0], each.ids[-1])


def test_fields_that_can_be_asked_for(readers: tuple[Reader, Reader]):
    """All that Prosody has."""
    there, here = ({one.get("var"): one.get("type") for one in each.iq("get", query(""))[0][0]} for each in readers)
    assert here.items() >= there.items()


def test_nobody_reads_what_others_have_said(readers: tuple[Reader, Reader]):
    for each in readers:
        assert each.iq("set", query(""), "u2@localhost").get("type") == "error"
