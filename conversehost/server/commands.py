"""What people can have a host do by filling in forms: the commands that XEP-0050 carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conversehost.xmpp.forms import Answers, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element


@dataclass(frozen=True, slots=True)
class Run:
    """A command under way: who wants it, and what was filled in so far, stage by stage."""

    sender: JID
    answers: tuple[Answers, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """How it went: some words, and what there is to show (a form of the type result)."""

    note: str = ""
    payload: Element | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """`stages` make the forms, one after the other, each knowing what was filled in before; `run` does it in the end,
    or refuses by StanzaError. `allowed` says who may.
    """

    node: str
    name: str
    allowed: Callable[[JID], bool]
    run: Callable[[Run], Done]
    stages: tuple[Callable[[Run], Form], ...] = ()
