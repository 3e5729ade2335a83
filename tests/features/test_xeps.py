from __future__ import annotations

import re
from pathlib import Path

from conversehost.features import FEATURES, OPTIONAL
from conversehost.features.xep import GROUND, Rfc, Xep, document, facts

PAGE = Path(__file__).parents[2] / "docs" / "xeps.md"


def test_the_page_is_what_the_features_say():
    assert PAGE.read_text(encoding="utf-8") == document(), "python -m conversehost.features > docs/xeps.md"


def test_every_specification_is_there_once():
    found = list(facts())
    for kind in (Xep, Rfc):
        numbers = [each.number for each in found if isinstance(each, kind)]
        assert len(numbers) == len(set(numbers))


def test_every_feature_says_what_it_is():
    """By a fact, or, where it is a part of an RFC, in the first line."""
    for feature in FEATURES + OPTIONAL:
        first = (feature.__doc__ or "").partition("\n")[0]
        stated = [value for value in vars(feature).values() if isinstance(value, Xep)]
        if stated:
            assert all(f"XEP-{each.number:04}" in first for each in stated), first
            assert stated[0].name in first
        else:
            number = re.match(r"RFC (\d+)", first)
            assert number is not None, first
            assert int(number[1]) in [each.number for each in GROUND]
