"""`--disable`, as the operator meets it."""

from __future__ import annotations

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import Sockets
from conversehost.service import compose


class Listening:
    """A socket, as far as composing asks."""

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 1)


def refusal(*arguments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(load(arguments, {}), Sockets([Listening()], [Listening()], []))  # type: ignore[list-item]
    return str(caught.value)


def test_a_name_that_is_nearly_one():
    assert refusal("--disable", "vcrad") == "--disable vcrad: no such feature: did you mean vcard?"


def test_a_name_that_is_none():
    said = refusal("--disable", "telepathy")
    assert said.startswith("--disable telepathy: no such feature: there are disco, ")
    assert "stream-management" in said
