"""How the server speaks to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """`note`: what the operator may want to know; `warn`: what he may have to act on."""

    note: Callable[[str], None]
    warn: Callable[[str], None]


SILENT = Voice(lambda text: None, lambda text: None)
