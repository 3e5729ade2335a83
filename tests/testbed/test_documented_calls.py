"""The calls in docs/testing.md, as they stand there, one after the other."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.testbed.conftest import House, Waiter

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
CALLS = PAGE.partition("| call | |\n")[2].partition("\n\n")[0]
CALL = re.compile(r"((?:`[A-Z]+`, )*`[A-Z]+) (/[^`]*)`(?: `(\{[^`]*\})`)?")
PLACEHOLDER = re.compile(r"/[A-Z]+\b|\.\.\.")


def documented() -> list[tuple[str, str, dict[str, object] | None]]:
    """Method, path and JSON of those that name all they need. What changes needs JSON, and what deletes is left out."""
    found: list[tuple[str, str, dict[str, object] | None]] = []
    for row in CALLS.splitlines()[1:]:
        for methods, path, text in CALL.findall(row.partition(" | ")[0]):
            if PLACEHOLDER.search(path) or "{..." in text:
                continue
            body = json.loads(text) if text else None
            named = re.findall("[A-Z]+", methods)
            if body:
                found += [(each, path, body) for each in named if each in ("POST", "PUT", "PATCH")]
            if "GET" in named:
                found.append(("GET", path, None))
    return found


def test_one_after_the_other_as_written(house: House):
    """Whoever is named is there, and nobody is kept out of what comes next."""
    refused, calls = [], documented()
    assert len(calls) > 50
    for method, path, body in calls:
        told = Waiter(house, method, path, body).transport
        if not told.value():
            house.server.reactor.advance(10)
        status = int(told.value().split()[1])
        if status >= 400 and status != 408:  # what is waited for needn't come
            refused.append((method, path, status, told.value().partition(b"\r\n\r\n")[2]))
    assert not refused, "\n".join(map(repr, refused))
