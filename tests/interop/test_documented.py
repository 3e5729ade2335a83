"""`TestBed` as docs/testing.md shows it, line by line."""

from __future__ import annotations

import ast
from pathlib import Path

from conversehost.client.client import Client
from conversehost.client.websocket import WebSocketWire
from conversehost.client.wire import Manners
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.xml import element

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_all_verbs_in_a_row_as_written():
    """Zoe is logged in, as the page says."""
    block = PAGE.partition("```python\n")[2].partition("```")[0]
    imports, within = ast.parse(block).body
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
