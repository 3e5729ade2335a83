"""Options that do nothing by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from conversehost.errors import ConfigError
from conversehost.kinds import BACK_ENDS
from conversehost.loading import load
from conversehost.options import OPTIONS
from conversehost.options.needs import NAMES, check_needs, in_vain


def read(*arguments: str) -> list[str]:
    return in_vain(load(arguments, {}))


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.needs], ids=lambda each: each.name)
def test_what_is_needed_are_other_options_and_each_of_them_is_enough(option):
    given: dict[str, Any] = {option.field: 7 if option.is_number else "something"}
    alone = attrs.evolve(load((), {}), **given)
    if option.is_number:
        assert [sentence.split()[0] for sentence in in_vain(alone)] == [f"--{option.name}"]
    else:
        with pytest.raises(ConfigError, match=f"^--{option.name} has no effect without "):
            check_needs(alone)
    for need in option.needs:
        field, _, back_end = need.partition("=")
        assert field in NAMES
        assert not back_end or back_end in BACK_ENDS
        both = attrs.evolve(alone, **{field: (("", (back_end,)),) if back_end else (Path("x"),)})
        check_needs(both)
        assert in_vain(both) == []


def test_a_number_that_does_nothing_is_told_in_a_sentence():
    assert read("--https-port", "8443") == ["--https-port has no effect without --tls or --tls-cert"]
    assert read("--https-port", "8443", "--tls") == []


def test_a_port_of_its_own_choice_is_no_wish():
    assert read("--https-port", "0", "--component-port", "0", "--s2s-port", "0") == []


def test_anything_else_that_does_nothing_is_a_mistake():
    with pytest.raises(ConfigError) as caught:
        read("--ldap-base", "dc=example")
    assert str(caught.value) == "--ldap-base has no effect without --auth ldap: add that, or leave it out"
    with pytest.raises(ConfigError, match=r"^--jwt-issuer has no effect without --jwt-key or --jwt-keys-url: add"):
        read("--jwt-issuer", "me")
