"""What pytest says of the servers that a test has used: what was said, and what it left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from conversehost.testing.addresses import Addresses
from conversehost.testing.calls import Steps, TestBedError
from conversehost.testing.leftovers import LEFTOVERS, left_behind
from conversehost.testing.verbs.traffic import transcript

LINES, WIDTH = 200, 1_000
"""Of what was said, in the report of a test that failed."""


@dataclass(frozen=True)
class Used:
    """A server that a test uses, and how steps are taken there."""

    bed: Addresses
    take: Callable[[Steps[Any]], Any]


def complain(beds: Sequence[Used], item: pytest.Item) -> None:
    """Fail a test that went well over what it left behind."""
    allowed = allowed_for(item)
    running = [used for used in beds if not used.bed.stopped]
    complaints = [each for used in running for each in used.take(left_behind(allowed))]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


def allowed_for(item: pytest.Item) -> set[str]:
    """What a test may leave behind. Raises pytest.UsageError."""
    marked = [name for mark in item.iter_markers("conversehost_allow") for name in mark.args]
    allowed = {*item.config.getini("conversehost_allow"), *marked}
    if unknown := allowed.difference(LEFTOVERS):
        known = ", ".join(LEFTOVERS)
        raise pytest.UsageError(f"conversehost_allow: there is no {', '.join(sorted(unknown))}; there are {known}")
    return allowed


def show(beds: Sequence[Used], report: pytest.TestReport) -> None:
    """Add to the report of a test that failed what its clients and the servers said to each other."""
    for each in beds:
        where = f" at {each.bed.site}" if len(beds) > 1 else ""
        report.sections.append((f"conversehost: what was said{where}", _said(each)))


def _said(used: Used) -> str:
    try:
        said = used.take(transcript()).splitlines()
    except TestBedError as error:
        return f"(not to be had: {error})"
    left_out = [f"({len(said) - LINES} lines before)"] if len(said) > LINES else []
    shown = [line if len(line) <= WIDTH else f"{line[:WIDTH]}..." for line in said[-LINES:]]
    return "\n".join([*left_out, *shown]) or "(nothing)"
