"""`TestBed` as pages of docs/ show it, line by line."""

from __future__ import annotations

import ast
from pathlib import Path

from conversehost.client.client import Client
from conversehost.client.websocket import WebSocketWire
from conversehost.client.wire import Manners
from conversehost.testing import TestBed
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import element

DOCS = Path(__file__).parents[2] / "docs"


def code(page: str) -> str:
    """The first piece of Python in it."""
    return (DOCS / page).read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]


def test_all_verbs_in_a_row_as_written():
    """Zoe is logged in, as the page says."""
    imports, within = ast.parse(code("testing.md")).body
    assert isinstance(within, ast.With)
    names: dict[str, object] = {"png": b"\x89PNG\r\n\x1a\n" + bytes(20)}

    def run(statement: ast.stmt) -> None:
        exec(compile(ast.Module([statement], []), "docs/testing.md", "exec"), names)

    run(imports)
    started: object = eval(compile(ast.Expression(within.items[0].context_expr), "docs/testing.md", "eval"), names)
    with started as bed:  # type: ignore[attr-defined]
        zoe = Client(WebSocketWire(bed.websocket, Manners()), parse("zoe@localhost"), "secret")
        zoe.open()
        zoe.log_in()
        zoe.send(element(ns.CLIENT, "presence"))
        zoe.settle()
        names["bed"] = bed
        for each in within.body:
            run(each)


def test_crowds_as_written(bed: TestBed):
    """500 contacts, a year of history, 200 people who talk in a room: no page is needed for that."""
    exec(compile(code("crowds.md"), "docs/crowds.md", "exec"), {"bed": bed})
    assert len(bed.occupants("lounge")) == 200
