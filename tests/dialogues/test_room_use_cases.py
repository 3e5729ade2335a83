"""XEP-0045's use cases, sections 6 to 11: each is in a dialogue, as it goes well and as it is refused.

A dialogue says so before what it is about: `# Section 7.5: to one alone.`, `# Section 7.5, refused: to nobody.`
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

GOES_WELL = (
    *("6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7"),
    *(
        "7.1",
        "7.2.1",
        "7.2.2",
        "7.2.3",
        "7.2.4",
        "7.2.5",
        "7.2.6",
        "7.2.9",
        "7.2.11",
        "7.2.12",
        "7.2.13",
        "7.2.14",
        "7.2.15",
        "7.2.16",
    ),
    *("7.3", "7.4", "7.5", "7.6", "7.7", "7.8.1", "7.8.2", "7.9", "7.10", "7.11", "7.12", "7.13", "7.14"),
    *("8.1", "8.2", "8.3", "8.4", "8.5", "8.6"),
    *("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9"),
    *("10.1.1", "10.1.2", "10.1.3", "10.2", "10.2.1", "10.3", "10.4", "10.5", "10.6", "10.7", "10.8", "10.9"),
    "11.1",
)
"""Sections with something that somebody does, or that happens to him."""

NEVER_REFUSED = frozenset(
    (
        *("6.1", "6.2", "6.3", "6.5", "7.1", "7.2.2", "7.2.3", "7.2.11", "7.2.12", "7.2.13", "7.2.14", "7.2.15"),
        *("7.2.16", "7.8.1", "7.9", "7.12", "10.2.1", "11.1"),
    )
)
"""What everybody may ask, what the room says by itself, and what is no concern of it."""

ONLY_REFUSED = ("7.2.7", "7.2.8", "7.2.10", "7.2.18")
"""Who is banned, a nick that somebody has, a room that isn't set up, and the way in of long ago."""

REFUSED = (*(each for each in GOES_WELL if each not in NEVER_REFUSED), *ONLY_REFUSED)

_SECTION = re.compile(r"# Section (\d[\d.]*\d)(, refused)?: ")


def told() -> dict[tuple[str, bool], list[str]]:
    """The dialogues, by the section that they are about, and whether it is refused."""
    found: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for path in sorted(Path(__file__).parent.glob("room*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if named := _SECTION.match(line):
                found[named[1], named[2] is not None].append(path.stem)
    return dict(found)


TOLD = told()


@pytest.mark.parametrize("section", GOES_WELL)
def test_goes_well(section):
    assert (section, False) in TOLD


@pytest.mark.parametrize("section", REFUSED)
def test_is_refused(section):
    assert (section, True) in TOLD


def test_nothing_else_is_named():
    assert set(TOLD) == {(each, False) for each in GOES_WELL} | {(each, True) for each in REFUSED}
